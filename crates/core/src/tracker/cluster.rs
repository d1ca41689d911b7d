//! What a tracker tells the other nodes of its cluster and takes in from them, as bytes of Python.

use outpour_tracker::BlobError;
use outpour_tracker::model::InfoHash;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use super::Tracker;
use super::infohash::one_20;
use super::ledger::{Counted, counted};
use crate::error::{Error, Result};

/// The bytes of a mark, the lowest first.
type Mark = [u8; 8];

/// A mark and the infohash of its download.
const COUNTED_BYTES: usize = 28;

type Page<'py> = (Bound<'py, PyBytes>, Option<usize>);

#[pyclass(frozen, module = "outpour._core")]
pub(crate) struct Cluster(Py<Tracker>);

#[pymethods]
impl Cluster {
    #[new]
    fn new(tracker: Py<Tracker>) -> Result<Self> {
        if tracker.get().core.is_clustered() {
            Ok(Self(tracker))
        } else {
            Err(Error::state("the tracker is not one of several"))
        }
    }

    #[pyo3(signature = (limit_bytes, part=0))]
    fn take<'py>(&self, py: Python<'py>, limit_bytes: usize, part: usize) -> Bound<'py, PyBytes> {
        let core = &self.0.get().core;
        let blob = py.detach(|| core.cluster_take(part, limit_bytes));
        PyBytes::new(py, &blob)
    }

    #[allow(clippy::needless_pass_by_value)] // PyO3 extracts arguments into values
    fn apply(&self, py: Python<'_>, blob: PyBackedBytes, age_s: f64) -> Result<usize> {
        let core = &self.0.get().core;
        // What is no number is 0, and what is too much the most.
        let age_s = age_s as u32;
        let applied = py.detach(|| core.cluster_apply(&blob, age_s))?;
        Ok(applied.changed)
    }

    fn page<'py>(&self, py: Python<'py>, at: usize, bytes_min: usize) -> Page<'py> {
        let core = &self.0.get().core;
        let (blob, next) = py
            .detach(|| core.cluster_page(at, bytes_min))
            .unwrap_or_default();
        (PyBytes::new(py, &blob), next)
    }

    #[allow(clippy::needless_pass_by_value)] // PyO3 extracts arguments into values
    fn set_foreign(&self, py: Python<'_>, counts: Vec<(PyBackedBytes, i64)>) -> Result<()> {
        let counts = counts
            .iter()
            .map(|(infohash, count)| Ok((one_20(infohash)?, *count)))
            .collect::<Result<Vec<(InfoHash, i64)>>>()?;
        py.detach(|| self.0.get().core.set_foreign(&counts));
        Ok(())
    }

    fn take_withdrawn<'py>(&self, py: Python<'py>) -> (Vec<Counted<'py>>, Vec<Mark>) {
        let core = &self.0.get().core;
        let (withdrawn, marks) = py.detach(|| {
            let (mut withdrawn, mut marks) = (Vec::new(), Vec::new());
            core.take_withdrawn(|taken| {
                withdrawn.extend(taken.counts);
                marks.extend(taken.marks.into_iter().map(u64::to_le_bytes));
            });
            (withdrawn, marks)
        });
        (counted(py, withdrawn), marks)
    }

    fn take_counted_here<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let core = &self.0.get().core;
        let packed = py.detach(|| {
            let counted = core.take_counted_here();
            let mut packed = Vec::with_capacity(counted.len() * COUNTED_BYTES);
            for (mark, infohash) in counted {
                packed.extend_from_slice(&mark.to_le_bytes());
                packed.extend_from_slice(&infohash);
            }
            packed
        });
        PyBytes::new(py, &packed)
    }

    #[pyo3(signature = (counted, *, is_told))]
    fn recall_counted_here(&self, py: Python<'_>, counted: &[u8], is_told: bool) {
        let (counted, _) = counted.as_chunks::<COUNTED_BYTES>();
        py.detach(|| {
            let counted: Vec<_> = counted.iter().filter_map(mark_and_infohash).collect();
            self.0.get().core.recall_counted_here(&counted, is_told);
        });
    }

    fn drop_old(&self, py: Python<'_>) -> usize {
        py.detach(|| self.0.get().core.drop_old())
    }

    fn make_old(&self, py: Python<'_>, silent_s: f64) -> usize {
        // What is no number is 0, and what is too much the most.
        py.detach(|| self.0.get().core.make_old(silent_s as u32))
    }
}

fn mark_and_infohash(packed: &[u8; COUNTED_BYTES]) -> Option<(u64, InfoHash)> {
    let (mark, infohash) = packed.split_first_chunk::<8>()?;
    Some((u64::from_le_bytes(*mark), infohash.try_into().ok()?))
}

impl From<BlobError> for Error {
    fn from(error: BlobError) -> Self {
        Self::value(error.to_string())
    }
}
