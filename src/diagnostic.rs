//! Errors in files a person wrote.
//!
//! Every such error says four things: where (file, line, column), what was found, what is allowed, and what to do.
//! Readers of configuration, law books and scripts all report through [`Diagnostic`], so they read alike.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A text file that was read, kept so that an error can point into it.
#[derive(Debug, Clone)]
pub struct SourceFile {
    path: PathBuf,
    text: String,
}

impl SourceFile {
    /// Reads a UTF-8 file.
    pub fn read(path: &Path) -> Result<Self, Diagnostic> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(SourceFile { path: path.to_owned(), text }),
            Err(_) if path.is_dir() => {
                Err(Diagnostic::about_file(path, "is a folder").help("name a file, such as one in it"))
            }
            Err(error) => Err(Diagnostic::about_file(path, format!("cannot be read: {error}"))),
        }
    }

    /// A text that came from elsewhere, under the name an error should give it.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        SourceFile { path: path.into(), text: text.into() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Parses the file as TOML into a raw serde type.
    pub fn parse_toml<T: serde::de::DeserializeOwned>(&self) -> Result<T, Diagnostic> {
        toml::from_str(&self.text).map_err(|error| {
            let what = error.message().lines().collect::<Vec<_>>().join("; ");
            let what = what.replace("missing field `", "missing key `");
            match (error.span(), unknown_name(&what)) {
                (Some(span), Some((what, found, allowed))) => self.at(span, what).allowed(found, allowed),
                (Some(span), None) if what.contains("date is not valid") => {
                    self.at(span, what).help("write a day that the calendar has, such as `2018-03-23`")
                }
                (Some(span), None) => self.at(span, what),
                (None, _) => Diagnostic::about_file(&self.path, what),
            }
        })
    }

    /// The byte at a line and column, counted from 1 in characters. `None` beyond the end of the text.
    pub fn byte_at(&self, line: usize, column: usize) -> Option<usize> {
        let start = match line.checked_sub(1)? {
            0 => 0,
            before => self.text.match_indices('\n').nth(before - 1)?.0 + 1,
        };
        let rest = self.text.get(start..)?;
        let (offset, _) = rest.char_indices().chain([(rest.len(), ' ')]).nth(column.checked_sub(1)?)?;
        Some(start + offset)
    }

    /// An error about a byte range of this file.
    pub fn at(&self, span: Range<usize>, what: impl Into<String>) -> Diagnostic {
        let start = span.start.min(self.text.len());
        let before = self.text.get(..start).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        let column = before[line_start..].chars().count() + 1;
        Diagnostic {
            path: self.path.clone(),
            place: Some((line, column)),
            what: what.into(),
            help: Vec::new(),
        }
    }
}

/// One error in a file; see the module's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    path: PathBuf,
    place: Option<(usize, usize)>,
    what: String,
    help: Vec<String>,
}

impl Diagnostic {
    /// An error about a file as a whole.
    pub fn about_file(path: &Path, what: impl Into<String>) -> Self {
        Diagnostic { path: path.to_owned(), place: None, what: what.into(), help: Vec::new() }
    }

    /// Adds a line of advice: what is allowed, or what to do.
    pub fn help(mut self, line: impl Into<String>) -> Self {
        self.help.push(line.into());
        self
    }

