//! Opaque names of sealed things. They say nothing about whose mail it is.

use std::fmt;

use data_encoding::HEXLOWER;

use crate::entropy::Entropy;

macro_rules! opaque_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                $name(bytes)
            }

            pub fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        /// 32 lower-case hexadecimal digits.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

opaque_id!(
    /// One mailbox at one region: a keyed digest of the account's address, so the same account has another one
    /// at the next region.
    MailboxId
);
opaque_id!(
    /// One data class of one mailbox, resting in one region.
    CopyId
);
opaque_id!(
    /// One sealed object of a copy.
    ObjectId
);

impl CopyId {
    /// The region's own directory: not a copy of anybody's mail, but kept and rotated like one.
    pub const DIRECTORY: CopyId = CopyId([0; 16]);

    pub(super) fn fresh() -> Self {
        CopyId(*Entropy::system().draw("copy id", b""))
    }
}

impl MailboxId {
    /// Who "holds" the region's own directory.
    pub const DIRECTORY: MailboxId = MailboxId([0; 16]);
}
