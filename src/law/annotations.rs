//! What the annotations of a policy say of a rule: its citation, its words, its days, how sure it is.

use std::ops::Range;

use cedar_policy::Policy;
use cedar_policy_core::ast;

use super::check::range;
use super::header::Header;
use super::rule::{Effect, Keyed, Rule, Weight, Within};
use crate::clock::Date;
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::world::{Source, SourceMark};

/// How the first day of a rule that is not in force is written.
pub(super) const NOT_IN_FORCE: &str = "not-in-force";

/// Reads the rule that stands at `span` from the annotations of its policy. What is wrong with them goes to `errors`.
pub(super) fn annotated(
    file: &SourceFile,
    header: &Header,
    policy: &Policy,
    span: Range<usize>,
    errors: &mut Vec<Diagnostic>,
) -> Option<Rule> {
    Annotations { file, header, policy, span, errors }.rule()
}

/// The annotations of one policy, on their way to a [`Rule`].
struct Annotations<'a> {
    file: &'a SourceFile,
    header: &'a Header,
    policy: &'a Policy,
    span: Range<usize>,
    errors: &'a mut Vec<Diagnostic>,
}

/// What a source says of a text that is younger than the rule and may be cited all the same.
const LATER_ON_PURPOSE: [&str; 2] = ["codifies earlier practice", "reported later"];

/// The years in a citation: `(2d Cir. 2016)`, `2014 WL 1661004`, `[2013] IESC 2`, `Act 2008`. The number of a section is
/// none, and neither is part of a longer number or word.
fn years(cite: &str) -> impl Iterator<Item = i16> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '.';
    let mut start = 0;
    let mut found = Vec::new();
    for token in cite.split(|c: char| !is_word(c)) {
        let place = start;
        start += token.len() + 1;
        let before = cite.get(..place).unwrap_or_default().trim_end();
        let section =
            ["U.S.C.", "art.", "arts", "s.", "ss.", "TIAS", "SR"].iter().any(|word| before.ends_with(word));
        if let (4, Ok(year)) = (token.len(), token.parse::<i16>())
            && (1700..=2100).contains(&year)
            && !section
        {
            found.push(year);
        }
    }
    found.into_iter()
}

/// Every annotation a rule may have; the last four are optional.
const ANNOTATIONS: [&str; 13] = [
    "id", "cite", "effect", "weight", "says", "source", "keyed", "from", "until", "penalty", "remedy",
    "within", "after",
];

