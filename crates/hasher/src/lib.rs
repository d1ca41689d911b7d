//! Turns files into v1 piece lists and v2 merkle trees, reading each byte once.
//!
//! One core keeps several messages in flight, because a single SHA stream waits for itself:
//! `kernel` chooses how many, `worker` keeps that many pieces (v1) and 16 KiB blocks (v2) coming.
//!
//! - `plan`: files and piece length to the stream of pieces
//! - `read`: positions in that stream to bytes, noticing files that change; `system`: how systems do it
//! - `memory`: content that is in memory already, hashed where it lies
//! - `kernel`: ways to advance several messages, chosen by what `calibrate` finds on this CPU
//! - `worker`: pieces to digests; `batch`: many short messages to digests
//! - `tuning`: how much a lane reads at a time
//! - `blank`: pieces that are holes of a sparse file, which need not be read
//! - `padding`: pieces that end in zeros, which are hashed without being read or laid out
//! - `checksum`: whole files to SHA-256 digests, beside the pieces
//! - `merkle`: block digests to piece layers and roots (BEP 52)
//! - `trial`: one kernel alone, for measuring
//! - `job`: threads, progress, cancelling and the result

mod batch;
mod blank;
mod calibrate;
mod checksum;
mod fault;
#[cfg(all(test, target_os = "linux"))]
mod hole_tests;
mod job;
mod kernel;
mod memory;
mod merkle;
mod padding;
mod plan;
mod read;
mod sha1;
mod sha256;
mod system;
#[cfg(test)]
mod tests;
mod trial;
mod tuning;
#[cfg(target_arch = "x86_64")]
mod wide;
mod worker;

pub use fault::Fault;
pub use job::{Hashes, Job, Options};
pub use kernel::kernels;
pub use memory::Memory;
pub use plan::{Place, Source};
pub use trial::{Trial, trials};