    /// Adds what is allowed, and the nearest of it to what was found.
    pub fn allowed<'a>(mut self, found: &str, allowed: impl IntoIterator<Item = &'a str>) -> Self {
        let allowed: Vec<&str> = allowed.into_iter().collect();
        if let Some(near) = nearest(found, allowed.iter().copied()) {
            self.help.push(format!("did you mean `{near}`?"));
        }
        let shown: Vec<String> = allowed.iter().take(32).map(|a| format!("`{a}`")).collect();
        let more = allowed.len().saturating_sub(32);
        let tail = if more > 0 { format!(", and {more} more") } else { String::new() };
        self.help.push(format!("allowed: {}{tail}", shown.join(", ")));
        self
    }

    /// The same error, pointing to where its cause was written.
    pub fn moved_to(self, file: &SourceFile, span: Range<usize>) -> Self {
        Diagnostic { help: self.help, ..file.at(span, self.what) }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Line and column, counted from 1.
    pub fn place(&self) -> Option<(usize, usize)> {
        self.place
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some((line, column)) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.what)?;
        for line in &self.help {
            write!(f, "\n  {line}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}

/// All that is wrong with a set of files; at least one error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// `Ok` with the value if nothing was found wrong. A reader that gives no value has to have said why.
    pub fn unless<T>(value: Option<T>, found: Vec<Diagnostic>) -> Result<T, Diagnostics> {
        match value {
            Some(value) if found.is_empty() => Ok(value),
            _ => {
                assert!(!found.is_empty(), "a reader gave up without a word");
                Err(Diagnostics(found))
            }
        }
    }

    /// The same errors, each changed.
    pub fn map(self, change: impl FnMut(Diagnostic) -> Diagnostic) -> Self {
        Diagnostics(self.0.into_iter().map(change).collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter()
    }
}

impl From<Diagnostics> for Vec<Diagnostic> {
    fn from(all: Diagnostics) -> Self {
        all.0
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(one: Diagnostic) -> Self {
        Diagnostics(vec![one])
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, one) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{one}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

/// Takes serde's "unknown field `x`, expected one of `a`, `b`" apart into what is wrong, what was found and what
/// is allowed. serde hands out no structure, only this sentence.
fn unknown_name(message: &str) -> Option<(String, &str, Vec<&str>)> {
    let (kind, rest) = [("key", "unknown field `"), ("value", "unknown variant `")]
        .into_iter()
        .find_map(|(kind, start)| Some((kind, message.strip_prefix(start)?)))?;
    let (found, allowed) = rest.split_once("`, expected ")?;
    let allowed: Vec<&str> = allowed.split('`').skip(1).step_by(2).collect();
    (!allowed.is_empty()).then(|| (format!("unknown {kind} `{found}`"), found, allowed))
}

/// The candidate most like `found`, if any is near enough to be what was meant.
pub fn nearest<'a>(found: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|c| (strsim::normalized_damerau_levenshtein(&found.to_lowercase(), &c.to_lowercase()), c))
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, c)| c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_at_line_and_column_and_suggests() {
        let file = SourceFile::new("regions/x.toml", "id = \"x\"\nregion = \"ie-dubln\"\n");
        let start = file.text().find("\"ie-dubln").unwrap();
        let error = file
            .at(start..start + 10, "unknown region `ie-dubln`")
            .allowed("ie-dubln", ["us-virginia", "ie-dublin"]);
        insta::assert_snapshot!(error, @r"
        regions/x.toml:2:10: unknown region `ie-dubln`
          did you mean `ie-dublin`?
          allowed: `us-virginia`, `ie-dublin`
        ");
    }

    #[test]
    fn a_mistyped_key_or_value_is_answered_with_the_near_miss() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
        #[expect(dead_code, reason = "only its shape is read")]
        struct Window {
            opens: Option<String>,
            faces: Option<Side>,
        }
        #[derive(Debug, serde::Deserialize)]
        #[serde(rename_all = "kebab-case")]
        enum Side {
            Street,
            Garden,
        }
        let read =
            |text: &str| SourceFile::new("w.toml", text).parse_toml::<Window>().unwrap_err().to_string();
        insta::assert_snapshot!(read("open = \"in\"\n"), @r"
        w.toml:1:1: unknown key `open`
          did you mean `opens`?
          allowed: `opens`, `faces`
        ");
        insta::assert_snapshot!(read("faces = \"steet\"\n"), @r"
        w.toml:1:9: unknown value `steet`
          did you mean `street`?
          allowed: `street`, `garden`
        ");
    }

    #[test]
    fn a_place_leads_back_to_its_byte() {
        let file = SourceFile::new("x", "öl\n\nzwei\n");
        for byte in [0, 2, 3, 4, 5, 8, 9, 10] {
            let (line, column) = file.at(byte..byte, "here").place().unwrap();
            assert_eq!(file.byte_at(line, column), Some(byte));
        }
        assert_eq!(file.byte_at(9, 1), None);
        assert_eq!(file.byte_at(0, 1), None);
    }

    #[test]
    fn a_span_past_the_end_still_reports() {
        let file = SourceFile::new("x", "ab");
        assert_eq!(file.at(99..100, "cut off").place(), Some((1, 3)));
    }
}
