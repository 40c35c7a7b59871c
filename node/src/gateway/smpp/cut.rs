//! A text cut into what one message can carry: 160 letters of the default alphabet or 70 of UCS2, and 153 or 67 of
//! each part when it takes several. In front of each part stands the header by which a handset joins them.

use mpss_domain::texts::PARTS_MAX;

use super::alphabet::{ESCAPE, coding, gsm, ucs2};

/// In which alphabet texts may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alphabet {
    /// The default one where it has all letters, UCS2 otherwise.
    Gsm,
    /// UCS2 always: for centres whose default alphabet is another one.
    Ucs2,
}

/// Octets of one message, and of one part without its header.
const UCS2_BYTES: (usize, usize) = (140, 134);
const GSM_BYTES: (usize, usize) = (160, 153);

/// A text, cut.
#[derive(Clone, PartialEq, Eq)]
pub struct Cut {
    /// The data coding of SMPP.
    pub coding: u8,
    /// Its messages: one, or parts with headers.
    pub messages: Vec<Vec<u8>>,
}

impl Cut {
    /// True when the messages are parts.
    #[must_use]
    pub fn is_in_parts(&self) -> bool {
        self.messages.len() > 1
    }
}

impl std::fmt::Debug for Cut {
    /// Without the words: they may hold a code.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cut").field("coding", &self.coding).field("messages", &self.messages.len()).finish()
    }
}

/// Cuts a text. `reference` is the same for its parts and another one for the next text to the same number. What does
/// not fit into the most parts there can be is cut off: no text of ours is so long.
#[must_use]
pub fn cut(text: &str, alphabet: Alphabet, reference: u8) -> Cut {
    let in_gsm = if alphabet == Alphabet::Gsm { gsm(text) } else { None };
    let (coding, bytes, (whole, part)) = match in_gsm {
        Some(bytes) => (coding::GSM, bytes, GSM_BYTES),
        None => (coding::UCS2, ucs2(text), UCS2_BYTES),
    };
    if bytes.len() <= whole {
        return Cut { coding, messages: vec![bytes] };
    }
    let mut pieces = Vec::new();
    let mut rest = bytes.as_slice();
    while !rest.is_empty() && pieces.len() < usize::from(PARTS_MAX) {
        let (piece, behind) = rest.split_at(end_of_piece(coding, rest, part));
        pieces.push(piece);
        rest = behind;
    }
    let of = u8::try_from(pieces.len()).expect("bounded");
    let headed = |(at, piece): (u8, &&[u8])| [&[5, 0, 3, reference, of, at + 1], *piece].concat();
    Cut { coding, messages: (0_u8..).zip(&pieces).map(headed).collect() }
}

/// How much of the rest one part takes: no pair is torn apart.
fn end_of_piece(of_coding: u8, rest: &[u8], most: usize) -> usize {
    if rest.len() <= most {
        return rest.len();
    }
    let torn = if of_coding == coding::UCS2 {
        // The first half of a pair stands last.
        (0xd8..=0xdb).contains(&rest[most - 2])
    } else {
        rest[most - 1] == ESCAPE
    };
    match (torn, of_coding) {
        (true, coding::UCS2) => most - 2,
        (true, _) => most - 1,
        (false, _) => most,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::alphabet::read;
    use super::*;

    fn joined(cut: &Cut) -> String {
        let skip = if cut.is_in_parts() { 6 } else { 0 };
        cut.messages.iter().map(|message| read(cut.coding, &message[skip..])).collect()
    }

    #[test]
    fn as_much_goes_into_a_message_as_a_handset_takes() {
        for (letter, count, coding, sizes) in [
            ("元", 70, 8, vec![140]),
            ("元", 71, 8, vec![140, 14]),
            ("元", 134, 8, vec![140, 140]),
            ("元", 135, 8, vec![140, 140, 8]),
            ("a", 160, 0, vec![160]),
            ("a", 161, 0, vec![159, 14]),
            ("a", 307, 0, vec![159, 159, 7]),
            ("€", 80, 0, vec![160]),
            // A pair is not torn apart: 152 of 153.
            ("€", 81, 0, vec![158, 16]),
            ("😀", 36, 8, vec![138, 18]),
        ] {
            let text = letter.repeat(count);
            let cut = cut(&text, Alphabet::Gsm, 7);
            assert_eq!(cut.messages.iter().map(Vec::len).collect::<Vec<_>>(), sizes, "{count} of {letter}");
            assert_eq!((cut.coding, joined(&cut)), (coding, text));
        }
        let two = cut(&"a".repeat(161), Alphabet::Ucs2, 9);
        assert_eq!(two.coding, 8);
        assert_eq!(
            two.messages.iter().map(|part| part[..6].to_vec()).collect::<Vec<_>>(),
            [[5, 0, 3, 9, 3, 1], [5, 0, 3, 9, 3, 2], [5, 0, 3, 9, 3, 3]]
        );
    }

    #[test]
    fn no_text_has_more_parts_than_may_be_asked() {
        let cut = cut(&"元".repeat(2_000), Alphabet::Gsm, 0);
        assert_eq!(cut.messages.len(), usize::from(PARTS_MAX));
    }

    proptest! {
        #[test]
        fn every_text_is_joined_again(text in "[a-z€元😀\\[]{0,400}", ucs2_only in any::<bool>()) {
            let alphabet = if ucs2_only { Alphabet::Ucs2 } else { Alphabet::Gsm };
            let cut = cut(&text, alphabet, 1);
            prop_assert!(cut.messages.iter().all(|message| message.len() <= 160));
            prop_assert!(cut.coding == 0 || cut.messages.iter().all(|message| message.len() <= 140));
            if cut.messages.len() < usize::from(PARTS_MAX) {
                prop_assert_eq!(joined(&cut), text);
            }
        }
    }
}
