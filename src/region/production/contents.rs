//! What is inside a production, held against the list of it.

use std::collections::BTreeMap;
use std::io::{self, Read};

use data_encoding::HEXLOWER;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::manifest::Manifest;
use super::{ProductionError, ProductionHeader, open};
use crate::world::RecipientSecret;

/// The name of the list in the archive.
pub(in crate::region) const MANIFEST: &str = "manifest.json";

/// A list longer than this is not read.
const MANIFEST_MAX: u64 = 256 << 20;

/// What was found in the archive of a production.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Contents {
    /// Files beside the manifest.
    pub files: u64,
    /// SHA-256 of the manifest, in lower-case hexadecimal, as it stands in the record; empty if there is none.
    pub manifest: String,
    /// What does not agree; empty if every file is what the manifest says, and nothing is missing.
    pub wrong: Vec<String>,
}

/// A file as it is in the archive.
struct Found {
    bytes: u64,
    sha256: String,
}

/// Opens a production and holds every file of its archive against its manifest. Keeps no plaintext but the manifest.
pub fn check_contents(
    input: impl Read + Send,
    secret: &RecipientSecret,
) -> Result<Contents, ProductionError> {
    let (plain, mut out) = io::pipe()?;
    std::thread::scope(|scope| {
        let opening = scope.spawn(move || open(input, secret, &mut out).map(|(header, _)| header));
        let read = Archive::read(plain);
        let opened = opening.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // A reader that gave up has closed the pipe, and why it did is what counts.
        let archive = match (read, opened) {
            (Ok(archive), Ok(header)) => return Ok(archive.check(&header)),
            (Ok(_), Err(error)) => return Err(error),
            (Err(error), _) => error,
        };
        let wrong = vec![format!("what is inside is no archive: {archive}")];
        Ok(Contents { files: 0, manifest: String::new(), wrong })
    })
}

/// The files of an archive.
#[derive(Default)]
struct Archive {
    files: BTreeMap<String, Found>,
    manifest: Option<Vec<u8>>,
    wrong: Vec<String>,
}

impl Archive {
    fn read(plain: impl Read) -> io::Result<Self> {
        let mut found = Archive::default();
        let mut archive = tar::Archive::new(plain);
        for entry in archive.entries()? {
            let mut entry = entry?;
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            if found.manifest.is_some() {
                found.wrong.push(format!("`{path}` stands behind `{MANIFEST}`, where nothing belongs"));
            }
            if path == MANIFEST {
                let mut bytes = Vec::new();
                entry.by_ref().take(MANIFEST_MAX).read_to_end(&mut bytes)?;
                found.manifest = Some(bytes);
                continue;
            }
            let mut digest = Digesting(Sha256::new());
            let bytes = io::copy(&mut entry, &mut digest)?;
            let file = Found { bytes, sha256: HEXLOWER.encode(&digest.0.finalize()) };
            if found.files.insert(path.clone(), file).is_some() {
                found.wrong.push(format!("`{path}` stands twice in the archive"));
            }
        }
        // What fills the last block, so that whoever opens the production comes to its end.
        io::copy(&mut archive.into_inner(), &mut io::sink())?;
        Ok(found)
    }

    fn check(mut self, header: &ProductionHeader) -> Contents {
        let files = self.files.len() as u64;
        let Some(bytes) = self.manifest.take() else {
            self.wrong.push(format!("the archive has no `{MANIFEST}`"));
            return Contents { files, manifest: String::new(), wrong: self.wrong };
        };
        let manifest = HEXLOWER.encode(&Sha256::digest(&bytes));
        match serde_json::from_slice::<Manifest>(&bytes) {
            Ok(list) => self.hold_against(&list, header),
            Err(error) => self.wrong.push(format!("`{MANIFEST}` cannot be read: {error}")),
        }
        Contents { files, manifest, wrong: self.wrong }
    }

