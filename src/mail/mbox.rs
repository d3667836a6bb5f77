//! mbox: many messages in one file, each after a `From ` line (RFC 4155).
//!
//! What belongs to the file and what to the message is decided so that nothing is lost either way:
//!
//! - A line that starts with `From ` begins a message if it ends in a date, or if it follows an empty line and is
//!   followed by a header field. Every other such line belongs to the message it stands in.
//! - The last line end before the next `From ` line, or before the end of the file, belongs to the file. Well
//!   written files have an empty line there, and the message keeps the line end before it.
//! - Inside a message a `From ` line is quoted with `>`: see [`Quoting`].
//!
//! [`Framing`] holds what belonged to the file. Two promises follow, both tested over arbitrary bytes:
//! a message written by [`MboxWriter`] is read back as the same bytes, whatever they are; and messages written in
//! the order they were read, each with its framing, make the same file again.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read, Write};

use serde::{Deserialize, Serialize};

use super::message::is_field;
use super::postmark;
use crate::clock::SimTime;
use crate::world::Address;

/// How `From ` lines inside a message are told from the start of the next one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quoting {
    /// `From ` becomes `>From `, and a line that is already so quoted gets one `>` more: always undone exactly.
    #[default]
    Mboxrd,
    /// `From ` becomes `>From `, and nothing else is touched. Not exact: a message's own `>From ` loses its `>`. Which
    /// of the two rules a file follows cannot be seen from the file, so this one is used only when asked for.
    Mboxo,
    /// The message has an unquoted `From ` line, so whoever wrote it did not quote; its bytes are left alone.
    None,
}

/// What an mbox file held of a message besides its bytes. It names the sender: keep it as safe as the message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Framing {
    /// The `From ` line with its line end.
    #[serde(with = "crate::base64_bytes")]
    postmark: Vec<u8>,
    quoting: Quoting,
    terminator: Terminator,
}

/// The line end between a message and the next `From ` line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Terminator {
    Lf,
    CrLf,
    /// The file ends without one.
    None,
}

impl Terminator {
    fn bytes(self) -> &'static [u8] {
        match self {
            Terminator::Lf => b"\n",
            Terminator::CrLf => b"\r\n",
            Terminator::None => b"",
        }
    }

    fn of(content: &[u8]) -> Terminator {
        match content {
            [.., b'\r', b'\n'] => Terminator::CrLf,
            [.., b'\n'] => Terminator::Lf,
            _ => Terminator::None,
        }
    }
}

/// One message of an mbox file, or what stands where one should be.
#[derive(PartialEq, Eq)]
pub(super) enum MboxItem {
    Message {
        offset: u64,
        bytes: Vec<u8>,
        received: Option<SimTime>,
        framing: Framing,
    },
    /// `bytes` as they lie in the file; they were passed over.
    TooLarge {
        offset: u64,
        bytes: u64,
    },
    /// Something before the first `From ` line.
    Stray {
        offset: u64,
        bytes: u64,
    },
}

/// A line or a piece of a long one.
struct Line {
    offset: u64,
    bytes: Vec<u8>,
    starts: bool,
}

impl Line {
    fn is_from(&self) -> bool {
        self.starts && self.bytes.starts_with(postmark::START)
    }

    fn is_blank(&self) -> bool {
        self.starts && is_blank(&self.bytes)
    }
}

/// Long lines are read in pieces of this many bytes.
const PIECE_BYTES: u64 = 64 * 1024;

/// Reads messages one after another; memory is bounded by the largest message allowed.
pub struct MboxReader<R> {
    input: R,
    /// Offset of the byte that `input` gives next.
    at: u64,
    mid_line: bool,
    ahead: VecDeque<Line>,
    quoting: Quoting,
    message_bytes_max: u64,
    started: bool,
}

impl<R: BufRead> MboxReader<R> {
    /// Reads from `input`, which stands at `offset` in its file: 0, or where a `From ` line begins.
    pub fn new(input: R, offset: u64, quoting: Quoting, message_bytes_max: u64) -> Self {
        MboxReader {
            input,
            at: offset,
            mid_line: false,
            ahead: VecDeque::new(),
            quoting,
            message_bytes_max,
            started: false,
        }
    }

    /// The bytes of each message, in order; for callers that want nothing else.
    pub fn messages(mut self) -> impl Iterator<Item = io::Result<Vec<u8>>> {
        std::iter::from_fn(move || {
            loop {
                match self.next_item() {
                    Ok(Some(MboxItem::Message { bytes, .. })) => return Some(Ok(bytes)),
                    Ok(Some(_)) => {}
                    Ok(None) => return None,
                    Err(error) => return Some(Err(error)),
                }
            }
        })
    }

