//! ISO 8583:1987, as spoken between an acquiring host and the UnionPay switch or a bank's front.
//!
//! ```text
//!  frame     length │ header or TPDU │ message                            framing, unionpay_header
//!  message   MTI 0200 │ bitmap 8 or 16 bytes │ field 2 │ field 3 │ … │ field 128
//!            ───┬────   ──────────┬─────────   ───┬───
//!            message_type         │               └─ one row of the table each    fields
//!                                 └─ bit n: field n follows; bit 1: there are 16 bytes
//!
//!  bytes ──decode──▶ Message ──typed getters──▶ Pan, Money, Stan, ResponseCode, OriginalData
//!  bytes ◀─encode─── Message ◀─typed setters──
//! ```
//!
//! A [`Message`] holds only fields that fit the table, so writing one cannot fail. Reading refuses
//! whatever the table does not know; each refusal names the field, and none repeats its content.
//! Nothing here sends, waits or decides: which outcome an answer means is said by
//! [`ResponseCode::outcome`], and what to do about it is decided by whoever asked.
//!
//! What the public texts leave open is marked *inferred* at its place; it is settled with each bank
//! when its link is opened, and it is configuration where banks are known to differ.

mod additional_amount;
pub mod codes;
mod decode;
mod encode;
mod fields;
mod framing;
mod institution;
mod mac;
mod mac_input;
mod message;
mod moment;
mod original;
mod pan;
mod pin_block;
mod stan;
mod unionpay_header;

pub mod fuzz;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod properties;

pub use additional_amount::AdditionalAmount;
pub use codes::{
    MessageType, NetworkCode, Outcome, ProcessingCode, ResponseCode, ReversalReason, SwitchFailure, Transaction,
};
pub use decode::{DecodeError, decode};
pub use encode::{Binary, Coding, Digits, encode};
pub use fields::{Content, Exposure, FIELDS, Field, FieldError, Length, Problem, field, number};
pub use framing::{Counts, Frame, FrameError, Framing, Header, LengthPrefix};
pub use institution::Institution;
pub use mac::{KeyError, Mac, MacAlgorithm, MacKey};
pub use mac_input::{SWITCH_FIELDS, bytes_before_mac, selected_fields};
pub use message::Message;
pub use moment::{MonthDay, MonthDayTime, TimeOfDay, YearMonth};
pub use original::OriginalData;
pub use pan::Pan;
pub use pin_block::{Pin, PinFormat, PinKey, sealed_pin_block};
pub use stan::Stan;
pub use unionpay_header::UnionPayHeader;

/// The longest message that is read, in bytes. It has room for every field of the table at its
/// longest, in the widest coding.
pub const MESSAGE_BYTES_MAX: usize = 8192;
