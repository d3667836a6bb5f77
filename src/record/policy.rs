//! Who has to cosign a checkpoint before anybody acts on it.
//!
//! The text is that of C2SP tlog-policy: lines `log`, `witness`, `group`, `quorum`. Two things are added, because the rule
//! needs them: `about` says of a witness what a reader should know (country, by whom it is controlled, whether it is
//! independent, whether it is an outsider), and `emergency` names a second quorum that is never used unless somebody says
//! so. And a witness may stand in several groups, since "more than half of the independent ones, one of them abroad, one of
//! them an outsider" cannot be said otherwise.
//!
//! A policy is refused when two of its quorums could be disjoint: then two histories could both be believed without
//! any witness cheating.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::checkpoint::{CheckpointError, SignedCheckpoint};
use super::key::{KeyKind, VerifierKey};
use crate::clock::SimTime;
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::world::Country;

/// How far ahead of one's own clock a cosignature may be, in seconds.
const CLOCK_SKEW_SECONDS: i64 = 300;

/// One witness, and what a reader should know of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PolicyWitness {
    /// Its name in the policy, such as the region it runs in.
    pub id: String,
    pub key: VerifierKey,
    pub country: Country,
    /// Who can order it.
    pub controlled_by: String,
    /// Head office cannot use its keys: a region where head office holds no wrap, or an outsider.
    pub independent: bool,
    /// Run by somebody who is no part of the provider.
    pub outsider: bool,
}

/// A log, its witnesses, and which sets of them are enough.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    log: VerifierKey,
    witnesses: Vec<PolicyWitness>,
    groups: Vec<Group>,
    quorum: Member,
    emergency: Option<Member>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Group {
    name: String,
    needed: usize,
    members: Vec<Member>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Member {
    Witness(usize),
    Group(usize),
}

/// Which quorum has to be there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Accept {
    #[default]
    NormalOnly,
    /// Also the emergency quorum that the policy names.
    Emergency,
}

/// A checkpoint's cosignatures, counted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Quorum {
    /// Who cosigned, in the order of the policy, and when.
    pub cosigners: Vec<Cosigned>,
    /// True if at least one of them is an outsider.
    pub outsider: bool,
    /// True if this is only the emergency quorum.
    pub emergency: bool,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Cosigned {
    pub witness: String,
    pub time: SimTime,
}

impl Policy {
    /// The most witnesses a policy may have; all sets of them are tried when it is read.
    pub const WITNESSES_MAX: usize = 20;

    /// The rule of this project: more than half of the independent witnesses, at least one of them outside the home country
    /// and one an outsider. The emergency quorum is all outsiders and any independent region.
    pub fn standard(
        log: VerifierKey,
        home: &Country,
        witnesses: Vec<PolicyWitness>,
    ) -> Result<Self, PolicyError> {
        let which = |keep: &dyn Fn(&PolicyWitness) -> bool| -> Vec<Member> {
            let kept = witnesses.iter().enumerate().filter(|(_, witness)| keep(witness));
            kept.map(|(place, _)| Member::Witness(place)).collect()
        };
        let independent = which(&|w| w.independent);
        let abroad = which(&|w| w.independent && w.country != *home);
        let outsiders = which(&|w| w.independent && w.outsider);
        let regions = which(&|w| w.independent && !w.outsider);
        if outsiders.is_empty() {
            return Err(PolicyError::NoOutsider);
        }
        if abroad.is_empty() {
            return Err(PolicyError::AllAtHome(home.clone()));
        }
        let all_outsiders = outsiders.len();
        let mut groups = vec![
            Group { name: "majority".into(), needed: independent.len() / 2 + 1, members: independent },
            Group { name: "abroad".into(), needed: 1, members: abroad },
            Group { name: "outsider".into(), needed: 1, members: outsiders.clone() },
            Group { name: "normal".into(), needed: 3, members: (0..3).map(Member::Group).collect() },
            Group { name: "all-outsiders".into(), needed: all_outsiders, members: outsiders },
        ];
        let mut emergency = Member::Group(4);
        if !regions.is_empty() {
            groups.push(Group { name: "any-region".into(), needed: 1, members: regions });
            groups.push(Group {
                name: "lifeline".into(),
                needed: 2,
                members: vec![Member::Group(4), Member::Group(5)],
            });
            emergency = Member::Group(6);
        }
        let policy = Policy { log, witnesses, groups, quorum: Member::Group(3), emergency: Some(emergency) };
        policy.check_sound()?;
        Ok(policy)
    }

