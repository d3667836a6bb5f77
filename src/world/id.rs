//! Names of things in the world, parsed once. A wrong name is an error where it was written, never a default.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that does not fit the grammar of the name it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not a {kind}: {allowed}")]
pub struct BadName {
    found: String,
    kind: &'static str,
    allowed: &'static str,
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $allowed:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadName;

            fn from_str(text: &str) -> Result<Self, BadName> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok($name(text.into()))
                } else {
                    Err(BadName { found: text.to_owned(), kind: $kind, allowed: $allowed })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadName;

            fn try_from(text: String) -> Result<Self, BadName> {
                text.parse()
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// `ie-dublin`: lower-case letters, digits and single dashes, starting with a letter, 2 to 40 of them.
fn is_slug(text: &str) -> bool {
    (2..=40).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && !text.contains("--")
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

name_type!(
    /// A region: `ie-dublin`.
    RegionId, "region id", "2 to 40 of a-z, 0-9 and single dashes, starting with a letter", is_slug
);
name_type!(
    /// A legal entity of the provider: `head-office`.
    EntityId, "entity id", "2 to 40 of a-z, 0-9 and single dashes, starting with a letter", is_slug
);
name_type!(
    /// A court, prosecutor, police force, agency or ministry on the roster: `us-sdny`.
    AuthorityId, "authority id", "2 to 40 of a-z, 0-9 and single dashes, starting with a letter", is_slug
);
name_type!(
    /// Somebody outside the provider who cosigns the record: `fjord-university`.
    WitnessId, "witness id", "2 to 40 of a-z, 0-9 and single dashes, starting with a letter", is_slug
);
name_type!(
    /// A treaty: `us-ie-mlat`.
    TreatyId, "treaty id", "2 to 40 of a-z, 0-9 and single dashes, starting with a letter", is_slug
);
name_type!(
    /// A law that has something to say, by the upper-case code of its country or bloc: `US`, `IE`, `EU`.
    Jurisdiction, "jurisdiction", "two upper-case letters: a country (ISO 3166-1 alpha-2) or a bloc such as `EU`",
    |t| t.len() == 2 && t.bytes().all(|b| b.is_ascii_uppercase())
);
name_type!(
    /// A country, by its ISO 3166-1 alpha-2 code: `IE`.
    Country, "country", "two upper-case letters (ISO 3166-1 alpha-2), such as `IE`",
    |t| t.len() == 2 && t.bytes().all(|b| b.is_ascii_uppercase())
);
name_type!(
    /// A mail address: `molly@post.example`.
    ///
    /// The local part is kept as it was written (RFC 5321 section 2.4); quoted local parts are not accepted.
    Address, "mail address", "local@domain with a lower-case domain and without spaces, 254 bytes at most (RFC 5321)",
    |t| {
        t.len() <= 254
            && t.split_once('@').is_some_and(|(local, domain)| {
                (1..=64).contains(&local.len())
                    && !domain.is_empty()
                    && !local.bytes().any(|b| b.is_ascii_control() || b" \"(),:;<>@[\\]".contains(&b))
                    && domain.split('.').all(|label| {
                        !label.is_empty()
                            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                    })
            })
    }
);

impl From<&Country> for Jurisdiction {
    fn from(country: &Country) -> Self {
        Jurisdiction(country.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed_not_guessed() {
        assert!("ie-dublin".parse::<RegionId>().is_ok());
        for bad in ["", "IE-dublin", "ie_dublin", "-dublin", "ie--dublin", "1e", "dublin-"] {
            assert!(bad.parse::<RegionId>().is_err(), "{bad}");
        }
        assert!("eu".parse::<Country>().is_err());
        assert!("EU".parse::<Jurisdiction>().is_ok());
        assert!("molly@post.example".parse::<Address>().is_ok());
        for bad in ["molly", "@x", "a b@x", "molly@", "molly@X.example", "a@b@c", "a@b..c"] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }

    #[test]
    fn serde_uses_the_same_door() {
        assert!(serde_json::from_str::<RegionId>("\"Dublin\"").is_err());
        assert_eq!(
            serde_json::to_string(&"us-oregon".parse::<RegionId>().unwrap()).unwrap(),
            "\"us-oregon\""
        );
    }
}
