//! Keeps a thread on one CPU.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Binds the calling thread to the `index`-th of the CPUs it may use, counted round; where the system
/// does not let it, the thread stays where it was.
pub(super) fn pin(index: usize) {
    let Ok(allowed) = sched_getaffinity(None) else {
        return;
    };
    let cpus = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu));
    let Some(cpu) = cpus.cycle().nth(index) else {
        return;
    };
    let mut own = CpuSet::new();
    own.set(cpu);
    let _pinned = sched_setaffinity(None, &own);
}
