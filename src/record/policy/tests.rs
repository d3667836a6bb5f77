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
    let bad =
        ["qorum a", "group g 3 a b c dd\nquorum g", "about a country=IE", "about a country", "quorum", ""];
    let mut said: Vec<String> = bad.iter().map(|rest| small(rest).unwrap_err().to_string()).collect();
    said.push(read("log x+y+z\n").unwrap_err().to_string());
    insta::assert_snapshot!(said.join("\n"), @r"
    policy:10:1: unknown line `qorum`
      did you mean `quorum`?
      allowed: `log`, `witness`, `about`, `group`, `quorum`, `emergency`
    policy:10:1: no witness or group `dd` above this line
      allowed: `a`, `b`, `c`, `d`
    policy:10:1: `controlled-by=` is missing
    policy:10:1: `country` is not `name=value`
    policy:10:1: `quorum` with 0 words after it
      write `quorum <name>`
    policy: no line `quorum`: a policy names the log by its key (`log`), its witnesses, and who of them are enough (`quorum`)
    policy:1:1: `x+y+z` is not a verifier key of the form `name+id+base64`
    ");
}

/// Sentence by sentence: <https://c2sp.org/tlog-policy>.
#[test]
fn what_the_specification_allows_is_read() {
    let plain = "group g 3 a b c d\nquorum g";
    let good = small(plain).unwrap();
    for same in [
        "\t group \t g  3\ta b c d \t\n\n \t\nquorum\tg",
        "# one, with what is no ASCII: \u{e9}\u{2028}\n \t# two\ngroup g 3 a b c d\n#quorum b\nquorum g",
        "group g 03 a b c d\nquorum g",
    ] {
        assert_eq!(small(same).unwrap(), good, "{same}");
    }
    // Addresses are read over.
    let cast = Cast::new("small policy");
    let text = good.to_text();
    let log = text.lines().next().unwrap();
    let with_url = text.replacen(log, &format!("{log} https://log.example/"), 1);
    let key = cosigner(&cast.entropy, "a").verifier().to_string();
    let with_url = with_url.replacen(&key, &format!("{key} https://a.example/witness"), 1);
    assert_ne!(with_url, text);
    assert_eq!(read(&with_url).unwrap(), good);

    // A quorum of one witness; groups of groups; and lines of witnesses and groups that follow the quorum's.
    for rest in [
        "quorum a",
        "group x all a b\ngroup y any c d\ngroup both all x y\nquorum both",
        "quorum a\ngroup unused any b c",
    ] {
        let policy = small(rest).unwrap();
        assert_eq!(read(&policy.to_text()).unwrap(), policy, "{rest}");
    }

    // Names are bytes: a K and a Kelvin sign are two, and a space that is no ASCII belongs to its word.
    let names = text.replace("witness a ", "witness K ").replace("about a ", "about K ");
    let names = names.replace("witness b ", "witness \u{212a} ").replace("about b ", "about \u{212a} ");
    let names = names.replace("witness c ", "witness c\u{a0}c ").replace("about c ", "about c\u{a0}c ");
    let names = names.replace("3 a b c d", "3 K \u{212a} c\u{a0}c d");
    let policy = read(&names).unwrap();
    let ids: Vec<&str> = policy.witnesses().iter().map(|witness| witness.id.as_str()).collect();
    assert_eq!(ids, ["K", "\u{212a}", "c\u{a0}c", "d"]);
    assert_eq!(policy.to_text(), names);
}

