use std::collections::VecDeque;
use std::io::{self, BufRead, Read};

use super::super::postmark;
use super::{Framing, MboxItem, Quoting, Terminator, begins_message, is_blank, is_quoted};

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
    pub(in crate::mail) fn offset(&self) -> u64 {
        self.ahead.front().map_or(self.at, |line| line.offset)
    }

    pub(in crate::mail) fn next_item(&mut self) -> io::Result<Option<MboxItem>> {
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

fn unquote(content: &[u8], quoting: Quoting) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(content.len());
    for line in content.split_inclusive(|&b| b == b'\n') {
        bytes.extend_from_slice(if is_quoted(line, quoting) { &line[1..] } else { line });
    }
    bytes
}
