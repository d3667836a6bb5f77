//! What a law is asked, and every fact a rule may look at.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::clock::SimTime;
use crate::demand::{Act, InstrumentKind, ProofLevel, Purpose, Term};
use crate::world::{AuthorityId, AuthorityKind, Country, DataClass, Jurisdiction, KeyCustody};

use super::names::named;

/// Countries and the blocs they belonged to on the day: `{IE, EU}` for Ireland. Empty says that nothing is known, or
/// that there is none; a fact beside it tells which, wherever that makes a difference.
pub type Codes = BTreeSet<Jurisdiction>;

/// One question to one law or to several: may this instrument do this act to data of this class?
///
/// It holds facts only, so the same question can be put to every jurisdiction.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Question {
    pub act: Act,
    pub instrument: InstrumentKind,
    pub class: DataClass,
    pub purpose: Purpose,
    pub facts: Facts,
}

/// The facts, by the five kinds that are never mixed (location, presence, control, key custody, people), beside the
/// process itself, its dates, and the treaties of the day.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Facts {
    pub moments: Moments,
    pub process: Process,
    pub location: Location,
    pub presence: Presence,
    /// Countries from which staff of the provider, or of a trustee that runs a region for it, can fetch the item from
    /// where it rests, with their blocs. Reading it takes a key as well.
    pub retrievable_from: Codes,
    pub key_custody: KeyCustody,
    pub holder: Holder,
    pub treaties: Treaties,
}

/// The instants a rule can be keyed to. Each law reads them as civil dates of its own time zone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Moments {
    /// When the instrument was issued.
    pub issued: SimTime,
    /// When the provider received it.
    pub received: SimTime,
    /// The moment the question is asked for.
    pub decided: SimTime,
    /// When the act is, or was, carried out; the same as `decided` while it has not been.
    pub executed: SimTime,
}

/// The legal process.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Process {
    pub proof: ProofLevel,
    /// What kind of authority issued it.
    pub issuer: AuthorityKind,
    /// What kind of authority approved it before it was sent, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validator: Option<AuthorityKind>,
    /// The issuing authority's country and its blocs.
    pub issuing_in: Codes,
    /// The courts whose rulings bind the issuing court, as the roster names them.
    pub bound_by: BTreeSet<AuthorityId>,
    /// The state on whose behalf it was issued.
    pub on_behalf_of: Country,
    /// The state whose request a local order carries out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executes_for: Option<Country>,
    /// True in an emergency that threatens life or limb.
    pub emergency: bool,
    /// True if a court has forbidden the provider to tell anyone of this demand, and the ban still runs.
    pub secrecy_ordered: bool,
    /// True if an authority of the state where the addressee sits was sent a copy.
    #[serde(default)]
    pub enforcing_notified: bool,
    /// True if that authority said that nothing stands in the way.
    #[serde(default)]
    pub cleared: bool,
    /// Data that is stored already, or from now on.
    pub term: Term,
    /// How often the term of the demand was extended (of a preservation, for example).
    pub extensions: u32,
    /// True if it names more than one account.
    pub many_subjects: bool,
    /// The longest sentence for the offence, in years.
    pub offence_years: u32,
    /// On the list that does without dual criminality, where a law has one.
    pub offence_listed: bool,
    /// Where the offence was committed, with blocs.
    pub offence_in: Codes,
}

/// Where the item rests.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Location {
    /// Countries where a copy rests, with blocs. If pieces move, every country they may be in.
    pub rests_in: Codes,
    /// False if nobody can say where it rests; `rests_in` is then what is suspected.
    pub known: bool,
    /// True if it rests in pieces that move between regions.
    pub moving: bool,
}

/// Whom of the provider a court can reach.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Presence {
    /// Where the entity that was served can be found in person: its home and its establishments, with blocs.
    pub served_in: Codes,
    /// The home of the provider's head office, with blocs.
    pub home_in: Codes,
    /// Where the provider has an establishment, with blocs.
    pub established_in: Codes,
    /// Where it offers its service, with blocs.
    pub offers_in: Codes,
}

/// The person behind the account.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Holder {
    /// Where the holder lives, with blocs.
    pub resides_in: Codes,
    pub residence_known: bool,
    /// Nationalities, with blocs.
    pub national_of: Codes,
    pub nationality_known: bool,
    /// What the holder declared at sign-up, with blocs. Nobody checked it.
    pub declared_in: Codes,
    pub role: Role,
    /// The account belongs to a customer that contracted for its members.
    pub enterprise: bool,
    /// A person entitled to (originator, addressee or subscriber) has consented.
    pub consent: bool,
}

/// What states have agreed, on the day, seen from the state on whose behalf the process was issued (or whose request
/// it carries out).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Treaties {
    /// Partners in a mutual legal assistance treaty in force.
    pub mlat_with: Codes,
    /// Partners in an executive agreement in force.
    pub agreement_with: Codes,
}

named! {
    /// The account holder's part in the case.
    Role {
        Suspect = "suspect",
        Victim = "victim",
        ThirdParty = "third-party",
        Unknown = "unknown",
    }
}

impl Question {
    /// A question with every fact filled in, for checking that the schema describes them.
    pub(super) fn sample() -> Question {
        let codes = || Codes::from([code("AA"), code("ZZ")]);
        let then = SimTime::from_unix_seconds(946_684_800);
        Question {
            act: Act::Disclose,
            instrument: InstrumentKind::Warrant,
            class: DataClass::Content,
            purpose: Purpose::Evidence,
            facts: Facts {
                moments: Moments { issued: then, received: then, decided: then, executed: then },
                process: Process {
                    proof: ProofLevel::ProbableCause,
                    issuer: AuthorityKind::Court,
                    validator: None,
                    issuing_in: codes(),
                    bound_by: BTreeSet::from(["some-court".parse().expect("this is a slug")]),
                    on_behalf_of: "AA".parse().expect("two upper-case letters"),
                    executes_for: None,
                    emergency: false,
                    secrecy_ordered: false,
                    enforcing_notified: false,
                    cleared: false,
                    term: Term::Stored,
                    extensions: 0,
                    many_subjects: false,
                    offence_years: 1,
                    offence_listed: false,
                    offence_in: codes(),
                },
                location: Location { rests_in: codes(), known: true, moving: false },
                presence: Presence {
                    served_in: codes(),
                    home_in: codes(),
                    established_in: codes(),
                    offers_in: codes(),
                },
                retrievable_from: codes(),
                key_custody: KeyCustody::Provider,
                holder: Holder {
                    resides_in: codes(),
                    residence_known: true,
                    national_of: codes(),
                    nationality_known: true,
                    declared_in: codes(),
                    role: Role::Unknown,
                    enterprise: false,
                    consent: false,
                },
                treaties: Treaties { mlat_with: codes(), agreement_with: codes() },
            },
        }
    }
}

fn code(text: &str) -> Jurisdiction {
    text.parse().expect("two upper-case letters")
}