    fn hold_against(&mut self, list: &Manifest, header: &ProductionHeader) {
        let mut wrong = Vec::new();
        if list.permit != header.permit {
            wrong.push(format!(
                "`{MANIFEST}` is of permit {}, and the header of {}",
                list.permit, header.permit
            ));
        }
        if list.recipient != header.recipient {
            let (found, header) = (&list.recipient, &header.recipient);
            wrong.push(format!("`{MANIFEST}` is for `{found}`, and the header for `{header}`"));
        }
        for listed in &list.files {
            let path = &listed.path;
            match self.files.remove(path) {
                None => wrong.push(format!(
                    "`{path}` is in the manifest, and not in the archive, or twice in the manifest"
                )),
                Some(found) if found.bytes != listed.bytes => wrong.push(format!(
                    "`{path}` has {} bytes, where the manifest says {}",
                    found.bytes, listed.bytes
                )),
                Some(found) if found.sha256 != listed.sha256 => wrong.push(format!(
                    "`{path}` is not what the manifest says: its SHA-256 is {}, where {} is listed",
                    found.sha256, listed.sha256
                )),
                Some(_) => {}
            }
        }
        wrong.extend(
            self.files.keys().map(|path| format!("`{path}` is in the archive, and not in the manifest")),
        );
        self.wrong.append(&mut wrong);
    }
}

/// Digests what is written to it.
struct Digesting(Sha256);

impl io::Write for Digesting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::SealedWriter;
    use super::*;
    use crate::world::World;

    /// A production of these files, and what is found in it.
    fn found(files: &[(&str, &[u8])], manifest: &dyn Fn(&mut serde_json::Value)) -> Vec<String> {
        let world = World::standard().unwrap();
        let court = "us-sdny".parse().unwrap();
        let key = world.roster().authority(&court).unwrap().recipient_key();
        let permit = format!("{}=", "A".repeat(43));
        let mut list = serde_json::json!({
            "simulated": true, "permit": permit, "demand": "13-mag-2814", "version": 1, "entry": 3,
            "region": "ie-dublin", "requester": "us-sdny", "recipient": "us-sdny",
            "decided": "2018-04-10T12:00:00Z", "conditions": [], "items": [],
            "files": [
                { "path": "a.eml", "account": "molly@post.example", "class": "content", "bytes": 3,
                  "sha256": HEXLOWER.encode(&Sha256::digest(b"one")) },
                { "path": "b.eml", "account": "molly@post.example", "class": "content", "bytes": 3,
                  "sha256": HEXLOWER.encode(&Sha256::digest(b"two")) },
            ],
        });
        manifest(&mut list);
        let permit = serde_json::from_value(permit.into()).unwrap();
        let sealed = SealedWriter::begin(Vec::new(), permit, &court, key).unwrap();
        let mut archive = tar::Builder::new(sealed);
        let list = list.to_string();
        let all = files.iter().copied().chain([(MANIFEST, list.as_bytes())]);
        for (path, bytes) in all.filter(|(_, bytes)| !bytes.is_empty()) {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            archive.append_data(&mut header, path, bytes).unwrap();
        }
        let mut sealed = archive.into_inner().unwrap();
        sealed.flush().unwrap();
        let production = sealed.finish().unwrap();
        let secret = world.roster().demo_recipient_secret(&court).unwrap();
        let contents = check_contents(production.as_slice(), &secret).unwrap();
        assert_eq!(contents.manifest, HEXLOWER.encode(&Sha256::digest(list.as_bytes())));
        contents.wrong
    }

    #[test]
    fn every_file_is_held_against_the_manifest() {
        let both: [(&str, &[u8]); 2] = [("a.eml", b"one"), ("b.eml", b"two")];
        let same = |_: &mut serde_json::Value| {};
        assert_eq!(found(&both, &same), Vec::<String>::new());
        let only = |files: &[(&str, &[u8])], manifest: &dyn Fn(&mut serde_json::Value), says: &str| {
            let wrong = found(files, manifest);
            assert!(wrong.len() == 1 && wrong[0].contains(says), "{wrong:?}");
        };
        only(&both[..1], &same, "`b.eml` is in the manifest, and not in the archive");
        only(
            &[both[0], both[1], ("c.eml", b"more")],
            &same,
            "`c.eml` is in the archive, and not in the manifest",
        );
        only(&[both[0], ("b.eml", b"three")], &same, "`b.eml` has 5 bytes, where the manifest says 3");
        only(&[both[0], ("b.eml", b"owt")], &same, "`b.eml` is not what the manifest says");
        only(&[both[0], both[1], both[1]], &same, "`b.eml` stands twice");
        only(
            &both,
            &|list| list["recipient"] = "us-fbi".into(),
            "is for `us-fbi`, and the header for `us-sdny`",
        );
        only(&both, &|list| list["permit"] = format!("B{}=", "A".repeat(42)).into(), "is of permit");
        only(&both, &|list| drop(list.as_object_mut().unwrap().remove("files")), "cannot be read");
    }
}
