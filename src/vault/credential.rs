//! What an owner proves themselves with: a password, kept as a salted, memory-hard digest (Argon2id, RFC 9106).

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// How much work one guess at a password takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// Memory, in KiB.
    memory: u32,
    /// Passes over that memory.
    passes: u32,
}

impl Cost {
    /// For real passwords: 19 MiB and 2 passes (OWASP Password Storage Cheat Sheet).
    pub const OWNER: Cost = Cost { memory: 19 * 1024, passes: 2 };

    /// For passwords that are public anyway, such as those of a demo's story.
    pub const STORY: Cost = Cost { memory: 64, passes: 1 };

    /// What a stored verifier may ask for at most, so that a damaged one cannot exhaust the machine.
    const LIMIT: Cost = Cost { memory: 256 * 1024, passes: 16 };
}

/// What is kept of a password.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verifier {
    #[serde(with = "crate::base64_bytes")]
    salt: [u8; 16],
    #[serde(with = "crate::base64_bytes")]
    digest: [u8; 32],
    cost: Cost,
}

impl Verifier {
    pub fn new(password: &str, cost: Cost) -> Self {
        let mut salt = [0; 16];
        rand::fill(&mut salt);
        let digest = digest(password, &salt, cost).expect("the costs above are within Argon2's limits");
        Verifier { salt, digest: *digest, cost }
    }

    /// True if `password` is the one. Takes as long either way.
    pub(super) fn matches(&self, password: &str) -> bool {
        digest(password, &self.salt, self.cost).is_some_and(|found| found.ct_eq(&self.digest).into())
    }

    /// Does the work of a check for an account that does not exist, so that the time taken does not tell.
    pub(super) fn pretend(password: &str) {
        digest(password, &[0; 16], Cost::OWNER);
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier(…)")
    }
}

fn digest(password: &str, salt: &[u8; 16], cost: Cost) -> Option<Zeroizing<[u8; 32]>> {
    if cost.memory > Cost::LIMIT.memory || cost.passes > Cost::LIMIT.passes {
        return None;
    }
    let params = Params::new(cost.memory, cost.passes, 1, Some(32)).ok()?;
    let mut out = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), salt, out.as_mut())
        .ok()?;
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_matches() {
        let verifier = Verifier::new("correct horse", Cost::STORY);
        assert!(verifier.matches("correct horse"));
        assert!(!verifier.matches("correct horsf"));
        assert!(!verifier.matches(""));
        assert_ne!(Verifier::new("correct horse", Cost::STORY).digest, verifier.digest, "salted");
        assert_eq!(format!("{verifier:?}"), "Verifier(…)");
    }

    #[test]
    fn a_damaged_cost_is_refused_not_paid() {
        let mut verifier = Verifier::new("x", Cost::STORY);
        verifier.cost.memory = u32::MAX;
        assert!(!verifier.matches("x"));
    }
}
