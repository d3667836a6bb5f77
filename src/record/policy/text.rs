use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Group, Member, Policy, PolicyError, PolicyWitness};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::record::key::{KeyKind, VerifierKey};
use crate::world::Country;

impl Policy {
    /// The policy as text; [`Policy::read`] reads it back.
    pub fn to_text(&self) -> String {
        let mut text = format!("log {}\n\n", self.log);
        for w in &self.witnesses {
            let _ = writeln!(text, "witness {} {}", w.id, w.key);
        }
        text.push('\n');
        for w in &self.witnesses {
            let yes_no = |yes| if yes { "yes" } else { "no" };
            let _ = writeln!(
                text,
                "about {} country={} controlled-by={} independent={} outsider={}",
                w.id,
                w.country,
                w.controlled_by,
                yes_no(w.independent),
                yes_no(w.outsider)
            );
        }
        text.push('\n');
        for group in &self.groups {
            let _ = write!(text, "group {} {}", group.name, group.needed);
            for member in &group.members {
                let _ = write!(text, " {}", self.name_of(*member));
            }
            text.push('\n');
        }
        let _ = writeln!(text, "quorum {}", self.name_of(self.quorum));
        if let Some(emergency) = self.emergency {
            let _ = writeln!(text, "emergency {}", self.name_of(emergency));
        }
        text
    }

    fn name_of(&self, member: Member) -> &str {
        match member {
            Member::Witness(place) => &self.witnesses[place].id,
            Member::Group(place) => &self.groups[place].name,
        }
    }

    /// Reads the text of a policy, as strictly as tlog-policy writes it down.
    pub fn read(file: &SourceFile) -> Result<Self, Diagnostic> {
        check_characters(file)?;
        let mut reader = Reader::default();
        let mut start = 0;
        for line in file.text().split_inclusive('\n') {
            let indent = line.len() - line.trim_start_matches(BLANK).len();
            let span = start + indent..start + line.trim_end_matches(['\n', ' ', '\t']).len().max(indent);
            start += line.len();
            let words: Vec<&str> = line.split(['\n', ' ', '\t']).filter(|word| !word.is_empty()).collect();
            if words.first().is_none_or(|word| word.starts_with('#')) {
                continue;
            }
            reader.line(&words).map_err(|wrong| {
                let error = file.at(span, wrong.what);
                let error = wrong.help.into_iter().fold(error, Diagnostic::help);
                if wrong.allowed.is_empty() {
                    error
                } else {
                    error.allowed(&wrong.found, wrong.allowed.iter().map(String::as_str))
                }
            })?;
        }
        reader.finish().map_err(|error| Diagnostic::about_file(file.path(), error.to_string()))
    }
}

/// What stands between words: nothing else does, whatever Unicode says.
const BLANK: [char; 2] = [' ', '\t'];

/// Lines end with a newline, also the last one, and no other control character but tab is anywhere.
fn check_characters(file: &SourceFile) -> Result<(), Diagnostic> {
    let text = file.text();
    let control = |c: char| c.is_ascii_control() && !"\n\t".contains(c);
    if let Some((at, found)) = text.char_indices().find(|(_, c)| control(*c)) {
        let what =
            format!("the control character 0x{:02x}, where only tab and newline are allowed", found as u32);
        let error = file.at(at..at + 1, what);
        let windows = found == '\r' && text[at..].starts_with("\r\n");
        return Err(if windows { error.help("end lines with a newline alone") } else { error });
    }
    if !text.is_empty() && !text.ends_with('\n') {
        let start = text.rfind('\n').map_or(0, |at| at + 1);
        let error = file.at(start..text.len(), "the last line does not end: something may be cut off");
        return Err(error.help("if nothing is, end it with a newline"));
    }
    Ok(())
}

