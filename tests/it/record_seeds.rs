//! The seeds of the fuzz targets: small, of the newest format, and each read by the parser it is for.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use rogatory::demand::{Demand, SignedInstrument};
use rogatory::diagnostic::SourceFile;
use rogatory::mail::{Facts, MboxReader, Quoting, Story};
use rogatory::provider::{Ask, SealedOpenings};
use rogatory::record::checkpoint::SignedCheckpoint;
use rogatory::record::entry::{Leaf, Slot};
use rogatory::record::key::VerifierKey;
use rogatory::record::note::open_note;
use rogatory::record::opening::Opening;
use rogatory::record::permit::Permit;
use rogatory::record::policy::{Accept, Policy};
use rogatory::record::proof::LogProof;
use rogatory::record::served::ServedLog;
use rogatory::record::storage::ReadTiles;
use rogatory::record::verify::verify_log;
use rogatory::record::witness::{AddCheckpoint, parse_reply};
use rogatory::region::production::{SealedWriter, examine};
use rogatory::report::{TransparencyReport, csv, html};
use rogatory::scenario::{Names, Script};
use rogatory::world::{AuthorityId, World};

use crate::common::{LAW, WORLD};
use crate::record_testing::{Deployment, demand, region, signing_key, terms, time};

fn seeds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds")
}

/// True if the parser of this target reads it.
fn reads(target: &str, bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    match target {
        "leaf" => Leaf::decode(bytes).is_ok(),
        "checkpoint" => SignedCheckpoint::parse(&text).is_ok(),
        "proof" => LogProof::parse(&text).is_ok(),
        "add_checkpoint" => AddCheckpoint::parse(bytes).is_ok() || parse_reply(200, bytes).is_ok(),
        "verifier_key" => text.parse::<VerifierKey>().is_ok(),
        "policy" => Policy::read(&SourceFile::new("policy", text)).is_ok(),
        "opening" => serde_json::from_slice::<Opening>(bytes).is_ok(),
        "permit" => Permit::from_bytes(bytes).is_ok(),
        "production" => examine(bytes, None).is_ok_and(|found| found.damage.is_empty()),
        "message" => Facts::read(bytes, None).malformed.is_empty(),
        "mbox" => {
            MboxReader::new(bytes, 0, Quoting::Mboxrd, 1 << 16).messages().filter(Result::is_ok).count() == 2
        }
        "tiles" => is_a_whole_log_with(bytes),
        "report" => serde_json::from_slice::<TransparencyReport>(bytes)
            .is_ok_and(|report| !csv(&report).is_empty() && !html(&report).is_empty()),
        "note" => {
            let key = std::fs::read_to_string(seeds().join("verifier_key/log")).unwrap();
            open_note(&key.parse().unwrap(), &text).is_ok()
        }
        "sealed_openings" => serde_json::from_slice::<SealedOpenings>(bytes).is_ok_and(|sealed| {
            let secret = WORLD.roster().demo_recipient_secret(&"us-sdny".parse().unwrap()).unwrap();
            sealed.open(&secret).is_ok()
        }),
        "demand" => SourceFile::new("demand.toml", text).parse_toml::<Demand>().is_ok(),
        "ask" => serde_json::from_slice::<Ask>(bytes).is_ok(),
        "script" => Script::parse(&SourceFile::new("script.toml", text), &NAMES)
            .is_ok_and(|script| WORLD.with(&script.setting.changes).is_ok()),
        "letter" => SignedInstrument::from_letter(&text).is_ok(),
        _ => panic!("no parser for the seeds of `{target}`"),
    }
}

static NAMES: LazyLock<Names> = LazyLock::new(|| Names::of(&WORLD, &LAW, &Story::standard().unwrap()));

struct Files(BTreeMap<String, Vec<u8>>);

impl ReadTiles for Files {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.get(path).cloned())
    }
}

/// True if the log of the seeds is whole with this in place of one of its files. A file is its path, a newline, and what is in it.
fn is_a_whole_log_with(bytes: &[u8]) -> bool {
    let others = std::fs::read_dir(seeds().join("tiles")).unwrap();
    let others = others.map(|file| std::fs::read(file.unwrap().path()).unwrap());
    let split = |file: Vec<u8>| {
        let end = file.iter().position(|byte| *byte == b'\n').unwrap_or(file.len());
        (String::from_utf8_lossy(&file[..end]).into_owned(), file[file.len().min(end + 1)..].to_vec())
    };
    let files = Files(others.chain([bytes.to_vec()]).map(split).collect());
    let policy = std::fs::read_to_string(seeds().join("policy/standard")).unwrap();
    let policy = Policy::read(&SourceFile::new("policy", policy)).unwrap();
    let found = verify_log(&files, &policy, Accept::NormalOnly, &mut |_, _| {});
    let proven = ServedLog::open(files, &policy, Accept::NormalOnly)
        .and_then(|mut log| log.prove(0).and_then(|_| log.prove(1)).and_then(|_| log.opening(0)));
    proven.is_ok() && found.findings.is_empty()
}

