//! The rules a play rests on, each with a number that leads to all that is known of it.

use super::signs::{self, Sign};
use crate::law::{Position, Rule, RuleHit};
use crate::scenario::report::markup::Markup;
use crate::world::Jurisdiction;

/// The rules of one play, numbered as they come up. Versions of a rule are told apart.
pub struct Numbered {
    play: String,
    rules: Vec<(Jurisdiction, RuleHit)>,
}

impl Numbered {
    pub fn new(play: &str) -> Self {
        Numbered { play: play.to_owned(), rules: Vec::new() }
    }

    /// The number of a rule, counted from 1; a new one if it has none.
    pub fn number(&mut self, law: &Jurisdiction, hit: &RuleHit) -> usize {
        let known = self.rules.iter().position(|(_, rule)| rule.id == hit.id && rule.from == hit.from);
        known.unwrap_or_else(|| {
            self.rules.push((law.clone(), hit.clone()));
            self.rules.len() - 1
        }) + 1
    }

    /// The rules of a position, as links.
    pub fn references(&mut self, page: &mut Markup, position: &Position) {
        for hit in &position.rules {
            let number = self.number(&position.jurisdiction, hit).to_string();
            let target = format!("#{}-r{number}", self.play);
            page.leaf("a", &[("class", "ref"), ("href", &target), ("title", &hit.cite)], &number);
        }
    }

    /// Rules in short, each once: what it says, where it stands, how firmly, how sure we are, at what price.
    pub fn sentences(&mut self, page: &mut Markup, positions: &[&Position]) {
        let mut told: Vec<usize> = Vec::new();
        page.block("ul", &[("class", "rules")], |page| {
            for position in positions {
                for hit in &position.rules {
                    let number = self.number(&position.jurisdiction, hit);
                    if told.contains(&number) {
                        continue;
                    }
                    told.push(number);
                    page.element("li", &[], |page| {
                        page.leaf("span", &[("class", "number")], &number.to_string());
                        page.leaf("b", &[("class", "law")], position.jurisdiction.as_str());
                        page.element("span", &[("class", "says")], |page| {
                            page.text(&hit.says);
                            page.text(" ");
                            page.element("small", &[], |page| standing(page, hit));
                        });
                    });
                    page.line();
                }
                if let Some(gap) = &position.gap {
                    page.element("li", &[], |page| {
                        page.leaf("span", &[("class", "number")], "");
                        page.leaf("b", &[("class", "law")], position.jurisdiction.as_str());
                        page.leaf("span", &[("class", "says")], gap);
                    });
                    page.line();
                }
            }
        });
    }

    /// Every rule with all that its book says of it.
    pub fn appendix(&self, page: &mut Markup) {
        if self.rules.is_empty() {
            return;
        }
        page.block("section", &[("class", "appendix")], |page| {
            page.leaf("h3", &[], "The rules this rests on");
            page.block("table", &[("class", "plain")], |page| {
                page.block("thead", &[], |page| {
                    page.element("tr", &[], |page| {
                        for head in
                            ["", "law", "rule", "how firmly", "how sure, and where it was read", "in force"]
                        {
                            page.leaf("th", &[("scope", "col")], head);
                        }
                    });
                });
                page.block("tbody", &[], |page| {
                    for (place, (law, rule)) in self.rules.iter().enumerate() {
                        self.row(page, place + 1, law, rule);
                    }
                });
            });
        });
    }

    fn row(&self, page: &mut Markup, number: usize, law: &Jurisdiction, rule: &Rule) {
        page.block("tr", &[("id", &format!("{}-r{number}", self.play))], |page| {
            page.leaf("th", &[("scope", "row")], &number.to_string());
            page.leaf("td", &[], law.as_str());
            page.element("td", &[], |page| {
                page.leaf("strong", &[], &rule.cite);
                page.text(" ");
                page.text(&rule.says);
                page.text(" ");
                page.leaf("code", &[], &rule.id);
                for (what, value) in [("Price", &rule.penalty), ("Remedy", &rule.remedy)] {
                    if let Some(value) = value {
                        page.leaf("span", &[("class", "faint")], &format!(" {what}: {value}."));
                    }
                }
            });
            page.element("td", &[], |page| Sign::weight(rule.weight).write(page));
            page.element("td", &[], |page| {
                for part in rule.source.parts() {
                    page.element("p", &[], |page| {
                        Sign::mark(part.mark).write(page);
                        page.leaf("small", &[], &format!(" {}", part.about));
                    });
                }
            });
            page.leaf("td", &[], &in_force(rule));
        });
    }
}

/// Where a rule stands, how firmly, and how sure we are.
fn standing(page: &mut Markup, rule: &Rule) {
    page.leaf("cite", &[], &rule.cite);
    page.text(" · ");
    Sign::weight(rule.weight).write(page);
    page.text(" · ");
    signs::source(page, &rule.source);
    if let Some(penalty) = &rule.penalty {
        page.text(" · at the price of ");
        page.leaf("span", &[("class", "bad")], penalty);
    }
}

/// `from 2018-03-23, by the day it is decided`.
fn in_force(rule: &Rule) -> String {
    let from = rule.from.map_or("never".to_owned(), |from| format!("from {from}"));
    let until = rule.until.map_or(String::new(), |until| format!(" until {until}"));
    format!("{from}{until}, by the day it is {}", rule.keyed)
}
