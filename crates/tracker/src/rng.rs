//! The random source that picks peers: small, fast, and never used for secrets.

pub use fastrand::Rng;

/// Make one that is seeded by the operating system.
///
/// # Panics
///
/// If the system has no randomness to give.
pub fn from_os() -> Rng {
    Rng::with_seed(getrandom::u64().expect("the system gives random numbers"))
}
