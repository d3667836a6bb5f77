//! The figures as a table for spreadsheets (RFC 4180), one row for each state and instrument.

use super::{DemandRow, TransparencyReport};

/// The table, in the usual columns of the field, and behind them whether an outsider cosigned the record, that all of it is
/// simulated, and the checkpoint that it was made from. What is told in bands is not in it: a band is no number.
pub fn csv(report: &TransparencyReport) -> String {
    let mut text = String::from(
        "from,to,country,legal process,on request of,requests,accounts specified,emergency requests,content disclosed,\
         only non-content disclosed,no data found,rejected,treaty route,lapsed,pending,outsider cosigned,\
         simulated,tree size,root\r\n",
    );
    // A checkpoint is its origin, its size and its root, a line each.
    let mut checkpoint = report.checkpoint.lines().skip(1);
    let (size, root) = (checkpoint.next().unwrap_or(""), checkpoint.next().unwrap_or(""));
    let outsider = if report.quorum.outsider { "yes" } else { "no" };
    let mut row = |what: [String; 3], numbers: [u64; DemandRow::COLUMNS]| {
        let mut fields = vec![report.from.to_string(), report.to.to_string()];
        fields.extend(what);
        fields.extend(numbers.map(|number| number.to_string()));
        fields.extend([outsider, "yes", size, root].map(str::to_owned));
        line(&mut text, &fields);
    };
    for demands in &report.figures.demands {
        let executes = demands.executes.as_ref().map(ToString::to_string).unwrap_or_default();
        let what = [demands.country.to_string(), demands.instrument.to_string(), executes];
        row(what, demands.columns().map(|(_, number)| number));
    }
    // What the table is, and of what, stands in its rows; so there is one if there was nothing.
    if report.figures.demands.is_empty() {
        row(Default::default(), [0; DemandRow::COLUMNS]);
    }
    text
}

fn line(text: &mut String, fields: &[String]) {
    for (place, field) in fields.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        if field.contains([',', '"', '\n', '\r']) {
            text.push_str(&format!("\"{}\"", field.replace('"', "\"\"")));
        } else {
            text.push_str(field);
        }
    }
    text.push_str("\r\n");
}