    /// The log's key; its name is the origin.
    pub fn log(&self) -> &VerifierKey {
        &self.log
    }

    pub fn witnesses(&self) -> &[PolicyWitness] {
        &self.witnesses
    }

    /// The witness of this name.
    pub fn witness(&self, id: &str) -> Option<&PolicyWitness> {
        self.witnesses.iter().find(|witness| witness.id == id)
    }

    /// Checks the log's signature and every known witness's, and whether they are enough.
    pub fn check(&self, checkpoint: &SignedCheckpoint, accept: Accept) -> Result<Quorum, QuorumError> {
        self.count(checkpoint, accept, |_| true)
    }

    /// As [`Policy::check`], counting only cosignatures that are at most `age_max_seconds` old at `now` (real time).
    pub fn check_fresh(
        &self,
        checkpoint: &SignedCheckpoint,
        accept: Accept,
        now: SimTime,
        age_max_seconds: i64,
    ) -> Result<Quorum, QuorumError> {
        let all = self.check(checkpoint, accept)?;
        let fresh = |time: i64| {
            let age = now.unix_seconds().saturating_sub(time);
            age <= age_max_seconds && age >= -CLOCK_SKEW_SECONDS
        };
        self.count(checkpoint, accept, fresh).map_err(|_| QuorumError::Stale {
            fresh: all.cosigners.iter().filter(|c| fresh(c.time.unix_seconds())).count(),
            all: all.cosigners.len(),
            age_max_seconds,
        })
    }

    fn count(
        &self,
        checkpoint: &SignedCheckpoint,
        accept: Accept,
        counts: impl Fn(i64) -> bool,
    ) -> Result<Quorum, QuorumError> {
        checkpoint.check_log(&self.log).map_err(QuorumError::Checkpoint)?;
        let mut set = 0u32;
        let mut cosigners = Vec::new();
        for (place, witness) in self.witnesses.iter().enumerate() {
            let time = checkpoint.cosigned_by(&witness.key).map_err(QuorumError::Checkpoint)?;
            if let Some(time) = time.filter(|time| counts(*time)) {
                set |= 1 << place;
                let time = SimTime::from_unix_seconds(time);
                cosigners.push(Cosigned { witness: witness.id.clone(), time });
            }
        }
        let outsider = self.outsider_in(set);
        if self.holds(self.quorum, set) {
            return Ok(Quorum { cosigners, outsider, emergency: false });
        }
        match (accept, self.emergency) {
            (Accept::Emergency, Some(emergency)) if self.holds(emergency, set) => {
                Ok(Quorum { cosigners, outsider, emergency: true })
            }
            _ => Err(QuorumError::TooFew {
                cosigners: cosigners.into_iter().map(|c| c.witness).collect(),
                witnesses: self.witnesses.len(),
            }),
        }
    }

    /// True if these witnesses, by their place in the policy, are a normal quorum.
    pub(super) fn is_normal(&self, places: impl Iterator<Item = usize>) -> bool {
        self.holds(self.quorum, places.fold(0, |set, place| set | 1 << place))
    }

    /// True if they are the emergency quorum; there may be none.
    pub(super) fn is_emergency(&self, places: impl Iterator<Item = usize>) -> bool {
        let set = places.fold(0, |set, place| set | 1 << place);
        self.emergency.is_some_and(|emergency| self.holds(emergency, set))
    }

