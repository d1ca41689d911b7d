//! Counters on their way to the file that keeps them, and back.

use outpour_tracker::count_page;
use outpour_tracker::model::Completed;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use super::infohash::one_20;
use super::ledger::{Counted, counted};
use crate::error::Result;

/// Counters to save, with the marks to save with them.
#[pyclass(frozen, module = "outpour._core")]
pub(crate) struct CountBatch(pub(super) Completed);

#[pymethods]
impl CountBatch {
    #[staticmethod]
    #[allow(clippy::needless_pass_by_value)] // PyO3 extracts arguments into values
    fn forgetting(infohashes: Vec<PyBackedBytes>) -> Result<Self> {
        let infohashes = infohashes.iter();
        let counts = infohashes.map(|it| Ok((one_20(it)?, 0)));
        Ok(Self(Completed {
            counts: counts.collect::<Result<_>>()?,
            marks: Vec::new(),
        }))
    }

    #[staticmethod]
    fn read<'py>(py: Python<'py>, number: i64, page: &[u8]) -> (Vec<Counted<'py>>, usize) {
        let mut found = Vec::new();
        let damaged = count_page::read(number, page, |infohash, count| {
            found.push((*infohash, count));
        });
        (counted(py, found), damaged)
    }

    fn __len__(&self) -> usize {
        self.0.counts.len()
    }

    #[getter]
    fn marks<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        packed(py, &self.0.marks)
    }

    fn pages<'py>(&self, py: Python<'py>, number: i64) -> Vec<(i64, Bound<'py, PyBytes>)> {
        let pages = py.detach(|| {
            let entries = self.0.counts.chunks(count_page::ENTRIES_MAX);
            let numbered = (number..).zip(entries);
            numbered
                .map(|(number, entries)| (number, count_page::write(number, entries)))
                .collect::<Vec<_>>()
        });
        let pages = pages.into_iter();
        pages
            .map(|(number, page)| (number, PyBytes::new(py, &page)))
            .collect()
    }
}

/// Marks as Python has them, 8 bytes each.
pub(super) fn packed<'py>(py: Python<'py>, marks: &[u64]) -> Bound<'py, PyBytes> {
    let bytes: Vec<u8> = marks.iter().flat_map(|mark| mark.to_le_bytes()).collect();
    PyBytes::new(py, &bytes)
}
