//! The figures as a table for spreadsheets (RFC 4180), one row for each state and instrument.

use super::TransparencyReport;

/// The table, in the usual columns of the field, and behind them whether an outsider cosigned the record. What is told in bands is not in it: a band is no number.
pub fn csv(report: &TransparencyReport) -> String {
    let mut text = String::from(
        "from,to,country,legal process,on request of,requests,accounts specified,emergency requests,content disclosed,\
         only non-content disclosed,no data found,rejected,treaty route,lapsed,pending,outsider cosigned\r\n",
    );
    for row in &report.figures.demands {
        let executes = row.executes.as_ref().map(ToString::to_string).unwrap_or_default();
        let mut fields = vec![
            report.from.to_string(),
            report.to.to_string(),
            row.country.to_string(),
            row.instrument.to_string(),
            executes,
        ];
        fields.extend(row.columns().map(|(_, number)| number.to_string()));
        fields.push(if report.quorum.outsider { "yes" } else { "no" }.to_owned());
        line(&mut text, &fields);
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
