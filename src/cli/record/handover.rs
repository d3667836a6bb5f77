//! Openings that are handed to a court or an auditor: sealed to their key, and opened by them.

use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, Serializable};
use zeroize::Zeroizing;

use crate::cli::common::{ConfigArguments, Failure, not_made, private_file, wait};
use crate::cli::control::{RunningArguments, unexpected};
use crate::cli::screen;
use crate::cli::{Exit, Outcome};
use crate::diagnostic::SourceFile;
use crate::entropy::Entropy;
use crate::provider::{Ask, SealedOpenings, Told};
use crate::region::Body;
use crate::world::{AuthorityId, RecipientKey, RecipientSecret};

const SECRET: &str = "x25519-secret:";

/// Gives somebody openings, in one sealed file.
pub fn give(to: &str, out: &Path, ask: Ask, running: &RunningArguments) -> Outcome {
    // Before head office notes that they were given.
    let mut file = private_file(out)?;
    let given = wait(running.ask(ask, Body::empty())).and_then(|answer| match answer.reply {
        Told::Given { sealed, openings } => Ok((sealed, openings)),
        _ => Err(unexpected()),
    });
    let (sealed, openings) = given.inspect_err(|_| {
        // An empty file would look like something.
        let _ = std::fs::remove_file(out);
    })?;
    let failed = |error| -> Failure { format!("`{}` cannot be written: {error}", out.display()).into() };
    file.write_all(&serde_json::to_vec(&sealed)?).map_err(failed)?;
    let until = sealed.head.until.map(|until| format!(", until {}", until.date_utc())).unwrap_or_default();
    screen::line(&format!(
        "{} for {to}{until}, sealed to the key {} in `{}`",
        screen::count(openings, "opening"),
        sealed.head.key,
        out.display()
    ))?;
    Ok(Exit::Done)
}

/// Opens what somebody was given, and writes each opening into a file of its own.
pub fn unseal(path: &Path, key: Option<&Path>, folder: &Path, config: &ConfigArguments) -> Outcome {
    let at = |error: &dyn std::fmt::Display| -> Failure { format!("`{}`: {error}", path.display()).into() };
    let sealed: SealedOpenings = serde_json::from_str(SourceFile::read(path)?.text())
        .map_err(|error| at(&format!("these are no sealed openings: {error}")))?;
    let secret = match key {
        Some(key) => read_secret(key)?,
        None => {
            let reader = sealed.head.to.parse::<AuthorityId>().ok();
            let world = config.read()?.world;
            reader.and_then(|id| world.roster().demo_recipient_secret(&id)).ok_or_else(|| {
                at(&format!("only `{}` has the key that opens it: name its file with --key", sealed.head.to))
            })?
        }
    };
    let openings = sealed.open(&secret).map_err(|error| at(&error))?;
    let failed = |error| not_made(folder, &error);
    std::fs::DirBuilder::new().mode(0o700).create(folder).map_err(failed)?;
    for opening in &openings {
        let bytes = Zeroizing::new(serde_json::to_vec(opening)?);
        private_file(&folder.join(format!("{}.json", opening.entry())))?.write_all(&bytes).map_err(failed)?;
    }
    let head = &sealed.head;
    let until =
        head.until.map(|until| format!(", to be used until {}", until.date_utc())).unwrap_or_default();
    screen::line(&format!(
        "{} for {}, given on {}{until}, in `{}`",
        screen::count(openings.len(), "opening"),
        head.to,
        head.given.date_utc(),
        folder.display()
    ))?;
    Ok(Exit::Done)
}

/// Makes a pair of keys.
pub fn new_key(out: &Path) -> Outcome {
    let seed = Entropy::system().draw::<32>("openings key", b"");
    let (secret, _) = X25519HkdfSha256::derive_keypair(seed.as_ref());
    let bytes = Zeroizing::new(secret.to_bytes().to_vec());
    let text = Zeroizing::new(format!("{SECRET}{}\n", STANDARD.encode(bytes.as_slice())));
    private_file(out)?.write_all(text.as_bytes())?;
    screen::line(&RecipientKey::of(&secret).to_string())?;
    Ok(Exit::Done)
}

/// Reads a secret key, and says nothing of it in errors.
fn read_secret(path: &Path) -> Result<RecipientSecret, Failure> {
    let bad = || -> Failure {
        format!("`{}` is no secret key: it has to hold `{SECRET}` and 32 bytes in base64", path.display())
            .into()
    };
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
    let text = Zeroizing::new(text);
    let secret = text.trim().strip_prefix(SECRET).ok_or_else(bad)?;
    let bytes = Zeroizing::new(STANDARD.decode(secret).map_err(|_| bad())?);
    RecipientSecret::from_bytes(&bytes).map_err(|_| bad())
}
