//! Letters as a handset reads them: the default alphabet of GSM 03.38, one letter a byte as SMPP carries it, and UCS2.

/// The default alphabet: the place of a letter is its code. `\u{1b}` leads to the extension.
const BASIC: [char; 128] = [
    '@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å', 'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω',
    'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', '\u{1b}', 'Æ', 'æ', 'ß', 'É', ' ', '!', '"', '#', '¤', '%', '&', '\'', '(', ')', '*', '+',
    ',', '-', '.', '/', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?', '¡', 'A', 'B',
    'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y',
    'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§', '¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p',
    'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à',
];

/// Letters behind the escape, with their codes.
const EXTENSION: [(char, u8); 10] = [
    ('\u{c}', 0x0a),
    ('^', 0x14),
    ('{', 0x28),
    ('}', 0x29),
    ('\\', 0x2f),
    ('[', 0x3c),
    ('~', 0x3d),
    (']', 0x3e),
    ('|', 0x40),
    ('€', 0x65),
];

/// The code that leads to the extension.
pub const ESCAPE: u8 = 0x1b;

/// Data codings of SMPP that are read and written here.
pub mod coding {
    /// The centre's default alphabet: GSM 03.38.
    pub const GSM: u8 = 0;
    /// ASCII.
    pub const ASCII: u8 = 1;
    /// ISO 8859-1.
    pub const LATIN_1: u8 = 3;
    /// UCS2, most significant byte first.
    pub const UCS2: u8 = 8;
}

/// The text in the default alphabet; `None` when it has other letters.
#[must_use]
pub fn gsm(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    for letter in text.chars() {
        let basic = BASIC.iter().position(|known| *known == letter && letter != '\u{1b}');
        match basic {
            Some(code) => bytes.push(u8::try_from(code).expect("128 letters")),
            None => {
                let (_, code) = EXTENSION.iter().find(|(known, _)| *known == letter)?;
                bytes.extend([ESCAPE, *code]);
            }
        }
    }
    Some(bytes)
}

/// The text as UCS2. Letters outside the basic plane become pairs, as every handset of today reads them.
#[must_use]
pub fn ucs2(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

/// What was written, by its data coding; what can not be read becomes `\u{fffd}`.
#[must_use]
pub fn read(data_coding: u8, bytes: &[u8]) -> String {
    match data_coding {
        coding::UCS2 => {
            let units = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
        coding::LATIN_1 => bytes.iter().copied().map(char::from).collect(),
        coding::GSM => {
            let (mut text, mut escaped) = (String::new(), false);
            for byte in bytes {
                match (escaped, *byte) {
                    (false, ESCAPE) => escaped = true,
                    (true, code) => {
                        escaped = false;
                        let known = EXTENSION.iter().find(|(_, known)| *known == code);
                        text.push(known.map_or(char::REPLACEMENT_CHARACTER, |(letter, _)| *letter));
                    }
                    (false, code) => {
                        text.push(BASIC.get(usize::from(code)).copied().unwrap_or(char::REPLACEMENT_CHARACTER));
                    }
                }
            }
            text
        }
        // ASCII; of other codings only what they share with it.
        _ => bytes
            .iter()
            .map(|byte| if byte.is_ascii() { char::from(*byte) } else { char::REPLACEMENT_CHARACTER })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_letter_of_the_alphabet_comes_back() {
        let mut text: String = BASIC.iter().filter(|letter| **letter != '\u{1b}').collect();
        text.extend(EXTENSION.iter().map(|(letter, _)| *letter));
        let bytes = gsm(&text).expect("all of them are in it");
        assert_eq!((text.chars().count(), bytes.len()), (137, 147));
        assert_eq!(read(coding::GSM, &bytes), text);
        assert_eq!(gsm("[Mobile] 5€").expect("in it"), b"\x1b\x3cMobile\x1b\x3e 5\x1b\x65");
        assert_eq!((gsm("元"), gsm("`"), gsm("\u{1b}")), (None, None, None));
    }

    #[test]
    fn what_can_not_be_read_is_not_guessed() {
        assert_eq!(read(coding::GSM, &[0x1b, 0x00, 0x80, 0x41, 0x1b]), "\u{fffd}\u{fffd}A");
        assert_eq!(read(coding::UCS2, &[0xd8, 0x00, 0x00, 0x41, 0x42]), "\u{fffd}A");
        assert_eq!(read(coding::ASCII, b"A\xe9"), "A\u{fffd}");
        assert_eq!(read(coding::LATIN_1, b"A\xe9"), "Aé");
    }

    proptest! {
        #[test]
        fn ucs2_comes_back(text in any::<String>()) {
            prop_assert_eq!(read(coding::UCS2, &ucs2(&text)), text);
        }
    }
}
