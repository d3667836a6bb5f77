use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::SigningKey;
use hpke::Kem;
use hpke::kem::X25519HkdfSha256;
use serde::Deserialize;
use serde_spanned::Spanned;

use super::authority::{RawAuthority, written};
use super::reading::Reading;
use super::witness::{OutsideWitness, RawWitness};
use super::{Authority, AuthorityId, AuthorityKind, Country, RecipientKey, UnknownName, WitnessId};
use crate::entropy::Entropy;

/// The half of a recipient key that opens productions.
pub type RecipientSecret = <X25519HkdfSha256 as Kem>::PrivateKey;

/// The authorities and outside witnesses that everyone in the world agrees on.
#[derive(Clone, Debug)]
pub struct Roster {
    pub(super) authorities: BTreeMap<AuthorityId, Authority>,
    pub(super) witnesses: BTreeMap<WitnessId, OutsideWitness>,
    pub(super) demo_seed: Option<String>,
}

impl Roster {
    pub fn authorities(&self) -> impl Iterator<Item = &Authority> {
        self.authorities.values()
    }

    pub fn authority(&self, id: &AuthorityId) -> Result<&Authority, UnknownName> {
        self.authorities.get(id).ok_or_else(|| {
            UnknownName::new("authority", id.as_str(), self.authorities.keys().map(AuthorityId::as_str))
        })
    }

    /// True if a ruling of one court binds another: a court above it at any distance, or itself where it follows its
    /// own rulings.
    pub fn binds(&self, ruling: &AuthorityId, court: &AuthorityId) -> bool {
        let Some(authority) = self.authorities.get(court) else { return false };
        if ruling == court {
            return authority.binds_itself();
        }
        self.above(court).contains(ruling)
    }

    /// All courts whose rulings bind a court, at any distance. No court is above itself: a roster in which one is
    /// does not load.
    pub fn above(&self, court: &AuthorityId) -> BTreeSet<&AuthorityId> {
        self.upwards(court, Authority::bound_by)
    }

    /// True if a court reviews what a body does, at any distance. No court reviews itself: a roster in which one does
    /// is not loaded.
    pub fn reviews(&self, court: &AuthorityId, body: &AuthorityId) -> bool {
        self.upwards(body, Authority::reviewed_by).contains(court)
    }

    fn upwards<'r>(
        &'r self,
        from: &AuthorityId,
        next: fn(&'r Authority) -> &'r BTreeSet<AuthorityId>,
    ) -> BTreeSet<&'r AuthorityId> {
        let mut above = BTreeSet::new();
        let mut open: Vec<&AuthorityId> = self.authorities.get(from).into_iter().flat_map(next).collect();
        while let Some(court) = open.pop() {
            if above.insert(court) {
                open.extend(self.authorities.get(court).into_iter().flat_map(next));
            }
        }
        above
    }

    /// The desk of a country through which requests for mutual legal assistance go.
    pub fn central_authority(&self, country: &Country) -> Option<&Authority> {
        self.authorities.values().find(|a| a.is_central_authority() && a.country() == country)
    }

    pub fn witnesses(&self) -> impl Iterator<Item = &OutsideWitness> {
        self.witnesses.values()
    }

    pub fn witness(&self, id: &WitnessId) -> Result<&OutsideWitness, UnknownName> {
        self.witnesses.get(id).ok_or_else(|| {
            UnknownName::new("witness", id.as_str(), self.witnesses.keys().map(WitnessId::as_str))
        })
    }

    pub(super) fn make_all_witnesses_here(&mut self) {
        self.witnesses.values_mut().for_each(OutsideWitness::make_here);
    }

    /// True if the private keys of its authorities can be derived by anyone who reads it. A provider with real mail
    /// refuses such a roster.
    pub fn is_seeded(&self) -> bool {
        self.demo_seed.is_some()
    }

    /// What an authority of a demo signs with. `None` without a demo seed, or for a name that is not on the roster.
    pub fn demo_signing_key(&self, id: &AuthorityId) -> Option<SigningKey> {
        self.authorities.get(id).and(self.demo_seed.as_deref()).map(|seed| derive_signing_key(seed, id))
    }

    /// What an authority of a demo opens productions with. `None` as for [`Roster::demo_signing_key`].
    pub fn demo_recipient_secret(&self, id: &AuthorityId) -> Option<RecipientSecret> {
        self.authorities.get(id).and(self.demo_seed.as_deref()).map(|seed| derive_recipient(seed, id).0)
    }
}

fn derive_signing_key(seed: &str, id: &AuthorityId) -> SigningKey {
    SigningKey::from_bytes(&Entropy::seeded(seed).draw("authority signing key", id.as_str().as_bytes()))
}

fn derive_recipient(seed: &str, id: &AuthorityId) -> (RecipientSecret, RecipientKey) {
    let material = Entropy::seeded(seed).draw::<32>("authority recipient key", id.as_str().as_bytes());
    let (secret, public) = X25519HkdfSha256::derive_keypair(material.as_ref());
    (secret, RecipientKey::from_hpke(&public))
}

