//! The header in front of each message between a member's host and UnionPay's switch.
//!
//! ```text
//!  0 length 0x2E │ 1 flag and version │ 2 total length 4 digits │ 6 destination 11 │ 17 source 11
//!  28 reserved 3 zeros │ 31 batch │ 32 transaction information 8 │ 40 user information │ 41 reject code 5 digits
//! ```
//!
//! *Inferred* from public descriptions that agree on widths and order; the bits of the version, and
//! blanks after institution codes, come from one of them.

/// What of it is ours to say. The rest is zeros until the switch fills it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnionPayHeader {
    /// Highest bit: a test message. Below it: the version, 2.
    version: u8,
    destination: [u8; 11],
    source: [u8; 11],
    /// `00000`, or why the switch sends our message back.
    pub(super) reject_code: [u8; 5],
}

impl UnionPayHeader {
    /// Its length in bytes; also what its first byte says.
    pub const BYTES: usize = 46;
    const VERSION: u8 = 2;
    const TEST: u8 = 0x80;
    const ACCEPTED: [u8; 5] = *b"00000";

    /// From `source` to `destination`, both institution codes of up to 11 digits.
    #[must_use]
    pub fn new(destination: &str, source: &str) -> Option<Self> {
        Some(Self {
            version: Self::VERSION,
            destination: blank_filled(destination)?,
            source: blank_filled(source)?,
            reject_code: Self::ACCEPTED,
        })
    }

    /// The same, for messages that are only a test.
    #[must_use]
    pub const fn for_test(mut self) -> Self {
        self.version |= Self::TEST;
        self
    }

    pub(super) const fn is_rejection(&self) -> bool {
        // Arrays can not be compared in a constant.
        !matches!(&self.reject_code, b"00000")
    }

    /// The header of a message of `message_bytes`, which must leave the total at four digits.
    pub(super) fn put(&self, message_bytes: usize) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[0] = Self::BYTES as u8;
        bytes[1] = self.version;
        bytes[2..6].copy_from_slice(format!("{:04}", Self::BYTES + message_bytes).as_bytes());
        bytes[6..17].copy_from_slice(&self.destination);
        bytes[17..28].copy_from_slice(&self.source);
        bytes[32..40].copy_from_slice(b"00000000");
        bytes[41..].copy_from_slice(&self.reject_code);
        bytes
    }

    /// Reads the header of a message of `message_bytes`.
    pub(super) fn read(bytes: &[u8], message_bytes: usize) -> Result<Self, &'static str> {
        let bytes: &[u8; Self::BYTES] = bytes.try_into().map_err(|_| "not 46 bytes")?;
        if usize::from(bytes[0]) != Self::BYTES {
            return Err("it does not say that it has 46 bytes");
        }
        if bytes[2..6] != *format!("{:04}", Self::BYTES + message_bytes).as_bytes() {
            return Err("its total length is not that of the frame");
        }
        let eleven = |at: usize| std::array::from_fn(|offset| bytes[at + offset]);
        let reject_code: [u8; 5] = std::array::from_fn(|offset| bytes[41 + offset]);
        if !reject_code.iter().all(u8::is_ascii_digit) {
            return Err("its reject code is not written in digits");
        }
        Ok(Self { version: bytes[1], destination: eleven(6), source: eleven(17), reject_code })
    }
}

fn blank_filled(institution: &str) -> Option<[u8; 11]> {
    let digits = institution.as_bytes();
    let valid = (1..=11).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    valid.then(|| std::array::from_fn(|at| digits.get(at).copied().unwrap_or(b' ')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_frozen() {
        let header = UnionPayHeader::new("00010000", "48020000").expect("valid");
        let bytes = header.put(300);
        assert_eq!(&bytes[..28], b"\x2e\x02034600010000   48020000   ");
        assert_eq!(&bytes[28..], b"\0\0\0\x0000000000\x0000000");
        assert_eq!(UnionPayHeader::read(&bytes, 300), Ok(header.clone()));
        assert_eq!(header.for_test().put(300)[1], 0x82);
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let bytes = UnionPayHeader::new("00010000", "48020000").expect("valid").put(300);
        let changed = |at: usize, to: u8| {
            let mut bytes = bytes;
            bytes[at] = to;
            UnionPayHeader::read(&bytes, 300).expect_err("refused")
        };
        assert_eq!(changed(0, 45), "it does not say that it has 46 bytes");
        assert_eq!(changed(5, b'7'), "its total length is not that of the frame");
        assert_eq!(changed(45, b' '), "its reject code is not written in digits");
        assert_eq!((UnionPayHeader::new("", "1"), UnionPayHeader::new("1", "123456789012")), (None, None));
    }
}
