//! Lays text out: labels in the left margin, wrapped paragraphs beside them, colour only where it was asked for.

use std::borrow::Cow;
use std::fmt::Write;

use anstyle::{AnsiColor, Style};

/// How wide, and whether in colour. Whoever knows the terminal decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// In columns; less than 60 is taken as 60.
    pub width: usize,
    pub colour: bool,
}

/// What a piece of text means, which its colour shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    Plain,
    Strong,
    Faint,
    Heading,
    Good,
    Bad,
    Doubt,
    Bar,
}

impl Ink {
    fn style(self) -> Style {
        let coloured = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
        match self {
            Ink::Plain => Style::new(),
            Ink::Strong => Style::new().bold(),
            Ink::Faint => Style::new().dimmed(),
            Ink::Heading => coloured(AnsiColor::Cyan),
            Ink::Good => coloured(AnsiColor::Green),
            Ink::Bad => coloured(AnsiColor::Red).bold(),
            Ink::Doubt => coloured(AnsiColor::Yellow),
            Ink::Bar => coloured(AnsiColor::Magenta),
        }
    }
}

/// Text of one ink.
pub type Piece<'a> = (Ink, Cow<'a, str>);

pub fn plain<'a>(text: impl Into<Cow<'a, str>>) -> Piece<'a> {
    (Ink::Plain, text.into())
}

pub fn faint<'a>(text: impl Into<Cow<'a, str>>) -> Piece<'a> {
    (Ink::Faint, text.into())
}

