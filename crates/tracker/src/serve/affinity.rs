//! Keeps a thread on one CPU.

#![allow(unsafe_code)] // the sets of CPUs have no safe spelling

use std::mem::{size_of, zeroed};

use libc::{CPU_ISSET, CPU_SET, CPU_SETSIZE, cpu_set_t, sched_getaffinity, sched_setaffinity};

/// Binds the calling thread to the `index`-th of the CPUs it may use, counted round; where the system
/// does not let it, the thread stays where it was.
pub(super) fn pin(index: usize) {
    let size = size_of::<cpu_set_t>();
    // SAFETY: a set of CPUs is plain bits, and both pointers are to sets of `size` bytes that outlive
    // the calls; no CPU is asked for beyond those in a set.
    unsafe {
        let mut allowed: cpu_set_t = zeroed();
        if sched_getaffinity(0, size, &raw mut allowed) != 0 {
            return;
        }
        let cpus: Vec<usize> = (0..CPU_SETSIZE as usize)
            .filter(|cpu| CPU_ISSET(*cpu, &allowed))
            .collect();
        if cpus.is_empty() {
            return;
        }
        let mut own: cpu_set_t = zeroed();
        CPU_SET(cpus[index % cpus.len()], &mut own);
        let _pinned = sched_setaffinity(0, size, &raw const own);
    }
}
