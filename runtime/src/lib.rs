//! The seams to the world. Clock, randomness, tasks, disk and network reach the rest of MPSS only
//! through these traits, handed through every constructor as one [`Seams`] value, so that the
//! simulator can own all of them. The real ones are in [`real`].

pub mod clock;
pub mod disk;
pub mod memory;
pub mod random;
pub mod real;
pub mod seams;
pub mod spawn;
pub mod transport;

pub use clock::Clock;
pub use disk::{Disk, DiskFile};
pub use random::Random;
pub use seams::Seams;
pub use spawn::{Spawner, TaskHandle};
pub use transport::{CallError, Handler, Transport};

/// A boxed future that may move between threads.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
