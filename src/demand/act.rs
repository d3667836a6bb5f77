use std::fmt;

use serde::{Deserialize, Serialize};

/// What the law is asked about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    Disclose,
    Preserve,
    KeepSecret,
    Notify,
    Assist,
}

impl Act {
    pub const ALL: [Act; 5] = [Act::Disclose, Act::Preserve, Act::KeepSecret, Act::Notify, Act::Assist];

    pub fn as_str(self) -> &'static str {
        match self {
            Act::Disclose => "disclose",
            Act::Preserve => "preserve",
            Act::KeepSecret => "keep-secret",
            Act::Notify => "notify",
            Act::Assist => "assist",
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