impl Annotations<'_> {
    fn rule(mut self) -> Option<Rule> {
        for (name, _) in self.policy.annotations() {
            if !ANNOTATIONS.contains(&name) {
                let error = self
                    .file
                    .at(self.at(name), format!("unknown annotation `@{name}`"))
                    .allowed(name, ANNOTATIONS);
                self.errors.push(error);
            }
        }
        let id = self.text("id").filter(|id| self.is_id(id));
        let (cite, says) = (self.text("cite"), self.text("says"));
        let effect = self.word("effect", Effect::ALL, Effect::as_str);
        let weight = self.word("weight", Weight::ALL, Weight::as_str);
        let keyed = self.word("keyed", Keyed::ALL, Keyed::as_str);
        let from = match self.policy.annotation("from") {
            Some(NOT_IN_FORCE) => Some(None),
            _ => self.date("from").map(Some),
        };
        let until = match self.policy.annotation("until") {
            Some("open") => Some(None),
            _ => self.date("until").map(Some),
        };
        let source = self.source();
        let (penalty, remedy) = (self.optional("penalty"), self.optional("remedy"));
        let (within, after) = (self.time("within"), self.time("after"));
        let rule = Rule {
            id: id?,
            cite: cite?,
            effect: effect?,
            weight: weight?,
            says: says?,
            source: source?,
            penalty,
            remedy,
            within: within?,
            after: after?,
            keyed: keyed?,
            from: from?,
            until: until?,
        };
        self.holds_in_span(&rule);
        self.cites_nothing_later(&rule);
        Some(rule)
    }

    /// Where an annotation stands, or the whole policy if it is missing.
    fn at(&self, name: &str) -> Range<usize> {
        let syntax: &ast::Policy = self.policy.as_ref();
        let found = syntax.annotations().find(|(key, _)| AsRef::<str>::as_ref(*key) == name);
        found.and_then(|(_, annotation)| annotation.loc.as_ref()).map_or_else(|| self.span.clone(), range)
    }

    fn error(&mut self, name: &str, what: String, help: &str) {
        self.errors.push(self.file.at(self.at(name), what).help(help));
    }

    fn text(&mut self, name: &str) -> Option<String> {
        match self.policy.annotation(name).map(str::trim) {
            Some(text) if !text.is_empty() => Some(text.to_owned()),
            Some(_) => {
                self.error(name, format!("`@{name}` is empty"), "say it, or take the rule out");
                None
            }
            None => {
                let rule = self.policy.annotation("id").map_or(String::new(), |id| format!(" `{id}`"));
                let help = "a rule has @id @cite @effect @weight @keyed @from @until @says @source, and may have \
                            @penalty, @remedy, @within and @after";
                self.error(name, format!("the rule{rule} has no `@{name}`"), help);
                None
            }
        }
    }

    fn optional(&mut self, name: &str) -> Option<String> {
        self.policy.annotation(name)?;
        self.text(name)
    }

    fn word<T: Copy>(&mut self, name: &str, all: &[T], as_str: fn(T) -> &'static str) -> Option<T> {
        let text = self.text(name)?;
        all.iter().copied().find(|word| as_str(*word) == text).or_else(|| {
            let what = format!("`@{name}` is `{text}`");
            let allowed = all.iter().map(|word| as_str(*word));
            let error = self.file.at(self.at(name), what).allowed(&text, allowed);
            self.errors.push(error);
            None
        })
    }

    fn date(&mut self, name: &str) -> Option<Date> {
        let text = self.text(name)?;
        let dashed = text.len() == 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
        match text.parse::<Date>() {
            Ok(date) if dashed => Some(date),
            _ => {
                let help = if name == "until" {
                    "write `2018-04-17`, the first day on which it no longer holds, or `open`"
                } else {
                    "write `2018-03-23`, or `not-in-force` for what never came into force"
                };
                self.error(name, format!("`@{name}` is `{text}`, which is not a date"), help);
                None
            }
        }
    }

    /// `Some(None)` where the rule gives no time.
    fn time(&mut self, name: &str) -> Option<Option<Within>> {
        if self.policy.annotation(name).is_none() {
            return Some(None);
        }
        match self.text(name)?.parse::<Within>() {
            Ok(within) => Some(Some(within)),
            Err(error) => {
                self.error(name, format!("`@{name}`: {error}"), "the time is counted from receipt");
                None
            }
        }
    }

    /// `verified: where it was read; from memory: what was not`.
    fn source(&mut self) -> Option<Source> {
        let text = self.text("source")?;
        match text.parse::<Source>() {
            Ok(source) => Some(source),
            Err(error) => {
                let found = text.split(':').next().unwrap_or(&text);
                let error = self
                    .file
                    .at(self.at("source"), format!("`@source`: {error}"))
                    .help("write a mark, a colon, and where it was read, each part with its own: `verified: law.cornell.edu/uscode/text/18/2703 for (a); from memory: (c)`")
                    .allowed(found, SourceMark::ALL.iter().map(|mark| mark.as_str()));
                self.errors.push(error);
                None
            }
        }
    }

    fn is_id(&mut self, id: &str) -> bool {
        let prefix = format!("{}-", self.header.jurisdiction.as_str().to_lowercase());
        let fits = id.len() > prefix.len()
            && id.starts_with(&prefix)
            && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !fits {
            let what = format!("`{id}` is not the id of a rule of this book");
            let help = format!("write lower-case letters, digits and dashes, starting with `{prefix}`");
            self.error("id", what, &help);
        }
        fits
    }

    /// What a rule says on a day, nobody could have read on that day in a text of a later year.
    fn cites_nothing_later(&mut self, rule: &Rule) {
        let Some(from) = rule.from else { return };
        let exempt = |phrase: &&str| rule.source.parts().iter().any(|part| part.about.contains(*phrase));
        if LATER_ON_PURPOSE.iter().any(exempt) {
            return;
        }
        if let Some(year) = years(&rule.cite).find(|year| *year > from.year()) {
            let what = format!("the rule `{}` holds from {from}, and cites a text of {year}", rule.id);
            let help = "split it into a version before that text and one from its day on; or, if the text only writes \
                        down what held before, say in `@source` that it `codifies earlier practice`, or of a ruling \
                        that it was `reported later`";
            self.error("cite", what, help);
        }
    }

    fn holds_in_span(&mut self, rule: &Rule) {
        let Some(from) = rule.from else {
            if rule.until.is_some() {
                let what = format!("the rule `{}` is not in force and has an end", rule.id);
                self.error("until", what, "write `@until(\"open\")` for what has not begun");
            }
            return;
        };
        if rule.until.is_some_and(|until| until <= from) {
            let what = format!("the rule `{}` ends before it begins", rule.id);
            self.error("until", what, "@until is the first day on which it no longer holds");
        } else if from >= self.header.until || rule.until.is_some_and(|until| until <= self.header.from) {
            let what = format!("the rule `{}` holds only outside the span of its book", rule.id);
            let help =
                format!("the book speaks for the days from {} until {}", self.header.from, self.header.until);
            self.error("from", what, &help);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::years;

    #[test]
    fn a_citation_tells_its_years_and_no_sections() {
        let read = |cite: &str| years(cite).collect::<Vec<_>>();
        assert_eq!(read("Microsoft Corp. v. United States, 829 F.3d 197 (2d Cir. 2016)"), [2016]);
        assert_eq!(read("In re Warrant, 2014 WL 1661004 (S.D.N.Y. 2014)"), [2014, 2014]);
        assert_eq!(read("[2013] IESC 2; Regulation (EU) 2016/679 art. 48"), [2013, 2016]);
        assert_eq!(read("affirmed on 2014-07-31"), [2014]);
        assert_eq!(read("18 U.S.C. 1881a, 2703; 18 U.S.C. 2001; art. 1789"), [0; 0]);
    }
}
