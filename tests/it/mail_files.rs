//! Mail files in and out: every format gives back the bytes it was given.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use rogatory::clock::SimTime;
use rogatory::mail::{
    ExportError, Flags, Found, MESSAGE_BYTES_MAX, MailExport, MailFormat, MailSource, Outgoing, Position,
    RawMessage, SkippedBecause, SourceError,
};

fn export(target: &Path, format: MailFormat, messages: &[(Vec<u8>, Option<SimTime>, Flags)]) {
    let mut export = MailExport::create(target, format).unwrap();
    for (bytes, received, flags) in messages {
        let message = Outgoing { bytes, received: *received, flags, folder: None, framing: None };
        export.write(message).unwrap();
    }
    assert_eq!(export.finish().unwrap().messages, messages.len() as u64);
}

fn read(source: MailSource) -> (Vec<RawMessage>, Vec<SkippedBecause>) {
    let (mut messages, mut skipped) = (Vec::new(), Vec::new());
    for found in source {
        match found.unwrap() {
            Found::Message(message) => messages.push(message),
            Found::Skipped(skip) => skipped.push(skip.because),
        }
    }
    (messages, skipped)
}

fn read_all(path: &Path) -> Vec<RawMessage> {
    read(MailSource::open(path).unwrap()).0
}

fn plain(texts: &[&str]) -> Vec<(Vec<u8>, Option<SimTime>, Flags)> {
    texts.iter().map(|text| (text.as_bytes().to_vec(), None, Flags::default())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_bytes_come_back_from_every_format(
        messages in proptest::collection::vec(
            (
                prop_oneof![
                    proptest::collection::vec(any::<u8>(), 0..200),
                    "(From |>|\r|\n|a: b\n|[ -~]{0,9}){0,12}".prop_map(String::into_bytes),
                ],
                proptest::option::of((0i64..2_000_000_000).prop_map(SimTime::from_unix_seconds)),
                "[A-Za-z]{0,4}".prop_map(|letters| letters.parse::<Flags>().unwrap()),
            ),
            1..5,
        )
    ) {
        let folder = tempfile::tempdir().unwrap();

        let mbox = folder.path().join("box.mbox");
        export(&mbox, MailFormat::Mbox, &messages);
        let read = read_all(&mbox);
        prop_assert_eq!(read.len(), messages.len());
        for (read, (bytes, received, _)) in read.iter().zip(&messages) {
            prop_assert_eq!(&read.bytes, bytes);
            let epoch = SimTime::from_unix_seconds(0);
            prop_assert_eq!(read.received, Some(received.unwrap_or(epoch)));
        }

        let emls = folder.path().join("emls");
        export(&emls, MailFormat::EmlFolder, &messages);
        let read: Vec<_> = read_all(&emls).into_iter().map(|m| m.bytes).collect();
        prop_assert_eq!(read, messages.iter().map(|m| m.0.clone()).collect::<Vec<_>>());

        let single = folder.path().join("one.eml");
        export(&single, MailFormat::Eml, &messages[..1]);
        prop_assert_eq!(&read_all(&single)[0].bytes, &messages[0].0);

        let maildir = folder.path().join("maildir");
        export(&maildir, MailFormat::Maildir, &messages);
        let mut read: Vec<_> =
            read_all(&maildir).into_iter().map(|m| (m.bytes, m.received, m.flags.to_string())).collect();
        let mut written: Vec<_> = messages.iter().map(|(b, r, f)| (b.clone(), *r, f.to_string())).collect();
        read.sort();
        written.sort();
        prop_assert_eq!(read, written);
    }
}

#[test]
fn an_mbox_file_with_its_framing_comes_back_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let file = b"From - Wed Dec 04 15:00:00 2013\r\nSubject: a\r\nStatus: RO\r\n\r\n>From x\r\n\r\n\
        From nobody\nSubject: b\n\nFrom time to time\n\nFrom z Wed, 4 Dec 2013 16:00:00 +0100\nSubject: c\n\nend";
    fs::write(&first, file).unwrap();
    let messages = read_all(&first);
    assert_eq!(messages.len(), 3);
    assert!(messages[0].flags.seen());
    assert_eq!(messages[0].bytes, b"Subject: a\r\nStatus: RO\r\n\r\nFrom x\r\n");
    assert_eq!(messages[2].received.unwrap().to_string(), "2013-12-04T15:00:00Z");
    let mut export = MailExport::create(&second, MailFormat::Mbox).unwrap();
    for message in &messages {
        export.write(message.into()).unwrap();
    }
    export.finish().unwrap();
    assert_eq!(fs::read(&second).unwrap(), file);
}

