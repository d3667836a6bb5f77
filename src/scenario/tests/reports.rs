//! What machines and readers get of a play.

use super::*;

/// A play with an expectation that fails, and one that broke off before it could ask.
async fn two_plays() -> Vec<Played> {
    let mut stage = eventful();
    stage.fails_at = Some(t("2014-08-29T16:00:00Z"));
    vec![eventful_play(&mut eventful()).await, eventful_play(&mut stage).await]
}

#[tokio::test]
async fn build_servers_get_a_test_for_each_expectation() {
    insta::assert_snapshot!(junit(&two_plays().await));
}

#[tokio::test]
async fn harnesses_get_a_test_point_for_each_expectation() {
    insta::assert_snapshot!(tap(&two_plays().await));
}

#[tokio::test]
async fn a_play_that_breaks_off_after_its_last_expectation_does_not_pass() {
    let mut stage = stage();
    stage.fails_at = Some(t("2014-09-09T13:00:00Z"));
    let script = parse(SMALL).unwrap();
    let report = run(&script, &mut stage, &mut Unwatched).await.unwrap();
    assert_eq!(report.expectations.held, report.expectations.total());
    let plays = [Played { script, report }];
    assert!(junit(&plays).contains("tests=\"5\" failures=\"0\" errors=\"1\""), "{}", junit(&plays));
    assert!(tap(&plays).contains("\nnot ok 1 - play.toml: A small play\n"), "{}", tap(&plays));
    assert!(page(&plays).contains("The play broke off at play.toml:"), "{}", page(&plays));
}

#[tokio::test]
async fn tests_that_expect_the_same_in_one_place_have_names_of_their_own() {
    let twice = "[[step.expect]]\nmatter = \"13-mag-2814\"\ndisposition = \"partly-served\"\n";
    let script = parse(&changed(twice, &twice.repeat(3))).unwrap();
    let report = run(&script, &mut stage(), &mut Unwatched).await.unwrap();
    let played = Played { script, report };
    let xml = junit(&[played]);
    let cases: Vec<&str> = xml.lines().filter(|line| line.starts_with("<testcase")).collect();
    let different: std::collections::BTreeSet<&&str> = cases.iter().collect();
    assert_eq!((cases.len(), different.len()), (7, 7), "{xml}");
}

fn page(plays: &[Played]) -> String {
    html(plays, &names(), Provenance { version: "1.2.3", law: "5eed" })
}

/// The values of an attribute, wherever it stands.
fn values<'p>(page: &'p str, attribute: &str) -> Vec<&'p str> {
    let begins = format!(" {attribute}=\"");
    page.split(begins.as_str()).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

#[tokio::test]
async fn the_page_needs_nothing_but_itself() {
    let page = page(&two_plays().await);
    for outside in
        ["<script", "<link", "<img", "<iframe", "<object", " src=", "url(", "@import", "http:", "https:"]
    {
        assert!(!page.contains(outside), "{outside}");
    }
    let ids = values(&page, "id");
    let links = values(&page, "href");
    assert!(links.len() > 10, "{links:?}");
    for link in links {
        assert!(link.strip_prefix('#').is_some_and(|id| ids.contains(&id)), "{link} leads nowhere");
    }
    let mut once = ids.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), ids.len(), "an id stands twice: {ids:?}");
}

#[tokio::test]
async fn the_page_tells_all_that_the_play_found_out() {
    let plays = two_plays().await;
    let page = page(&plays);
    for said in [
        "Simulated: no court, authority or account holder here is a real one",
        "3 of 4 expectations hold; 1 failed.",
        "The play broke off at play.toml:56: the curtain fell",
        // History, apart from what the engine says, with its source and mark.
        "<h4>What really happened</h4>",
        "A magistrate judge issued a warrant.",
        "from memory: the hour",
        // A position with its rule, where it stands, how firmly, and how sure we are.
        "A warrant on probable cause reaches the content that the provider controls.",
        "<cite>18 U.S.C. 2703(a)</cite>",
        "persuasive",
        "from 1986-10-21, by the day it is decided",
        // What was recorded, produced, refused; who may and who can.
        "entry 1: ",
        "hands over traffic",
        "no Irish order",
        "may, by law",
        "the warrant&#39;s own date passed",
        // Expectations, with the line of the script.
        "<code>play.toml:65</code>",
        "Found: not suspended, expected suspended",
        "The play ended before it could be asked",
        "law books of revision 5eed",
    ] {
        assert!(page.contains(said), "{said} is not in\n{page}");
    }
}

#[tokio::test]
async fn the_chart_ends_where_the_play_broke_off() {
    let plays = two_plays().await;
    let page = page(&plays);
    let charts: Vec<&str> = page.split("<section class=\"chart\">").skip(1).collect();
    let columns = |chart: &str| chart.split("</thead>").next().unwrap().matches("<a href").count();
    // Four steps and a question; and the same up to the step that could not be played.
    assert_eq!([columns(charts[0]), columns(charts[1])], [5, 3]);
}

#[tokio::test]
async fn what_a_script_says_cannot_become_part_of_the_page() {
    let mut plays = two_plays().await;
    let evil = "</title><script>alert('x')</script>";
    plays[0].script.intro = evil.to_owned();
    plays[0].report.title = evil.to_owned();
    plays[0].report.scenes[0].title = evil.to_owned();
    for text in [page(&plays), junit(&plays)] {
        assert!(!text.contains("<script"), "{text}");
        assert!(text.contains("&lt;script&gt;"), "{text}");
    }
}