#[test]
fn every_target_has_seeds_that_its_parser_reads() {
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let mut count = 0;
    for target in std::fs::read_dir(targets).unwrap() {
        let target = target.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
        let folder = seeds().join(&target);
        let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
        assert!(!files.is_empty(), "{target}");
        for file in files {
            let bytes = std::fs::read(&file).unwrap();
            assert!(bytes.len() < 8192, "{}", file.display());
            assert!(reads(&target, &bytes), "{}", file.display());
            count += 1;
        }
    }
    assert!(count >= 12);
}

/// What a fuzzer finds first, without one: nothing panics, whatever is cut off and whichever bit is another.
#[test]
fn no_parser_panics_on_a_seed_that_was_cut_or_altered() {
    let (mut refused, mut read) = (0, 0);
    for folder in std::fs::read_dir(seeds()).unwrap() {
        let folder = folder.unwrap().path();
        let target = folder.file_name().unwrap().to_str().unwrap();
        for file in std::fs::read_dir(&folder).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            // So many places that they are a moment's work; all of them, where a seed is short.
            let every = bytes.len() / 300 + 1;
            for at in (0..bytes.len()).step_by(every) {
                let mut altered = bytes.clone();
                altered[at] ^= 1 << (at % 8);
                for bad in [&bytes[..at], &altered] {
                    if reads(target, bad) { read += 1 } else { refused += 1 }
                }
            }
        }
    }
    assert!(refused > 3000 && read > 0, "{refused} {read}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "writes fuzz/seeds anew, after a change of format"]
async fn write_the_seeds() {
    let deployment = Deployment::new("seeds").await;
    let demand = demand();
    let dublin = region("ie-dublin");
    let entry = deployment.decide("m", terms(&demand, &dublin)).await;
    let permit = deployment.permit(entry, &dublin, &demand.sign(&signing_key(&demand.issuing))).await;
    let logged = deployment.log.prove(entry).await.unwrap();
    let opening = logged.full.as_ref().unwrap().opening.subset(&[Slot::Kind, Slot::Grants]);
    let policy = &deployment.cast.policy;
    let checkpoint = &logged.published.checkpoint;
    let request = AddCheckpoint { old: 1, proof: logged.inclusion.clone(), checkpoint: checkpoint.clone() };
    let reply = checkpoint.signatures()[1].to_bytes();
    let world = World::standard().unwrap();
    let court: AuthorityId = "us-sdny".parse().unwrap();
    let key = world.roster().authority(&court).unwrap().recipient_key();
    let id = serde_json::from_str(&format!("\"{}=\"", "A".repeat(43))).unwrap();
    let mut production = SealedWriter::begin(Vec::new(), id, &court, key).unwrap();
    production.write_all(b"mail").unwrap();
    let sealed = SealedOpenings::seal(
        std::slice::from_ref(&opening),
        court.to_string(),
        key,
        time("2014-01-01"),
        None,
    );
    for (name, bytes) in [
        ("leaf/grant", logged.leaf.encode().to_vec()),
        ("checkpoint/cosigned", checkpoint.to_string().into_bytes()),
        ("checkpoint/bare", checkpoint.only_by(&[policy.log()]).to_string().into_bytes()),
        ("proof/closed", LogProof::new(&logged, None).to_string().into_bytes()),
        ("proof/open", LogProof::new(&logged, Some(opening.clone())).to_string().into_bytes()),
        ("add_checkpoint/request", request.encode().into_bytes()),
        ("add_checkpoint/reply", reply),
        ("verifier_key/log", policy.log().to_string().into_bytes()),
        ("verifier_key/witness", policy.witnesses()[0].key.to_string().into_bytes()),
        ("policy/standard", policy.to_text().into_bytes()),
        ("note/of-the-log", checkpoint.only_by(&[policy.log()]).to_string().into_bytes()),
        ("sealed_openings/court", serde_json::to_vec(&sealed.unwrap()).unwrap()),
        ("opening/two-slots", serde_json::to_vec(&opening).unwrap()),
        ("permit/whole", permit.to_bytes()),
        ("production/one-part", production.finish().unwrap()),
    ] {
        let path = seeds().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    deployment.log.clone().close().await;
    std::fs::create_dir_all(seeds().join("tiles")).unwrap();
    for (name, path) in [
        ("checkpoint", "checkpoint"),
        ("hashes", "tile/0/000.p/2"),
        ("entries", "tile/entries/000.p/2"),
        ("opening", "opening/000"),
    ] {
        let bytes = std::fs::read(deployment.folder.path().join("record").join(path)).unwrap();
        let file = [path.as_bytes(), b"\n", &bytes].concat();
        std::fs::write(seeds().join("tiles").join(name), file).unwrap();
    }
}
