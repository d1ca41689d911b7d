//! Measures every kernel of this CPU: GB/s and ns a block step, by busy lanes.
//!
//! `cargo run --release -p outpour-hasher --example rate`.

#![allow(clippy::print_stdout)] // what it is for

use std::time::{Duration, Instant};

fn main() {
    let bytes: Vec<u8> = (0..240 << 10)
        .map(|at: u32| ((at * 31) >> 3) as u8)
        .collect();
    println!(
        "{:8} {:9} {:>5} {:>7} {:>9}",
        "hash", "kernel", "lanes", "GB/s", "ns/step"
    );
    for trial in outpour_hasher::trials() {
        let mut best = Duration::MAX;
        for _ in 0..20 {
            let begin = Instant::now();
            for _ in 0..20 {
                trial.run(&bytes);
            }
            best = best.min(begin.elapsed() / 20);
        }
        let steps = bytes.len() / 64 / trial.lanes;
        let hashed = (steps * 64 * trial.lanes) as f64;
        println!(
            "{:8} {:9} {:5} {:7.2} {:9.1}",
            trial.hash,
            trial.kernel,
            trial.lanes,
            hashed / best.as_nanos() as f64,
            best.as_nanos() as f64 / steps as f64,
        );
    }
}
