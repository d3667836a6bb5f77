use std::io::{self, Write};

use super::super::postmark;
use super::{Framing, Quoting, Terminator, begins_message, is_blank, is_from_behind_quotes};
use crate::clock::SimTime;
use crate::world::Address;

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

fn needs_quote(line: &[u8], quoting: Quoting) -> bool {
    match quoting {
        Quoting::Mboxrd => is_from_behind_quotes(line),
        Quoting::Mboxo => line.starts_with(postmark::START),
        Quoting::None => false,
    }
}
