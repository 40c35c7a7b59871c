//! How one bank's messages stand on a connection: framing, coding and MAC, the same for whoever speaks
//! and whoever listens.

use super::iso8583::{
    Coding, Counts, DecodeError, Frame, FrameError, Framing, Header, LengthPrefix, MacAlgorithm, MacKey, Message,
    SWITCH_FIELDS, UnionPayHeader, bytes_before_mac, decode, encode, selected_fields,
};

/// What a MAC is made over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MacOver {
    /// All bytes before it.
    Bytes,
    /// The fields the switch selects.
    Fields,
}

/// How one bank is spoken with.
pub struct Wire {
    framing: Framing,
    coding: Coding,
    mac: Option<(MacKey, MacOver)>,
}

impl std::fmt::Debug for Wire {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").field("framing", &self.framing).field("coding", &self.coding).finish_non_exhaustive()
    }
}

/// Why a message can not be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// The connection can not go on.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The switch sent ours back.
    #[error("sent back by the switch with code {0}")]
    SentBack(String),
    /// It can not be read.
    #[error(transparent)]
    Message(#[from] DecodeError),
    /// Its MAC is wrong or missing.
    #[error("the MAC is wrong or missing")]
    Mac,
}

/// What was taken off a connection.
#[derive(Debug)]
pub enum Came {
    /// A heartbeat.
    Idle,
    /// A message.
    Message(Box<Message>),
    /// Something that can not be used; the connection goes on.
    Unusable(Unusable),
}

/// Why settings make no wire.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The MAC key can not be used.
    #[error("setting rails.bank_mac_key: {0}")]
    Key(#[from] super::iso8583::KeyError),
    /// Not an institution.
    #[error("setting {0}: no institution code")]
    Institution(&'static str),
}

impl Wire {
    /// A wire without MAC.
    #[must_use]
    pub const fn plain(framing: Framing, coding: Coding) -> Self {
        Self { framing, coding, mac: None }
    }

    /// The wire that the settings describe.
    ///
    /// # Errors
    /// See [`WireError`]; what settings alone can say is checked when they are loaded.
    pub fn of(settings: &mpss_config::RailSettings) -> Result<Self, WireError> {
        let header = match settings.bank_header.as_str() {
            "unionpay" => Header::UnionPay(
                UnionPayHeader::new(&settings.bank_destination, &settings.bank_institution)
                    .ok_or(WireError::Institution("rails.bank_destination"))?,
            ),
            _ => Header::None,
        };
        let prefix = match settings.bank_length.as_str() {
            "binary" => LengthPrefix::Binary,
            "packed" => LengthPrefix::Packed,
            _ => LengthPrefix::Ascii,
        };
        let counts = if settings.bank_length_counts == "whole" { Counts::Whole } else { Counts::Rest };
        let coding = match settings.bank_coding.as_str() {
            "packed" => Coding::PACKED,
            "text" => Coding::TEXT,
            _ => Coding::HOST,
        };
        let algorithm = match settings.bank_mac.as_str() {
            "x9_9" => Some(MacAlgorithm::X9_9),
            "x9_19" => Some(MacAlgorithm::X9_19),
            "ecb_des" => Some(MacAlgorithm::EcbDes),
            "ecb_triple_des" => Some(MacAlgorithm::EcbTripleDes),
            "ecb_sm4" => Some(MacAlgorithm::EcbSm4),
            _ => None,
        };
        let over = if settings.bank_mac_over == "fields" { MacOver::Fields } else { MacOver::Bytes };
        let mac = match algorithm {
            Some(algorithm) => {
                let key = hex::decode(&settings.bank_mac_key).expect("loaded settings have a key in hex");
                Some((MacKey::new(algorithm, &key)?, over))
            }
            None => None,
        };
        Ok(Self { framing: Framing { prefix, counts, header }, coding, mac })
    }

    /// A message as it is sent.
    ///
    /// # Errors
    /// When it is longer than the framing can say.
    pub fn seal(&self, mut message: Message) -> Result<Vec<u8>, FrameError> {
        if let Some((key, over)) = &self.mac {
            let mac = key.mac(&self.mac_text(&message, *over));
            message.set_mac(mac);
        }
        self.framing.frame(&encode(&message, self.coding))
    }

    /// Takes what came first off the bytes received, and how many bytes that were; `None` when more must
    /// be received.
    ///
    /// # Errors
    /// When the connection can not go on.
    pub fn take(&self, received: &[u8]) -> Result<Option<(Came, usize)>, FrameError> {
        let Some((frame, bytes)) = self.framing.take(received)? else { return Ok(None) };
        let came = match frame {
            Frame::Idle => Came::Idle,
            Frame::Rejected { code, .. } => {
                Came::Unusable(Unusable::SentBack(String::from_utf8_lossy(&code).into_owned()))
            }
            Frame::Message { message, .. } => match decode(message, self.coding) {
                Ok(message) if self.is_authentic(&message) => Came::Message(Box::new(message)),
                Ok(_) => Came::Unusable(Unusable::Mac),
                Err(error) => Came::Unusable(error.into()),
            },
        };
        Ok(Some((came, bytes)))
    }

    fn is_authentic(&self, message: &Message) -> bool {
        let Some((key, over)) = &self.mac else { return true };
        let Some(mac) = message.mac() else { return false };
        key.is_mac_of(&mac, &self.mac_text(message, *over))
    }

    fn mac_text(&self, message: &Message, over: MacOver) -> Vec<u8> {
        match over {
            MacOver::Bytes => bytes_before_mac(message, self.coding),
            MacOver::Fields => selected_fields(message, SWITCH_FIELDS),
        }
    }

    /// A heartbeat.
    #[must_use]
    pub fn idle(&self) -> Vec<u8> {
        self.framing.idle()
    }
}
