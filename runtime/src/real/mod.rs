//! The seams as they are in production: the machine's clock, entropy, threads, disk and network.
//! Everything else reaches the world through the traits alone; the names here appear where a node
//! is put together and in tests of real files and sockets.

pub mod clock;
pub mod disk;
pub mod random;
pub mod spawner;
pub mod tcp;

pub use clock::TokioClock;
pub use disk::FileDisk;
pub use random::OsRandom;
pub use spawner::TokioSpawner;
pub use tcp::TcpTransport;
