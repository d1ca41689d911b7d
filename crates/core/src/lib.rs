//! The native half of outpour as Python sees it: `outpour._core`.
//!
//! Only this crate knows `PyO3`. What it exposes is documented in `src/outpour/_core.pyi`.

mod hashing;
mod ledger;
mod listing;
mod logged;
mod oserror;
mod tracker;

#[pyo3::pymodule]
mod _core {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::hashing::{Hashing, kernels};
    #[pymodule_export]
    use crate::ledger::Ledger;
    #[pymodule_export]
    use crate::listing::list_folder;
    #[pymodule_export]
    use crate::logged::Logged;
    #[pymodule_export]
    use crate::tracker::{Snapshot, Tracker};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
