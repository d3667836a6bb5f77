//! What a mail client noted about a message.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Flags as Maildir writes them: one ASCII letter each, in the order of their bytes.
///
/// `D` draft, `F` flagged, `P` passed on, `R` replied, `S` seen, `T` trashed; small letters are a client's own.
/// Letters without a meaning here are kept.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Flags(BTreeSet<char>);

/// Something that is no flag letter.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{0}` is not a flag: flags are ASCII letters such as `S` (seen)")]
pub struct BadFlag(char);

impl Flags {
    pub fn draft(&self) -> bool {
        self.0.contains(&'D')
    }

    pub fn flagged(&self) -> bool {
        self.0.contains(&'F')
    }

    pub fn passed(&self) -> bool {
        self.0.contains(&'P')
    }

    pub fn replied(&self) -> bool {
        self.0.contains(&'R')
    }

    pub fn seen(&self) -> bool {
        self.0.contains(&'S')
    }

    pub fn trashed(&self) -> bool {
        self.0.contains(&'T')
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The letters among these bytes; anything else is left out.
    pub(super) fn letters(bytes: &[u8]) -> Flags {
        Flags(bytes.iter().filter(|b| b.is_ascii_alphabetic()).map(|&b| b as char).collect())
    }

    /// From the `Status` and `X-Status` fields that mbox programs leave in a header.
    pub(super) fn from_status_fields(raw: &[u8]) -> Flags {
        let mut letters = BTreeSet::new();
        for line in raw.split(|&b| b == b'\n').take_while(|line| !matches!(*line, b"" | b"\r")) {
            let Some(colon) = line.iter().position(|&b| b == b':') else { continue };
            let x = line[..colon].eq_ignore_ascii_case(b"x-status");
            if !x && !line[..colon].eq_ignore_ascii_case(b"status") {
                continue;
            }
            for letter in &line[colon + 1..] {
                letters.extend(match (x, letter) {
                    (false, b'R') => Some('S'),
                    (true, b'A') => Some('R'),
                    (true, b'F') => Some('F'),
                    (true, b'D') => Some('T'),
                    (true, b'T') => Some('D'),
                    _ => None,
                });
            }
        }
        Flags(letters)
    }
}

impl FromStr for Flags {
    type Err = BadFlag;

    fn from_str(text: &str) -> Result<Self, BadFlag> {
        match text.chars().find(|c| !c.is_ascii_alphabetic()) {
            Some(bad) => Err(BadFlag(bad)),
            None => Ok(Flags(text.chars().collect())),
        }
    }
}

impl TryFrom<String> for Flags {
    type Error = BadFlag;

    fn try_from(text: String) -> Result<Self, BadFlag> {
        text.parse()
    }
}

impl From<Flags> for String {
    fn from(flags: Flags) -> String {
        flags.0.into_iter().collect()
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|c| write!(f, "{c}"))
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flags({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_sorted_and_unknown_ones_kept() {
        let flags: Flags = "SaRS".parse().unwrap();
        assert_eq!(flags.to_string(), "RSa");
        assert!(flags.seen() && flags.replied() && !flags.draft());
        assert!("S,".parse::<Flags>().is_err());
    }

    #[test]
    fn status_fields_are_read_in_the_header_only() {
        let flags = Flags::from_status_fields(b"Status: RO\r\nX-Status: AF\r\n\r\nX-Status: D\r\n");
        assert_eq!(flags.to_string(), "FRS");
    }
}
