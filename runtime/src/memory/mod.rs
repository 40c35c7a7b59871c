//! Seams in memory, for tests and for the simulator.

pub mod disk;

pub use disk::{Crash, Device, Onlooker, Pace};
