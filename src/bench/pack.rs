//! What the scripts built into the program ask of the law: every decision that a play of one of them records, with what
//! it was made from. The plays are seeded, so that it is the same every time.

use std::path::Path;
use std::sync::Arc;

use tempfile::tempdir_in;

use super::Failure;
use crate::gate::{Event, Premise};
use crate::law::Law;
use crate::mail::Story;
use crate::provider::Nodes;
use crate::scenario::{
    Backstage, Names, Playhouse, Script, Unwatched, built_in, built_in_cases, run, world_changes,
};
use crate::world::{World, WorldSource};

/// What was decided of one demand at one time.
pub struct Decided {
    /// The script, and the demand in it.
    pub name: String,
    /// One for each act on each item.
    pub premises: Vec<Premise>,
}

/// All decisions of all real cases and of the longer scenarios, in the order in which they are made.
pub fn decisions(folder: &Path, law: &Arc<Law>) -> Result<Vec<Decided>, Failure> {
    let story = Story::standard().map_err(|wrong| wrong.iter().map(|w| w.to_string()).collect::<String>())?;
    let (world, story) = (World::standard()?, Arc::new(story));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut all = Vec::new();
    for file in built_in().chain(built_in_cases()) {
        if file.path().extension().is_none_or(|ending| ending != "toml") {
            continue;
        }
        let names = Names::of(&world.with(&world_changes(&file)?)?, law, &story);
        let script = Script::parse(&file, &names)?;
        let folder = tempdir_in(folder)?;
        let playhouse = Playhouse::new(Backstage {
            world: WorldSource::standard(),
            law: law.clone(),
            story: story.clone(),
            data: folder.path().join("play"),
            nodes: Nodes::Here,
            wan: false,
        });
        all.extend(runtime.block_on(play(&script, playhouse))?);
    }
    Ok(all)
}

async fn play(script: &Script, mut playhouse: Playhouse) -> Result<Vec<Decided>, Failure> {
    let report = run(script, &mut playhouse, &mut Unwatched).await?;
    if let Some(stop) = report.stopped {
        return Err(format!("the play of `{}` broke off: {}", script.path.display(), stop.why).into());
    }
    let Some(deployment) = playhouse.into_deployment() else { return Ok(Vec::new()) };
    let docket = deployment.provider.docket();
    let mut decided = Vec::new();
    for matter in docket.matters() {
        let script = script.path.file_stem().unwrap_or_default().to_string_lossy();
        let name = format!("{script}: {}", matter.id().label());
        for (_, event) in docket.events(matter.id()).await? {
            if let Event::Decided { facts, .. } = event {
                decided.push(Decided { name: name.clone(), premises: facts });
            }
        }
    }
    deployment.stop().await;
    Ok(decided)
}
