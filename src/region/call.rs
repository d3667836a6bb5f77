//! What a region node can be asked, and what it answers.
//!
//! Head office and mail clients, in the same process or another, send the same calls, and none may send the other's: mail
//! and passwords do not pass through head office. Two calls read mail: `Release` needs a permit, `Export` the owner's
//! password.

use serde::{Deserialize, Serialize};

use crate::clock::SimTime;
use crate::demand::Item;
use crate::law::{HolderRecord, Position};
use crate::record::permit::{Permit, PermitId};
use crate::vault::{IntakePublicKey, Sealed};
use crate::world::{Address, DataClass, RegionId};

/// A call to a region node.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "call")]
pub enum Call {
    /// Is it there, and what does it hold?
    Status,
    /// A C2SP tlog-witness `add-checkpoint` request; answered with cosignature lines.
    AddCheckpoint { request: String },
    /// Makes the copies of an account that rest here. The password is sealed to this region, see [`password_binding`].
    OpenMailbox { card: Card, classes: Vec<DataClass>, password: Option<Sealed> },
    /// From a client: the key to seal to what is for this region alone.
    Intake,
    /// From a client: a message for one account; its bytes are the body of the call. Sealed here into the classes named;
    /// what the message leads to in other regions is given back sealed to them. The owner's password is for what goes
    /// into their own mailbox as sent by them.
    Deliver {
        to: Address,
        classes: Vec<DataClass>,
        onward: Vec<(RegionId, DataClass)>,
        received: Option<SimTime>,
        owner: Option<Password>,
    },
    /// From a client: what another region's content leads to here, as that region sealed it.
    PutRow { account: Address, class: DataClass, row: Sealed },
    /// How many objects each of these items has here, if its copy is here at all.
    Count { items: Vec<Item> },
    /// Which classes of which accounts rest here.
    Mailboxes,
    /// What each copy of an account holds here, and who can use its key.
    Copies { account: Address },
    /// What a matter needs: nothing of these items is shredded until it says otherwise, and it needs no others.
    Hold { matter: String, items: Vec<Item> },
    /// Opens what the permit covers, if permit and this country's law allow it. The answer's body is the production,
    /// sealed to the authority's key.
    Release { permit: Box<Permit>, now: SimTime },
    /// The production arrived and is in the record; asking for it again is refused from now on.
    Delivered { permit: PermitId },
    /// What head office still needs, after an interruption: the productions for these permits, and the holds of these
    /// matters. What is left of others goes, and what they kept from being shredded is let go.
    KeepOnly { releases: Vec<PermitId>, holds: Vec<String> },
    /// From a client: all messages of an account, for its owner; the answer's body is an mbox.
    Export { account: Address, password: Password },
    /// Objects and wraps for each key epoch.
    Keys,
    /// A new region key; copies are wrapped anew, no object is touched.
    Rotate,
    /// New keys for copies that something was deleted from, so that nothing opens it any more.
    Shred,
}

impl Call {
    /// True for what a mail client asks, and head office must not.
    pub fn is_a_client_s(&self) -> bool {
        matches!(self, Call::Intake | Call::Deliver { .. } | Call::PutRow { .. } | Call::Export { .. })
    }
}

/// What a region keeps of an account of which it holds a copy.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Card {
    pub address: Address,
    pub name: String,
    pub holder: HolderRecord,
    pub created: SimTime,
}

/// What an owner's first password is bound to when it is sealed to their home region.
pub fn password_binding(region: &RegionId, account: &Address) -> Vec<u8> {
    format!("rogatory password v1\n{region}\n{account}").into_bytes()
}

/// A password on its way to the region that checks it. It never prints.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    pub fn new(password: impl Into<String>) -> Self {
        Password(password.into())
    }

    /// The password itself, to be checked or sealed.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

impl Drop for Password {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

/// What a region node answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "reply")]
pub enum Reply {
    Done,
    Status(NodeStatus),
    /// The HTTP status and body that tlog-witness prescribes.
    Cosigned {
        status: u16,
        body: String,
    },
    Stored(Stored),
    Intake {
        key: IntakePublicKey,
    },
    /// In the order of the items; `None` where there is no such copy.
    Counts {
        objects: Vec<Option<u64>>,
    },
    Copies {
        copies: Vec<CopyStatus>,
    },
    Mailboxes {
        mailboxes: Vec<(Address, Vec<DataClass>)>,
    },
    Produced(Produced),
    Refused {
        why: String,
        positions: Vec<Position>,
    },
    /// The body is an mbox.
    Mailbox {
        messages: u64,
    },
    Keys {
        status: serde_json::Value,
    },
}

/// What a node says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NodeStatus {
    pub region: RegionId,
    pub mailboxes: u64,
    pub objects: u64,
    /// The size of the record that this node last cosigned.
    pub cosigned: u64,
}

/// What became of a delivered message.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Stored {
    /// False if this account has the very same message already.
    pub new: bool,
    /// What it leads to in other regions.
    pub onward: Vec<Onward>,
    /// What is wrong with the message, which is kept byte for byte all the same.
    pub malformed: Option<String>,
}

/// A row for another region, which alone can read it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Onward {
    pub region: RegionId,
    pub class: DataClass,
    pub row: Sealed,
}

/// One copy at one region.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CopyStatus {
    pub class: DataClass,
    pub objects: u64,
    pub bytes: u64,
    /// Whose keys open it, as the wraps of its key say.
    pub head_office_holds_key: bool,
}

/// What a region handed over.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Produced {
    pub permit: PermitId,
    /// SHA-256 of the plaintext manifest, in lower-case hexadecimal.
    pub manifest: String,
    pub objects: u64,
    pub bytes: u64,
    /// Positions of this country's law that a node which could refuse would have refused under.
    pub objections: Vec<Position>,
    /// What the permit covers and this country's law does not let go, where the node could refuse.
    #[serde(default)]
    pub withheld: Vec<Withheld>,
}

/// An item that a region kept back from a production.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Withheld {
    pub item: Item,
    pub why: String,
    pub objections: Vec<Position>,
}
