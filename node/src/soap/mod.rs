//! SOAP 1.1, as the ISAG and its service providers speak it: envelopes are read within hard bounds and written in
//! one way only.
//!
//! ```text
//!  bytes ─▶ document (XML without DTD, entities or instructions, bounded) ─▶ envelope (headers, one body) ─▶ whoever asked
//!  whoever answers ─▶ written (escaped, nothing that is no XML) ─▶ bytes
//! ```
//!
//! Nothing here knows of payments. What XML can do beyond elements, attributes and text is refused before it does
//! anything: there is nothing to expand, to fetch or to nest without end.

mod document;
mod envelope;
mod written;

pub(crate) use document::Element;
pub use document::NotXml;
#[cfg(test)]
pub(crate) use document::read;
pub use envelope::NotSoap;
pub(crate) use envelope::{ENVELOPE, Envelope, fault_of, in_envelope};
pub(crate) use written::Written;
