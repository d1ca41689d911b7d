//! What a tracker does, in one program, which is linked once; what takes descriptors or memory away
//! from the whole process is a program of its own beside it.

mod beps;
#[path = "../common/mod.rs"]
mod common;
mod downloads;
mod http;
mod lifecycle;
mod lists;
mod log;
mod nat;
mod starting;
mod store;
mod udp;
mod usage;
