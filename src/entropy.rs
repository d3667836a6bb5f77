//! Where randomness comes from.
//!
//! A component is handed an [`Entropy`] and draws from it by purpose. The operating system's gives fresh bytes
//! each time. A seeded one derives every draw from the seed, the purpose and a caller's own label, never from the
//! order of calls, so that the same run in one process and over ten draws the same bytes.

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

/// A source of secret bytes.
#[derive(Clone)]
pub struct Entropy(Source);

#[derive(Clone)]
enum Source {
    System,
    Seeded(Zeroizing<[u8; 32]>),
    Keyed(Zeroizing<[u8; 32]>),
}

impl Entropy {
    /// The operating system's generator.
    pub fn system() -> Self {
        Entropy(Source::System)
    }

    /// A source that replays: for demos, scenarios and tests, never for mail that matters.
    pub fn seeded(seed: &str) -> Self {
        let mut key = Zeroizing::new([0u8; 32]);
        expand(seed.as_bytes(), b"rogatory seed v1", key.as_mut());
        Entropy(Source::Seeded(key))
    }

    /// A source whose draws come from a secret that its owner keeps, so that they are the same after a restart. The
    /// secret is what a component stores; everything else it has to remember it draws again.
    pub fn keyed(secret: Zeroizing<[u8; 32]>) -> Self {
        Entropy(Source::Keyed(secret))
    }

    /// True if draws can be repeated by whoever knows the seed.
    pub fn is_seeded(&self) -> bool {
        matches!(self.0, Source::Seeded(_))
    }

    /// Fills `out`. `purpose` names the kind of secret; `label` tells apart secrets of one kind, and has to be
    /// unique among them when the source is seeded.
    pub fn fill(&self, purpose: &str, label: &[u8], out: &mut [u8]) {
        match &self.0 {
            Source::System => rand::fill(out),
            Source::Seeded(key) | Source::Keyed(key) => {
                let mut info = Vec::with_capacity(2 + purpose.len() + label.len());
                info.extend_from_slice(&(purpose.len() as u16).to_be_bytes());
                info.extend_from_slice(purpose.as_bytes());
                info.extend_from_slice(label);
                expand(key.as_ref(), &info, out);
            }
        }
    }

    /// Draws an array; see [`Entropy::fill`].
    pub fn draw<const N: usize>(&self, purpose: &str, label: &[u8]) -> Zeroizing<[u8; N]> {
        let mut out = Zeroizing::new([0u8; N]);
        self.fill(purpose, label, out.as_mut());
        out
    }

    /// A source for one part of the system, so that two parts may use the same purpose and label.
    pub fn child(&self, name: &str) -> Entropy {
        match &self.0 {
            Source::System => self.clone(),
            Source::Seeded(_) => Entropy(Source::Seeded(self.draw("child", name.as_bytes()))),
            Source::Keyed(_) => Entropy(Source::Keyed(self.draw("child", name.as_bytes()))),
        }
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Source::System => "Entropy(system)",
            Source::Seeded(_) => "Entropy(seeded)",
            Source::Keyed(_) => "Entropy(keyed)",
        })
    }
}

fn expand(secret: &[u8], info: &[u8], out: &mut [u8]) {
    Hkdf::<Sha256>::new(None, secret)
        .expand(info, out)
        .expect("no caller draws more than 255 hashes at once");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_replays_and_tells_purposes_apart() {
        let (a, b) = (Entropy::seeded("x"), Entropy::seeded("x"));
        assert_eq!(a.draw::<32>("salt", b"1"), b.draw::<32>("salt", b"1"));
        assert_ne!(a.draw::<32>("salt", b"1"), a.draw::<32>("salt", b"2"));
        assert_ne!(a.draw::<32>("salt", b"1"), a.draw::<32>("sal", b"t1"));
        assert_ne!(a.draw::<32>("salt", b"1"), a.child("dublin").draw::<32>("salt", b"1"));
        assert_ne!(a.draw::<32>("salt", b"1"), Entropy::seeded("y").draw::<32>("salt", b"1"));
    }

    #[test]
    fn the_system_never_repeats() {
        let system = Entropy::system();
        assert_ne!(system.draw::<32>("salt", b"1"), system.draw::<32>("salt", b"1"));
    }
}
