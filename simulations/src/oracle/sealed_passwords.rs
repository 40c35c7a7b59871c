//! A province that has given its key is not sent a payment password in the clear: whoever knows the key seals.

use std::collections::BTreeMap;

use mpss_domain::ProvinceId;
use mpss_routing::wire::{PaymentMessage, PeerAnswer, PeerResult, decode};

use super::{Property, Seen};

/// A payment that began before the key was known may be tried again for so long. More than a proposal and all tries of
/// one payment take together.
const BEGUN_BEFORE_MS: u64 = 20_000;

/// See the module.
#[derive(Default)]
pub(super) struct SealedPasswords {
    /// Since when a machine knows the key of a province. Its memory ends with its process.
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
            Seen::Crashed { machine, .. } => self.known.retain(|(knower, _), _| knower != machine),
            Seen::OverHttp { at_ms, from, to, path: "/peer/v1/seal-key", body, answered: true } => {
                let answer = decode::<PeerAnswer>(body);
                if matches!(answer, Ok(PeerAnswer { result: PeerResult::SealKey(_), .. })) {
                    self.known.entry((from.to_owned(), to)).or_insert(at_ms);
                }
            }
            Seen::OverHttp { at_ms, from, to, path: "/peer/v1/payments", body, answered: false } => {
                let since = self.known.get(&(from.to_owned(), to));
                let knew = since.is_some_and(|since| at_ms > since + BEGUN_BEFORE_MS);
                if let (true, Ok(message)) = (knew, decode::<PaymentMessage>(body))
                    && !message.payment_password.is_empty()
                {
                    let payment = &message.payment_id;
                    return vec![format!("{from} sends {to} the password of {payment} in the clear and has its key")];
                }
            }
            _ => {}
        }
        Vec::new()
    }
}
