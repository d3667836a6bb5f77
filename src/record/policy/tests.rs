use super::*;
use crate::diagnostic::{Diagnostic, SourceFile};
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
