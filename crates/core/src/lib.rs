//! The native half of outpour as Python sees it: `outpour._core`.
//!
//! Only this crate knows `PyO3`. What it exposes is documented in `src/outpour/_core`. The tracker stands
//! on `epoll` and `recvmmsg`, so it is there on Linux alone; all else is there everywhere.

mod content_memory;
mod error;
mod folder;
mod hashing;
mod memory;
#[cfg(target_os = "linux")]
mod tracker;

#[pyo3::pymodule]
mod _core {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::content_memory::Memory;
    #[pymodule_export]
    use crate::folder::list_folder;
    #[pymodule_export]
    use crate::hashing::{Hashing, kernels};
    #[pymodule_export]
    use crate::memory::give_back_free_memory;
    #[cfg(target_os = "linux")]
    #[pymodule_export]
    use crate::tracker::{Cluster, CountBatch, Ledger, Logged, Snapshot, Tracker, Usage};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
