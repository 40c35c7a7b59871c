//! A province that has been sent a sealed payment password is not sent one in the clear: whoever knows the key seals.
//! That a key was given says less: its answer may have come after nobody waited for it any more.

use std::collections::BTreeMap;

use mpss_domain::ProvinceId;
use mpss_routing::wire::{PaymentMessage, decode};

use super::{Property, Seen};

/// A payment that began before the key was known may be tried again for so long. More than a proposal and all tries of
/// one payment take together.
const BEGUN_BEFORE_MS: u64 = 20_000;

/// See the module.
#[derive(Default)]
pub(super) struct SealedPasswords {
    /// Since when a machine surely knows the key of a province. Its memory ends with its process.
    known: BTreeMap<(String, ProvinceId), u64>,
}

impl Property for SealedPasswords {
    fn name(&self) -> &'static str {
        "a password travels sealed to whoever has given a key"
    }

    fn clause(&self) -> &'static str {
        "source §12: security of the payment password"
    }

    fn see(&mut self, seen: &Seen<'_>) -> Vec<String> {
        match *seen {
            Seen::Crashed { machine, .. } | Seen::Stopped { machine } => {
                self.known.retain(|(knower, _), _| knower != machine)
            }
            Seen::OverHttp { at_ms, from, to, path: "/peer/v1/payments", body, answered: false } => {
                let Ok(message) = decode::<PaymentMessage>(body) else { return Vec::new() };
                if message.sealed_password.is_some() {
                    self.known.entry((from.to_owned(), to)).or_insert(at_ms);
                    return Vec::new();
                }
                let since = self.known.get(&(from.to_owned(), to));
                if !message.payment_password.is_empty() && since.is_some_and(|since| at_ms > since + BEGUN_BEFORE_MS) {
                    let payment = &message.payment_id;
                    return vec![format!("{from} sends {to} the password of {payment} in the clear and has its key")];
                }
            }
            _ => {}
        }
        Vec::new()
    }
}