/// The two public keys of an authority of a demo, as its file has to give them.
pub(super) fn demo_keys(seed: &str, id: &AuthorityId) -> (String, String) {
    let signing = written(&derive_signing_key(seed, id).verifying_key());
    (signing, derive_recipient(seed, id).1.to_string())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawRoster {
    pub demo_seed: Option<Spanned<String>>,
    #[serde(default)]
    pub witnesses: BTreeMap<Spanned<String>, RawWitness>,
}

/// Checks one authority against the others, and its keys against the demo seed.
pub(super) fn check_authority(
    raw: &RawAuthority,
    authority: &Authority,
    roster: &Roster,
    reading: &mut Reading,
) {
    let id = authority.id();
    for text in &raw.bound_by {
        let Some(court) = roster.authorities.get(text.get_ref().as_str()) else { continue };
        check_bond(authority, court, text, roster, reading);
    }
    for text in &raw.reviewed_by {
        let Some(court) = roster.authorities.get(text.get_ref().as_str()) else { continue };
        check_review(authority, court, text, roster, reading);
    }
    let first = roster.central_authority(authority.country()).filter(|first| first.id() != id);
    if let (Some(first), Some(key), true) = (first, &raw.central_authority, authority.is_central_authority())
    {
        let what = format!("the central authority of `{}` is `{}` already", authority.country(), first.id());
        let help = format!("leave `central-authority` out here, or out of the file of `{}`", first.id());
        reading.wrong(key.span(), what, help);
    }
    if let Some(seed) = &roster.demo_seed {
        let (signing, recipient) = demo_keys(seed, id);
        for (name, text, right) in
            [("signing-key", &raw.signing_key, signing), ("recipient-key", &raw.recipient_key, recipient)]
        {
            if *text.get_ref() != right {
                reading.wrong(
                    text.span(),
                    format!("not the {name} that the roster's demo seed gives `{id}`"),
                    format!("write: {name} = \"{right}\""),
                );
            }
        }
    }
}

/// Checks that one authority can be bound by the rulings of another.
fn check_bond(
    authority: &Authority,
    court: &Authority,
    text: &Spanned<String>,
    roster: &Roster,
    reading: &mut Reading,
) {
    let (id, above) = (authority.id(), court.id());
    if court.kind() != AuthorityKind::Court {
        let what = format!("`{above}` is of kind `{}`, and only a court's rulings bind", court.kind());
        let help = format!(
            "name a court, or leave `{above}` out; an authority that reviews without binding goes under `reviewed-by`"
        );
        reading.wrong(text.span(), what, help);
    } else if court.country() != authority.country() {
        let (there, here) = (court.country(), authority.country());
        let what = format!("`{above}` is a court of `{there}`, and its rulings do not bind in `{here}`");
        reading.wrong(text.span(), what, format!("name a court of `{here}`, or leave `{above}` out"));
    } else if above == id {
        let help =
            format!("leave `{id}` out; a court that follows its own rulings has `binds-itself = true`");
        reading.wrong(text.span(), format!("`{id}` is not above itself"), help);
    } else if roster.above(above).contains(id) {
        let help = format!(
            "leave the lower court out of `bound-by` of the higher: `{above}` out here, or \
                            `{id}` out of what binds `{above}`"
        );
        reading.wrong(text.span(), format!("`{id}` and `{above}` are bound by each other's rulings"), help);
    }
}

/// Checks that what one authority does can be reviewed by another.
fn check_review(
    authority: &Authority,
    court: &Authority,
    text: &Spanned<String>,
    roster: &Roster,
    reading: &mut Reading,
) {
    let (id, above) = (authority.id(), court.id());
    if !court.kind().is_judicial() {
        let what = format!("`{above}` is of kind `{}`, and only a court or a judge reviews", court.kind());
        let help = format!("name a court or a judge of `{}`, or leave `{above}` out", authority.country());
        reading.wrong(text.span(), what, help);
    } else if court.country() != authority.country() {
        let (there, here) = (court.country(), authority.country());
        let what = format!("`{above}` is a court of `{there}`, and reviews nothing in `{here}`");
        reading.wrong(
            text.span(),
            what,
            format!("name a court or a judge of `{here}`, or leave `{above}` out"),
        );
    } else if above == id {
        let help = format!("name the court that hears appeals from `{id}`, or leave it out");
        reading.wrong(text.span(), format!("`{id}` does not review itself"), help);
    } else if roster.reviews(id, above) {
        let help = format!(
            "leave the lower out of `reviewed-by` of the higher: `{above}` out here, or \
                            `{id}` out of what reviews `{above}`"
        );
        reading.wrong(text.span(), format!("`{id}` and `{above}` review each other"), help);
    }
}
