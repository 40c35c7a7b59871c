//! The codes that messages are made of: what is asked, and how it was answered.

mod message_type;
mod network;
mod processing;
mod response;
mod reversal_reason;

pub use message_type::MessageType;
pub use network::NetworkCode;
pub use processing::{Access, ProcessingCode, Transaction};
pub use response::{Outcome, ResponseCode, SwitchFailure};
pub use reversal_reason::ReversalReason;
