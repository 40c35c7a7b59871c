//! PDUs between what is meant and bytes. The frame is cut out here, by its length, so that one PDU that can not be read
//! does not spoil the next; the rest is `rusmpp`'s.

use std::str::FromStr;

use bytes::BytesMut;
use rusmpp::pdus::{BindTransceiver, CancelSm, DeliverSm, QuerySm, SubmitSm};
use rusmpp::tlvs::{MessageSubmissionRequestTlvValue, TlvValue};
use rusmpp::tokio_codec::CommandCodec;
use rusmpp::types::{COctetString, EmptyOrFullCOctetString, OctetString};
use rusmpp::values::{
    DataCoding, EsmClass, InterfaceVersion, Npi, RegisteredDelivery, ServiceType, Ton, UserMessageReference,
};
use rusmpp::{Command, CommandStatus, Pdu};
use tokio_util::codec::{Decoder, Encoder};

use crate::gateway::message_centre::ShortMessage;

/// The largest PDU that is read: no message of 254 bytes with its fields comes near.
pub const PDU_BYTES_MAX: usize = 8_192;

const HEADER_BYTES: usize = 16;

/// Why the connection can not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a PDU of {0} bytes")]
pub struct BadLength(pub u32);

/// What came: its header, and the rest when it can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The command id.
    pub command: u32,
    /// The sequence number.
    pub sequence: u32,
    /// All of it; `None` when it can not be read.
    pub pdu: Option<Command>,
}

/// Takes the first whole PDU out of what was received; `None` when more has to come.
///
/// # Errors
/// [`BadLength`] when no PDU begins so.
pub fn take(received: &mut BytesMut) -> Result<Option<Frame>, BadLength> {
    let Some(head) = received.first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_be_bytes(*head);
    let bytes = usize::try_from(length).unwrap_or(usize::MAX);
    if !(HEADER_BYTES..=PDU_BYTES_MAX).contains(&bytes) {
        return Err(BadLength(length));
    }
    if received.len() < bytes {
        return Ok(None);
    }
    let mut frame = received.split_to(bytes);
    let word = |at: usize| u32::from_be_bytes(frame[at..at + 4].try_into().expect("a header has 16 bytes"));
    let (command, sequence) = (word(4), word(12));
    let pdu = CommandCodec::new().decode(&mut frame).ok().flatten();
    Ok(Some(Frame { command, sequence, pdu }))
}

/// The bytes of a PDU.
#[must_use]
pub fn bytes_of(command: &Command) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    CommandCodec::new().encode(command, &mut bytes).expect("memory takes what is written");
    bytes.to_vec()
}

/// A PDU of ours under a number.
#[must_use]
pub fn command(sequence: u32, pdu: Pdu) -> Command {
    Command::new(CommandStatus::EsmeRok, sequence, pdu)
}

/// How we are known to a centre.
#[derive(Clone)]
pub struct Identity {
    /// `system_id`.
    pub system_id: String,
    /// `password`.
    pub password: zeroize::Zeroizing<String>,
    /// `system_type`.
    pub system_type: String,
    /// `service_type` of every message.
    pub service_type: String,
    /// Type of number and numbering plan of our own numbers.
    pub source: (u8, u8),
    /// The same of subscribers' numbers.
    pub destination: (u8, u8),
    /// Digits in front of a subscriber's number, such as the country's.
    pub prefix: String,
    /// For how long a message is worth being delivered, in s.
    pub validity_s: u64,
}

impl std::fmt::Debug for Identity {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("system_id", &self.system_id).finish_non_exhaustive()
    }
}

/// A text field of at most `MAX` bytes with its end; longer ones are refused when settings are loaded.
fn field<const MAX: usize>(text: &str) -> COctetString<1, MAX> {
    COctetString::from_str(text).unwrap_or_else(|_| COctetString::null())
}

