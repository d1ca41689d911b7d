//! The counters of completed downloads, for Python to save and to show.

use outpour_tracker::model::Completed;
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use super::Tracker;
use super::count_batch::CountBatch;
use super::infohash::one_20;
use crate::error::{Error, Result};

/// Counters moved between tracker and ledger at once.
const PAGE: usize = 4096;

pub(crate) type Counted<'py> = (Bound<'py, PyBytes>, u32);

#[pyclass(frozen, module = "outpour._core")]
pub(crate) struct Ledger(Mutex<outpour_tracker::Ledger>);

#[pymethods]
impl Ledger {
    #[new]
    fn new() -> Self {
        Self(Mutex::new(outpour_tracker::Ledger::new()))
    }

    fn __len__(&self) -> usize {
        self.0.lock().len()
    }

    fn get(&self, infohash: &[u8]) -> Result<u32> {
        Ok(self.0.lock().get(&one_20(infohash)?))
    }

    fn total(&self) -> u64 {
        self.0.lock().total()
    }

    fn unsaved(&self) -> usize {
        self.0.lock().unsaved()
    }

    fn absorb<'py>(&self, py: Python<'py>, tracker: &Tracker, tell: usize) -> Vec<Counted<'py>> {
        let told = py.detach(|| {
            let mut told = Vec::new();
            tracker.core.take_completed(|completed| {
                let room = tell - told.len();
                self.0.lock().absorb(&completed);
                told.extend(completed.counts.into_iter().take(room));
            });
            told
        });
        counted(py, told)
    }

    fn tell(&self, py: Python<'_>, tracker: &Tracker) {
        py.detach(|| {
            let mut at = Some(0);
            while let Some(from) = at {
                let (page, next) = self.0.lock().page(from, PAGE);
                tracker.core.set_completed(&page);
                at = next;
            }
        });
    }

    #[allow(clippy::needless_pass_by_value)] // PyO3 extracts arguments into values
    fn add(&self, counts: Vec<(PyBackedBytes, u64)>) -> Result<()> {
        let mut ledger = self.0.lock();
        for (infohash, more) in &counts {
            ledger.add(&one_20(infohash)?, bounded(*more));
        }
        Ok(())
    }

    #[allow(clippy::needless_pass_by_value)] // PyO3 extracts arguments into values
    fn load(&self, counts: Vec<(PyBackedBytes, u64)>) -> Result<()> {
        let mut ledger = self.0.lock();
        for (infohash, count) in &counts {
            ledger.load(&one_20(infohash)?, bounded(*count));
        }
        Ok(())
    }

    fn take(&self, py: Python<'_>, limit: usize) -> CountBatch {
        CountBatch(py.detach(|| self.0.lock().take(limit)))
    }

    fn put_back(&self, py: Python<'_>, batch: &CountBatch) {
        py.detach(|| {
            let mut ledger = self.0.lock();
            for (infohash, _) in &batch.0.counts {
                ledger.put_back(infohash);
            }
            ledger.put_marks(&batch.0.marks);
        });
    }

    fn read_page(&self, py: Python<'_>, number: i64, page: &[u8]) -> usize {
        py.detach(|| self.0.lock().read_page(number, page))
    }

    #[allow(clippy::needless_pass_by_value)] // PyO3 extracts arguments into values
    fn last_of(&self, py: Python<'_>, pages: Vec<(i64, PyBackedBytes)>) -> Result<CountBatch> {
        let (counts, damaged) = py.detach(|| {
            let ledger = self.0.lock();
            let (mut found, mut damaged) = (Vec::new(), 0);
            for (number, page) in &pages {
                damaged += ledger.last_of_page(*number, page, &mut found);
            }
            (found, damaged)
        });
        if damaged > 0 {
            return Err(Error::value(format!("{damaged} counters are damaged")));
        }
        let marks = Vec::new();
        Ok(CountBatch(Completed { counts, marks }))
    }

    fn join(&self, py: Python<'_>, other: &Self) {
        py.detach(|| {
            let mut at = Some(0);
            while let Some(from) = at {
                let (page, next) = other.0.lock().page(from, PAGE);
                let mut ledger = self.0.lock();
                for (infohash, count) in page {
                    ledger.load(&infohash, count);
                }
                at = next;
            }
        });
    }

    fn smallest<'py>(&self, py: Python<'py>, tracker: &Tracker, limit: usize) -> Vec<Counted<'py>> {
        counted(py, py.detach(|| self.smallest_unused(tracker, limit)))
    }

    #[allow(clippy::needless_pass_by_value)] // PyO3 extracts arguments into values
    fn forget<'py>(
        &self,
        py: Python<'py>,
        tracker: &Tracker,
        counts: Vec<(PyBackedBytes, u32)>,
    ) -> Result<Vec<Counted<'py>>> {
        let mut ledger = self.0.lock();
        let mut gone = Vec::new();
        for (infohash, count) in &counts {
            let infohash = one_20(infohash)?;
            if !is_used(tracker, &infohash) && ledger.forget(&infohash, *count) {
                tracker.core.forget(&infohash);
                gone.push((infohash, *count));
            }
        }
        Ok(counted(py, gone))
    }

    fn load_forgotten(&self, count: u64) {
        self.0.lock().load_forgotten(count);
    }

    fn put_all_back(&self) {
        self.0.lock().put_all_back();
    }

    fn page<'py>(
        &self,
        py: Python<'py>,
        at: usize,
        limit: usize,
    ) -> (Vec<Counted<'py>>, Option<usize>) {
        let (page, next) = self.0.lock().page(at, limit);
        (counted(py, page), next)
    }
}

impl Ledger {
    /// Others count meanwhile: the ledger is theirs between two pages.
    fn smallest_unused(
        &self,
        tracker: &Tracker,
        limit: usize,
    ) -> Vec<(outpour_tracker::model::InfoHash, u32)> {
        let mut found = Vec::new();
        let mut at = Some(0);
        while let Some(from) = at {
            let (page, next) = self.0.lock().page(from, PAGE);
            found.extend(
                page.into_iter()
                    .filter(|(infohash, _)| !is_used(tracker, infohash)),
            );
            if found.len() > 2 * limit || next.is_none() {
                found.sort_unstable_by_key(|(_, count)| *count);
                found.truncate(limit);
            }
            at = next;
        }
        found
    }
}

/// Whether a torrent has peers.
fn is_used(tracker: &Tracker, infohash: &outpour_tracker::model::InfoHash) -> bool {
    let counts = tracker.core.counts(std::slice::from_ref(infohash));
    counts.is_some_and(|counts| counts.complete + counts.incomplete > 0)
}

pub(super) fn counted(
    py: Python<'_>,
    counts: Vec<(outpour_tracker::model::InfoHash, u32)>,
) -> Vec<Counted<'_>> {
    let counts = counts.into_iter();
    counts
        .map(|(infohash, count)| (PyBytes::new(py, &infohash), count))
        .collect()
}

/// What other programs counted may be any number.
fn bounded(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