    /// Where the next message begins.
    pub(super) fn offset(&self) -> u64 {
        self.ahead.front().map_or(self.at, |line| line.offset)
    }

    pub(super) fn next_item(&mut self) -> io::Result<Option<MboxItem>> {
        if !self.started {
            self.started = true;
            if let Some(stray) = self.pass_stray()? {
                return Ok(Some(stray));
            }
        }
        self.look_ahead(1)?;
        match self.ahead.pop_front() {
            Some(postmark) => self.message_after(postmark).map(Some),
            None => Ok(None),
        }
    }

    /// Passes over everything before the first `From ` line. Empty lines there are nothing to report.
    fn pass_stray(&mut self) -> io::Result<Option<MboxItem>> {
        let offset = self.at;
        let (mut bytes, mut blank) = (0, true);
        loop {
            self.look_ahead(1)?;
            match self.ahead.front() {
                Some(line) if !line.is_from() => {
                    blank &= line.is_blank();
                    bytes += line.bytes.len() as u64;
                    self.ahead.pop_front();
                }
                _ if blank => return Ok(None),
                _ => return Ok(Some(MboxItem::Stray { offset, bytes })),
            }
        }
    }

    fn message_after(&mut self, postmark: Line) -> io::Result<MboxItem> {
        let mut content: Vec<u8> = Vec::new();
        let (mut length, mut quotes) = (0u64, 0u64);
        let (mut from_line, mut after_blank) = (false, false);
        loop {
            self.look_ahead(1)?;
            let Some(line) = self.ahead.front() else { break };
            if line.is_from() {
                self.look_ahead(2)?;
                let next = self.ahead.get(1).map_or(&b""[..], |line| &line.bytes);
                let line = &self.ahead[0];
                if begins_message(&line.bytes, after_blank, next) {
                    break;
                }
                from_line = true;
            }
            let Some(line) = self.ahead.pop_front() else { break };
            after_blank = line.is_blank();
            length += line.bytes.len() as u64;
            quotes += u64::from(line.starts && is_quoted(&line.bytes, self.quoting));
            // The file's own line end and quoting do not count as the message's size.
            if length <= self.message_bytes_max + quotes + 2 {
                content.extend_from_slice(&line.bytes);
            } else {
                content = Vec::new();
            }
        }
        let terminator = Terminator::of(&content);
        let quoting = if from_line { Quoting::None } else { self.quoting };
        let kept = content.len() as u64 == length;
        content.truncate(content.len() - terminator.bytes().len());
        let quoted = quotes > 0 && quoting != Quoting::None;
        let bytes = if quoted { unquote(&content, quoting) } else { content };
        if !kept || bytes.len() as u64 > self.message_bytes_max {
            return Ok(MboxItem::TooLarge { offset: postmark.offset, bytes: length });
        }
        Ok(MboxItem::Message {
            offset: postmark.offset,
            bytes,
            received: postmark::date(&postmark.bytes),
            framing: Framing { postmark: postmark.bytes, quoting, terminator },
        })
    }

    /// Reads until at least `lines` lines are ahead, or all there are.
    fn look_ahead(&mut self, lines: usize) -> io::Result<()> {
        while self.ahead.len() < lines {
            let mut bytes = Vec::new();
            let read = (&mut self.input).take(PIECE_BYTES).read_until(b'\n', &mut bytes)?;
            if read == 0 {
                break;
            }
            let starts = !self.mid_line;
            self.mid_line = bytes.last() != Some(&b'\n');
            self.ahead.push_back(Line { offset: self.at, bytes, starts });
            self.at += read as u64;
        }
        Ok(())
    }
}

/// Writes messages one after another.
pub struct MboxWriter<W> {
    output: W,
    /// True if a `From ` line written now would follow an empty line.
    after_blank: bool,
    /// The line end that is missing before a `From ` line can be written.
    owed: &'static [u8],
    first: bool,
}

impl<W: Write> MboxWriter<W> {
    pub fn new(output: W) -> Self {
        MboxWriter { output, after_blank: false, owed: b"", first: true }
    }

