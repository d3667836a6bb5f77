//! The world: what it says, what it refuses to say, and how a scenario changes it.

use std::fmt::Write;

use rogatory::clock::SimTime;
use rogatory::diagnostic::SourceFile;
use rogatory::law::Treaties;
use rogatory::world::*;

fn standard() -> World {
    World::standard().unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn date(text: &str) -> rogatory::clock::Date {
    text.parse().unwrap()
}

fn country(code: &str) -> Country {
    code.parse().unwrap()
}

fn region(id: &str) -> RegionId {
    id.parse().unwrap()
}

fn court(id: &str) -> AuthorityId {
    id.parse().unwrap()
}

fn changed(text: &str) -> Result<World, String> {
    let file = SourceFile::new("scenario.toml", text);
    let changes = WorldChanges::read(&file, &["world"]).map_err(|wrong| wrong.to_string())?;
    standard().with(&changes).map_err(|wrong| wrong.to_string())
}

/// What is said about the standard world with one text in one file replaced.
fn edited(path: &str, old: &str, new: &str) -> String {
    let mut source = WorldSource::standard();
    let text = source.file(path).unwrap_or_else(|| panic!("{path}")).text();
    assert_eq!(text.matches(old).count(), 1, "`{old}` in {path}");
    let text = text.replace(old, new);
    source.put(path, SourceFile::new(path, text)).unwrap();
    World::from_source(source).map(|_| "nothing wrong".to_owned()).unwrap_or_else(|wrong| wrong.to_string())
}

const DUBLIN: &str = "regions/ie-dublin.toml";
const FRANKFURT: &str = "regions/de-frankfurt.toml";
const PROVIDER: &str = "config/provider.toml";
const COUNTRIES: &str = "config/countries.toml";
const TREATIES: &str = "config/treaties.toml";
const ROUTES: &str = "config/routes.toml";
const ROSTER: &str = "config/roster.toml";
const SDNY: &str = "config/authorities/us-sdny.toml";
const CA2: &str = "config/authorities/us-ca2.toml";

/// File, what stands there, what is written instead.
const MISTAKES: &[(&str, &str, &str)] = &[
    // Names of what is not there.
    (DUBLIN, "country = \"IE\"", "country = \"IR\""),
    (DUBLIN, "operator = \"ireland\"", "operator = \"irland\""),
    (DUBLIN, "key-custody = \"provider\"", "key-custody = \"regoin\""),
    (DUBLIN, "kind = \"fjall\"", "kind = \"sqlite\""),
    (
        PROVIDER,
        "    \"us-virginia\", \"us-oregon\", \"ie-dublin\"",
        "    \"us-virginia\", \"us-oregon\", \"ie-dubln\"",
    ),
    (PROVIDER, "[[placement.address-book]]", "[[placement.adress-book]]"),
    (PROVIDER, "rests-in = [{ nearest = \"declared-country\" }]", "rests-in = [{ region = \"us-virgina\" }]"),
    (SDNY, "bound-by = [\"us-ca2\"]", "bound-by = [\"us-ca-2\"]"),
    (SDNY, "reviewed-by = [\"us-ca2\"]", "reviewed-by = [\"us-ca22\"]"),
    (SDNY, "reviewed-by = [\"us-ca2\"]", "reviewed-by = [\"us-fbi\"]"),
    (SDNY, "reviewed-by = [\"us-ca2\"]", "reviewed-by = [\"ie-high-court\"]"),
    (SDNY, "reviewed-by = [\"us-ca2\"]", "reviewed-by = [\"us-sdny\"]"),
    (SDNY, "reviewed-by = [\"us-ca2\"]", "reviewed-by = [\"us-sdny-magistrate\"]"),
    (SDNY, "reviewed-by = [\"us-ca2\"]", "may-order = [\"frees\"]"),
    (ROUTES, "source = \"from memory: s. 75\"", "source = \"s. 75\""),
    (SDNY, "\"court-order\"", "\"court-oder\""),
    (SDNY, "kind = \"court\"", "kind = \"tribunal\""),
    (COUNTRIES, "zone = \"Europe/Dublin\"", "zone = \"Europe/Dubln\""),
    (COUNTRIES, "act = \"e-evidence\"", "act = \"e-evidense\""),
    (TREATIES, "parties = [\"US\", \"CH\"]", "parties = [\"US\", \"HC\"]"),
    (
        ROUTES,
        "treaty = \"us-ie-mlat\"\nuse-limit = \"only for the case stated in the request, unless Ireland",
        "treaty = \"us-ie-mlta\"\nuse-limit = \"only for the case stated in the request, unless Ireland",
    ),
    (ROUTES, "applied-for-by = \"ie-garda\"", "applied-for-by = \"ie-gard\""),
    (ROSTER, "country = \"NO\"", "country = \"NOR\""),
    // Keys, files and values that are not what belongs there.
    (DUBLIN, "operator =", "operater ="),
    (DUBLIN, "key-custody = \"provider\"\n", ""),
    (DUBLIN, "id = \"ie-dublin\"", "id = \"ie-dublin-2\""),
    (DUBLIN, "id = \"ie-dublin\"", "id = \"IE Dublin\""),
    (DUBLIN, "id = \"ie-dublin\"", "id = \"gb-london\""),
    (DUBLIN, "lat = 53.35", "lat = 153.35"),
    (DUBLIN, "name = \"Dublin\"", "name = \"\""),
    (DUBLIN, "name = \"Dublin\"", "name = \"Dublin"),
    (TREATIES, "in-force = 2009-08-11", "in-force = 2009-08-11T00:00:00Z"),
    (TREATIES, "in-force = 2009-08-11", "in-force = \"2009-08-11\""),
    (COUNTRIES, "from = 2020-02-01, until = 2021-01-01", "from = 2020-01-01, until = 2021-01-01"),
    (COUNTRIES, "from = 2020-02-01, until = 2021-01-01", "from = 2020-02-01, until = 2020-02-01"),
    (ROSTER, "controlled-by = \"fjord-university\"", "controlled-by = \"head-office\""),
    (ROSTER, "[witnesses.fjord-university]", "[witnesses.ie-dublin]"),
    // A witness that somebody else runs, told of by half, or by what is none.
    (ROSTER, "country = \"NO\"", "country = \"NO\"\nurl = \"http://127.0.0.1:7700/\""),
    (
        ROSTER,
        "country = \"NO\"",
        "country = \"NO\"\nurl = \"https://w.example/\"\n\
         verifier-key = \"witness.fjord.example+f0275c8f+BDVBw/g0f/UkRdNZV7NscIJJMR5BDsRFuo2WAejYSlRS\"",
    ),
    (
        ROSTER,
        "country = \"NO\"",
        "country = \"NO\"\nurl = \"http://w.example/\"\nverifier-key = \"w.example+f0275c8f+BDVB\"",
    ),
    (
        ROSTER,
        "country = \"NO\"",
        "country = \"NO\"\nurl = \"http://w.example/\"\n\
         verifier-key = \"example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\"",
    ),
    // A placement that names no region.
    (PROVIDER, "rests-in = [{ nearest = \"declared-country\" }]", "rests-in = []"),
    (
        PROVIDER,
        "rests-in = [{ nearest = \"declared-country\" }]",
        "rests-in = [{ nearest = \"declared-country\", among = [] }]",
    ),
    (PROVIDER, "rests-in = [{ nearest = \"declared-country\" }]", "rests-in = [{}]"),
    (PROVIDER, "rests-in = [{ nearest = \"declared-country\" }]", "rests-in = [{ nearest = \"residence\" }]"),
    // Dates out of order.
    (PROVIDER, "from = 2018-03-23\n", ""),
    (PROVIDER, "[[placement.content]]\n", "[[placement.content]]\nfrom = 2013-01-01\n"),
    // A world that contradicts itself.
    (ROUTES, "requesting = \"IE\"\nrequested = \"US\"", "requesting = \"US\"\nrequested = \"IE\""),
    (ROUTES, "requesting = \"IE\"\nrequested = \"US\"", "requesting = \"GB\"\nrequested = \"US\""),
    (TREATIES, "parties = [\"US\", \"CH\"]", "parties = [\"US\", \"CH\", \"FR\"]"),
    (TREATIES, "in-force = 2009-08-11", "in-force = 2009-08-11\nuntil = 2009-08-11"),
    (FRANKFURT, "key-custody = \"region\"", "key-custody = \"provider\""),
    (FRANKFURT, "operator = \"german-trustee\"", "operator = \"france\""),
    (PROVIDER, "relation = \"head-office\"", "relation = \"branch\""),
    (
        PROVIDER,
        "name = \"Post Example UK Ltd\"\nrelation = \"subsidiary\"",
        "name = \"Post Example UK Ltd\"\nrelation = \"head-office\"",
    ),
    (
        PROVIDER,
        "name = \"Post Example UK Ltd\"\nrelation = \"subsidiary\"",
        "name = \"Post Example UK Ltd\"\nrelation = \"branch\"",
    ),
    (PROVIDER, "\"fr-paris\", \"ch-zurich\",", "\"fr-paris\", \"de-frankfurt\","),
    (PROVIDER, "established-in = [\"GB\"]", "established-in = []"),
    (CA2, "bound-by = [\"us-supreme-court\"]", "bound-by = [\"us-sdny\"]"),
    (CA2, "bound-by = [\"us-supreme-court\"]", "bound-by = [\"us-ca2\"]"),
    (CA2, "bound-by = [\"us-supreme-court\"]", "bound-by = [\"us-fbi\"]"),
    (CA2, "bound-by = [\"us-supreme-court\"]", "bound-by = [\"ie-high-court\"]"),
    (COUNTRIES, "[blocs.EU]", "[blocs.FR]"),
    (
        "config/authorities/us-fbi.toml",
        "kind = \"police\"\n",
        "kind = \"police\"\ncentral-authority = true\n",
    ),
    (ROUTES, "issued-by = \"ie-district-court\"", "issued-by = \"gb-crown-court\""),
    (ROUTES, "issued-by = \"ie-district-court\"", "issued-by = \"ie-supreme-court\""),
    (
        ROUTES,
        "after-stage = \"execute\"\ninstrument = \"local-order\"",
        "after-stage = \"exekute\"\ninstrument = \"local-order\"",
    ),
    (ROUTES, "hours = [2, 3,", "hours = [3, 2,"),
    (ROUTES, "hours = [2, 3,", "hours = [3,"),
    // Keys that are not keys, or not these.
    (SDNY, "signing-key = \"ed25519:", "signing-key = \"rsa:"),
    (SDNY, "recipient-key = \"x25519:", "recipient-key = \"x25519:AAAA"),
    (ROSTER, "demo-seed = \"rogatory demo roster 1\"", "demo-seed = \"\""),
];

/// The findings that say what is wrong and not what to do.
fn without_advice(said: &str) -> impl Iterator<Item = &str> {
    let lines: Vec<&str> = said.lines().collect();
    let bare = move |at: &usize| {
        let advised = lines.get(at + 1).is_some_and(|next| next.starts_with("  "));
        // A key that is missing is to be written, and a grammar says itself what is allowed.
        let enough = ["missing key `", "does not start with", "expected ", "is not a region id: "];
        (!lines[*at].starts_with("  ") && !advised && !enough.iter().any(|part| lines[*at].contains(part)))
            .then_some(lines[*at])
    };
    (0..said.lines().count()).filter_map(move |at| bare(&at))
}

#[test]
fn every_mistake_is_found_where_it_was_made() {
    let (mut all, mut bare) = (String::new(), Vec::new());
    for (path, old, new) in MISTAKES {
        let said = edited(path, old, new);
        assert_ne!(said, "nothing wrong", "{path}: `{old}` -> `{new}`");
        bare.extend(without_advice(&said).map(str::to_owned));
        let (old, new) = (old.lines().next().unwrap_or(""), new.lines().last().unwrap_or(""));
        writeln!(all, "# {old}  ->  {new}\n{said}\n").unwrap();
    }
    insta::assert_snapshot!(all);
    assert!(bare.is_empty(), "{bare:#?}");
}

#[test]
fn a_key_that_the_demo_seed_does_not_give_is_answered_with_the_right_one() {
    let path = "config/authorities/us-sdny.toml";
    let text = WorldSource::standard().file(path).unwrap().text().to_owned();
    let line = |text: &str, key: &str| text.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
    let other = WorldSource::standard().file("config/authorities/us-ca2.toml").unwrap().text().to_owned();
    for key in ["signing-key", "recipient-key"] {
        let said = edited(path, &line(&text, key), &line(&other, key));
        assert!(said.contains(&format!("not the {key}")), "{said}");
        assert!(said.contains(&format!("write: {}", line(&text, key))), "{said}");
    }
}

#[test]
fn a_missing_file_and_an_empty_folder_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let empty = World::load(folder.path()).unwrap_err().to_string();
    assert!(empty.contains("holds no file of a world"), "{empty}");
    std::fs::create_dir_all(folder.path().join("regions")).unwrap();
    std::fs::write(folder.path().join(DUBLIN), WorldSource::standard().file(DUBLIN).unwrap().text()).unwrap();
    let missing = World::load(folder.path()).unwrap_err().to_string();
    assert!(missing.contains("config/provider.toml: this file is missing"), "{missing}");
}

