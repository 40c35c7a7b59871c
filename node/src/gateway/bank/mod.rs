//! The bank: what is said to it and how it is read. Nothing here decides what an answer means for an
//! order.

pub mod iso8583;
pub mod link;
pub mod notices;
pub mod rail;
pub mod wire;
