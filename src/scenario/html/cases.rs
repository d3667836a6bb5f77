//! Real cases: what happened beside what the engine says.

use super::scene;
use super::signs::Sign;
use crate::scenario::case::{CaseRole, CaseRow, CaseTally};
use crate::scenario::report::markup::Markup;

/// The words of the columns.
const WORDS: &str = "Happened: produce; partial, some of it; no; narrow, sent back until it asked for less; defer, another \
    court or authority was asked first; treaty, by that route; direct, the police reached it themselves. Rogatory says: conflict, \
    one law compels what another bars; open, a law is unsettled or, as the next column then says, has no rules here. Neither hands \
    anything over, and open agrees with defer if a rule leaves it open: who is asked first may know.";

/// All cases, those that made their rule apart from those that test rules made by others.
pub fn table(page: &mut Markup, rows: &[CaseRow]) {
    for (role, title) in [
        (CaseRole::Made, "Cases that made the rule that decides them"),
        (CaseRole::Tests, "Cases that test rules made by others"),
    ] {
        let of_role: Vec<(usize, &CaseRow)> =
            rows.iter().enumerate().filter(|(_, row)| row.case.role == role).collect();
        if of_role.is_empty() {
            continue;
        }
        page.block("section", &[("class", "cases")], |page| {
            page.leaf("h2", &[], title);
            page.block("table", &[("class", "plain")], |page| {
                page.block("thead", &[], |page| {
                    page.element("tr", &[], |page| {
                        for head in ["case", "court", "date", "happened", "Rogatory says", "by", "compared"] {
                            page.leaf("th", &[("scope", "col")], head);
                        }
                    });
                });
                page.block("tbody", &[], |page| {
                    for (place, row) in &of_role {
                        line(page, *place, row);
                    }
                });
            });
            let tally = CaseTally::of(rows, role);
            let sum = format!(
                "{} agree, {} disagree, {} cannot be compared.",
                tally.agree, tally.disagree, tally.not_compared
            );
            page.leaf("p", &[], &sum);
        });
    }
    page.leaf("p", &[("class", "faint")], WORDS);
    page.leaf(
        "p",
        &[("class", "faint")],
        "Reported cases are the contested ones, and many of these are one question: no rate follows from them.",
    );
}

fn line(page: &mut Markup, place: usize, row: &CaseRow) {
    page.block("tr", &[], |page| {
        page.element("th", &[("scope", "row")], |page| {
            page.leaf("a", &[("href", &format!("#p{}", place + 1))], &row.case.name);
        });
        page.leaf("td", &[], &row.case.court);
        page.leaf("td", &[("class", "date")], &row.case.date.to_string());
        page.leaf("td", &[], row.case.outcome.as_str());
        page.leaf("td", &[], row.says.as_str());
        page.element("td", &[("class", "by")], |page| by(page, row));
        page.element("td", &[], |page| agreement(page, row));
    });
}

/// One case: what happened, with its source, and what the engine says.
pub fn panel(page: &mut Markup, row: &CaseRow) {
    page.block("section", &[("class", "case")], |page| {
        page.element("p", &[], |page| {
            page.leaf("strong", &[], &row.case.name);
            page.text(&format!(", {}, {}; {}", row.case.court, row.case.date, row.case.role.as_str()));
        });
        scene::history(page, &row.case.history);
        page.block("dl", &[("class", "facts")], |page| {
            let mut fact = |what: &str, value: &dyn Fn(&mut Markup)| {
                page.element("div", &[], |page| {
                    page.leaf("dt", &[], what);
                    page.element("dd", &[], value);
                });
                page.line();
            };
            fact("Happened", &|page| page.text(row.case.outcome.as_str()));
            fact("Rogatory says", &|page| page.text(row.says.as_str()));
            fact("By", &|page| by(page, row));
            if let Some(outside) = &row.case.outside {
                fact("Outside the model", &|page| page.text(outside));
            }
        });
        page.element("p", &[], |page| agreement(page, row));
    });
}

/// The rules or gaps, none of them broken in two.
fn by(page: &mut Markup, row: &CaseRow) {
    if row.by.is_empty() {
        page.text("nothing");
    }
    for (place, one) in row.by.iter().enumerate() {
        if place > 0 {
            page.text(", ");
        }
        page.leaf("span", &[], one);
    }
    if let Some(besides) = row.rule_besides() {
        page.text(&format!("; {besides}"));
    }
}

fn agreement(page: &mut Markup, row: &CaseRow) {
    Sign::agreement(row.agrees).write(page);
}