#[test]
fn what_the_specification_forbids_is_refused() {
    let cast = Cast::new("small policy");
    let log = cast.policy.log().to_string();
    let a = cosigner(&cast.entropy, "a").verifier().to_string();
    let quorum = "\nquorum a";
    let said = |what: &str, rest: &str| format!("{what}: {}", small(rest).unwrap_err());
    let alone = |what: &str, text: &str| format!("{what}: {}", read(text).unwrap_err());
    let rows = [
        said("carriage return", &format!("group g 3 a b c d\r{quorum}")),
        said("form feed between words", &format!("group g 3 a b\u{c}c d{quorum}")),
        said("delete in a comment", &format!("# \u{7f}{quorum}")),
        alone("last line cut", "quorum no"),
        said("second log", &format!("log {log}{quorum}")),
        alone("log without key", "log\n"),
        alone("log with more than an address", &format!("log {log} https://log.example/ more\n")),
        alone("log with a witness's key", &format!("log {a}\n")),
        said("witness with a log's key", &format!("witness e {log}{quorum}")),
        said("witness's key twice", &format!("witness e {a}{quorum}")),
        said("witness's name twice", &format!("witness a {a}{quorum}")),
        said("witness with the name none", &format!("witness none {a}{quorum}")),
        said("group with a witness's name", &format!("group a 2 b c{quorum}")),
        said("group with the name none", &format!("group none 2 b c{quorum}")),
        said("group with none as a member", &format!("group g 2 b none{quorum}")),
        said("group in itself", &format!("group g all a g{quorum}")),
        said("group of what comes later", &format!("group g all a h\ngroup h all b c{quorum}")),
        said("group without members", &format!("group g all{quorum}")),
        said("member twice", &format!("group g 2 a a{quorum}")),
        said("none of the members", &format!("group g 0 a b c d{quorum}")),
        said("more than all", &format!("group g 5 a b c d{quorum}")),
        said("more than a number holds", &format!("group g 99999999999999999999999 a b c d{quorum}")),
        said("a number with a sign", &format!("group g +2 a b c d{quorum}")),
        said("a word for a number", &format!("group g most a b c d{quorum}")),
        said("two quorums", &format!("quorum a{quorum}")),
        said("no quorum", "group g 3 a b c d"),
        said("quorum of what comes later", "quorum g\ngroup g 3 a b c d"),
        said("quorum of two", "quorum a b"),
        // Allowed there; here a log is believed on nobody's word alone.
        said("nobody", "quorum none"),
        said("nobody in an emergency", &format!("emergency none{quorum}")),
    ];
    insta::assert_snapshot!(rows.join("\n"), @r"
    carriage return: policy:10:18: the control character 0x0d, where only tab and newline are allowed
      end lines with a newline alone
    form feed between words: policy:10:14: the control character 0x0c, where only tab and newline are allowed
    delete in a comment: policy:10:3: the control character 0x7f, where only tab and newline are allowed
    last line cut: policy:1:1: the last line does not end: something may be cut off
      if nothing is, end it with a newline
    second log: policy:10:1: a second `log`, where one is supported
    log without key: policy:1:1: `log` with 0 words after it
      write `log <verifier key> [<url>]`
    log with more than an address: policy:1:1: `log` with 3 words after it
      write `log <verifier key> [<url>]`
    log with a witness's key: policy:1:1: the key of log `rogatory.example/record/witness/a` is not a log's
    witness with a log's key: policy:10:1: the key of witness `e` is not a cosigner's
    witness's key twice: policy:10:1: `e` has the key of `a`, and would be counted twice
    witness's name twice: policy:10:1: the name `a` is taken
    witness with the name none: policy:10:1: the name `none` is taken
    group with a witness's name: policy:10:1: the name `a` is taken
    group with the name none: policy:10:1: the name `none` is taken
    group with none as a member: policy:10:1: no witness or group `none` above this line
      allowed: `a`, `b`, `c`, `d`
    group in itself: policy:10:1: no witness or group `g` above this line
      allowed: `a`, `b`, `c`, `d`
    group of what comes later: policy:10:1: no witness or group `h` above this line
      allowed: `a`, `b`, `c`, `d`
    group without members: policy:10:1: `group` with 2 words after it
      write `group <name> <any|all|number> <member>...`
    member twice: policy:10:1: `a` twice in one group, where it would count twice
    none of the members: policy:10:1: `0` of 4 members, where 1 to 4 are allowed
    more than all: policy:10:1: `5` of 4 members, where 1 to 4 are allowed
    more than a number holds: policy:10:1: `99999999999999999999999` of 4 members, where 1 to 4 are allowed
    a number with a sign: policy:10:1: `+2` is neither `any`, `all` nor a number
    a word for a number: policy:10:1: `most` is neither `any`, `all` nor a number
    two quorums: policy:11:1: a second `quorum`
    no quorum: policy: no line `quorum`: a policy names the log by its key (`log`), its witnesses, and who of them are enough (`quorum`)
    quorum of what comes later: policy:10:1: no witness or group `g` above this line
      allowed: `a`, `b`, `c`, `d`
    quorum of two: policy:10:1: `quorum` with 2 words after it
      write `quorum <name>`
    nobody: policy:10:1: `quorum none` asks nobody to cosign
      name a witness or a group; this program believes no log on its word alone
    nobody in an emergency: policy:10:1: `emergency none` asks nobody to cosign
      name a witness or a group; this program believes no log on its word alone
    ");
}

/// As many as it recommends that every reader takes.
#[test]
fn thirty_two_witnesses_and_groups_are_taken() {
    let cast = Cast::new("large policy");
    let many = |count: usize, rest: &str| {
        let mut text = format!("log {}\n", cast.policy.log());
        for n in 0..count {
            let key = cosigner(&cast.entropy, &format!("w{n}")).verifier().clone();
            let about = format!("about w{n} country=IE controlled-by=w{n} independent=yes outsider=no");
            text.push_str(&format!("witness w{n} {key}\n{about}\n"));
        }
        read(&format!("{text}{rest}\n"))
    };
    let names = |range: std::ops::Range<usize>| range.map(|n| format!(" w{n}")).collect::<String>();
    let fourths: String = (0..4).map(|n| format!("group q{n} 5{}\n", names(n * 8..n * 8 + 8))).collect();
    let chain: String = (5..32).map(|n| format!("group q{n} any q{}\n", n - 1)).collect();
    let policy = many(32, &format!("{fourths}group q4 3 q0 q1 q2 q3\n{chain}quorum q31")).unwrap();
    assert_eq!(read(&policy.to_text()).unwrap(), policy);
    // Half of the fourths: the other half is another quorum.
    let disjoint = many(32, &format!("{fourths}group q4 2 q0 q1 q2 q3\nquorum q4")).unwrap_err();
    assert!(disjoint.to_string().contains("two histories could both be believed"), "{disjoint}");

    let too_many = many(33, "quorum w0").unwrap_err();
    assert!(too_many.to_string().ends_with("33 witnesses, where 32 are supported"), "{too_many}");
    let groups: String = (0..65).map(|n| format!("group g{n} any w0\n")).collect();
    let too_many = many(1, &format!("{groups}quorum w0")).unwrap_err();
    assert!(too_many.to_string().ends_with("65 groups, where 64 are supported"), "{too_many}");

    // Every witness in a group of its own: as many splits as there are sets.
    let each: String = (0..32).map(|n| format!("group g{n} any w{n}\n")).collect();
    let members: String = (0..32).map(|n| format!(" g{n}")).collect();
    let intricate = many(32, &format!("{each}group all-of-them 17{members}\nquorum all-of-them"));
    assert!(intricate.unwrap_err().to_string().contains("too intricate"));
}

/// Against the meaning of the words, on every policy of three witnesses and two groups.
#[test]
fn two_quorums_are_found_disjoint_where_trying_all_sets_finds_it() {
    let cast = Cast::small("all small policies");
    let base = cast.policy;
    let members: Vec<Vec<Member>> =
        (1..8u8).map(|set| (0..3).filter(|n| set & (1 << n) != 0).map(Member::Witness).collect()).collect();
    let (mut refused, mut taken) = (0, 0);
    for first in &members {
        for second in &members {
            for (needed, needed_too) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
                for emergency in [None, Some(Member::Witness(2)), Some(Member::Group(0))] {
                    let mut second = second.clone();
                    second.push(Member::Group(0));
                    let group = |needed, members| Group { name: format!("g{needed}"), needed, members };
                    let groups = vec![group(needed, first.clone()), group(needed_too, second)];
                    let policy = Policy { groups, quorum: Member::Group(1), emergency, ..base.clone() };
                    if !policy.is_enough(7) {
                        continue;
                    }
                    let disjoint = (0..8).any(|set| policy.is_enough(set) && policy.is_enough(7 & !set));
                    match policy.check_sound() {
                        Ok(()) => assert!(!disjoint, "{policy:?}"),
                        Err(PolicyError::Disjoint(_)) => assert!(disjoint, "{policy:?}"),
                        Err(other) => panic!("{other}: {policy:?}"),
                    }
                    if disjoint { refused += 1 } else { taken += 1 }
                }
            }
        }
    }
    assert!(refused > 50 && taken > 50, "{refused} {taken}");
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