    fn outsider_in(&self, set: u32) -> bool {
        self.witnesses.iter().enumerate().any(|(place, w)| w.outsider && set & (1 << place) != 0)
    }

    fn holds(&self, member: Member, set: u32) -> bool {
        match member {
            Member::Witness(place) => set & (1 << place) != 0,
            Member::Group(place) => {
                let group = &self.groups[place];
                group.members.iter().filter(|member| self.holds(**member, set)).count() >= group.needed
            }
        }
    }

    fn is_enough(&self, set: u32) -> bool {
        self.holds(self.quorum, set) || self.emergency.is_some_and(|member| self.holds(member, set))
    }

    /// A set of witnesses and all the others must never both be enough. As more witnesses never make less, that is the
    /// same as: any two quorums have a witness in common.
    fn check_sound(&self) -> Result<(), PolicyError> {
        if self.witnesses.len() > Policy::WITNESSES_MAX {
            return Err(PolicyError::TooMany(self.witnesses.len()));
        }
        for (place, witness) in self.witnesses.iter().enumerate() {
            for word in [&witness.id, &witness.controlled_by] {
                if word.is_empty() || word.contains(|c: char| c.is_whitespace() || c.is_control()) {
                    return Err(PolicyError::Word(word.clone()));
                }
            }
            if self.groups.iter().any(|group| group.name == witness.id) {
                return Err(PolicyError::Twice(witness.id.clone()));
            }
            if witness.key.kind() != KeyKind::Cosigner {
                return Err(PolicyError::NotACosigner(witness.id.clone()));
            }
            for other in &self.witnesses[..place] {
                if other.key.key_bytes() == witness.key.key_bytes() || other.id == witness.id {
                    return Err(PolicyError::Twice(witness.id.clone()));
                }
            }
        }
        if self.log.kind() != KeyKind::Log {
            return Err(PolicyError::NotALog(self.log.name().to_owned()));
        }
        let everybody = (1u32 << self.witnesses.len()) - 1;
        if !self.is_enough(everybody) {
            return Err(PolicyError::OutOfReach);
        }
        match (0..=everybody / 2).find(|set| self.is_enough(*set) && self.is_enough(everybody & !set)) {
            None => Ok(()),
            Some(set) => {
                let names = self.witnesses.iter().enumerate().filter(|(place, _)| set & (1 << place) != 0);
                let names = names.map(|(_, w)| w.id.clone()).collect();
                Err(PolicyError::Disjoint(names))
            }
        }
    }

    /// The policy as text; [`Policy::read`] reads it back.
    pub fn to_text(&self) -> String {
        let mut text = format!("log {}\n\n", self.log);
        for w in &self.witnesses {
            let _ = writeln!(text, "witness {} {}", w.id, w.key);
        }
        text.push('\n');
        for w in &self.witnesses {
            let yes_no = |yes| if yes { "yes" } else { "no" };
            let _ = writeln!(
                text,
                "about {} country={} controlled-by={} independent={} outsider={}",
                w.id,
                w.country,
                w.controlled_by,
                yes_no(w.independent),
                yes_no(w.outsider)
            );
        }
        text.push('\n');
        for group in &self.groups {
            let _ = write!(text, "group {} {}", group.name, group.needed);
            for member in &group.members {
                let _ = write!(text, " {}", self.name_of(*member));
            }
            text.push('\n');
        }
        let _ = writeln!(text, "quorum {}", self.name_of(self.quorum));
        if let Some(emergency) = self.emergency {
            let _ = writeln!(text, "emergency {}", self.name_of(emergency));
        }
        text
    }

    fn name_of(&self, member: Member) -> &str {
        match member {
            Member::Witness(place) => &self.witnesses[place].id,
            Member::Group(place) => &self.groups[place].name,
        }
    }

