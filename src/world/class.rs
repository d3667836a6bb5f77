//! What kind of data is stored.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A data class. What one law calls it (its category) depends on the law and on the purpose of a demand.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataClass {
    /// Bodies and subjects of messages.
    Content,
    /// Envelope data of messages: from, to, when, how large, Message-ID.
    Traffic,
    /// Who holds the account.
    Subscriber,
    /// Whom the account holder writes to.
    AddressBook,
    /// When and from where the account was used.
    AccessLog,
    /// Records of a business, the provider's or a customer's.
    BusinessRecord,
    /// Keys.
    Key,
}

impl DataClass {
    pub const ALL: [DataClass; 7] = [
        DataClass::Content,
        DataClass::Traffic,
        DataClass::Subscriber,
        DataClass::AddressBook,
        DataClass::AccessLog,
        DataClass::BusinessRecord,
        DataClass::Key,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            DataClass::Content => "content",
            DataClass::Traffic => "traffic",
            DataClass::Subscriber => "subscriber",
            DataClass::AddressBook => "address-book",
            DataClass::AccessLog => "access-log",
            DataClass::BusinessRecord => "business-record",
            DataClass::Key => "key",
        }
    }
}

impl fmt::Display for DataClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Not a data class.
#[derive(Debug, Clone, thiserror::Error)]
#[error("unknown data class `{0}`")]
pub struct UnknownClass(String);

impl FromStr for DataClass {
    type Err = UnknownClass;

    fn from_str(text: &str) -> Result<Self, UnknownClass> {
        DataClass::ALL
            .into_iter()
            .find(|class| class.as_str() == text)
            .ok_or_else(|| UnknownClass(text.to_owned()))
    }
}
