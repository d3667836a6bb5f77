//! Sealing and opening one object, beside the bare cipher.
//!
//! What is compared is one key set-up, one body and one 32-byte wrap, with as many bytes bound to each as the vault binds.
//! The vault does more: it draws key, name and nonce, and wraps date and length beside the key.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aes_gcm::aead::{Aead, Nonce, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use tempfile::tempdir_in;

use super::{Failure, Goal, Settings, Sheet, Unit, median};
use crate::disk::RealDisk;
use crate::entropy::Entropy;
use crate::vault::{Cost, Delivery, ObjectDate, ObjectHeader, OpenCopy, Session, Vault, Verifier};
use crate::world::{DataClass, RegionId};

/// How long one batch of calls should take, so that the clock's own cost does not count.
const BATCH: Duration = Duration::from_millis(4);

pub fn run(settings: &Settings, sheet: &mut Sheet<'_>) -> Result<(), Failure> {
    let folder = tempdir_in(&settings.folder)?;
    let region: RegionId = "ie-dublin".parse()?;
    let vault =
        Vault::create(Arc::new(RealDisk), &folder.path().join("keys"), &region, None, Entropy::system())?;
    let (directory, _) = vault.new_directory()?;
    let verifier = Verifier::new("password", Cost::STORY);
    let mut card = directory.new_card("owner@post.example".parse()?, Some(verifier));
    let (copy, _) = vault.new_copy(card.mailbox(), DataClass::Content)?;
    card.add_copy(*copy.identity());
    let session = Session::open(Some(&card), "password")?;

    for length in [1024, 64 * 1024] {
        let plain: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
        let bare = Bare::new();
        let (header, body) = seal(&copy, &plain);
        let (wrapped, bare_body) = bare.seal(&plain);
        // What is measured has to do its work.
        if open(&copy, &session, &header, &body)? != plain || bare.open(&wrapped, &bare_body)? != plain {
            return Err("what was sealed does not open".into());
        }
        let kib = length / 1024;
        let goal = Goal::RatioAtLeast(0.9);
        let (ours, theirs) = paired(settings, || seal(&copy, &plain), || bare.seal(&plain));
        sheet
            .add(format!("seal {kib} KiB"), ours, Unit::Microseconds)
            .beside("bare AES-256-GCM", theirs)
            .goal(goal)
            .write();
        let (ours, theirs) =
            paired(settings, || open(&copy, &session, &header, &body), || bare.open(&wrapped, &bare_body));
        sheet
            .add(format!("open {kib} KiB"), ours, Unit::Microseconds)
            .beside("bare AES-256-GCM", theirs)
            .goal(goal)
            .write();
    }
    Ok(())
}

fn seal(copy: &OpenCopy, plain: &[u8]) -> (ObjectHeader, Vec<u8>) {
    copy.seal(&Delivery::new(), ObjectDate::Standing, 1, plain)
}

fn open(copy: &OpenCopy, session: &Session, header: &ObjectHeader, body: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut opener = copy.open_object(session, header)?.ok_or("the session does not cover it")?;
    let (mut plain, mut rest) = (Vec::new(), body);
    while let Some(length) = opener.next_sealed_length() {
        let (chunk, later) = rest.split_at_checked(length).ok_or("a short body")?;
        opener.open_next(chunk, &mut plain)?;
        rest = later;
    }
    Ok(plain)
}

/// Domain, class, copy, object, version and place, as long as the vault's own.
fn bound(msg: &[u8]) -> Payload<'_, '_> {
    Payload { msg, aad: &[5; 42] }
}

/// The same calls of the cipher, and nothing else.
struct Bare {
    wrapper: Aes256Gcm,
    key: [u8; 32],
    nonce: Nonce<Aes256Gcm>,
}

impl Bare {
    fn new() -> Self {
        Bare { wrapper: Aes256Gcm::new(&[1; 32].into()), key: [2; 32], nonce: [3; 12].into() }
    }

    fn seal(&self, plain: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let cipher = Aes256Gcm::new(black_box(&self.key).into());
        let body = cipher.encrypt(&self.nonce, bound(plain)).expect("a short body");
        (self.wrapper.encrypt(&self.nonce, bound(self.key.as_slice())).expect("a key"), body)
    }

    fn open(&self, wrapped: &[u8], body: &[u8]) -> Result<Vec<u8>, Failure> {
        let failed = |_| "the bare cipher does not open it";
        let key = self.wrapper.decrypt(&self.nonce, bound(wrapped)).map_err(failed)?;
        let key: [u8; 32] = key.as_slice().try_into()?;
        Ok(Aes256Gcm::new(&key.into()).decrypt(&self.nonce, bound(body)).map_err(failed)?)
    }
}

/// The median time of one call of each, in microseconds, measured in turns.
fn paired<A, B>(settings: &Settings, ours: impl Fn() -> A, theirs: impl Fn() -> B) -> (f64, f64) {
    let calls = calls_in(BATCH, &theirs);
    let until = Instant::now() + Duration::from_secs_f64(settings.seconds);
    let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
    while our_times.len() < settings.rounds || Instant::now() < until {
        our_times.push(time(calls, &ours));
        their_times.push(time(calls, &theirs));
    }
    (median(our_times), median(their_times))
}

fn calls_in<T>(span: Duration, call: &impl Fn() -> T) -> u32 {
    let (start, mut calls) = (Instant::now(), 0);
    while start.elapsed() < span {
        black_box(call());
        calls += 1;
    }
    calls.max(1)
}

fn time<T>(calls: u32, call: &impl Fn() -> T) -> f64 {
    let start = Instant::now();
    for _ in 0..calls {
        black_box(call());
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(calls)
}