#[test]
fn the_folder_and_the_binary_hold_the_same_world() {
    let folder = World::load(std::path::Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    assert_eq!(folder.digest(), standard().digest());
    assert_eq!(folder.roster_digest(), standard().roster_digest());
}

#[test]
fn a_digest_changes_with_what_it_covers() {
    let plain = standard();
    let dublin = changed("[world.regions.ie-dublin]\nkey-custody = \"region\"\n").unwrap();
    assert_ne!(plain.digest(), dublin.digest());
    assert_eq!(plain.roster_digest(), dublin.roster_digest());
    let court = changed("[world.authorities.us-sdny]\nname = \"Another name\"\n").unwrap();
    assert_ne!(plain.digest(), court.digest());
    assert_ne!(plain.roster_digest(), court.roster_digest());
}

#[test]
fn placement_of_2013() {
    let world = standard();
    let rests = |class, declared: &str| {
        let regions = world.regions_for(class, &country(declared), date("2013-06-01")).unwrap();
        regions.iter().map(RegionId::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(rests(DataClass::Content, "IE"), "ie-dublin");
    assert_eq!(rests(DataClass::AddressBook, "IE"), "us-virginia");
    assert_eq!(rests(DataClass::Traffic, "IE"), "us-virginia");
    assert_eq!(rests(DataClass::Traffic, "US"), "us-virginia");
    assert_eq!(rests(DataClass::Subscriber, "IE"), "us-virginia");
    assert_eq!(rests(DataClass::AccessLog, "IE"), "us-virginia");
    assert_eq!(rests(DataClass::Key, "IE"), "");
    for (declared, region) in [
        ("US", "us-virginia"),
        ("GB", "gb-london"),
        ("BR", "br-saopaulo"),
        ("DE", "de-frankfurt"),
        ("FR", "fr-paris"),
        ("CH", "ch-zurich"),
        ("CA", "ca-montreal"),
        ("AU", "au-sydney"),
        ("NZ", "au-sydney"),
        ("IS", "ie-dublin"),
        ("JP", "au-sydney"),
        ("BE", "fr-paris"),
    ] {
        assert_eq!(rests(DataClass::Content, declared), region, "{declared}");
    }
    let unknown = world.regions_for(DataClass::Content, &country("XX"), date("2013-06-01"));
    assert!(unknown.unwrap_err().to_string().starts_with("unknown country `XX`"));
}

#[test]
fn equally_near_regions_are_taken_in_order_of_their_ids() {
    let twins = |first: &str, second: &str| {
        let region = |id: &str| {
            format!(
                "[world.regions.{id}]\nname = \"Twin\"\ncountry = \"IE\"\noperator = \"ireland\"\nkey-custody = \"region\"\n\
             coordinates = {{ lat = 53.35, lon = -6.26 }}\nstore = {{ kind = \"fjall\" }}\n"
            )
        };
        changed(&(region(first) + &region(second))).unwrap()
    };
    let world = twins("ie-zz", "ie-aa");
    let near = world.provider().placement().by_distance(&country("IE"));
    let near: Vec<&str> = near.iter().take(3).map(RegionId::as_str).collect();
    assert_eq!(near, ["ie-aa", "ie-dublin", "ie-zz"]);
}

#[test]
fn the_stance_turns_with_the_date_at_head_office() {
    let world = standard();
    let stance = |at: &str| world.provider().stance(at.parse::<SimTime>().unwrap()).compelled_foreign;
    assert_eq!(stance("2013-12-18T15:00:00Z"), Conduct::Contest);
    // Still 22 March in Washington.
    assert_eq!(stance("2018-03-23T03:59:59Z"), Conduct::Contest);
    assert_eq!(stance("2018-03-23T04:00:00Z"), Conduct::Comply);
}

#[test]
fn whom_a_ruling_binds() {
    let world = standard();
    let binds = |ruling: &str, on: &str| world.roster().binds(&court(ruling), &court(on));
    assert!(binds("us-ca2", "us-sdny"));
    assert!(binds("us-ca2", "us-sdny-magistrate"));
    assert!(binds("us-supreme-court", "us-sdny-magistrate"));
    assert!(binds("us-ca2", "us-ca2"));
    assert!(!binds("us-ca2", "us-edpa"));
    assert!(!binds("us-sdny", "us-ca2"));
    assert!(!binds("us-sdny", "us-sdny"));
    assert!(!binds("us-supreme-court", "ie-district-court"));
}

#[test]
fn treaties_by_date() {
    let world = standard();
    let mlat = |a: &str, b: &str, on: &str| {
        world.mlat_between(&country(a), &country(b), date(on)).map(|t| t.id().as_str().to_owned())
    };
    assert_eq!(mlat("US", "IE", "2009-08-10"), None);
    assert_eq!(mlat("US", "IE", "2009-08-11").as_deref(), Some("us-ie-mlat"));
    assert_eq!(mlat("IE", "US", "2016-07-15").as_deref(), Some("us-ie-mlat"));
    // No treaty of its own in this world, and the one of the Union.
    assert_eq!(mlat("US", "PL", "2010-01-31"), None);
    assert_eq!(mlat("US", "PL", "2010-02-01").as_deref(), Some("us-eu-mla-agreement"));
    // The Union's treaty with the United States says nothing between members.
    assert_eq!(mlat("FR", "DE", "2016-07-15").as_deref(), Some("coe-mla-convention"));
    assert_eq!(mlat("FR", "DE", "2017-05-22").as_deref(), Some("european-investigation-order"));
    assert_eq!(mlat("FR", "IE", "2018-01-01").as_deref(), Some("coe-mla-convention"));
    assert_eq!(mlat("FR", "GB", "2020-12-31").as_deref(), Some("european-investigation-order"));
    assert_eq!(mlat("FR", "GB", "2021-01-01").as_deref(), Some("coe-mla-convention"));
    assert_eq!(mlat("US", "US", "2018-01-01"), None);

    let of_us = |on: &str| Treaties::on(&world, &country("US"), date(on));
    let agreement = |b: &str, on: &str| of_us(on).agreement_with.contains(&Jurisdiction::from(&country(b)));
    assert!(!agreement("GB", "2022-10-02") && agreement("GB", "2022-10-03"));
    assert!(!agreement("AU", "2024-01-30") && agreement("AU", "2024-01-31"));
    assert!(!agreement("IE", "2026-01-01") && !agreement("CA", "2026-01-01"));
    assert_eq!(of_us("2018-05-26").agreement_with.len(), 0);
    assert!(of_us("2016-07-15").mlat_with.contains(&Jurisdiction::from(&country("IE"))));
}

#[test]
fn membership_transition_and_opt_out() {
    let world = standard();
    let eu: Jurisdiction = "EU".parse().unwrap();
    let member = |c: &str, on: &str| world.member_of(&eu, &country(c), date(on));
    assert!(member("GB", "2020-01-31") && !member("GB", "2020-02-01"));
    assert!(!member("US", "2020-01-31"));
    assert!(world.blocs_of(&country("GB"), date("2020-12-31")).contains(&&eu));
    assert!(!world.blocs_of(&country("GB"), date("2021-01-01")).contains(&&eu));
    let bound = |c: &str| world.bound_by_act(&eu, "e-evidence", &country(c), date("2026-08-18"));
    assert!(bound("IE") && !bound("DK") && !bound("GB"));
    let laws: Vec<String> =
        world.laws_of(&country("IE"), date("2014-01-01")).iter().map(|l| l.to_string()).collect();
    assert_eq!(laws, ["EU", "IE"]);
}

#[test]
fn one_instant_has_a_date_for_each_law() {
    let world = standard();
    let at: SimTime = "2016-07-14T02:30:00Z".parse().unwrap();
    let on = |law: &str| world.legal_date(&law.parse().unwrap(), at).unwrap().to_string();
    assert_eq!(
        (on("US"), on("IE"), on("EU")),
        ("2016-07-13".into(), "2016-07-14".into(), "2016-07-14".into())
    );
    assert!(world.legal_date(&"XX".parse().unwrap(), at).is_err());
}

#[test]
fn the_treaty_route_takes_most_of_a_year() {
    let world = standard();
    let route = world.route(&country("US"), &country("IE")).unwrap();
    let days = |percent| route.hours(Percentile::new(percent).unwrap()) / 24;
    assert!((240..=275).contains(&days(50)), "{}", days(50));
    assert!((1080..=1110).contains(&days(95)), "{}", days(95));
    assert!((0..100).all(|p| days(p) <= days(p + 1)));
    let fast: i64 = route.preservation().iter().map(|stage| stage.seconds(Percentile::MEDIAN)).sum();
    assert!((3600..4 * 86_400).contains(&fast));
    assert_eq!(route.order().instrument, InstrumentKind::LocalOrder);
    assert_eq!(route.order().deliver_to.as_str(), "ie-garda");
    assert_eq!(route.stages().first().unwrap().institution().as_str(), "us-attorney-sdny");
}

#[test]
fn demo_keys_fit_the_roster() {
    use hpke::Kem;
    let world = standard();
    let roster = world.roster();
    assert!(roster.is_seeded());
    for authority in roster.authorities() {
        let signing = roster.demo_signing_key(authority.id()).unwrap();
        assert_eq!(signing.verifying_key(), *authority.signing_key());
        let secret = roster.demo_recipient_secret(authority.id()).unwrap();
        assert_eq!(hpke::kem::X25519HkdfSha256::sk_to_pk(&secret), authority.recipient_key().to_hpke());
    }
    assert!(roster.demo_signing_key(&court("xx-nobody")).is_none());
}

#[test]
fn a_roster_without_a_seed_gives_no_private_keys() {
    let mut source = WorldSource::standard();
    let text = source.file(ROSTER).unwrap().text().replace("demo-seed = \"rogatory demo roster 1\"", "");
    source.put(ROSTER, SourceFile::new(ROSTER, text)).unwrap();
    let world = World::from_source(source).unwrap();
    assert!(!world.roster().is_seeded());
    assert!(world.roster().demo_signing_key(&court("us-sdny")).is_none());
    assert!(world.roster().demo_recipient_secret(&court("us-sdny")).is_none());
}

#[test]
fn a_scenario_changes_the_world() {
    let world = changed(
        r#"
        title = "not part of the world"
        [world.regions.ie-dublin]
        key-custody = "region"
        [world.regions.no-oslo]
        name = "Oslo"
        country = "NO"
        coordinates = { lat = 59.91, lon = 10.75 }
        operator = "norway"
        key-custody = "region"
        store = { kind = "fjall" }
        [world.entities.norway]
        name = "Post Eksempel AS"
        relation = "subsidiary"
        home = "NO"
        established-in = ["NO"]
        offers-in = ["NO"]
        [world.authorities.no-supreme-court]
        name = "Norges Høyesterett"
        country = "NO"
        kind = "court"
        may-issue = ["court-order"]
        [world.stance]
        compelled-foreign = "refuse"
        "#,
    )
    .unwrap();
    assert_eq!(world.region(&region("ie-dublin")).unwrap().key_custody(), KeyCustody::Region);
    assert_eq!(world.region(&region("ie-dublin")).unwrap().operator().as_str(), "ireland");
    let oslo = world.regions_for(DataClass::Content, &country("NO"), date("2013-06-01")).unwrap();
    assert_eq!(oslo, [region("no-oslo")]);
    let court = world.roster().authority(&court("no-supreme-court")).unwrap();
    assert_eq!(world.roster().demo_signing_key(court.id()).unwrap().verifying_key(), *court.signing_key());
    for at in ["2013-12-18", "2019-01-01"] {
        let stance = world.provider().stance(at.parse().unwrap());
        assert_eq!((stance.compelled_foreign, stance.open), (Conduct::Refuse, Conduct::Contest));
        assert_eq!((stance.source, stance.note.as_deref()), (SourceMark::ModellingChoice, None));
    }
    // The world it was made from is as it was.
    assert_eq!(standard().regions().len(), 10);
}

#[test]
fn an_extra_folder_adds_to_the_world() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("regions")).unwrap();
    let text = WorldSource::standard().file(DUBLIN).unwrap().text().replace("ie-dublin", "ie-cork");
    std::fs::write(folder.path().join("regions/ie-cork.toml"), text).unwrap();
    let mut source = WorldSource::standard();
    source.add_folder(folder.path()).unwrap();
    assert!(World::from_source(source).unwrap().region(&region("ie-cork")).is_ok());
}

#[test]
fn a_change_that_breaks_the_world_is_reported_where_it_was_written() {
    let mut all = String::new();
    for text in [
        "[world.regions.ie-dublin]\nname = \"x\"\nkey-custody = \"regoin\"\n",
        "[world.regions.ie-dublin]\nkey-custdy = \"region\"\n",
        "[world.regions.ie-dubln]\nkey-custody = \"region\"\n",
        "[world.regions.de-frankfurt]\nkey-custody = \"provider\"\n",
        "[world.regions]\nde-frankfurt = \"provider\"\n",
        "[world.region.ie-dublin]\nkey-custody = \"region\"\n",
        "[world.stance]\nopen = \"contest\"\nfree = \"resist\"\n",
        "[world.stance]\nclosed = \"contest\"\n",
        "[[world.stance]]\nopen = \"contest\"\n",
        "[world.entities.ireland]\nestablished-in = [\"IE\", \"XX\"]\n",
        "[world.entities.ireland]\nestablished-in = [\"GB\"]\n",
        "[world.placement]\ncontent = [{ rests-in = [{ region = \"ie-dubln\" }], source = \"modelling choice\" }]\n",
        "[world.entities.irland]\nestablished-in = [\"IE\", \"GB\"]\n",
        "[world.authorities.us-sdny]\nbound-by = [\"us-ca99\"]\n",
        "world = 3\n",
    ] {
        let said = changed(text).map(|_| "nothing wrong").unwrap_err();
        writeln!(all, "{text}{said}\n").unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn distances_and_delays() {
    let world = standard();
    let (dublin, virginia) = (region("ie-dublin"), region("us-virginia"));
    let metres = world.distance(&dublin, &virginia).unwrap();
    assert!((5_430_000..5_480_000).contains(&metres));
    let delay = world.wan_delay(&dublin, &virginia).unwrap();
    assert_eq!(delay, wan_delay(metres));
    assert!((30..40).contains(&delay.as_millis()));
    assert_eq!(world.wan_delay(&dublin, &dublin).unwrap().as_nanos(), 0);
    assert!(world.distance(&dublin, &region("ie-cork")).is_err());
}

#[test]
fn who_can_be_reached_and_what_they_can_fetch() {
    let world = standard();
    let provider = world.provider();
    assert_eq!(provider.head_office().home().as_str(), "US");
    let reached: Vec<_> =
        provider.established_in(&country("DE")).map(|e| e.id().as_str().to_owned()).collect();
    assert_eq!(reached, ["german-trustee"]);
    assert!(!provider.establishments().contains(&country("DE")));
    assert!(provider.markets().contains(&country("DE")));
    let fetch = |id: &str| {
        let id = region(id);
        provider.retrieving_from(&id).map(|e| e.id().as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(fetch("ie-dublin"), ["head-office", "ireland"]);
    assert!(fetch("de-frankfurt").is_empty());
    let trustee = provider.entity(&"german-trustee".parse().unwrap()).unwrap();
    assert!(trustee.retrievable_from().contains(&region("de-frankfurt")));
}