    /// Reads the text of a policy.
    pub fn read(file: &SourceFile) -> Result<Self, Diagnostic> {
        let mut reader = Reader::default();
        let mut start = 0;
        for line in file.text().split_inclusive('\n') {
            let span = start..start + line.trim_end().len();
            start += line.len();
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            if words.first().is_none_or(|word| word.starts_with('#')) {
                continue;
            }
            reader.line(&words).map_err(|wrong| {
                let error = file.at(span, wrong.what);
                if wrong.allowed.is_empty() {
                    error
                } else {
                    error.allowed(&wrong.found, wrong.allowed.iter().map(String::as_str))
                }
            })?;
        }
        reader.finish().map_err(|error| Diagnostic::about_file(file.path(), error.to_string()))
    }
}

#[derive(Default)]
struct Reader {
    log: Option<VerifierKey>,
    witnesses: Vec<(String, VerifierKey)>,
    about: BTreeMap<usize, About>,
    groups: Vec<Group>,
    quorum: Option<Member>,
    emergency: Option<Member>,
}

struct About {
    country: Country,
    controlled_by: String,
    independent: bool,
    outsider: bool,
}

struct Wrong {
    what: String,
    found: String,
    allowed: Vec<String>,
}

impl From<String> for Wrong {
    fn from(what: String) -> Self {
        Wrong { what, found: String::new(), allowed: Vec::new() }
    }
}

impl Reader {
    fn line(&mut self, words: &[&str]) -> Result<(), Wrong> {
        match words {
            ["log", key, ..] if words.len() <= 3 => {
                let key = key.parse().map_err(|error| format!("{error}"))?;
                if self.log.replace(key).is_some() {
                    return Err("a second `log`, where one is supported".to_owned().into());
                }
            }
            ["witness", name, key, ..] if words.len() <= 4 => {
                self.check_new(name)?;
                let key = key.parse().map_err(|error| format!("{error}"))?;
                self.witnesses.push(((*name).to_owned(), key));
            }
            ["about", name, facts @ ..] => {
                let Member::Witness(place) = self.known(name)? else {
                    return Err(format!("`{name}` is a group, and `about` is said of a witness").into());
                };
                if self.about.insert(place, About::read(facts)?).is_some() {
                    return Err(format!("a second `about {name}`").into());
                }
            }
            ["group", name, needed, members @ ..] => {
                self.check_new(name)?;
                let members = members.iter().map(|m| self.known(m)).collect::<Result<Vec<_>, _>>()?;
                let needed = match *needed {
                    "any" => 1,
                    "all" => members.len(),
                    number => number
                        .parse()
                        .map_err(|_| format!("`{number}` is neither `any`, `all` nor a number"))?,
                };
                if let Some(twice) = (1..members.len()).find(|i| members[..*i].contains(&members[*i])) {
                    let name = words[3 + twice];
                    return Err(format!("`{name}` twice in one group, where it would count twice").into());
                }
                if needed < 1 || needed > members.len() {
                    return Err(format!("{needed} of {} members can never be", members.len()).into());
                }
                self.groups.push(Group { name: (*name).to_owned(), needed, members });
            }
            ["quorum", name] => {
                if self.quorum.replace(self.known(name)?).is_some() {
                    return Err("a second `quorum`".to_owned().into());
                }
            }
            ["emergency", name] => {
                if self.emergency.replace(self.known(name)?).is_some() {
                    return Err("a second `emergency`".to_owned().into());
                }
            }
            [word, ..] => {
                let known = ["log", "witness", "about", "group", "quorum", "emergency"];
                if known.contains(word) {
                    return Err(format!("`{word}` with {} words after it", words.len() - 1).into());
                }
                return Err(Wrong {
                    what: format!("unknown line `{word}`"),
                    found: (*word).to_owned(),
                    allowed: known.map(str::to_owned).to_vec(),
                });
            }
            [] => {}
        }
        Ok(())
    }

