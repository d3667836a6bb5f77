//! Outside witnesses: who they are, and how one that somebody else runs is believed and reached.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use hyper::Uri;
use hyper::http::uri::Scheme;
use serde::Deserialize;
use serde_spanned::Spanned;

use super::reading::Reading;
use super::{Country, EntityId, RegionId, WitnessId};
use crate::verifier_key::{KeyKind, VerifierKey};

/// Somebody whom head office cannot order, who cosigns the record.
#[derive(Clone, Debug)]
pub struct OutsideWitness {
    id: WitnessId,
    name: String,
    country: Country,
    controlled_by: String,
    elsewhere: Option<Elsewhere>,
}

/// A witness that its own operator made and runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Elsewhere {
    pub key: VerifierKey,
    pub url: WitnessUrl,
}

impl OutsideWitness {
    pub fn id(&self) -> &WitnessId {
        &self.id
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn country(&self) -> &Country {
        &self.country
    }

    /// Who can tell it what to do.
    pub fn controlled_by(&self) -> &str {
        &self.controlled_by
    }

    /// Absent where the deployment itself makes the witness, as a demo does.
    pub fn elsewhere(&self) -> Option<&Elsewhere> {
        self.elsewhere.as_ref()
    }

    pub(super) fn make_here(&mut self) {
        self.elsewhere = None;
    }
}

/// Where a witness takes checkpoints: its submission prefix (C2SP tlog-witness). No TLS: checkpoints are signed by the log,
/// cosignatures by the witness, and neither is secret. What else is answered is not signed, and nothing is believed of it that
/// could do more than keep a cosignature out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WitnessUrl(Uri);

impl WitnessUrl {
    /// The address of one call below the prefix.
    pub fn call(&self, name: &str) -> Uri {
        let prefix = self.0.to_string();
        let url = format!("{}/{name}", prefix.trim_end_matches('/'));
        url.parse().expect("a path appended to an address is one")
    }
}

impl fmt::Display for WitnessUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<SocketAddr> for WitnessUrl {
    fn from(address: SocketAddr) -> Self {
        WitnessUrl(format!("http://{address}/").parse().expect("a socket's address is one of a server"))
    }
}

/// Why a text is not the address of a witness.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not the address of a witness")]
pub struct BadWitnessUrl(String);

impl FromStr for WitnessUrl {
    type Err = BadWitnessUrl;

    fn from_str(text: &str) -> Result<Self, BadWitnessUrl> {
        let bad = || BadWitnessUrl(text.to_owned());
        let url: Uri = text.parse().map_err(|_| bad())?;
        let plain = url.scheme() == Some(&Scheme::HTTP) && url.query().is_none() && !text.contains('#');
        let named = url.authority().is_some_and(|place| {
            // A port that is no port is silently none.
            let port = place.as_str() == place.host() || place.port_u16().is_some_and(|port| port > 0);
            port && !place.host().is_empty() && !place.as_str().contains('@')
        });
        if plain && named { Ok(WitnessUrl(url)) } else { Err(bad()) }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawWitness {
    name: Spanned<String>,
    country: Spanned<String>,
    controlled_by: Spanned<String>,
    verifier_key: Option<Spanned<String>>,
    url: Option<Spanned<String>>,
}

pub(super) fn read_witnesses(
    raw: &BTreeMap<Spanned<String>, RawWitness>,
    entities: &BTreeSet<EntityId>,
    regions: &BTreeSet<RegionId>,
    reading: &mut Reading,
) -> Option<BTreeMap<WitnessId, OutsideWitness>> {
    let mut witnesses = BTreeMap::new();
    let mut whole = true;
    for (key, raw) in raw {
        let id = reading.parse::<WitnessId>(key);
        if regions.contains(key.get_ref().as_str()) {
            reading.wrong(
                key.span(),
                format!("`{}` is a region, and regions witness anyway", key.get_ref()),
                "leave this witness out, or give it a name of its own",
            );
            whole = false;
        }
        if entities.contains(raw.controlled_by.get_ref().as_str()) {
            let what = format!(
                "`{}` is an entity of the provider: this witness is not outside",
                raw.controlled_by.get_ref()
            );
            let help =
                "name who runs it, such as `fjord-university`; head office must not be able to order them";
            reading.wrong(raw.controlled_by.span(), what, help);
            whole = false;
        }
        match id.and_then(|id| raw.read(id, reading)) {
            Some(witness) => {
                witnesses.insert(witness.id.clone(), witness);
            }
            None => whole = false,
        }
    }
    whole.then_some(witnesses)
}

impl RawWitness {
    fn read(&self, id: WitnessId, reading: &mut Reading) -> Option<OutsideWitness> {
        let name = reading.line("name", &self.name);
        let country = reading.country(&self.country);
        let controlled_by = reading.line("name", &self.controlled_by);
        let elsewhere = self.elsewhere(reading);
        Some(OutsideWitness {
            id,
            name: name?,
            country: country?,
            controlled_by: controlled_by?,
            elsewhere: elsewhere?,
        })
    }

    fn elsewhere(&self, reading: &mut Reading) -> Option<Option<Elsewhere>> {
        match (&self.verifier_key, &self.url) {
            (None, None) => Some(None),
            (Some(key), Some(url)) => {
                let (key, url) = (read_key(key, reading), read_url(url, reading));
                Some(Some(Elsewhere { key: key?, url: url? }))
            }
            (Some(alone), None) | (None, Some(alone)) => {
                let help =
                    "a witness that somebody else runs has both; one that the deployment makes has neither";
                reading.wrong(alone.span(), "`verifier-key` and `url` go together", help);
                None
            }
        }
    }
}

fn read_url(text: &Spanned<String>, reading: &mut Reading) -> Option<WitnessUrl> {
    let read = text.get_ref().parse();
    let help =
        "write `http://`, a host, a port if it is not 80, and perhaps a path; `https://` is not spoken here";
    read.map_err(|error: BadWitnessUrl| reading.wrong(text.span(), error.to_string(), help)).ok()
}

fn read_key(text: &Spanned<String>, reading: &mut Reading) -> Option<VerifierKey> {
    let what = match text.get_ref().parse::<VerifierKey>() {
        Ok(key) if key.kind() == KeyKind::Cosigner => return Some(key),
        Ok(key) => format!("`{key}` is the key of a log, and not of a witness"),
        Err(error) => error.to_string(),
    };
    reading.wrong(
        text.span(),
        what,
        "write the verifier key that `rogatory witness new` printed, of kind 0x04",
    );
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_that_can_be_asked() {
        for (text, call) in [
            ("http://127.0.0.1:7700", "http://127.0.0.1:7700/add-checkpoint"),
            ("http://127.0.0.1:7700/", "http://127.0.0.1:7700/add-checkpoint"),
            ("http://witness.example/w1/", "http://witness.example/w1/add-checkpoint"),
            ("http://[::1]:80/w1", "http://[::1]:80/w1/add-checkpoint"),
        ] {
            assert_eq!(text.parse::<WitnessUrl>().unwrap().call("add-checkpoint").to_string(), call);
        }
        for text in [
            "",
            "witness.example",
            "127.0.0.1:7700",
            "https://witness.example/",
            "ftp://witness.example/",
            "http:///w1",
            "http://witness.example/?log=1",
            "http://witness.example/#w1",
            "http://me@witness.example/",
            "http://witness example/",
            "http://witness.example:99999/",
            "http://witness.example:0/",
        ] {
            assert!(text.parse::<WitnessUrl>().is_err(), "{text}");
        }
    }
}
