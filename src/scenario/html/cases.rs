//! Real cases: what happened beside what the engine says.

use super::scene;
use super::signs::Sign;
use crate::scenario::case::{CaseRole, CaseRow, CaseTally};
use crate::scenario::report::markup::Markup;

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
        page.leaf("td", &[("class", "by")], &by(row));
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
            let facts = [
                ("Happened", row.case.outcome.as_str().to_owned()),
                ("Rogatory says", row.says.to_string()),
                ("By", by(row)),
                ("Outside the model", row.case.outside.clone().unwrap_or_default()),
            ];
            for (what, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
                page.element("div", &[], |page| {
                    page.leaf("dt", &[], what);
                    page.leaf("dd", &[], value);
                });
                page.line();
            }
        });
        page.element("p", &[], |page| agreement(page, row));
    });
}

fn by(row: &CaseRow) -> String {
    if row.by.is_empty() { "nothing".to_owned() } else { row.by.join(", ") }
}

fn agreement(page: &mut Markup, row: &CaseRow) {
    Sign::agreement(row.agrees).write(page);
}