    fn names(&self) -> impl Iterator<Item = (&str, Member)> {
        let witnesses = self.witnesses.iter().enumerate();
        let groups = self.groups.iter().enumerate();
        witnesses
            .map(|(place, (name, _))| (name.as_str(), Member::Witness(place)))
            .chain(groups.map(|(place, group)| (group.name.as_str(), Member::Group(place))))
    }

    fn check_new(&self, name: &str) -> Result<(), Wrong> {
        if name == "none" || self.names().any(|(known, _)| known == name) {
            return Err(format!("the name `{name}` is taken").into());
        }
        Ok(())
    }

    fn known(&self, name: &str) -> Result<Member, Wrong> {
        self.names().find(|(known, _)| *known == name).map(|(_, member)| member).ok_or_else(|| Wrong {
            what: format!("no witness or group `{name}` above this line"),
            found: name.to_owned(),
            allowed: self.names().map(|(known, _)| known.to_owned()).collect(),
        })
    }

    fn finish(mut self) -> Result<Policy, PolicyError> {
        let log = self.log.ok_or(PolicyError::Missing("log"))?;
        let quorum = self.quorum.ok_or(PolicyError::Missing("quorum"))?;
        let mut witnesses = Vec::with_capacity(self.witnesses.len());
        for (place, (id, key)) in self.witnesses.into_iter().enumerate() {
            let about = self.about.remove(&place).ok_or_else(|| PolicyError::NothingAbout(id.clone()))?;
            let About { country, controlled_by, independent, outsider } = about;
            witnesses.push(PolicyWitness { id, key, country, controlled_by, independent, outsider });
        }
        let policy = Policy { log, witnesses, groups: self.groups, quorum, emergency: self.emergency };
        policy.check_sound()?;
        Ok(policy)
    }
}

impl About {
    fn read(facts: &[&str]) -> Result<Self, String> {
        let mut found = BTreeMap::new();
        for fact in facts {
            let (name, value) = fact.split_once('=').ok_or(format!("`{fact}` is not `name=value`"))?;
            if !["country", "controlled-by", "independent", "outsider"].contains(&name) {
                return Err(format!("unknown fact `{name}`"));
            }
            if found.insert(name, value).is_some() {
                return Err(format!("`{name}` said twice"));
            }
        }
        let take = |name| found.get(name).copied().ok_or(format!("`{name}=` is missing"));
        let yes_no = |name| match take(name)? {
            "yes" => Ok(true),
            "no" => Ok(false),
            other => Err(format!("`{name}={other}`, where `yes` and `no` are allowed")),
        };
        Ok(About {
            country: take("country")?.parse().map_err(|error| format!("{error}"))?,
            controlled_by: take("controlled-by")?.to_owned(),
            independent: yes_no("independent")?,
            outsider: yes_no("outsider")?,
        })
    }
}

/// Why a checkpoint is not enough to act on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuorumError {
    #[error(transparent)]
    Checkpoint(CheckpointError),
    #[error("no quorum: cosigned by {} of {witnesses} witnesses ({})", cosigners.len(), cosigners.join(", "))]
    TooFew { cosigners: Vec<String>, witnesses: usize },
    #[error("no fresh quorum: {fresh} of {all} cosignatures are at most {age_max_seconds} seconds old")]
    Stale { fresh: usize, all: usize, age_max_seconds: i64 },
}

