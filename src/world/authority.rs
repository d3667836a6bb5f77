use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use data_encoding::HEXLOWER;
use ed25519_dalek::VerifyingKey;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, Serializable};
use serde::{Deserialize, Serialize};
use serde_spanned::Spanned;
use sha2::{Digest, Sha256};

use super::reading::Reading;
use super::{AuthorityId, Country, InstrumentKind, OrderKind};

/// A court, judge, prosecutor, police force, agency, ministry or party: what it may issue, whose rulings bind it,
/// and the keys by which it is known.
#[derive(Clone, Debug)]
pub struct Authority {
    id: AuthorityId,
    name: String,
    country: Country,
    kind: AuthorityKind,
    pub(super) bound_by: BTreeSet<AuthorityId>,
    binds_itself: bool,
    reviewed_by: BTreeSet<AuthorityId>,
    may_issue: BTreeSet<InstrumentKind>,
    may_order: BTreeSet<OrderKind>,
    central_authority: bool,
    signing_key: VerifyingKey,
    recipient_key: RecipientKey,
}

/// What kind of body it is. Laws ask for one or another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthorityKind {
    Court,
    Judge,
    Prosecutor,
    Police,
    Agency,
    Ministry,
    /// A party to a civil case, or its lawyer: no authority of the state, though a law may let it demand.
    Party,
}

impl AuthorityKind {
    pub const ALL: [AuthorityKind; 7] = [
        AuthorityKind::Court,
        AuthorityKind::Judge,
        AuthorityKind::Prosecutor,
        AuthorityKind::Police,
        AuthorityKind::Agency,
        AuthorityKind::Ministry,
        AuthorityKind::Party,
    ];

    /// True for a court or a judge.
    pub fn is_judicial(self) -> bool {
        matches!(self, AuthorityKind::Court | AuthorityKind::Judge)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            AuthorityKind::Court => "court",
            AuthorityKind::Judge => "judge",
            AuthorityKind::Prosecutor => "prosecutor",
            AuthorityKind::Police => "police",
            AuthorityKind::Agency => "agency",
            AuthorityKind::Ministry => "ministry",
            AuthorityKind::Party => "party",
        }
    }
}

impl fmt::Display for AuthorityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The public key to which productions for an authority are sealed: X25519, for HPKE with
/// DHKEM(X25519, HKDF-SHA256) (RFC 9180).
#[derive(Clone, PartialEq, Eq)]
pub struct RecipientKey([u8; 32]);

impl RecipientKey {
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The same key for the `hpke` crate.
    pub fn to_hpke(&self) -> <X25519HkdfSha256 as Kem>::PublicKey {
        Deserializable::from_bytes(&self.0).expect("any 32 bytes are an X25519 public key")
    }

    /// The key that belongs to a secret.
    pub fn of(secret: &<X25519HkdfSha256 as Kem>::PrivateKey) -> Self {
        RecipientKey::from_hpke(&X25519HkdfSha256::sk_to_pk(secret))
    }

    /// What it is called where a few characters have to do: `x25519:` and the first eight bytes of its SHA-256 in hexadecimal.
    pub fn id(&self) -> String {
        format!("x25519:{}", HEXLOWER.encode(&Sha256::digest(self.0)[..8]))
    }

    pub(super) fn from_hpke(key: &<X25519HkdfSha256 as Kem>::PublicKey) -> Self {
        let mut bytes = [0; 32];
        key.write_exact(&mut bytes);
        RecipientKey(bytes)
    }
}

/// Not a recipient's key.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{0}` is not a recipient's key: allowed is `x25519:` and 32 bytes in base64 (44 characters)")]
pub struct BadRecipientKey(String);

impl FromStr for RecipientKey {
    type Err = BadRecipientKey;

    fn from_str(text: &str) -> Result<Self, BadRecipientKey> {
        let encoded = text.strip_prefix("x25519:");
        let bytes = encoded.and_then(|encoded| STANDARD.decode(encoded).ok());
        let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        bytes.map(RecipientKey).ok_or_else(|| BadRecipientKey(text.to_owned()))
    }
}

impl Serialize for RecipientKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RecipientKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for RecipientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "x25519:{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for RecipientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How a signing key is written in a roster.
pub(super) fn written(key: &VerifyingKey) -> String {
    format!("ed25519:{}", STANDARD.encode(key.as_bytes()))
}

