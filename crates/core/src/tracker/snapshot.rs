//! The swarms as bytes, a part at a time.

use outpour_tracker::swarm;
use parking_lot::Mutex;
use pyo3::{prelude::*, types::PyBytes};

use super::Tracker;

/// A part of a snapshot that a disk takes in a moment.
const PART_BYTES_MIN: usize = 256 << 10;

/// The parts of a snapshot, one at a time.
#[pyclass(frozen, module = "outpour._core")]
pub(crate) struct Snapshot {
    tracker: Py<Tracker>,
    state: Mutex<swarm::Snapshot>,
}

impl Snapshot {
    pub(super) fn of(tracker: Py<Tracker>) -> Self {
        let state = Mutex::new(tracker.get().core.begin_snapshot());
        Self { tracker, state }
    }
}

#[pymethods]
impl Snapshot {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        let core = &self.tracker.get().core;
        let part = py.detach(|| core.snapshot_part(&mut self.state.lock(), PART_BYTES_MIN));
        part.map(|part| PyBytes::new(py, &part))
    }
}