#[derive(Default)]
struct Reader {
    log: Option<VerifierKey>,
    witnesses: Vec<(String, VerifierKey)>,
    about: BTreeMap<usize, About>,
    groups: Vec<Group>,
    quorum: Option<Member>,
    emergency: Option<Member>,
}

struct About {
    country: Country,
    controlled_by: String,
    independent: bool,
    outsider: bool,
}

#[derive(Default)]
struct Wrong {
    what: String,
    help: Option<String>,
    found: String,
    allowed: Vec<String>,
}

impl From<String> for Wrong {
    fn from(what: String) -> Self {
        Wrong { what, ..Wrong::default() }
    }
}

impl Reader {
    fn line(&mut self, words: &[&str]) -> Result<(), Wrong> {
        match words {
            ["log", key, ..] if words.len() <= 3 => {
                let key: VerifierKey = key.parse().map_err(|error| format!("{error}"))?;
                if key.kind() != KeyKind::Log {
                    return Err(PolicyError::NotALog(key.name().to_owned()).to_string().into());
                }
                if self.log.replace(key).is_some() {
                    return Err("a second `log`, where one is supported".to_owned().into());
                }
            }
            ["witness", name, key, ..] if words.len() <= 4 => {
                self.check_new(name)?;
                let key: VerifierKey = key.parse().map_err(|error| format!("{error}"))?;
                if key.kind() != KeyKind::Cosigner {
                    return Err(PolicyError::NotACosigner((*name).to_owned()).to_string().into());
                }
                let same = |(_, other): &&(String, VerifierKey)| other.key_bytes() == key.key_bytes();
                if let Some((other, _)) = self.witnesses.iter().find(same) {
                    return Err(
                        format!("`{name}` has the key of `{other}`, and would be counted twice").into()
                    );
                }
                self.witnesses.push(((*name).to_owned(), key));
            }
            ["about", name, facts @ ..] => {
                let Member::Witness(place) = self.known(name)? else {
                    return Err(format!("`{name}` is a group, and `about` is said of a witness").into());
                };
                if self.about.insert(place, About::read(facts)?).is_some() {
                    return Err(format!("a second `about {name}`").into());
                }
            }
            ["group", name, needed, members @ ..] if !members.is_empty() => {
                self.check_new(name)?;
                let count = members.len();
                let members = members.iter().map(|m| self.known(m)).collect::<Result<Vec<_>, _>>()?;
                if let Some(twice) = (1..count).find(|i| members[..*i].contains(&members[*i])) {
                    let name = words[3 + twice];
                    return Err(format!("`{name}` twice in one group, where it would count twice").into());
                }
                let needed = read_needed(needed, count)?;
                self.groups.push(Group { name: (*name).to_owned(), needed, members });
            }
            [quorum @ ("quorum" | "emergency"), "none"] => {
                let help = "name a witness or a group; this program believes no log on its word alone";
                let what = format!("`{quorum} none` asks nobody to cosign");
                return Err(Wrong { what, help: Some(help.to_owned()), ..Wrong::default() });
            }
            ["quorum", name] => {
                if self.quorum.replace(self.known(name)?).is_some() {
                    return Err("a second `quorum`".to_owned().into());
                }
            }
            ["emergency", name] => {
                if self.emergency.replace(self.known(name)?).is_some() {
                    return Err("a second `emergency`".to_owned().into());
                }
            }
            [word, ..] => {
                let known = ["log", "witness", "about", "group", "quorum", "emergency"];
                if known.contains(word) {
                    return Err(Wrong {
                        what: format!("`{word}` with {} words after it", words.len() - 1),
                        help: Some(format!("write `{}`", form(word))),
                        ..Wrong::default()
                    });
                }
                return Err(Wrong {
                    what: format!("unknown line `{word}`"),
                    found: (*word).to_owned(),
                    allowed: known.map(str::to_owned).to_vec(),
                    ..Wrong::default()
                });
            }
            [] => {}
        }
        Ok(())
    }