/// Why a policy is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    #[error("no line `{0}`")]
    Missing(&'static str),
    #[error("no line `about {0}`")]
    NothingAbout(String),
    #[error("no independent witness is an outsider, and a quorum needs one")]
    NoOutsider,
    #[error("every independent witness is in the home country `{0}`, and a quorum needs one abroad")]
    AllAtHome(Country),
    #[error("{0} witnesses, where {max} are supported", max = Policy::WITNESSES_MAX)]
    TooMany(usize),
    #[error("the name or key of witness `{0}` appears twice")]
    Twice(String),
    #[error("`{0}` in a policy, where one word without spaces is allowed")]
    Word(String),
    #[error("the key of witness `{0}` is not a cosigner's")]
    NotACosigner(String),
    #[error("the key of log `{0}` is not a log's")]
    NotALog(String),
    #[error("all witnesses together are not a quorum")]
    OutOfReach,
    #[error("{} could be a quorum, and all the others another one: two histories could both be believed", .0.join(", "))]
    Disjoint(Vec<String>),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::testing::{Cast, ORIGIN, cosigner};
    use crate::record::{Hash, TreeHead};

    fn read(text: &str) -> Result<Policy, Diagnostic> {
        Policy::read(&SourceFile::new("policy", text))
    }

    /// A log and witnesses a to d, with the rest of the policy as given.
    fn small(rest: &str) -> Result<Policy, Diagnostic> {
        let cast = Cast::new("small policy");
        let mut text = format!("log {}\n", cast.policy.log());
        for id in ["a", "b", "c", "d"] {
            let key = cosigner(&cast.entropy, id).verifier().clone();
            text.push_str(&format!("witness {id} {key}\n"));
            text.push_str(&format!("about {id} country=IE controlled-by={id} independent=yes outsider=no\n"));
        }
        read(&format!("{text}{rest}\n"))
    }

    #[test]
    fn the_standard_policy_reads_back() {
        let policy = Cast::new("policy").policy;
        assert_eq!(read(&policy.to_text()).unwrap(), policy);
        assert_eq!(policy.log().name(), ORIGIN);
        let counted = |text: &str| policy.to_text().lines().filter(|line| line.starts_with(text)).count();
        assert_eq!((counted("witness "), counted("about "), counted("group ")), (11, 11, 7));
        // Five independent regions and the university: four of six.
        assert!(
            policy
                .to_text()
                .contains("\ngroup majority 4 de-frankfurt fr-paris ch-zurich ca-montreal au-sydney uni\n")
        );
    }

    #[test]
    fn quorums_that_could_be_disjoint_are_refused() {
        let what = |rest: &str| small(rest).err().map(|error| error.to_string());
        assert_eq!(what("group g 3 a b c d\nquorum g"), None);
        assert_eq!(what("group g all a b\nquorum g"), None);
        for two in [
            "group g 2 a b c d\nquorum g",
            "group g any a b\nquorum g",
            "group g 3 a b c d\nquorum g\nemergency d",
        ] {
            assert!(what(two).unwrap().contains("two histories could both be believed"), "{two}");
        }
        assert_eq!(what("group g 3 a b c d\ngroup e all a b\nquorum g\nemergency e"), None);
    }

    #[test]
    fn a_bad_policy_says_where_and_what_is_allowed() {
        let bad = [
            "qorum a",
            "group g 3 a b c dd\nquorum g",
            "group g 5 a b c d",
            "group g 2 a a",
            "group a 2 b c",
            "group g most b c",
            "quorum a\nquorum a",
            "about a country=IE",
            "about a country",
            "quorum",
            "",
        ];
        let mut said: Vec<String> = bad.iter().map(|rest| small(rest).unwrap_err().to_string()).collect();
        said.extend(["quorum none", "log x+y+z"].iter().map(|text| read(text).unwrap_err().to_string()));
        insta::assert_snapshot!(said.join("\n"), @r"
        policy:10:1: unknown line `qorum`
          did you mean `quorum`?
          allowed: `log`, `witness`, `about`, `group`, `quorum`, `emergency`
        policy:10:1: no witness or group `dd` above this line
          allowed: `a`, `b`, `c`, `d`
        policy:10:1: 5 of 4 members can never be
        policy:10:1: `a` twice in one group, where it would count twice
        policy:10:1: the name `a` is taken
        policy:10:1: `most` is neither `any`, `all` nor a number
        policy:11:1: a second `quorum`
        policy:10:1: `controlled-by=` is missing
        policy:10:1: `country` is not `name=value`
        policy:10:1: `quorum` with 0 words after it
        policy: no line `quorum`
        policy:1:1: no witness or group `none` above this line
        policy:1:1: `x+y+z` is not a verifier key of the form `name+id+base64`
        ");
    }

    #[test]
    fn a_rule_that_cannot_be_kept_is_no_policy() {
        let cast = Cast::new("policy");
        let home = "US".parse().unwrap();
        let with = |keep: &dyn Fn(&PolicyWitness) -> bool| {
            let witnesses = cast.policy.witnesses().iter().filter(|w| keep(w)).cloned().collect();
            Policy::standard(cast.policy.log().clone(), &home, witnesses).unwrap_err()
        };
        assert_eq!(with(&|w| !w.outsider), PolicyError::NoOutsider);
        let mut twice = cast.policy.witnesses().to_vec();
        twice.push(PolicyWitness { id: "again".into(), ..twice[0].clone() });
        let twice = Policy::standard(cast.policy.log().clone(), &home, twice);
        assert_eq!(twice, Err(PolicyError::Twice("again".into())));
        let abroad = "NL".parse().unwrap();
        let only = cast.policy.witnesses().iter().filter(|w| w.outsider).cloned().collect();
        let only = Policy::standard(cast.policy.log().clone(), &abroad, only);
        assert_eq!(only, Err(PolicyError::AllAtHome(abroad)));
    }

    #[test]
    fn only_the_rule_counts_cosigners() {
        let cast = Cast::new("policy");
        let signer = crate::record::testing::log_signer(&cast.entropy);
        let checkpoint = SignedCheckpoint::sign(&signer, TreeHead { size: 3, hash: Hash([3; 32]) });
        let check = |ids: &[&str], accept| {
            let lines = ids.iter().map(|id| cosigner(&cast.entropy, id).cosign(1000, checkpoint.text()));
            cast.policy.check(&checkpoint.with_signatures(lines), accept)
        };
        let normal = |ids: &[&str]| check(ids, Accept::NormalOnly).is_ok();
        assert!(normal(&["uni", "fr-paris", "ch-zurich", "au-sydney"]));
        assert!(!normal(&["uni", "fr-paris", "ch-zurich"]));
        // Not independent: they count for nothing.
        assert!(!normal(&["uni", "fr-paris", "ch-zurich", "ie-dublin", "us-oregon", "us-virginia"]));
        // All independent regions, and no outsider.
        assert!(!normal(&["de-frankfurt", "fr-paris", "ch-zurich", "ca-montreal", "au-sydney"]));
        assert!(!normal(&["uni", "ch-zurich"]));
        let emergency = check(&["uni", "ch-zurich"], Accept::Emergency).unwrap();
        assert!(emergency.emergency && emergency.outsider);
        assert!(check(&["ch-zurich", "us-oregon"], Accept::Emergency).is_err());
        let all = check(&["uni", "fr-paris", "ch-zurich", "au-sydney"], Accept::Emergency).unwrap();
        assert!(!all.emergency);

        let four = ["uni", "fr-paris", "ch-zurich", "au-sydney"];
        let lines = four.iter().map(|id| cosigner(&cast.entropy, id).cosign(1000, checkpoint.text()));
        let cosigned = checkpoint.with_signatures(lines);
        let at = |now: i64| {
            cast.policy.check_fresh(&cosigned, Accept::NormalOnly, SimTime::from_unix_seconds(now), 60)
        };
        assert!(at(1060).is_ok() && at(700).is_ok());
        assert_eq!(at(1061), Err(QuorumError::Stale { fresh: 0, all: 4, age_max_seconds: 60 }));
        assert!(matches!(at(699), Err(QuorumError::Stale { .. })));
    }
}