impl Identity {
    /// `bind_transceiver`.
    #[must_use]
    pub fn bind(&self) -> Pdu {
        let bind = BindTransceiver::builder()
            .system_id(field(&self.system_id))
            .password(field(&self.password))
            .system_type(field(&self.system_type))
            .interface_version(InterfaceVersion::Smpp3_4)
            .build();
        bind.into()
    }

    /// `submit_sm`: a receipt is asked for, whatever becomes of it.
    #[must_use]
    pub fn submit(&self, message: &ShortMessage) -> Pdu {
        let esm_class = EsmClass::from(if message.is_part { 0x40 } else { 0 });
        let reference =
            MessageSubmissionRequestTlvValue::UserMessageReference(UserMessageReference::new(message.reference));
        let submit = SubmitSm::builder()
            .service_type(self.service())
            .source_addr_ton(Ton::from(self.source.0))
            .source_addr_npi(Npi::from(self.source.1))
            .source_addr(field(&message.source))
            .dest_addr_ton(Ton::from(self.destination.0))
            .dest_addr_npi(Npi::from(self.destination.1))
            .destination_addr(field(&format!("{}{}", self.prefix, message.to)))
            .esm_class(esm_class)
            .validity_period(validity(self.validity_s))
            .registered_delivery(RegisteredDelivery::from(1))
            .data_coding(DataCoding::from(message.coding))
            .short_message(OctetString::from_slice(&message.bytes).unwrap_or_else(|_| OctetString::null()))
            .tlvs(vec![reference])
            .build();
        submit.into()
    }

    /// `cancel_sm` of whatever went from one number to the other: what the centre calls it is not known.
    #[must_use]
    pub fn cancel(&self, source: &str, to: mpss_domain::Msisdn) -> Pdu {
        let cancel = CancelSm::builder()
            .service_type(self.service())
            .source_addr_ton(Ton::from(self.source.0))
            .source_addr_npi(Npi::from(self.source.1))
            .source_addr(field(source))
            .dest_addr_ton(Ton::from(self.destination.0))
            .dest_addr_npi(Npi::from(self.destination.1))
            .destination_addr(field(&format!("{}{to}", self.prefix)))
            .build();
        cancel.into()
    }

    /// `query_sm`.
    #[must_use]
    pub fn query(&self, source: &str, message: &str) -> Pdu {
        let query = QuerySm::builder()
            .message_id(field(message))
            .source_addr_ton(Ton::from(self.source.0))
            .source_addr_npi(Npi::from(self.source.1))
            .source_addr(field(source))
            .build();
        query.into()
    }

    fn service(&self) -> ServiceType {
        ServiceType::new(field(&self.service_type))
    }
}

/// A span of time as SMPP writes it, `YYMMDDhhmmsstnnR`; nothing for none.
fn validity(seconds: u64) -> EmptyOrFullCOctetString<17> {
    if seconds == 0 {
        return EmptyOrFullCOctetString::empty();
    }
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let text = format!("0000{:02}{:02}{:02}{:02}000R", days.min(30), rest / 3_600, rest / 60 % 60, rest % 60);
    EmptyOrFullCOctetString::from_str(&text).expect("16 digits and a letter")
}

/// Words and header of a `deliver_sm`: where its message stands, long ones in a parameter behind.
#[must_use]
pub fn message_of(deliver: &DeliverSm) -> Vec<u8> {
    let behind = deliver.tlvs().iter().find_map(|tlv| match tlv.value() {
        Some(TlvValue::MessagePayload(payload)) => Some(payload.value.as_ref().to_vec()),
        _ => None,
    });
    let bytes = behind.filter(|_| deliver.short_message().is_empty());
    let bytes = bytes.unwrap_or_else(|| deliver.short_message().as_ref().to_vec());
    let is_headed = u8::from(deliver.esm_class) & 0x40 != 0;
    match bytes.first() {
        Some(header) if is_headed => bytes.get(usize::from(*header) + 1..).unwrap_or_default().to_vec(),
        _ => bytes,
    }
}
