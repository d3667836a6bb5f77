//! A report as somebody wrote it, read before anything of it is shown.

use serde_json::Value;

use super::{FORMAT, TransparencyReport};

/// Why a text is no report. Reads on after the name of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    #[error(
        "is not JSON: what can be checked and signed is what `rogatory report --format json` makes; a report as text, as \
         CSV or as a page cannot"
    )]
    NotJson,
    #[error("is no report: {0}")]
    Shape(String),
    #[error("is a report of format {0}, and this program reads {FORMAT}")]
    Format(u32),
    /// It could make a screen show lines that are not the program's.
    #[error("is no report: `{at}` holds the character {character}, which no report has")]
    Character { at: String, character: String },
}

#[derive(serde::Deserialize)]
struct Format {
    format: u32,
}

impl TransparencyReport {
    /// Reads the JSON. No text in what it gives holds a control character, but for the ends of lines of the checkpoint.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if !text.trim_start().starts_with('{') {
            return Err(ParseError::NotJson);
        }
        let shape = |error: serde_json::Error| ParseError::Shape(shown(&error.to_string()));
        // The rest of another format may be anything.
        let Format { format } = serde_json::from_str(text).map_err(shape)?;
        if format != FORMAT {
            return Err(ParseError::Format(format));
        }
        let value: Value = serde_json::from_str(text).map_err(shape)?;
        check_characters(&value, "")?;
        serde_json::from_str(text).map_err(shape)
    }
}

/// True for what moves the cursor or the direction of writing.
fn is_unprintable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

fn shown(text: &str) -> String {
    text.chars()
        .map(|c| if is_unprintable(c) { c.escape_unicode().to_string() } else { c.to_string() })
        .collect()
}

fn check_characters(value: &Value, at: &str) -> Result<(), ParseError> {
    let check = |text: &str, at: &str| {
        let found = text.chars().find(|c| is_unprintable(*c) && !(*c == '\n' && at == "checkpoint"));
        found.map_or(Ok(()), |c| {
            Err(ParseError::Character { at: shown(at), character: format!("U+{:04X}", u32::from(c)) })
        })
    };
    match value {
        Value::String(text) => check(text, at),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .try_for_each(|(place, value)| check_characters(value, &format!("{at}[{place}]"))),
        Value::Object(object) => object.iter().try_for_each(|(key, value)| {
            let at = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
            check(key, &at)?;
            check_characters(value, &at)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_text_holds_nothing_that_moves_the_cursor() {
        let said = |text: &str| TransparencyReport::parse(text).unwrap_err().to_string();
        assert_eq!(
            said(r#"{"format":2,"a\nb":1}"#),
            "is no report: `a\\u{a}b` holds the character U+000A, which no report has"
        );
        assert_eq!(
            said(r#"{"format":2,"x":["",{"y":"\u001b[2J"}]}"#),
            "is no report: `x[1].y` holds the character U+001B, which no report has"
        );
        // The first of two is not what a map of keys keeps.
        let twice = said(r#"{"format":2,"from":"evil\nline","from":"2018-01-01"}"#);
        assert!(twice.starts_with("is no report: ") && !twice.contains('\n'), "{twice}");
        assert!(said("from,to,country\r\n").starts_with("is not JSON"));
        assert_eq!(said(r#"{"format":1}"#), "is a report of format 1, and this program reads 2");
    }
}
