use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::slot::Slot;
use crate::entropy::Entropy;
use crate::world::RegionId;

/// What only the keeper of the record knows: the seed of the salts, and the secret that ties entries of one matter.
///
/// Whoever has the seed can test guesses about closed values; whoever has the matter secret can tell which entries
/// belong to a matter whose id they know. The two are separate so that one can be shown without the other.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct RecordSecret {
    seed: [u8; 32],
    matter: [u8; 32],
}

impl RecordSecret {
    /// Draws both; the result has to be stored when the source is not a seeded one.
    pub fn draw(entropy: &Entropy) -> Self {
        RecordSecret {
            seed: *entropy.draw("record seed", b""),
            matter: *entropy.draw("record matter secret", b""),
        }
    }

    /// From stored bytes: the seed, then the matter secret.
    pub fn from_bytes(mut bytes: [u8; 64]) -> Self {
        let mut secret = RecordSecret { seed: [0; 32], matter: [0; 32] };
        secret.seed.copy_from_slice(&bytes[..32]);
        secret.matter.copy_from_slice(&bytes[32..]);
        bytes.zeroize();
        secret
    }

    /// The seed, then the matter secret: to be stored where only the owner of the log can read it.
    pub fn to_bytes(&self) -> zeroize::Zeroizing<[u8; 64]> {
        let mut bytes = zeroize::Zeroizing::new([0; 64]);
        bytes[..32].copy_from_slice(&self.seed);
        bytes[32..].copy_from_slice(&self.matter);
        bytes
    }

    /// The salt of one slot of one entry: HMAC-SHA256(seed, u64 entry ‖ u8 slot).
    pub fn slot_salt(&self, entry: u64, slot: Slot) -> [u8; 32] {
        let mut mac = keyed(&self.seed);
        mac.update(&entry.to_be_bytes());
        mac.update(&[slot.index()]);
        mac.finalize().into_bytes().into()
    }

    /// The salt of one region's grant in one entry: HMAC-SHA256(seed, u64 entry ‖ `grant\n` ‖ region).
    pub fn grant_salt(&self, entry: u64, region: &RegionId) -> [u8; 32] {
        let mut mac = keyed(&self.seed);
        mac.update(&entry.to_be_bytes());
        mac.update(b"grant\n");
        mac.update(region.as_str().as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// The tag that all entries of one matter share: HMAC-SHA256(matter secret, `matter\n` ‖ id).
    pub fn matter_tag(&self, matter: &str) -> [u8; 32] {
        let mut mac = keyed(&self.matter);
        mac.update(b"matter\n");
        mac.update(matter.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length")
}