#[test]
fn a_maildir_keeps_folders_and_leaves_out_what_was_never_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("Maildir");
    for part in ["cur", "new", "tmp", ".Sent/cur", ".Sent/new", ".Drafts"] {
        fs::create_dir_all(root.join(part)).unwrap();
    }
    fs::write(root.join("cur/1386169200.a.host:2,RS"), "Subject: 1\n\n").unwrap();
    fs::write(root.join("new/1386169201.b.host"), "Subject: 2\n\n").unwrap();
    fs::write(root.join("tmp/1386169202.c.host"), "Subject: 3").unwrap();
    fs::write(root.join(".Sent/cur/1386169203.d.host:2,S"), "Subject: 4\n\n").unwrap();
    fs::write(root.join("dovecot-uidlist"), "3 V1").unwrap();

    let (messages, skipped) = read(MailSource::open(&root).unwrap());
    let seen: Vec<_> = messages.iter().map(|m| (m.folder.as_deref(), m.flags.to_string())).collect();
    assert_eq!(seen, [(None, "RS".into()), (None, "".into()), (Some("Sent"), "S".into())]);
    assert_eq!(skipped, [SkippedBecause::NotDelivered]);

    let copy = folder.path().join("copy");
    let mut export = MailExport::create(&copy, MailFormat::Maildir).unwrap();
    for message in &messages {
        export.write(message.into()).unwrap();
    }
    export.finish().unwrap();
    let again = read_all(&copy);
    assert_eq!(again.iter().map(|m| (m.folder.as_deref(), m.flags.to_string())).collect::<Vec<_>>(), seen);
}

#[test]
fn a_message_that_is_too_large_is_reported_by_name_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    // A file with a hole: it has the size, not the bytes.
    let large = fs::File::create(folder.path().join("large.eml")).unwrap();
    large.set_len(MESSAGE_BYTES_MAX + 1).unwrap();
    let largest = fs::File::create(folder.path().join("largest.eml")).unwrap();
    largest.set_len(MESSAGE_BYTES_MAX).unwrap();
    fs::write(folder.path().join("small.eml"), "Subject: s\n\n").unwrap();
    fs::write(folder.path().join("notes.txt"), "x").unwrap();

    let mut source = MailSource::open(folder.path()).unwrap();
    let Some(Ok(Found::Skipped(skip))) = source.next() else { panic!("large.eml is skipped") };
    assert!(skip.to_string().contains("large.eml: 52428801 bytes, where at most 52428800"), "{skip}");
    let (messages, skipped) = read(source);
    assert_eq!(messages.iter().map(|m| m.bytes.len() as u64).collect::<Vec<_>>(), [MESSAGE_BYTES_MAX, 12]);
    assert_eq!(skipped, [SkippedBecause::NotNamedEml]);
}

#[test]
fn reading_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let texts = ["Subject: 1\n\n", "Subject: 2\n\n", "Subject: 3\n\n"];
    for (name, format) in
        [("box", MailFormat::Mbox), ("dir", MailFormat::Maildir), ("emls", MailFormat::EmlFolder)]
    {
        let path = folder.path().join(name);
        export(&path, format, &plain(&texts));
        for stop in 0..=3 {
            let mut source = MailSource::open(&path).unwrap();
            for _ in 0..stop {
                source.next().unwrap().unwrap();
            }
            let kept = serde_json::to_string(&source.position()).unwrap();
            let position: Position = serde_json::from_str(&kept).unwrap();
            let mut rest = MailSource::resume(&path, &position).unwrap();
            let texts_left: Vec<_> = rest.by_ref().map(|found| found.unwrap()).collect();
            assert_eq!(texts_left.len(), 3 - stop, "{name} after {stop}");
            assert_eq!(rest.progress().bytes_done, rest.progress().bytes_total);
        }
    }
    let changed = folder.path().join("box");
    let error = MailSource::resume(&changed, &Position::Offset(3)).err().unwrap();
    assert!(matches!(error, SourceError::Resume { .. }), "{error}");
}

#[test]
fn what_is_no_mailbox_is_named_with_what_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("mail.gz");
    fs::write(&archive, b"\x1f\x8b\x08\0").unwrap();
    let error = MailSource::open(&archive).err().unwrap().to_string();
    assert!(error.contains("found a gzip archive") && error.contains("a Maildir"), "{error}");

    let boxes = folder.path().join("boxes");
    fs::create_dir(&boxes).unwrap();
    assert!(MailSource::open(&boxes).err().unwrap().to_string().contains("an empty folder"));
    fs::write(boxes.join("inbox.mbox"), "From a\n").unwrap();
    let error = MailSource::open(&boxes).err().unwrap().to_string();
    assert!(error.contains("a folder with `inbox.mbox`") && error.contains("one at a time"), "{error}");

    let missing = MailSource::open(&folder.path().join("nowhere")).err().unwrap().to_string();
    assert!(missing.contains("nowhere") && missing.contains("cannot be read"), "{missing}");
}

#[test]
fn an_export_never_overwrites_and_leaves_nothing_half_done() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("out");
    fs::write(&target, "precious").unwrap();
    for format in MailFormat::ALL {
        assert!(matches!(MailExport::create(&target, format), Err(ExportError::Exists(_))), "{format}");
        let interrupted = MailExport::create(&folder.path().join("other"), format).unwrap();
        drop(interrupted);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    let mut late = MailExport::create(&folder.path().join("late"), MailFormat::Mbox).unwrap();
    let flags = Flags::default();
    let message = Outgoing { bytes: b"x", received: None, flags: &flags, folder: None, framing: None };
    late.write(message).unwrap();
    fs::write(folder.path().join("late"), "came first").unwrap();
    assert!(matches!(late.finish(), Err(ExportError::Exists(_))));
    assert_eq!(fs::read(folder.path().join("late")).unwrap(), b"came first");
}

#[cfg(unix)]
#[test]
fn exports_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    for format in MailFormat::ALL {
        let target = folder.path().join(format.as_str());
        export(&target, format, &plain(&["Subject: 1\n\n"]));
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o077, 0, "{format}");
    }
}