    /// Writes one message. Without a framing, or with one that does not fit the message or its place in the file,
    /// `sender` and `received` make the `From ` line and the quoting is [`Quoting::Mboxrd`].
    pub fn write(
        &mut self,
        bytes: &[u8],
        sender: Option<&Address>,
        received: Option<SimTime>,
        framing: Option<&Framing>,
    ) -> io::Result<()> {
        self.output.write_all(self.owed)?;
        let made;
        let framing = match framing.filter(|framing| self.fits(framing, bytes)) {
            Some(framing) => framing,
            None => {
                made = make_framing(bytes, sender, received);
                &made
            }
        };
        self.output.write_all(&framing.postmark)?;
        for line in bytes.split_inclusive(|&b| b == b'\n') {
            if needs_quote(line, framing.quoting) {
                self.output.write_all(b">")?;
            }
            self.output.write_all(line)?;
        }
        self.output.write_all(framing.terminator.bytes())?;
        let ended = framing.terminator != Terminator::None;
        self.after_blank = ended && (bytes.is_empty() || bytes.ends_with(b"\n"));
        self.owed = match (ended, bytes.last()) {
            (true, _) => b"",
            (false, Some(b'\r')) => b"\r\n",
            (false, None) if framing.postmark.ends_with(b"\n") => b"",
            (false, _) => b"\n",
        };
        self.first = false;
        Ok(())
    }

    /// Flushes, and hands back what was written to.
    pub fn finish(mut self) -> io::Result<W> {
        self.output.flush()?;
        Ok(self.output)
    }

    /// True if these bytes, written here with this framing, would be read back as they are.
    fn fits(&self, framing: &Framing, bytes: &[u8]) -> bool {
        let first_line = bytes.split_inclusive(|&b| b == b'\n').next().unwrap_or(b"");
        let one_line =
            framing.postmark.iter().position(|&b| b == b'\n').is_none_or(|i| i + 1 == framing.postmark.len());
        let line_ended =
            framing.postmark.ends_with(b"\n") || (bytes.is_empty() && framing.terminator == Terminator::None);
        let starts = framing.postmark.starts_with(postmark::START)
            && (self.first || begins_message(&framing.postmark, self.after_blank, first_line));
        let terminated = match framing.terminator {
            // A message's own carriage return would be taken for part of the line end.
            Terminator::Lf => !bytes.ends_with(b"\r"),
            Terminator::CrLf => true,
            Terminator::None => Terminator::of(bytes) == Terminator::None,
        };
        let quoted = match framing.quoting {
            Quoting::Mboxrd => true,
            Quoting::Mboxo => !lines(bytes).any(|(line, ..)| line.starts_with(b">From ")),
            Quoting::None => {
                let mut from_line = false;
                let splits = lines(bytes).any(|(line, after_blank, next)| {
                    from_line |= line.starts_with(postmark::START);
                    begins_message(line, after_blank, next)
                });
                from_line && !splits
            }
        };
        one_line && line_ended && starts && terminated && quoted
    }
}

fn make_framing(bytes: &[u8], sender: Option<&Address>, received: Option<SimTime>) -> Framing {
    let first_line_end = bytes.iter().position(|&b| b == b'\n').unwrap_or(bytes.len());
    let crlf = bytes[..first_line_end].ends_with(b"\r") || bytes.ends_with(b"\r");
    let terminator = if crlf { Terminator::CrLf } else { Terminator::Lf };
    let mut postmark = postmark::write(sender, received).into_bytes();
    postmark.extend_from_slice(terminator.bytes());
    Framing { postmark, quoting: Quoting::Mboxrd, terminator }
}

/// True if a `From ` line begins a message, given what stands before and after it.
fn begins_message(line: &[u8], after_blank: bool, next: &[u8]) -> bool {
    line.len() <= postmark::LINE_BYTES_MAX
        && line.starts_with(postmark::START)
        && (postmark::date(line).is_some() || (after_blank && is_field(next)))
}

fn is_blank(line: &[u8]) -> bool {
    matches!(line, b"\n" | b"\r\n")
}

/// The lines of a message, each with whether the one before is empty, and the one after.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (&[u8], bool, &[u8])> {
    let mut rest = bytes.split_inclusive(|&b| b == b'\n').peekable();
    let mut after_blank = false;
    std::iter::from_fn(move || {
        let line = rest.next()?;
        let was = std::mem::replace(&mut after_blank, is_blank(line));
        Some((line, was, rest.peek().copied().unwrap_or(b"")))
    })
}

/// True for `From ` behind any number of `>`.
fn is_from_behind_quotes(line: &[u8]) -> bool {
    let text = line.iter().position(|&b| b != b'>').unwrap_or(line.len());
    line[text..].starts_with(postmark::START)
}

fn needs_quote(line: &[u8], quoting: Quoting) -> bool {
    match quoting {
        Quoting::Mboxrd => is_from_behind_quotes(line),
        Quoting::Mboxo => line.starts_with(postmark::START),
        Quoting::None => false,
    }
}

