//! What is done and what comes about, in the sentences of the text, as labelled paragraphs.

use crate::scenario::report::markup::Markup;
use crate::scenario::text::sheet::{Ink, Piece, Prose};

/// Labelled paragraphs and tables, gathered one after the other.
#[derive(Default)]
pub struct Notes {
    notes: Vec<(Option<&'static str>, Vec<Block>)>,
    label: Option<&'static str>,
}

enum Block {
    Paragraph { deep: bool, text: Vec<(Ink, String)> },
    Table { heads: Vec<String>, rows: Vec<Vec<(Ink, String)>> },
}

impl Notes {
    pub fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    pub fn write(&self, page: &mut Markup) {
        if self.is_empty() {
            return;
        }
        page.block("dl", &[("class", "notes")], |page| {
            for (label, blocks) in &self.notes {
                page.block("div", &[], |page| {
                    page.leaf("dt", &[], label.unwrap_or_default());
                    page.block("dd", &[], |page| blocks.iter().for_each(|block| block.write(page)));
                });
            }
        });
    }

    fn push(&mut self, block: Block) {
        match (self.label.take(), self.notes.last_mut()) {
            (None, Some((_, blocks))) => blocks.push(block),
            (label, _) => self.notes.push((label, vec![block])),
        }
    }
}

impl Block {
    fn write(&self, page: &mut Markup) {
        match self {
            Block::Paragraph { deep, text } => {
                let class: &[_] = if *deep { &[("class", "deep")] } else { &[] };
                page.element("p", class, |page| text.iter().for_each(|(ink, text)| inked(page, *ink, text)));
                page.line();
            }
            Block::Table { heads, rows } => page.block("table", &[("class", "plain")], |page| {
                page.block("thead", &[], |page| {
                    page.element("tr", &[], |page| heads.iter().for_each(|head| page.leaf("th", &[], head)));
                });
                page.block("tbody", &[], |page| {
                    for row in rows {
                        page.element("tr", &[], |page| {
                            for (ink, cell) in row {
                                page.element("td", &[], |page| inked(page, *ink, cell));
                            }
                        });
                        page.line();
                    }
                });
            }),
        }
    }
}

impl Prose for Notes {
    fn label(&mut self, label: &'static str) {
        self.label = Some(label);
    }

    fn label_close(&mut self, label: &'static str) {
        self.label = Some(label);
    }

    fn paragraph(&mut self, first: usize, _: usize, pieces: &[Piece<'_>]) {
        let text = pieces.iter().map(|(ink, text)| (*ink, text.to_string())).collect();
        self.push(Block::Paragraph { deep: first > 0, text });
    }

    fn table<const N: usize>(&mut self, heads: [&str; N], rows: &[[String; N]], inks: [Ink; N]) {
        let heads = heads.iter().map(|head| head.trim().to_owned()).collect();
        let row = |row: &[String; N]| {
            inks.iter().zip(row).map(|(ink, cell)| (*ink, cell.trim().to_owned())).collect()
        };
        self.push(Block::Table { heads, rows: rows.iter().map(row).collect() });
    }
}

fn inked(page: &mut Markup, ink: Ink, text: &str) {
    let class = match ink {
        Ink::Plain => return quoting(page, text),
        Ink::Strong | Ink::Heading => return page.leaf("strong", &[], text),
        Ink::Faint => "faint",
        Ink::Good => "good",
        Ink::Bad => "bad",
        Ink::Doubt => "doubt",
        Ink::Bar => "bar",
    };
    page.leaf("span", &[("class", class)], text);
}

/// A text in which names stand between backticks.
pub fn quoting(page: &mut Markup, text: &str) {
    for (place, part) in text.split('`').enumerate() {
        if place % 2 == 1 {
            page.leaf("code", &[], part);
        } else {
            page.text(part);
        }
    }
}
