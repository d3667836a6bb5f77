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

mod reader;
mod writer;

use serde::{Deserialize, Serialize};

use super::message::is_field;
use super::postmark;
use crate::clock::SimTime;

pub use reader::MboxReader;
pub use writer::MboxWriter;

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

/// True if a `From ` line begins a message, given what stands before and after it.
fn begins_message(line: &[u8], after_blank: bool, next: &[u8]) -> bool {
    line.len() <= postmark::LINE_BYTES_MAX
        && line.starts_with(postmark::START)
        && (postmark::date(line).is_some() || (after_blank && is_field(next)))
}

fn is_blank(line: &[u8]) -> bool {
    matches!(line, b"\n" | b"\r\n")
}

/// True for `From ` behind any number of `>`.
fn is_from_behind_quotes(line: &[u8]) -> bool {
    let text = line.iter().position(|&b| b != b'>').unwrap_or(line.len());
    line[text..].starts_with(postmark::START)
}

fn is_quoted(line: &[u8], quoting: Quoting) -> bool {
    match quoting {
        Quoting::Mboxrd => line.starts_with(b">") && is_from_behind_quotes(line),
        Quoting::Mboxo => line.starts_with(b">From "),
        Quoting::None => false,
    }
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