fn is_quoted(line: &[u8], quoting: Quoting) -> bool {
    match quoting {
        Quoting::Mboxrd => line.starts_with(b">") && is_from_behind_quotes(line),
        Quoting::Mboxo => line.starts_with(b">From "),
        Quoting::None => false,
    }
}

fn unquote(content: &[u8], quoting: Quoting) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(content.len());
    for line in content.split_inclusive(|&b| b == b'\n') {
        bytes.extend_from_slice(if is_quoted(line, quoting) { &line[1..] } else { line });
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn items(file: &[u8], quoting: Quoting, max: u64) -> Vec<MboxItem> {
        let mut reader = MboxReader::new(file, 0, quoting, max);
        std::iter::from_fn(|| reader.next_item().unwrap()).collect()
    }

    fn messages(file: &[u8]) -> Vec<Vec<u8>> {
        MboxReader::new(file, 0, Quoting::Mboxrd, 1 << 20).messages().map(Result::unwrap).collect()
    }

    fn write_all(messages: &[(Vec<u8>, Option<Framing>)]) -> Vec<u8> {
        let mut writer = MboxWriter::new(Vec::new());
        for (bytes, framing) in messages {
            writer.write(bytes, None, None, framing.as_ref()).unwrap();
        }
        writer.finish().unwrap()
    }

    fn same_file(file: &[u8], quoting: Quoting) -> Vec<u8> {
        let read = items(file, quoting, 1 << 20).into_iter().filter_map(|item| match item {
            MboxItem::Message { bytes, framing, .. } => Some((bytes, Some(framing))),
            _ => None,
        });
        write_all(&read.collect::<Vec<_>>())
    }

    const TWO: &[u8] = b"From a@b.example Wed Dec  4 15:00:00 2013\n\
        Subject: one\n\nFrom here it is prose.\n>From there too.\n\n\
        From MAILER-DAEMON Wed Dec  4 15:00:01 2013\nSubject: two\n\n>From quoted\n>>From twice\n\n";

    #[test]
    fn splits_unquotes_and_leaves_alone_what_was_never_quoted() {
        let read = messages(TWO);
        assert_eq!(read[0], b"Subject: one\n\nFrom here it is prose.\n>From there too.\n");
        assert_eq!(read[1], b"Subject: two\n\nFrom quoted\n>From twice\n");
        assert_eq!(same_file(TWO, Quoting::Mboxrd), TWO);
        let MboxItem::Message { offset, received, .. } = &items(TWO, Quoting::Mboxrd, 1000)[1] else {
            panic!("two messages")
        };
        assert_eq!(&TWO[*offset as usize..][..17], b"From MAILER-DAEMO");
        assert_eq!(received.unwrap().to_string(), "2013-12-04T15:00:01Z");
    }

    #[test]
    fn mboxo_takes_one_quote_off_and_no_more() {
        let read: Vec<_> =
            MboxReader::new(TWO, 0, Quoting::Mboxo, 1000).messages().map(Result::unwrap).collect();
        assert_eq!(read[1], b"Subject: two\n\nFrom quoted\n>>From twice\n");
        assert_eq!(same_file(TWO, Quoting::Mboxo), TWO);
    }

    #[test]
    fn an_undated_from_line_counts_between_an_empty_line_and_a_field() {
        let file = b"From a\nSubject: 1\n\nx\n\nFrom b\nSubject: 2\n\nx\nFrom c\nSubject: no\n";
        assert_eq!(messages(file).len(), 2);
        assert_eq!(same_file(file, Quoting::Mboxrd), file);
    }

    #[test]
    fn carriage_returns_stay_where_they_are() {
        let file = b"From a Wed Dec  4 15:00:00 2013\r\nSubject: 1\r\n\r\nx\r\n\r\n\
            From b Wed Dec  4 15:00:00 2013\nSubject: 2\r\n\r\nx\r\n\n";
        assert_eq!(messages(file), [&b"Subject: 1\r\n\r\nx\r\n"[..], b"Subject: 2\r\n\r\nx\r\n"]);
        assert_eq!(same_file(file, Quoting::Mboxrd), file);
    }

    #[test]
    fn what_is_too_large_or_stray_is_reported() {
        let mut file = b"stray\nFrom a Wed Dec  4 15:00:00 2013\n".to_vec();
        file.extend_from_slice(&[b'x'; 200_000]);
        file.extend_from_slice(b"\nFrom b Wed Dec  4 15:00:00 2013\nSubject: small\n\n");
        let read = items(&file, Quoting::Mboxrd, 100);
        assert!(matches!(read[0], MboxItem::Stray { offset: 0, bytes: 6 }));
        assert!(matches!(read[1], MboxItem::TooLarge { offset: 6, bytes: 200_001 }));
        assert!(matches!(&read[2], MboxItem::Message { bytes, .. } if bytes == b"Subject: small\n"));
        assert_eq!(read.len(), 3);
    }

    #[test]
    fn the_limit_is_the_message_s_size_not_its_size_in_the_file() {
        let body = b"From x\nFrom y\n";
        let file = write_all(&[(body.to_vec(), None)]);
        let read = items(&file, Quoting::Mboxrd, body.len() as u64);
        assert!(matches!(&read[0], MboxItem::Message { bytes, .. } if bytes == body));
        assert!(matches!(items(&file, Quoting::Mboxrd, 13)[0], MboxItem::TooLarge { .. }));
    }

    #[test]
    fn a_framing_that_does_not_fit_is_not_used() {
        let dated = b"From a Wed Dec  4 15:00:00 2013\n".to_vec();
        let unquoted =
            Framing { postmark: dated.clone(), quoting: Quoting::None, terminator: Terminator::Lf };
        let unended = Framing { postmark: dated, quoting: Quoting::Mboxrd, terminator: Terminator::None };
        let undated =
            Framing { postmark: b"From a\n".to_vec(), quoting: Quoting::Mboxrd, terminator: Terminator::Lf };
        let sly = b"x\n\nFrom b Wed Dec  4 15:00:00 2013\nSubject: forged\n".to_vec();
        let wrong = [
            (b">From x\n".to_vec(), Some(unquoted.clone())),
            (sly, Some(unquoted)),
            (b"x\n".to_vec(), Some(unended)),
            (b"no field\n".to_vec(), Some(undated)),
        ];
        let read = messages(&write_all(&wrong));
        assert_eq!(read, wrong.map(|(bytes, _)| bytes));
    }

    /// Bytes rich in what mbox is about.
    fn mailish() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(b"From ".to_vec()),
            Just(b">".to_vec()),
            Just(b"\n".to_vec()),
            Just(b"\r\n".to_vec()),
            Just(b"\r".to_vec()),
            Just(b"\n\n".to_vec()),
            Just(b"From a Wed Dec  4 15:00:00 2013\n".to_vec()),
            Just(b"Subject: x\n".to_vec()),
            proptest::collection::vec(any::<u8>(), 0..6),
        ];
        proptest::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn any_messages_come_back(messages_in in proptest::collection::vec(mailish(), 0..5)) {
            let file = write_all(&messages_in.iter().map(|m| (m.clone(), None)).collect::<Vec<_>>());
            prop_assert_eq!(messages(&file), messages_in);
        }

        #[test]
        fn any_file_comes_back(rest in proptest::collection::vec(mailish(), 0..5)) {
            let file = [b"From ".to_vec(), rest.concat()].concat();
            prop_assert_eq!(same_file(&file, Quoting::Mboxrd), &file[..]);
            prop_assert_eq!(same_file(&file, Quoting::Mboxo), &file[..]);
        }

        #[test]
        fn any_framing_gives_the_message_back(
            file in mailish(), other in proptest::collection::vec(mailish(), 1..4),
        ) {
            let file = [b"From ".to_vec(), file].concat();
            let framing = items(&file, Quoting::Mboxrd, 1 << 20).into_iter().find_map(|item| match item {
                MboxItem::Message { framing, .. } => Some(framing),
                _ => None,
            });
            let written = write_all(&other.iter().map(|m| (m.clone(), framing.clone())).collect::<Vec<_>>());
            prop_assert_eq!(messages(&written), other);
        }

        #[test]
        fn a_reader_started_at_a_message_reads_the_rest(messages_in in proptest::collection::vec(mailish(), 1..5)) {
            let file = write_all(&messages_in.iter().map(|m| (m.clone(), None)).collect::<Vec<_>>());
            let all = items(&file, Quoting::Mboxrd, 1 << 20);
            for (i, item) in all.iter().enumerate() {
                let MboxItem::Message { offset, .. } = item else { continue };
                let mut reader = MboxReader::new(&file[*offset as usize..], *offset, Quoting::Mboxrd, 1 << 20);
                let mut rest = std::iter::from_fn(|| reader.next_item().unwrap());
                prop_assert!(all[i..].iter().all(|item| rest.next().as_ref() == Some(item)));
            }
        }
    }
}
