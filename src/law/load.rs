//! Reading law books from a folder.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use cedar_policy::{Authorizer, Entities, Schema};
use data_encoding::HEXLOWER;
use miette::Diagnostic as _;
use sha2::{Digest, Sha256};

use super::book::{cedar_error, read_articles};
use super::epochs::Index;
use super::header::Header;
use super::vocabulary::{self, Days, Values, Wanted};
use super::{Book, Law, Question};
use crate::clock::Date;
use crate::demand::Act;
use crate::diagnostic::{Diagnostic, Diagnostics, SourceFile};
use crate::embedded;
use crate::world::Jurisdiction;

/// The schema's file name.
const SCHEMA: &str = "schema.cedarschema";

impl Law {
    /// The law books built into the binary.
    pub fn standard() -> Result<Law, Diagnostics> {
        let files =
            embedded::under("config/law/").filter(|(path, _)| !path["config/law/".len()..].contains('/'));
        Law::from_files(files.map(|(path, text)| SourceFile::new(path, text)).collect())
    }

    /// Reads every book of a folder: `schema.cedarschema`, and for each law `<code>.toml` with `<code>.cedar`. Other
    /// files and folders are left alone. All errors are reported, not only the first.
    pub fn load(folder: &Path) -> Result<Law, Diagnostics> {
        let mut files = Vec::new();
        for path in files_in(folder, &["cedar", "toml", "cedarschema"])? {
            files.push(SourceFile::read(&path)?);
        }
        if files.is_empty() {
            return Err(Diagnostic::about_file(folder, "there are no law books here")
                .help(format!("a folder of law books holds `{SCHEMA}`, and `us.toml` with `us.cedar`"))
                .into());
        }
        Law::from_files(files)
    }

    /// Reads books that are in memory already, as [`Law::load`] reads them from a folder.
    pub fn from_files(mut files: Vec<SourceFile>) -> Result<Law, Diagnostics> {
        files.sort_by(|a, b| a.path().file_name().cmp(&b.path().file_name()));
        let digest = digest(&files);
        let Some(schema_file) = files.iter().find(|file| has_ending(file.path(), "cedarschema")) else {
            let path = files.first().map_or(Path::new(SCHEMA), |file| file.path());
            let what = format!("there is no `{SCHEMA}` beside the law books");
            return Err(Diagnostic::about_file(path, what)
                .help("the schema comes with the program; restore it")
                .into());
        };
        let schema = read_schema(schema_file)?;
        let mut errors = Vec::new();
        let mut books = BTreeMap::new();
        let mut paired = Vec::new();
        for head in files.iter().filter(|file| has_ending(file.path(), "toml")) {
            match read_book(head, &files, &schema, &mut paired) {
                Ok((code, book)) => {
                    books.insert(code, book);
                }
                Err(found) => errors.extend(found),
            }
        }
        for rules in files.iter().filter(|file| has_ending(file.path(), "cedar")) {
            if paired.iter().any(|path| path == rules.path()) {
                continue;
            }
            let head = rules.path().with_extension("toml");
            let what = "these rules have no head, so they belong to nobody's law";
            errors.push(
                Diagnostic::about_file(rules.path(), what).help(format!(
                    "write `{}`: jurisdiction, span, what it covers, categories",
                    head.display()
                )),
            );
        }
        let law = errors.is_empty().then(|| Law {
            files,
            books,
            digest,
            revision: HEXLOWER.encode(&digest),
            schema,
            authorizer: Authorizer::new(),
            nobody: Entities::empty(),
            everything: OnceLock::new(),
        });
        Diagnostics::unless(law, errors)
    }

    /// The same law without the books of other jurisdictions: what a region's node holds. The revision stays that of
    /// the whole, so that a decision and the node that carries it out name the same one.
    pub fn only(mut self, jurisdictions: &[Jurisdiction]) -> Law {
        self.books.retain(|code, _| jurisdictions.contains(code));
        self.files = Vec::new();
        self
    }
}

/// The files of a folder with one of these endings, in order of path.
pub(super) fn files_in(folder: &Path, endings: &[&str]) -> Result<Vec<PathBuf>, Diagnostic> {
    let entries = std::fs::read_dir(folder)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| Diagnostic::about_file(folder, format!("cannot be read: {error}")))?;
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.retain(|path| path.is_file() && endings.iter().any(|ending| has_ending(path, ending)));
    paths.sort();
    Ok(paths)
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|found| found == ending)
}

fn read_book(
    head: &SourceFile,
    files: &[SourceFile],
    schema: &Schema,
    paired: &mut Vec<PathBuf>,
) -> Result<(Jurisdiction, Book), Vec<Diagnostic>> {
    let stem = head.path().file_stem().and_then(|stem| stem.to_str()).unwrap_or("");
    let path = head.path().with_extension("cedar");
    let rules = files.iter().find(|file| file.path() == path);
    paired.extend(rules.map(|file| file.path().to_owned()));
    let header = Header::read(head, stem)?;
    let Some(rules) = rules else {
        let what = format!("the book has no rules: there is no `{}`", path.display());
        let help = "write the rules there, or take this head away";
        return Err(vec![Diagnostic::about_file(head.path(), what).help(help)]);
    };
    let articles = read_articles(rules, &header, schema)?;
    let index = Index::build(&header, &articles);
    let by_policy: HashMap<_, _> =
        articles.iter().enumerate().map(|(i, article)| (article.policy_id.clone(), i)).collect();
    let counted_days = articles
        .iter()
        .flat_map(|article| &article.clauses)
        .flat_map(|clause| clause.counted_days())
        .collect();
    Ok((header.jurisdiction.clone(), Book { header, articles, by_policy, index, counted_days }))
}

/// Reads the schema, and checks that it describes the facts of this program.
fn read_schema(file: &SourceFile) -> Result<Schema, Diagnostic> {
    let (schema, warnings) =
        Schema::from_cedarschema_str(file.text()).map_err(|error| match error.labels() {
            Some(_) => cedar_error(file, &error),
            None => Diagnostic::about_file(file.path(), error.to_string()),
        })?;
    if let Some(warning) = warnings.into_iter().next() {
        return Err(cedar_error(file, &warning));
    }
    let day = Date::constant(2000, 1, 1);
    let days = Days { issued: day, received: day, decided: day, executed: day };
    let context = Values::of(&Question::sample().facts)
        .context(days, Wanted::ALL)
        .map_err(|error| Diagnostic::about_file(file.path(), error))?;
    if Act::ALL.iter().all(|act| context.validate(&schema, vocabulary::action(*act)).is_ok()) {
        return Ok(schema);
    }
    let facts: Vec<&str> = vocabulary::FACTS.iter().map(|(name, _)| *name).collect();
    let what = "the schema does not describe the facts of this program";
    Err(Diagnostic::about_file(file.path(), what)
        .help(format!("they are {}", facts.join(", ")))
        .help("the schema comes with the program; restore it"))
}

/// SHA-256 over `rogatory law v1\n` and, for each file in order of name, name and text, each after its length in bytes
/// as a big-endian 64-bit number.
fn digest(files: &[SourceFile]) -> [u8; 32] {
    let mut digest = Sha256::new_with_prefix(b"rogatory law v1\n");
    for file in files {
        let name = file.path().file_name().unwrap_or_default().to_string_lossy();
        for part in [name.as_bytes(), file.text().as_bytes()] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
    }
    digest.finalize().into()
}
