//! What a ticket looks like: a signed code. Nobody without the key of the province can make one up.
//!
//! ```text
//!  order, place ─▶ signed ─▶ 8QW3-0A41-…-ZK7M ─▶ printed, sent, shown ─▶ a gate ─▶ order, place
//! ```
//!
//! 20 bytes as 32 letters and digits: the order (8), the place in it (2), and the first 10 bytes of an
//! HMAC-SHA256 over both. A forger has one chance in 2⁸⁰ per try and tries at our door only. The alphabet
//! has no letters that people take for each other, and reads those that they type all the same.

use std::fmt;

use data_encoding::{Encoding, Specification};
use hmac::{Hmac, KeyInit, Mac};
use mpss_domain::OrderId;
use mpss_domain::ids::IssuedId;
use mpss_domain::tickets::TicketId;
use sha2::Sha256;
use zeroize::Zeroizing;

/// In front of what is signed: a key's signatures are good for nothing else.
const PURPOSE: &[u8] = b"mpss-ticket-v1";
/// Order and place.
const NAMED_BYTES: usize = 10;
/// The signature, cut to this.
const TAG_BYTES: usize = 10;
/// Letters and digits of a code.
const LETTERS: usize = (NAMED_BYTES + TAG_BYTES) * 8 / 5;
/// Letters and digits between two hyphens.
const GROUP: usize = 4;

/// Signs tickets and reads them.
#[derive(Clone)]
pub struct TicketPen {
    key: Zeroizing<Vec<u8>>,
    letters: Encoding,
}

impl fmt::Debug for TicketPen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketPen")
    }
}

impl TicketPen {
    /// A pen with this key.
    ///
    /// # Panics
    /// Never: the alphabet is a good one.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        let mut letters = Specification::new();
        // Crockford's alphabet: no I, L, O, U.
        letters.symbols.push_str("0123456789ABCDEFGHJKMNPQRSTVWXYZ");
        letters.translate.from.push_str("abcdefghjkmnpqrstvwxyzOoIiLl");
        letters.translate.to.push_str("ABCDEFGHJKMNPQRSTVWXYZ001111");
        letters.ignore.push_str("- ");
        let letters = letters.encoding().expect("32 letters, none twice");
        Self { key: Zeroizing::new(key.to_vec()), letters }
    }

    /// The code of a ticket, in groups of four.
    ///
    /// # Panics
    /// For a place above 65 535; no order has so many pieces.
    #[must_use]
    pub fn sign(&self, ticket: TicketId) -> String {
        let place = u16::try_from(ticket.place).expect("no order has so many pieces");
        let mut bytes = ticket.order.bits().to_be_bytes().to_vec();
        bytes.extend(place.to_be_bytes());
        let tag = self.signature(&bytes).finalize().into_bytes();
        bytes.extend(&tag[..TAG_BYTES]);
        let plain = self.letters.encode(&bytes);
        let groups: Vec<_> = plain.as_bytes().chunks(GROUP).map(String::from_utf8_lossy).collect();
        groups.join("-")
    }

    /// The ticket with this code; `None` when we have not signed it. Hyphens, spaces and small letters are
    /// taken as they come.
    #[must_use]
    pub fn read(&self, code: &str) -> Option<TicketId> {
        // Nothing much longer than a code is looked at.
        if code.len() > 2 * LETTERS {
            return None;
        }
        let bytes = self.letters.decode(code.as_bytes()).ok()?;
        let (named, tag) = bytes.split_at_checked(NAMED_BYTES)?;
        if tag.len() != TAG_BYTES {
            return None;
        }
        self.signature(named).verify_truncated_left(tag).ok()?;
        let (order, place) = named_in(named)?;
        Some(TicketId { order, place })
    }

    fn signature(&self, named: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(PURPOSE);
        mac.update(named);
        mac
    }

    /// The order that a code names, whoever signed it: so that it can be passed on to where its key is.
    #[must_use]
    pub fn order_named(code: &str) -> Option<OrderId> {
        if code.len() > 2 * LETTERS {
            return None;
        }
        let bytes = Self::new(&[]).letters.decode(code.as_bytes()).ok()?;
        (bytes.len() == NAMED_BYTES + TAG_BYTES).then(|| named_in(&bytes[..NAMED_BYTES]))?.map(|(order, _)| order)
    }
}

fn named_in(bytes: &[u8]) -> Option<(OrderId, u32)> {
    let (order, place) = bytes.split_first_chunk::<8>()?;
    let place = u16::from_be_bytes(place.try_into().ok()?);
    Some((OrderId::from_bits(u64::from_be_bytes(*order)), u32::from(place)))
}

#[cfg(test)]
mod tests {
    use mpss_domain::{LogTime, ProvinceId};

    use super::*;

    fn ticket(serial: u16, place: u32) -> TicketId {
        let province = ProvinceId::new(44).expect("Guangdong");
        TicketId { order: OrderId::issue(LogTime(1_795_399_200_000), province, serial), place }
    }

    #[test]
    fn a_code_names_its_ticket_as_people_type_it() {
        let pen = TicketPen::new(&[7; 32]);
        for ticket in [ticket(1, 1), ticket(1, 2), ticket(u16::MAX, 1_000)] {
            let code = pen.sign(ticket);
            assert_eq!((code.len(), code.matches('-').count()), (39, 7), "{code}");
            assert_eq!(pen.read(&code), Some(ticket));
            let typed = code.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
            assert_eq!(pen.read(&typed), Some(ticket), "{typed}");
            assert_eq!(TicketPen::order_named(&typed), Some(ticket.order));
        }
    }

    #[test]
    fn the_codes_of_a_key_are_frozen() {
        let code = TicketPen::new(&[7; 32]).sign(ticket(1, 1));
        assert_eq!(code, "359X-TRM0-5G00-2001-0WNJ-QJAX-DC9E-9DMF");
    }

    #[test]
    fn what_was_not_signed_is_no_ticket() {
        let (pen, other) = (TicketPen::new(&[7; 32]), TicketPen::new(&[8; 32]));
        let code = pen.sign(ticket(1, 1));
        assert_eq!(other.read(&code), None, "another key");
        let plain = code.replace('-', "");
        for at in 0..plain.len() {
            let mut letters = plain.clone().into_bytes();
            letters[at] = if letters[at] == b'7' { b'8' } else { b'7' };
            let forged = String::from_utf8(letters).expect("ASCII");
            assert_eq!(pen.read(&forged), None, "letter {at} is another");
        }
        for wrong in ["", "7", &plain[..31], &format!("{plain}7"), &"-".repeat(64), &"7".repeat(10_000), "票号"] {
            assert_eq!(pen.read(wrong), None, "{wrong}");
        }
        assert_eq!(TicketPen::order_named("票号"), None);
    }
}
