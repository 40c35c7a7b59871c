//! What nodes take for the world.

pub mod clock;
pub mod exchanges;
pub mod gate;
pub mod network;
pub mod random;
pub mod spawner;
pub mod trace;

pub use clock::SimClock;
pub use exchanges::Exchanges;
pub use gate::Gate;
pub use network::{About, Condition, Network};
pub use random::SeededRandom;
pub use spawner::SimSpawner;
pub use trace::Trace;
