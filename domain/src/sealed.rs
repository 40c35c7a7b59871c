//! Secrets as the state holds them: sealed at the edge with the vault's key, and only opened there.

macro_rules! sealed {
    ($($(#[doc = $doc:literal])* $name:ident;)*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $name(Vec<u8>);

        impl $name {
            /// Bytes of one at most.
            pub const BYTES_MAX: usize = 128;

            /// What was sealed where it came in.
            #[must_use]
            pub const fn new(sealed: Vec<u8>) -> Self {
                Self(sealed)
            }

            /// For whoever opens it. Empty once nobody will.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }

            #[allow(dead_code, reason = "a payment code is sealed by the node itself")]
            pub(crate) fn is_well_formed(&self) -> bool {
                (1..=Self::BYTES_MAX).contains(&self.0.len())
            }

            /// Nobody will ask for it any more.
            #[allow(dead_code, reason = "a payment code is never wiped: it goes with the answer it is in")]
            pub(crate) fn wipe(&mut self) {
                self.0 = Vec::new();
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("sealed")
            }
        }
    )*};
}

use std::fmt;

use serde::{Deserialize, Serialize};

sealed! {
    /// The PIN of a card, to be shown to who buys it, or to be asked about at the recharge platform.
    SealedPin;
    /// The number of a bank card that a subscriber wants to be bound, to be told to the bank.
    SealedCardNumber;
    /// The number of the bank account that an SP is paid into.
    SealedBankAccount;
    /// The digits of a payment code, to be shown to who asked for it.
    SealedCode;
    /// A secret that an SP and we sign with.
    SealedSpSecret;
}
