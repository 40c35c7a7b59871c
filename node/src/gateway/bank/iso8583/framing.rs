//! Where a message begins and ends on a connection. Every bank has its own way, so it is configuration.
//!
//! ```text
//!  length prefix        │ header                   │ message
//!  2 bytes, 2 packed    │ none, a TPDU, other      │
//!  bytes or 4 digits    │ fixed bytes, UnionPay's  │
//! ```
//!
//! A length of zero is a heartbeat: nothing follows (*inferred* for UnionPay, whose idle message is
//! `0000`).

use super::MESSAGE_BYTES_MAX;
use super::unionpay_header::UnionPayHeader;

/// How the length is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LengthPrefix {
    /// Two bytes, the higher one first.
    Binary,
    /// Four packed digits in two bytes.
    Packed,
    /// Four ASCII digits.
    Ascii,
}

/// What the length counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counts {
    /// What follows it.
    Rest,
    /// What follows it, and itself.
    Whole,
}

/// What stands between the length and the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Header {
    /// Nothing.
    None,
    /// These bytes when we send; as many of any kind when we receive, since a TPDU comes back with its
    /// two addresses exchanged.
    Fixed(Vec<u8>),
    /// The switch's header of 46 bytes.
    UnionPay(UnionPayHeader),
}

/// How a link separates its messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Framing {
    /// How the length is written.
    pub prefix: LengthPrefix,
    /// What it counts.
    pub counts: Counts,
    /// What follows it.
    pub header: Header,
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A heartbeat.
    Idle,
    /// A message.
    Message {
        /// Its header, as it came.
        header: &'a [u8],
        /// Its bytes.
        message: &'a [u8],
    },
    /// UnionPay's switch sends one of our messages back, because it can not use its header.
    Rejected {
        /// Five digits that say why; they end in the number of the header's field.
        code: [u8; 5],
        /// What we had sent.
        message: &'a [u8],
    },
}

/// Why a connection can not go on: after any of these nobody knows where the next message begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The length is not written in digits.
    #[error("the length is not written in digits")]
    LengthDigits,
    /// The length counts less than itself and the header have.
    #[error("a length of {length}, less than itself and the header")]
    TooShort {
        /// The length.
        length: usize,
    },
    /// The message is longer than any is, or than the prefix can say.
    #[error("a message of {length} bytes, more than is possible")]
    TooLong {
        /// The length of the message.
        length: usize,
    },
    /// UnionPay's header contradicts itself or the length.
    #[error("header: {0}")]
    Header(&'static str),
}

impl LengthPrefix {
    const fn bytes(self) -> usize {
        match self {
            Self::Binary | Self::Packed => 2,
            Self::Ascii => 4,
        }
    }

    const fn max(self) -> usize {
        match self {
            Self::Binary => 0xffff,
            Self::Packed | Self::Ascii => 9999,
        }
    }

    fn put(self, length: usize) -> Vec<u8> {
        let high_and_low = |high: usize, low: usize| vec![high as u8, low as u8];
        let packed = |number: usize| number / 10 * 16 + number % 10;
        match self {
            Self::Binary => high_and_low(length >> 8, length & 0xff),
            Self::Packed => high_and_low(packed(length / 100), packed(length % 100)),
            Self::Ascii => format!("{length:04}").into_bytes(),
        }
    }

    fn read(self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Binary => Some(bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte))),
            Self::Packed => decimal(bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0f])),
            Self::Ascii => decimal(bytes.iter().map(|byte| byte.wrapping_sub(b'0'))),
        }
    }
}

/// The number that these digits write.
fn decimal(mut digits: impl Iterator<Item = u8>) -> Option<usize> {
    digits.try_fold(0, |number, digit| (digit < 10).then(|| number * 10 + usize::from(digit)))
}

impl Header {
    fn bytes(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Fixed(bytes) => bytes.len(),
            Self::UnionPay(_) => UnionPayHeader::BYTES,
        }
    }
}

