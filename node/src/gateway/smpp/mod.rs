//! SMPP 3.4: the language of the SMS centre (product §6; interfaces 2.1). PDUs are written and read by `rusmpp`; what
//! is between them and the outbox is here.
//!
//! ```text
//!  text ─cut─▶ parts ─wire─▶ submit_sm ─link─▶ centre
//!  Receipt, words ◀─receipt, alphabet─ deliver_sm ◀─┘
//! ```

pub mod alphabet;
pub mod cut;
pub mod fuzz;
mod line;
pub mod link;
pub mod receipt;
pub mod wire;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod link_tests;
