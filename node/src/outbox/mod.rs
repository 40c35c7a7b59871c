//! The outbox: tells the world what the state says has to be told.
//!
//! Nothing is told before it is committed: only rows of applied entries are read. Nothing is lost: a
//! row goes only when its end is recorded through the log, so whoever leads next finds it. Everything
//! is told in batches, because at full load a request for each order would cost more than the order.

pub(crate) mod lines;
pub(crate) mod notice_desk;
pub(crate) mod sms_relay;
mod sp_notice;
pub(crate) mod text_desk;

#[cfg(test)]
mod tests;