    fn names(&self) -> impl Iterator<Item = (&str, Member)> {
        let witnesses = self.witnesses.iter().enumerate();
        let groups = self.groups.iter().enumerate();
        witnesses
            .map(|(place, (name, _))| (name.as_str(), Member::Witness(place)))
            .chain(groups.map(|(place, group)| (group.name.as_str(), Member::Group(place))))
    }

    fn check_new(&self, name: &str) -> Result<(), Wrong> {
        if name == "none" || self.names().any(|(known, _)| known == name) {
            return Err(format!("the name `{name}` is taken").into());
        }
        Ok(())
    }

    fn known(&self, name: &str) -> Result<Member, Wrong> {
        self.names().find(|(known, _)| *known == name).map(|(_, member)| member).ok_or_else(|| Wrong {
            what: format!("no witness or group `{name}` above this line"),
            found: name.to_owned(),
            allowed: self.names().map(|(known, _)| known.to_owned()).collect(),
            ..Wrong::default()
        })
    }

    fn finish(mut self) -> Result<Policy, PolicyError> {
        let log = self.log.ok_or(PolicyError::Missing("log"))?;
        let quorum = self.quorum.ok_or(PolicyError::Missing("quorum"))?;
        let mut witnesses = Vec::with_capacity(self.witnesses.len());
        for (place, (id, key)) in self.witnesses.into_iter().enumerate() {
            let about = self.about.remove(&place).ok_or_else(|| PolicyError::NothingAbout(id.clone()))?;
            let About { country, controlled_by, independent, outsider } = about;
            witnesses.push(PolicyWitness { id, key, country, controlled_by, independent, outsider });
        }
        let policy = Policy { log, witnesses, groups: self.groups, quorum, emergency: self.emergency };
        policy.check_sound()?;
        Ok(policy)
    }
}

/// How many of a group's members it takes.
fn read_needed(word: &str, members: usize) -> Result<usize, String> {
    let needed = match word {
        "any" => 1,
        "all" => members,
        // Without a sign, which `parse` would take.
        number if number.bytes().all(|byte| byte.is_ascii_digit()) => number.parse().unwrap_or(usize::MAX),
        other => return Err(format!("`{other}` is neither `any`, `all` nor a number")),
    };
    if needed < 1 || needed > members {
        return Err(format!("`{word}` of {members} members, where 1 to {members} are allowed"));
    }
    Ok(needed)
}

/// What a line of this kind looks like.
fn form(word: &str) -> &'static str {
    match word {
        "log" => "log <verifier key> [<url>]",
        "witness" => "witness <name> <verifier key> [<url>]",
        "about" => {
            "about <witness> country=<code> controlled-by=<name> independent=<yes|no> outsider=<yes|no>"
        }
        "group" => "group <name> <any|all|number> <member>...",
        "quorum" => "quorum <name>",
        _ => "emergency <name>",
    }
}

impl About {
    fn read(facts: &[&str]) -> Result<Self, String> {
        let mut found = BTreeMap::new();
        for fact in facts {
            let (name, value) = fact.split_once('=').ok_or(format!("`{fact}` is not `name=value`"))?;
            if !["country", "controlled-by", "independent", "outsider"].contains(&name) {
                return Err(format!("unknown fact `{name}`"));
            }
            if found.insert(name, value).is_some() {
                return Err(format!("`{name}` said twice"));
            }
        }
        let take = |name| found.get(name).copied().ok_or(format!("`{name}=` is missing"));
        let yes_no = |name| match take(name)? {
            "yes" => Ok(true),
            "no" => Ok(false),
            other => Err(format!("`{name}={other}`, where `yes` and `no` are allowed")),
        };
        Ok(About {
            country: take("country")?.parse().map_err(|error| format!("{error}"))?,
            controlled_by: take("controlled-by")?.to_owned(),
            independent: yes_no("independent")?,
            outsider: yes_no("outsider")?,
        })
    }
}
