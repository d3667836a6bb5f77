use std::fmt;
use std::ops::Range;

use crate::diagnostic::{Diagnostic, SourceFile, nearest};

/// A well-formed name of something that is not in this world.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownName {
    kind: &'static str,
    found: String,
    known: Vec<String>,
}

impl UnknownName {
    pub(super) fn new<'a>(kind: &'static str, found: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known = known.into_iter().map(str::to_owned).collect();
        UnknownName { kind, found: found.to_owned(), known }
    }

    /// The same as an error in a file.
    pub fn at(&self, file: &SourceFile, span: Range<usize>) -> Diagnostic {
        file.at(span, format!("unknown {} `{}`", self.kind, self.found))
            .allowed(&self.found, self.known.iter().map(String::as_str))
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown {} `{}`", self.kind, self.found)?;
        match nearest(&self.found, self.known.iter().map(String::as_str)) {
            Some(near) => write!(f, ", did you mean `{near}`?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for UnknownName {}
