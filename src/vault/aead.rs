//! AES-256-GCM for small values: `nonce[12] | ciphertext | tag[16]`, the nonce at random.
//!
//! A random nonce is safe for 2³² values under one key (NIST SP 800-38D section 8.3); a copy key of one
//! generation wraps far fewer.

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut, Aes256Gcm};
use zeroize::Zeroizing;

pub(super) type Nonce = aes_gcm::aead::Nonce<Aes256Gcm>;

pub(super) const NONCE_LENGTH: usize = 12;
pub(super) const TAG_LENGTH: usize = 16;

/// Bytes that sealing a small value adds.
pub(super) const OVERHEAD: usize = NONCE_LENGTH + TAG_LENGTH;

pub(super) fn seal(cipher: &Aes256Gcm, aad: &[u8], plain: &[u8]) -> Vec<u8> {
    let mut out = vec![0; plain.len() + OVERHEAD];
    rand::fill(&mut out[..NONCE_LENGTH]);
    seal_into(cipher, aad, plain, &mut out);
    out
}

/// Seals into `out`, which begins with the nonce and has room for exactly the rest.
pub(super) fn seal_into(cipher: &Aes256Gcm, aad: &[u8], plain: &[u8], out: &mut [u8]) {
    let (nonce, rest) = out.split_at_mut(NONCE_LENGTH);
    let nonce = Nonce::try_from(&*nonce).expect("cut to a nonce's length");
    seal_with(cipher, &nonce, aad, plain, rest);
}

/// Seals `plain` into `out` as `ciphertext | tag`; `out` has to be longer by exactly a tag.
pub(super) fn seal_with(cipher: &Aes256Gcm, nonce: &Nonce, aad: &[u8], plain: &[u8], out: &mut [u8]) {
    let (body, tag) = out.split_at_mut(plain.len());
    let buffer = InOutBuf::new(plain, body).expect("cut to the same length");
    let made = cipher
        .encrypt_inout_detached(nonce, aad, buffer)
        .expect("AES-GCM takes up to 64 GiB, and callers seal far less");
    tag.copy_from_slice(&made);
}

/// Seals the bytes before the last [`TAG_LENGTH`] where they stand, and puts the tag there.
pub(super) fn seal_in_place(cipher: &Aes256Gcm, nonce: &Nonce, aad: &[u8], buffer: &mut [u8]) {
    let (body, tag) = buffer.split_at_mut(buffer.len() - TAG_LENGTH);
    let made = cipher
        .encrypt_inout_detached(nonce, aad, body.into())
        .expect("AES-GCM takes up to 64 GiB, and callers seal far less");
    tag.copy_from_slice(&made);
}

/// Opens what [`seal`] made; `None` if any bit of it, or of `aad`, is another.
pub(super) fn open(cipher: &Aes256Gcm, aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, rest) = sealed.split_at_checked(NONCE_LENGTH)?;
    let nonce = Nonce::try_from(nonce).ok()?;
    let mut plain = Zeroizing::new(vec![0; rest.len().checked_sub(TAG_LENGTH)?]);
    open_with(cipher, &nonce, aad, rest, &mut plain)?;
    Some(plain)
}

/// Opens `ciphertext | tag` into `out`, which has to be shorter by exactly a tag. On `None` `out` holds nothing
/// of the plaintext: the tag is checked before anything is decrypted.
pub(super) fn open_with(
    cipher: &Aes256Gcm,
    nonce: &Nonce,
    aad: &[u8],
    sealed: &[u8],
    out: &mut [u8],
) -> Option<()> {
    let (body, tag) = sealed.split_at_checked(out.len())?;
    let buffer = InOutBuf::new(body, out).ok()?;
    cipher.decrypt_inout_detached(nonce, aad, buffer, tag.try_into().ok()?).ok()
}
