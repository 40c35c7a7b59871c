//! Payments sent home over a link that loses, delays and repeats, in virtual time.

#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

mod answers;
mod circuit;
mod link;
mod passing_on;
mod paying;
mod scene;
mod stored_and_forwarded;
#[path = "../virtual_time/mod.rs"]
mod virtual_time;
mod whatever_the_link_does;