impl Authority {
    pub fn id(&self) -> &AuthorityId {
        &self.id
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn country(&self) -> &Country {
        &self.country
    }

    pub fn kind(&self) -> AuthorityKind {
        self.kind
    }

    /// The courts right above it whose rulings bind it. For all of them see [`super::Roster::binds`].
    pub fn bound_by(&self) -> &BTreeSet<AuthorityId> {
        &self.bound_by
    }

    /// True if its earlier rulings bind it, as those of a court of appeals do.
    pub fn binds_itself(&self) -> bool {
        self.binds_itself
    }

    /// The courts right above it that review what it does: that hear appeals from it, or supervise its process. For
    /// all of them see [`super::Roster::reviews`].
    pub fn reviewed_by(&self) -> &BTreeSet<AuthorityId> {
        &self.reviewed_by
    }

    /// True for a body that is no court and may make orders of this kind all the same, such as an authority that a
    /// demand is notified to and that may refuse it.
    pub fn may_order(&self, kind: OrderKind) -> bool {
        self.may_order.contains(&kind)
    }

    pub fn may_issue(&self, kind: InstrumentKind) -> bool {
        self.may_issue.contains(&kind)
    }

    pub fn instruments(&self) -> &BTreeSet<InstrumentKind> {
        &self.may_issue
    }

    /// True if requests for mutual legal assistance go through it.
    pub fn is_central_authority(&self) -> bool {
        self.central_authority
    }

    /// The key that its instruments and orders are signed with.
    pub fn signing_key(&self) -> &VerifyingKey {
        &self.signing_key
    }

    pub fn recipient_key(&self) -> &RecipientKey {
        &self.recipient_key
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawAuthority {
    pub id: Spanned<String>,
    name: Spanned<String>,
    country: Spanned<String>,
    pub kind: AuthorityKind,
    #[serde(default)]
    pub bound_by: Vec<Spanned<String>>,
    #[serde(default)]
    binds_itself: bool,
    #[serde(default)]
    pub reviewed_by: Vec<Spanned<String>>,
    #[serde(default)]
    may_issue: Vec<Spanned<InstrumentKind>>,
    #[serde(default)]
    may_order: BTreeSet<OrderKind>,
    pub central_authority: Option<Spanned<bool>>,
    pub signing_key: Spanned<String>,
    pub recipient_key: Spanned<String>,
}

impl RawAuthority {
    pub fn read(&self, id: AuthorityId, reading: &mut Reading) -> Option<Authority> {
        let name = reading.line("name", &self.name);
        let country = reading.country(&self.country);
        let bound_by = reading.set(&self.bound_by, |r, text| r.court(text));
        let reviewed_by = reading.set(&self.reviewed_by, |r, text| r.court(text));
        let may_issue: BTreeSet<_> = self.may_issue.iter().map(|kind| *kind.get_ref()).collect();
        if may_issue.len() < self.may_issue.len() {
            let at = self.may_issue.last().map_or(self.id.span(), Spanned::span);
            reading.wrong(at, "an instrument is listed twice in `may-issue`", "leave one of them out");
            return None;
        }
        let signing_key = read_signing_key(&self.signing_key, reading);
        let recipient_key =
            read_bytes("recipient key", "x25519", &self.recipient_key, reading).map(RecipientKey);
        Some(Authority {
            id,
            name: name?,
            country: country?,
            kind: self.kind,
            bound_by: bound_by?,
            binds_itself: self.binds_itself,
            reviewed_by: reviewed_by?,
            may_issue,
            may_order: self.may_order.clone(),
            central_authority: self.central_authority.as_ref().is_some_and(|yes| *yes.get_ref()),
            signing_key: signing_key?,
            recipient_key: recipient_key?,
        })
    }
}

/// Reads `ed25519:<base64>`.
pub(super) fn read_signing_key(text: &Spanned<String>, reading: &mut Reading) -> Option<VerifyingKey> {
    let bytes = read_bytes("signing key", "ed25519", text, reading)?;
    match VerifyingKey::from_bytes(&bytes) {
        // A key of small order verifies signatures that nobody made.
        Ok(key) if !key.is_weak() => Some(key),
        _ => {
            let what = format!("`{}` is not an Ed25519 public key", text.get_ref());
            reading.wrong(text.span(), what, "write `ed25519:` and the 32 bytes of a public key in base64");
            None
        }
    }
}

fn read_bytes(kind: &str, prefix: &str, text: &Spanned<String>, reading: &mut Reading) -> Option<[u8; 32]> {
    let read = text
        .get_ref()
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix(':'))
        .and_then(|encoded| STANDARD.decode(encoded).ok())
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    if read.is_none() {
        reading.wrong(
            text.span(),
            format!("`{}` is not a {kind}", text.get_ref()),
            format!("allowed: `{prefix}:` and 32 bytes in base64 (44 characters)"),
        );
    }
    read
}