impl Framing {
    /// Puts a message into a frame.
    ///
    /// # Errors
    /// When it is longer than the prefix can say, or than is ever read.
    pub fn frame(&self, message: &[u8]) -> Result<Vec<u8>, FrameError> {
        let counted = message.len() + self.header.bytes() + self.own();
        if message.len() > MESSAGE_BYTES_MAX || counted > self.prefix.max() {
            return Err(FrameError::TooLong { length: message.len() });
        }
        let mut frame = self.prefix.put(counted);
        match &self.header {
            Header::None => {}
            Header::Fixed(bytes) => frame.extend_from_slice(bytes),
            Header::UnionPay(header) => frame.extend_from_slice(&header.put(message.len())),
        }
        frame.extend_from_slice(message);
        Ok(frame)
    }

    /// A heartbeat.
    #[must_use]
    pub fn idle(&self) -> Vec<u8> {
        self.prefix.put(0)
    }

    /// Takes the first frame off what was received, with the number of bytes it has; `None` when more
    /// must be received first.
    ///
    /// # Errors
    /// When the connection can not go on.
    pub fn take<'a>(&self, received: &'a [u8]) -> Result<Option<(Frame<'a>, usize)>, FrameError> {
        let Some((prefix, rest)) = received.split_at_checked(self.prefix.bytes()) else { return Ok(None) };
        let length = self.prefix.read(prefix).ok_or(FrameError::LengthDigits)?;
        if length == 0 {
            return Ok(Some((Frame::Idle, prefix.len())));
        }
        let header_bytes = self.header.bytes();
        let message_bytes = length
            .checked_sub(self.own() + header_bytes)
            .filter(|bytes| *bytes > 0)
            .ok_or(FrameError::TooShort { length })?;
        // Before it is waited for: nobody makes us keep more than a message.
        if message_bytes > MESSAGE_BYTES_MAX {
            return Err(FrameError::TooLong { length: message_bytes });
        }
        let Some(body) = rest.get(..header_bytes + message_bytes) else { return Ok(None) };
        let (header, message) = body.split_at(header_bytes);
        let mut frame = Frame::Message { header, message };
        if matches!(self.header, Header::UnionPay(_)) {
            let came = UnionPayHeader::read(header, message.len()).map_err(FrameError::Header)?;
            if came.is_rejection() {
                frame = Frame::Rejected { code: came.reject_code, message };
            }
        }
        Ok(Some((frame, prefix.len() + body.len())))
    }

    /// The bytes of the prefix that it counts.
    const fn own(&self) -> usize {
        match self.counts {
            Counts::Rest => 0,
            Counts::Whole => self.prefix.bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TPDU: [u8; 5] = [0x60, 0x00, 0x03, 0x00, 0x00];

    fn framing(prefix: LengthPrefix, counts: Counts, header: Header) -> Framing {
        Framing { prefix, counts, header }
    }

    fn unionpay() -> Framing {
        let header = UnionPayHeader::new("00010000", "48020000").expect("valid");
        framing(LengthPrefix::Ascii, Counts::Rest, Header::UnionPay(header))
    }

    #[test]
    fn each_way_is_written_as_its_peers_expect() {
        use Counts::{Rest, Whole};
        use LengthPrefix::{Ascii, Binary, Packed};
        let message = [b'm'; 300];
        let tpdu = || Header::Fixed(TPDU.to_vec());
        for (prefix, counts, header, expected) in [
            (Binary, Rest, Header::None, &[0x01, 0x2c][..]),
            (Binary, Whole, Header::None, &[0x01, 0x2e]),
            (Binary, Rest, tpdu(), &[0x01, 0x31, 0x60, 0x00, 0x03, 0x00, 0x00]),
            (Packed, Rest, Header::None, &[0x03, 0x00]),
            (Packed, Whole, tpdu(), &[0x03, 0x07, 0x60, 0x00, 0x03, 0x00, 0x00]),
            (Ascii, Rest, Header::None, b"0300"),
            (Ascii, Whole, Header::None, b"0304"),
        ] {
            let framing = framing(prefix, counts, header);
            let frame = framing.frame(&message).expect("short enough");
            assert_eq!(&frame[..expected.len()], expected, "{framing:?}");
            assert_eq!(&frame[expected.len()..], message);
        }
        let frame = unionpay().frame(&message).expect("short enough");
        assert_eq!(&frame[..10], b"0346\x2e\x020346");
    }

    #[test]
    fn a_frame_is_taken_only_when_it_is_whole_and_leaves_the_next_one() {
        use Counts::{Rest, Whole};
        use LengthPrefix::{Ascii, Binary, Packed};
        for framing in [
            framing(Binary, Rest, Header::None),
            framing(Binary, Whole, Header::Fixed(TPDU.to_vec())),
            framing(Packed, Rest, Header::Fixed(vec![7; 12])),
            framing(Ascii, Whole, Header::None),
            unionpay(),
        ] {
            let frame = framing.frame(b"message").expect("short enough");
            for cut in 0..frame.len() {
                assert_eq!(framing.take(&frame[..cut]), Ok(None), "{framing:?} cut at {cut}");
            }
            let stream = [&framing.idle()[..], &frame, &frame].concat();
            let (first, used) = framing.take(&stream).expect("good").expect("whole");
            assert_eq!((first, used), (Frame::Idle, framing.prefix.bytes()));
            let (second, taken) = framing.take(&stream[used..]).expect("good").expect("whole");
            assert!(matches!(second, Frame::Message { message: b"message", .. }), "{second:?}");
            assert_eq!(taken, frame.len());
        }
    }

    #[test]
    fn a_length_that_can_not_be_ends_the_connection_at_once() {
        use Counts::{Rest, Whole};
        use LengthPrefix::{Ascii, Binary, Packed};
        let tpdu = || Header::Fixed(TPDU.to_vec());
        for (prefix, counts, header, received, expected) in [
            (Binary, Rest, Header::None, &[0x20, 0x01][..], FrameError::TooLong { length: 8193 }),
            (Binary, Whole, Header::None, &[0x00, 0x02], FrameError::TooShort { length: 2 }),
            (Binary, Whole, Header::None, &[0x00, 0x01], FrameError::TooShort { length: 1 }),
            (Binary, Rest, tpdu(), &[0x00, 0x05], FrameError::TooShort { length: 5 }),
            (Packed, Rest, Header::None, &[0x0a, 0x00], FrameError::LengthDigits),
            (Ascii, Rest, Header::None, b"00x0", FrameError::LengthDigits),
            (Ascii, Rest, Header::None, b"+123", FrameError::LengthDigits),
            (Ascii, Rest, Header::None, b"9999", FrameError::TooLong { length: 9999 }),
        ] {
            assert_eq!(framing(prefix, counts, header).take(received), Err(expected));
        }
    }

    #[test]
    fn what_no_prefix_can_say_is_not_sent() {
        let framing = framing(LengthPrefix::Ascii, Counts::Whole, Header::Fixed(vec![0; 2000]));
        assert_eq!(framing.frame(&[0; 7996]), Err(FrameError::TooLong { length: 7996 }));
        assert!(framing.frame(&[0; 7995]).is_ok());
    }

    #[test]
    fn a_message_sent_back_by_the_switch_is_told_apart() {
        let framing = unionpay();
        let mut frame = framing.frame(b"message").expect("short enough");
        let reject = 4 + 41;
        frame[reject..reject + 5].copy_from_slice(b"00035");
        let (came, _) = framing.take(&frame).expect("good").expect("whole");
        assert_eq!(came, Frame::Rejected { code: *b"00035", message: b"message" });
        frame[4] = 0x2d;
        assert!(matches!(framing.take(&frame), Err(FrameError::Header(_))));
    }
}
