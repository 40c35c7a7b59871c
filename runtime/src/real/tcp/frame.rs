//! Frames: what goes over a connection.
//!
//! ```text
//! length u32 │ kind u8 │ id u64 │ deadline u32 ms │ payload …        little endian; length counts the payload
//! ```

use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

/// Bytes before the payload.
pub(super) const HEADER_BYTES: usize = 17;
/// Largest payload of one frame.
pub const FRAME_BYTES_MAX: usize = 32 << 20;
/// Payloads from this size on are written as they are instead of being copied together.
const COPY_BYTES_MAX: usize = 16 << 10;
/// Small frames are copied together up to this size before they are written.
const WRITE_BYTES_MAX: usize = 256 << 10;
/// Bytes asked of the socket at once.
const READ_BYTES: usize = 64 << 10;
/// Payloads up to this size are copied out of the read buffer: a slice of it that someone keeps, as the
/// log does, would keep all of the buffer.
const COPY_OUT_BYTES_MAX: usize = READ_BYTES / 2;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Asks.
    Request,
    /// Answers the request with the same id.
    Response,
}

/// One frame.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) id: u64,
    /// How long the asking side waits, in milliseconds; zero in a response.
    pub(super) deadline_ms: u32,
    pub(super) payload: Bytes,
}

impl Frame {
    fn put_header(&self, buffer: &mut BytesMut) {
        // The sender checks the size before it makes a frame.
        buffer.put_u32_le(u32::try_from(self.payload.len()).expect("a payload is at most FRAME_BYTES_MAX"));
        buffer.put_u8(match self.kind {
            Kind::Request => 1,
            Kind::Response => 2,
        });
        buffer.put_u64_le(self.id);
        buffer.put_u32_le(self.deadline_ms);
    }
}

/// Takes the next whole frame off the front of `buffer`, if there is one.
///
/// # Errors
/// When the bytes are no frame or the frame is too large: the connection can not go on.
pub(super) fn take(buffer: &mut BytesMut) -> io::Result<Option<Frame>> {
    if buffer.len() < HEADER_BYTES {
        return Ok(None);
    }
    let mut header = &buffer[..HEADER_BYTES];
    let length = header.get_u32_le() as usize;
    if length > FRAME_BYTES_MAX {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("a frame of {length} bytes came in; the most is {FRAME_BYTES_MAX}"),
        ));
    }
    let kind = match header.get_u8() {
        1 => Kind::Request,
        2 => Kind::Response,
        other => return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{other} is no kind of frame"))),
    };
    let (id, deadline_ms) = (header.get_u64_le(), header.get_u32_le());
    if buffer.len() < HEADER_BYTES + length {
        // Room for the rest, so that a large frame is read in few steps.
        buffer.reserve(HEADER_BYTES + length - buffer.len());
        return Ok(None);
    }
    buffer.advance(HEADER_BYTES);
    let payload = if length <= COPY_OUT_BYTES_MAX {
        let copied = Bytes::copy_from_slice(&buffer[..length]);
        buffer.advance(length);
        copied
    } else {
        buffer.split_to(length).freeze()
    };
    Ok(Some(Frame { kind, id, deadline_ms, payload }))
}

/// Reads frames off a connection.
pub(super) struct FrameReader<R> {
    reader: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, buffer: BytesMut::with_capacity(READ_BYTES) }
    }

    /// The next frame, or `None` when the connection ended.
    pub(super) async fn next(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = take(&mut self.buffer)? {
                return Ok(Some(frame));
            }
            self.buffer.reserve(READ_BYTES);
            if self.reader.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }
}

/// Writes what `frames` yields: takes all that waits, writes once. `admit` may drop a frame in the
/// last moment. Ends when the channel closes.
pub(super) async fn write_all<W, T, F>(mut writer: W, frames: &mut mpsc::Receiver<T>, mut admit: F) -> io::Result<()>
where
    W: AsyncWrite + Unpin,
    F: FnMut(T) -> Option<Frame>,
{
    let mut buffer = BytesMut::with_capacity(COPY_BYTES_MAX);
    while let Some(first) = frames.recv().await {
        let mut next = Some(first);
        while let Some(item) = next.take() {
            if let Some(frame) = admit(item) {
                frame.put_header(&mut buffer);
                if frame.payload.len() < COPY_BYTES_MAX {
                    buffer.put_slice(&frame.payload);
                } else {
                    writer.write_all(&buffer).await?;
                    buffer.clear();
                    writer.write_all(&frame.payload).await?;
                }
                if buffer.len() >= WRITE_BYTES_MAX {
                    writer.write_all(&buffer).await?;
                    buffer.clear();
                }
            }
            next = frames.try_recv().ok();
        }
        if !buffer.is_empty() {
            writer.write_all(&buffer).await?;
            buffer.clear();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_comes_out_as_it_went_in_whatever_the_pieces() {
        let frame = Frame { kind: Kind::Request, id: 7, deadline_ms: 250, payload: Bytes::from_static(b"hello") };
        let mut whole = BytesMut::new();
        frame.put_header(&mut whole);
        whole.put_slice(&frame.payload);
        let mut buffer = BytesMut::new();
        for (at, byte) in whole.iter().enumerate() {
            buffer.put_u8(*byte);
            let taken = take(&mut buffer).expect("no error");
            assert_eq!(taken.is_some(), at + 1 == whole.len());
            if let Some(taken) = taken {
                assert_eq!((taken.kind, taken.id, taken.deadline_ms), (Kind::Request, 7, 250));
                assert_eq!(taken.payload, frame.payload);
            }
        }
        assert!(buffer.is_empty());
    }

    #[test]
    fn a_frame_that_is_too_large_or_no_frame_ends_the_connection() {
        let mut large = BytesMut::new();
        large.put_u32_le(u32::try_from(FRAME_BYTES_MAX).expect("fits") + 1);
        large.put_bytes(1, HEADER_BYTES - 4);
        assert!(take(&mut large).expect_err("too large").to_string().contains("the most is"));
        let mut strange = BytesMut::new();
        strange.put_u32_le(0);
        strange.put_bytes(9, HEADER_BYTES - 4);
        assert!(take(&mut strange).is_err());
    }
}
