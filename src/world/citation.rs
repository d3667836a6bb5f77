use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::SourceMark;

/// How sure we are of what a text cites, part by part, and where each part was read.
///
/// Written `verified: law.cornell.edu/uscode/text/18/2703 for (a) and (b); from memory: (c)`: every part starts with
/// its mark and a colon, and parts are set apart by semicolons. The whole is as sure as its weakest part.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Source {
    parts: Vec<SourcePart>,
}

/// What one mark is about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SourcePart {
    pub mark: SourceMark,
    /// Where it was read, or what was not.
    pub about: String,
}

/// The shape in JSON. The mark is there for a reader who wants one word; it follows from the parts.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    mark: SourceMark,
    parts: Vec<SourcePart>,
}

/// Words that take back what a mark of something read claims.
const DOUBTS: [&str; 7] = [
    "from memory",
    "modelling choice",
    "not read",
    "not confirmed",
    "was not found",
    "a reading",
    "this book's",
];

impl Source {
    /// The mark of the weakest part.
    pub fn mark(&self) -> SourceMark {
        self.parts.iter().map(|part| part.mark).max().expect("a source has a part")
    }

    /// In a few words, as it stands beside a citation: the marks of what was not read, weakest first, and whether that is
    /// the whole or a part; if all was read, the mark of the weakest part.
    pub fn shown(&self) -> String {
        let mut marks: Vec<SourceMark> = self.parts.iter().map(|part| part.mark).collect();
        marks.sort_unstable();
        marks.dedup();
        let weakest = self.mark();
        marks.retain(|mark| *mark == weakest || *mark >= SourceMark::FromMemory);
        let words: Vec<&str> = marks.iter().rev().map(|mark| mark.as_str()).collect();
        let read = |part: &SourcePart| part.mark < SourceMark::FromMemory;
        let in_part = weakest >= SourceMark::FromMemory && self.parts.iter().any(read);
        format!("{}{}", if in_part { "in part " } else { "" }, words.join(", "))
    }

    pub fn parts(&self) -> &[SourcePart] {
        &self.parts
    }
}

impl FromStr for Source {
    type Err = BadSource;

    fn from_str(text: &str) -> Result<Self, BadSource> {
        let parts = text.split(';').map(read_part).collect::<Result<Vec<_>, _>>()?;
        Ok(Source { parts })
    }
}

fn read_part(text: &str) -> Result<SourcePart, BadSource> {
    let text = text.trim();
    let (mark, about) = text.split_once(':').ok_or_else(|| BadSource::NoMark(text.to_owned()))?;
    let mark = SourceMark::ALL
        .into_iter()
        .find(|known| known.as_str() == mark.trim())
        .ok_or_else(|| BadSource::NoMark(text.to_owned()))?;
    let about = about.trim().to_owned();
    if about.is_empty() {
        return Err(BadSource::Nothing(mark));
    }
    let doubt = DOUBTS.into_iter().find(|doubt| mark < SourceMark::FromMemory && about.contains(doubt));
    match doubt {
        Some(doubt) => Err(BadSource::TakenBack { mark, doubt }),
        None => Ok(SourcePart { mark, about }),
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, part) in self.parts.iter().enumerate() {
            let between = if place == 0 { "" } else { "; " };
            write!(f, "{between}{}: {}", part.mark, part.about)?;
        }
        Ok(())
    }
}

impl TryFrom<Written> for Source {
    type Error = BadSource;

    fn try_from(written: Written) -> Result<Self, BadSource> {
        let weakest = written.parts.iter().map(|part| part.mark).max();
        if weakest != Some(written.mark) {
            return Err(BadSource::Weakest(written.mark));
        }
        Ok(Source { parts: written.parts })
    }
}

impl From<Source> for Written {
    fn from(source: Source) -> Written {
        Written { mark: source.mark(), parts: source.parts }
    }
}

/// A text that does not say how sure we are.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadSource {
    #[error("`{0}` does not start with a mark and a colon")]
    NoMark(String),
    #[error("`{0}` is said of nothing")]
    Nothing(SourceMark),
    #[error("a part that is `{mark}` says `{doubt}`: give what was not read a part and a mark of its own")]
    TakenBack { mark: SourceMark, doubt: &'static str },
    #[error("`{0}` is not the mark of the weakest part")]
    Weakest(SourceMark),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Source, BadSource> {
        text.parse()
    }

    #[test]
    fn a_source_is_as_sure_as_its_weakest_part() {
        let source = read("verified: the Code for (a) and (b); from memory: (c)").unwrap();
        assert_eq!(source.mark(), SourceMark::FromMemory);
        assert_eq!(source.parts()[0].mark, SourceMark::Verified);
        assert_eq!(source.parts()[1].about, "(c)");
        assert_eq!(read("verified: the Code").unwrap().mark(), SourceMark::Verified);
        let chosen = read("from memory: the text; modelling choice: what it means").unwrap();
        assert_eq!(chosen.mark(), SourceMark::ModellingChoice);
        assert_eq!(source.to_string(), "verified: the Code for (a) and (b); from memory: (c)");
        assert_eq!(
            (source.shown(), chosen.shown()),
            ("in part from memory".into(), "modelling choice, from memory".into())
        );
    }

    #[test]
    fn what_says_of_itself_that_it_was_not_read_cannot_pass_as_read() {
        for text in [
            "verified: the Code; s. 75 from memory",
            "verified: the Code, its first day was not read",
            "verified-secondary: a summary, the rest from memory",
            "verified: the Code, and that it applies is a reading",
            "hearsay: a friend",
            "verified",
            "verified:",
            "verified: the Code;",
            "",
        ] {
            assert!(read(text).is_err(), "`{text}` was taken for {:?}", read(text));
        }
    }

    #[test]
    fn a_recorded_mark_is_that_of_the_parts() {
        let source = read("verified: the Code; from memory: the fine").unwrap();
        let json = serde_json::to_string(&source).unwrap();
        assert!(json.starts_with(r#"{"mark":"from memory","parts":[{"mark":"verified""#), "{json}");
        assert_eq!(serde_json::from_str::<Source>(&json).unwrap(), source);
        let better = json.replacen("from memory", "verified", 1);
        assert!(serde_json::from_str::<Source>(&better).is_err());
    }
}
