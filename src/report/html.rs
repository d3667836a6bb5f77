//! The report as one page that needs nothing else: no script, no font, no other file.

use super::chart::{Bar, PARTS, bars};
use super::{DemandRow, TransparencyReport};

const STYLE: &str = "
body { font: 16px/1.45 system-ui, sans-serif; color: #111; background: #fff; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.7rem; margin-bottom: 0 } h2 { font-size: 1.2rem; margin-top: 2.2rem }
body { color-scheme: light } .wide { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; font-size: .92rem }
th, td { border-bottom: 1px solid #bbb; padding: .25rem .4rem; text-align: right; vertical-align: bottom }
th { font-weight: 600 } td.w, th.w { text-align: left } td.w { overflow-wrap: anywhere; min-width: 9rem }
figure { margin: 1rem 0; overflow-x: auto } svg { max-width: 100%; height: auto }
pre { background: #f2f2f2; padding: .6rem; overflow-x: auto; font-size: .8rem }
.note { color: #444 } .stamp { border: 2px solid #111; padding: .1rem .5rem; font-weight: 700; letter-spacing: .08em }
@media print { body { margin: 0; max-width: none } }
";

/// The page.
pub fn html(report: &TransparencyReport) -> String {
    let mut page =
        Page(String::from("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"));
    page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    page.text(&format!("Transparency report {} to {}", report.from, report.to));
    page.raw(&format!("</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>Transparency report</h1>\n"));
    page.leaf(
        "p",
        &format!(
            "Demands received from {} to {}, as they stood at the end of that day. Made on {}.",
            report.from, report.to, report.made
        ),
    );
    page.raw("<p><span class=\"stamp\">SIMULATED</span> Courts, people and mail are made up.</p>\n");
    page.leaf("p", &report.openness().to_string());
    demands(&mut page, report);
    classes(&mut page, report);
    others(&mut page, report);
    abroad(&mut page, report);
    missed(&mut page, report);
    national_security(&mut page, report);
    page.raw("<h2>What it was made from</h2>\n");
    page.leaf(
        "p",
        "The checkpoint of the record, with the signatures of the log and of its witnesses. \
                    `rogatory report verify` counts again what is open and says on whose word the rest is.",
    );
    page.leaf("p", &format!("It was {}.", report.quorum));
    page.leaf("pre", &report.checkpoint);
    page.raw("</body>\n</html>\n");
    page.0
}

fn name(row: &DemandRow) -> String {
    match &row.executes {
        Some(state) => format!("{} {} (for {state})", row.country, row.instrument),
        None => format!("{} {}", row.country, row.instrument),
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

fn parts(row: &DemandRow) -> [u64; 7] {
    [row.content, row.non_content, row.no_data, row.rejected, row.treaty, row.lapsed, row.pending]
}

fn demands(page: &mut Page, report: &TransparencyReport) {
    page.raw("<h2>Demands to disclose</h2>\n");
    let rows = &report.figures.demands;
    if rows.is_empty() {
        page.leaf("p", "None.");
        return;
    }
    let drawn: Vec<Bar> = rows.iter().map(|row| Bar { name: name(row), parts: parts(row) }).collect();
    if let Some(svg) = bars(&drawn) {
        page.raw("<figure role=\"img\" aria-label=\"Demands by state and instrument, by what came of them; the table below has the same numbers\">\n");
        page.raw(&svg);
        page.raw("</figure>\n");
    }
    let mut head = vec!["State and instrument", "Demands", "Accounts", "Emergency"];
    head.extend(PARTS.map(|(part, _)| part));
    let head: Vec<String> = head.into_iter().map(capital).collect();
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let body = rows.iter().map(|row| {
        let mut cells =
            vec![name(row), row.demands.to_string(), row.accounts.to_string(), row.emergency.to_string()];
        cells.extend(parts(row).map(|number| number.to_string()));
        cells
    });
    page.table(&head, 1, body);
    page.raw("<p class=\"note\">Content: some content was handed over, whatever else. Non-content: something was, and no \
              content. Rejected: sent back, refused, or pointed to the customer. Treaty route: not handed over, and a treaty named \
              or taken. Lapsed: withdrawn, replaced, quashed or dismissed as moot. Each version of a demand counts.</p>\n");
}

fn classes(page: &mut Page, report: &TransparencyReport) {
    let rows = &report.figures.classes;
    if rows.is_empty() {
        return;
    }
    page.raw("<h2>By class of data</h2>\n");
    let body = rows.iter().map(|row| {
        vec![
            format!("{} {}", row.country, row.instrument),
            row.class.to_string(),
            row.outcome.clone(),
            row.items.to_string(),
        ]
    });
    page.table(&["State and instrument", "Class", "Outcome", "Items"], 3, body);
}

fn others(page: &mut Page, report: &TransparencyReport) {
    let rows = &report.figures.others;
    if rows.is_empty() {
        return;
    }
    page.raw("<h2>Demands for something else than disclosure</h2>\n");
    let body = rows.iter().map(|row| {
        vec![
            format!("{} {}", row.country, row.instrument),
            row.act.to_string(),
            row.demands.to_string(),
            row.accounts.to_string(),
            row.done.to_string(),
        ]
    });
    page.table(&["State and instrument", "To do what", "Demands", "Accounts", "Done"], 2, body);
}

fn abroad(page: &mut Page, report: &TransparencyReport) {
    let rows = &report.figures.abroad;
    if rows.is_empty() {
        return;
    }
    page.raw("<h2>Warrants at home for content stored abroad</h2>\n");
    let body = rows.iter().map(|row| {
        vec![
            row.country.to_string(),
            row.customer.as_str().to_owned(),
            row.warrants.to_string(),
            row.content.to_string(),
        ]
    });
    page.table(&["State", "Customer", "Warrants", "Led to content"], 2, body);
}

fn missed(page: &mut Page, report: &TransparencyReport) {
    let rows = &report.figures.missed;
    if rows.is_empty() {
        return;
    }
    page.raw("<h2>Due, and not handed over in time</h2>\n");
    let body = rows.iter().map(|row| {
        vec![
            format!("{} {}", row.country, row.instrument),
            row.for_want_of.as_str().to_owned(),
            row.demands.to_string(),
            row.items.to_string(),
        ]
    });
    page.table(&["State and instrument", "For want of", "Demands", "Items"], 2, body);
}

fn national_security(page: &mut Page, report: &TransparencyReport) {
    let Some(told) = &report.national_security else { return };
    page.raw("<h2>National security</h2>\n");
    let body = told
        .rows
        .iter()
        .map(|row| vec![row.what.clone(), row.from.to_string(), row.to.to_string(), row.band.clone()]);
    page.table(&["What", "From", "To", "Band"], 1, body);
    page.leaf("p", &told.note());
}

/// A page that is being written; text is escaped.
struct Page(String);

impl Page {
    fn raw(&mut self, text: &str) {
        self.0.push_str(text);
    }

    fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                c => self.0.push(c),
            }
        }
    }

    fn leaf(&mut self, element: &str, text: &str) {
        self.raw(&format!("<{element}>"));
        self.text(text);
        self.raw(&format!("</{element}>\n"));
    }

    /// A table whose first columns are words and the rest numbers.
    fn table(&mut self, head: &[&str], words: usize, body: impl Iterator<Item = Vec<String>>) {
        self.raw("<div class=\"wide\"><table>\n<thead><tr>");
        for (place, title) in head.iter().enumerate() {
            self.cell("th", place < words, title);
        }
        self.raw("</tr></thead>\n<tbody>\n");
        for row in body {
            self.raw("<tr>");
            for (place, cell) in row.iter().enumerate() {
                self.cell("td", place < words, cell);
            }
            self.raw("</tr>\n");
        }
        self.raw("</tbody>\n</table></div>\n");
    }

    fn cell(&mut self, element: &str, word: bool, text: &str) {
        self.raw(&format!("<{element}{}>", if word { " class=\"w\"" } else { "" }));
        self.text(text);
        self.raw(&format!("</{element}>"));
    }
}
