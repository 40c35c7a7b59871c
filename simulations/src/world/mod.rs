//! What nodes take for the world.

pub mod clock;
pub mod network;
pub mod random;
pub mod spawner;
pub mod trace;

pub use clock::SimClock;
pub use network::{Network, Weather};
pub use random::SeededRandom;
pub use spawner::SimSpawner;
pub use trace::Trace;