/// Where something is told in sentences and tables, whatever it will look like.
pub trait Prose {
    /// Labels the next paragraph, at a distance from what is above it.
    fn label(&mut self, label: &'static str);

    /// Labels the next paragraph, right under what is above it.
    fn label_close(&mut self, label: &'static str);

    /// A paragraph, `first` and `rest` columns in.
    fn paragraph(&mut self, first: usize, rest: usize, pieces: &[Piece<'_>]);

    /// A table with heads.
    fn table<const N: usize>(&mut self, heads: [&str; N], rows: &[[String; N]], inks: [Ink; N]);
}

/// Where paragraphs begin; labels stand left of it.
const MARGIN: usize = 12;

/// The room that a text needs beside a row's cells to be wrapped there; with less it goes under its row.
const WRAPS_BESIDE: usize = 30;

/// One stretch of text on its way to the reader.
pub struct Sheet {
    look: Look,
    text: String,
    label: Option<&'static str>,
    words: usize,
}

impl Sheet {
    pub fn new(look: Look) -> Self {
        let look = Look { width: look.width.max(60), ..look };
        Sheet { look, text: String::new(), label: None, words: 0 }
    }

    /// The text, and how many words there are to read in it.
    pub fn finish(self) -> (String, usize) {
        (self.text, self.words)
    }

    pub fn blank(&mut self) {
        self.text.push('\n');
    }

    /// A line across the whole width, with a text near its left end.
    pub fn rule(&mut self, number: &str, text: &str) {
        let head = format!("━━ {number} ━━ ");
        let used = columns(&head) + columns(text) + 1;
        let tail = "━".repeat(self.look.width.saturating_sub(used).max(2));
        self.ink(Ink::Faint, &head);
        self.ink(Ink::Heading, text);
        self.ink(Ink::Faint, &format!(" {tail}"));
        self.text.push('\n');
        self.words += text.split_whitespace().count();
    }

    /// A wrapped paragraph over the whole width.
    pub fn wide(&mut self, pieces: &[Piece<'_>]) {
        self.wrap(0, 0, pieces);
    }

    /// Puts words on lines, beginning at a column and going on at another.
    fn wrap(&mut self, first: usize, rest: usize, pieces: &[Piece<'_>]) {
        let mut column = first;
        let mut fresh = true;
        // Words of two inks that touch (`text` and a comma) stay together.
        let mut word: Vec<(Ink, &str)> = Vec::new();
        for (ink, text) in pieces {
            for (place, part) in text.split(char::is_whitespace).enumerate() {
                if place > 0 {
                    self.place(&mut word, &mut column, &mut fresh, rest);
                }
                if !part.is_empty() {
                    word.push((*ink, part));
                }
            }
        }
        self.place(&mut word, &mut column, &mut fresh, rest);
        self.text.push('\n');
    }

    fn place(&mut self, word: &mut Vec<(Ink, &str)>, column: &mut usize, fresh: &mut bool, rest: usize) {
        if word.is_empty() {
            return;
        }
        let width: usize = word.iter().map(|(_, part)| columns(part)).sum();
        if !*fresh && *column + 1 + width > self.look.width {
            self.text.push('\n');
            self.pad(rest);
            *column = rest;
        } else if !*fresh {
            self.text.push(' ');
            *column += 1;
        }
        for (ink, part) in word.drain(..) {
            self.ink(ink, part);
        }
        *column += width;
        *fresh = false;
        self.words += 1;
    }

    /// Cells in columns of the widths given, then a text that wraps under itself, or under the first cell if there
    /// is no room beside them.
    pub fn row(&mut self, cells: &[(Piece<'_>, usize)], tail: &[Piece<'_>]) {
        self.row_from(MARGIN, cells, tail);
    }

    fn row_from(&mut self, margin: usize, cells: &[(Piece<'_>, usize)], tail: &[Piece<'_>]) {
        let needed: usize = cells.iter().map(|(_, width)| width + 2).sum();
        if margin + needed > self.look.width + 2 {
            return self.narrow_row(cells, tail);
        }
        let label = self.label.take().unwrap_or("");
        self.text.push_str("  ");
        self.ink(Ink::Faint, label);
        self.pad(margin.saturating_sub(2 + columns(label)));
        let mut column = margin;
        let filled = |((_, text), _): &(Piece<'_>, usize)| !text.is_empty();
        let last = if tail.is_empty() { cells.iter().rposition(filled).unwrap_or(0) } else { cells.len() };
        for (place, ((ink, text), width)) in cells.iter().enumerate().take_while(|(place, _)| *place <= last)
        {
            self.ink(*ink, text);
            column += columns(text);
            self.words += 1;
            if place < last {
                let gap = width.saturating_sub(columns(text)) + 2;
                self.pad(gap);
                column += gap;
            }
        }
        let needed: usize = tail.iter().map(|(_, text)| columns(text)).sum();
        if tail.is_empty() {
            self.text.push('\n');
        } else if column + needed <= self.look.width || column + WRAPS_BESIDE <= self.look.width {
            self.wrap(column, column, tail);
        } else {
            self.end_line();
            self.pad(margin + 4);
            self.wrap(margin + 4, margin + 4, tail);
        }
    }

    /// A wrapped paragraph near the left edge: its first line begins at column `first`, the others at `rest`.
    pub fn margin(&mut self, first: usize, rest: usize, pieces: &[Piece<'_>]) {
        self.pad(first);
        self.wrap(first, rest, pieces);
    }

    /// A table from the left edge on.
    pub fn listing<const N: usize>(&mut self, heads: [&str; N], rows: &[[String; N]], inks: [Ink; N]) {
        let widths = widths(heads, rows);
        self.entry(&cells(heads, [Ink::Faint; N], widths), &[]);
        for row in rows {
            self.entry(&cells(row.each_ref().map(String::as_str), inks, widths), &[]);
        }
    }

    /// A row as [`Sheet::row`] makes it, from the left edge on.
    pub fn entry(&mut self, cells: &[(Piece<'_>, usize)], tail: &[Piece<'_>]) {
        self.row_from(2, cells, tail);
    }

    /// The heads of columns; nothing where columns have no room.
    pub fn heads(&mut self, cells: &[(Piece<'_>, usize)]) {
        if MARGIN + cells.iter().map(|(_, width)| width + 2).sum::<usize>() <= self.look.width {
            self.row(cells, &[]);
        }
    }

    /// A row as a sentence, where columns have no room.
    fn narrow_row(&mut self, cells: &[(Piece<'_>, usize)], tail: &[Piece<'_>]) {
        let filled = cells.iter().filter(|((_, text), _)| !text.trim().is_empty());
        let mut pieces: Vec<Piece<'_>> = Vec::new();
        for ((ink, text), _) in filled {
            if !pieces.is_empty() {
                pieces.push(plain(", "));
            }
            pieces.push((*ink, text.trim().into()));
        }
        if !tail.is_empty() {
            pieces.push(plain(": "));
            pieces.extend_from_slice(tail);
        }
        self.paragraph(2, 4, &pieces);
    }

    fn end_line(&mut self) {
        self.text.truncate(self.text.trim_end_matches(' ').len());
        self.text.push('\n');
    }

    fn pad(&mut self, columns: usize) {
        self.text.extend(std::iter::repeat_n(' ', columns));
    }

    fn ink(&mut self, ink: Ink, text: &str) {
        let style = ink.style();
        if self.look.colour && ink != Ink::Plain && !text.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(self.text, "{style}{text}{style:#}");
        } else {
            self.text.push_str(text);
        }
    }
}

impl Prose for Sheet {
    fn label(&mut self, label: &'static str) {
        if !self.text.ends_with("\n\n") {
            self.blank();
        }
        self.label = Some(label);
    }

    fn label_close(&mut self, label: &'static str) {
        self.label = Some(label);
    }

    /// A wrapped paragraph beside the margin: its first line begins `first` columns right of it, the others `rest`.
    fn paragraph(&mut self, first: usize, rest: usize, pieces: &[Piece<'_>]) {
        let label = self.label.take().unwrap_or("");
        self.text.push_str("  ");
        self.ink(Ink::Faint, label);
        let used = 2 + columns(label);
        self.pad((MARGIN + first).saturating_sub(used));
        self.wrap(MARGIN + first, MARGIN + rest, pieces);
    }

    /// A table beside the margin.
    fn table<const N: usize>(&mut self, heads: [&str; N], rows: &[[String; N]], inks: [Ink; N]) {
        let widths = widths(heads, rows);
        self.heads(&cells(heads, [Ink::Faint; N], widths));
        for row in rows {
            self.row(&cells(row.each_ref().map(String::as_str), inks, widths), &[]);
        }
    }
}

/// How many columns a text takes. What is shown here is Latin script and box drawing, one column a character.
pub fn columns(text: &str) -> usize {
    text.chars().count()
}

/// What is where, said once for each place: `content and traffic in ie-dublin, subscriber in us-virginia`.
pub fn gather(things: impl IntoIterator<Item = (String, String)>) -> String {
    let mut places: Vec<(String, Vec<String>)> = Vec::new();
    for (what, place) in things {
        match places.iter_mut().find(|(known, _)| *known == place) {
            Some((_, whats)) if whats.contains(&what) => {}
            Some((_, whats)) => whats.push(what),
            None => places.push((place, vec![what])),
        }
    }
    let said = places.iter().map(|(place, whats)| format!("{} in {place}", list(whats)));
    said.collect::<Vec<_>>().join(", ")
}

/// How wide the columns of a table have to be.
pub fn widths<const N: usize>(heads: [&str; N], rows: &[[String; N]]) -> [usize; N] {
    std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| columns(&row[column]));
        cells.chain([columns(heads[column])]).max().unwrap_or(0)
    })
}

/// The cells of one row.
pub fn cells<'a, const N: usize>(
    texts: [&'a str; N],
    inks: [Ink; N],
    widths: [usize; N],
) -> [(Piece<'a>, usize); N] {
    std::array::from_fn(|i| ((inks[i], texts[i].into()), widths[i]))
}

/// `a`, `a and b`, `a, b and c`.
pub fn list(words: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| word.as_ref().to_owned()).collect();
    match words.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(width: usize, colour: bool) -> Sheet {
        Sheet::new(Look { width, colour })
    }

    #[test]
    fn wraps_beside_the_margin_and_keeps_touching_pieces_together() {
        let mut sheet = sheet(60, false);
        sheet.label("history");
        let long = "a magistrate judge in New York issues a warrant for one mailbox in Dublin, named";
        sheet.paragraph(
            0,
            2,
            &[plain(long), plain(" "), (Ink::Strong, "13-mag-2814".into()), plain(", today.")],
        );
        let (text, words) = sheet.finish();
        assert_eq!(
            text,
            "\n  history   a magistrate judge in New York issues a warrant\n              for one mailbox in Dublin, \
             named 13-mag-2814,\n              today.\n"
        );
        assert_eq!(words, 17);
    }

    #[test]
    fn colour_is_never_there_unasked_and_takes_no_room() {
        let pieces = [(Ink::Bad, Cow::from("refuses")), plain(" to go on ".repeat(9))];
        let (mut with, mut without) = (sheet(60, true), sheet(60, false));
        with.paragraph(0, 0, &pieces);
        without.paragraph(0, 0, &pieces);
        let (with, without) = (with.finish().0, without.finish().0);
        assert!(!without.contains('\u{1b}'));
        assert!(with.contains("\u{1b}[1m\u{1b}[31mrefuses\u{1b}[0m"), "{with:?}");
        assert_eq!(anstream::adapter::strip_str(&with).to_string(), without);
    }

    #[test]
    fn a_long_tail_goes_under_its_row() {
        let mut sheet = sheet(60, false);
        let cells = [(plain("content in ie-dublin"), 24), (plain("compelled"), 11)];
        sheet.row(&cells, &[faint("suspended by stay-pending-appeal")]);
        sheet.row(&cells, &[]);
        assert_eq!(
            sheet.finish().0,
            "            content in ie-dublin      compelled\n                suspended by stay-pending-appeal\n            \
             content in ie-dublin      compelled\n"
        );
    }

    #[test]
    fn lists_read_like_a_sentence() {
        assert_eq!(list(["a"]), "a");
        assert_eq!(list(["a", "b", "c"]), "a, b and c");
    }
}
