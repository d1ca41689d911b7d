//! Hashing for Python: a job whose threads run without the interpreter.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use outpour_hasher::{Hashes, Job, Options, Place, Source};
use pyo3::{prelude::*, types::PyBytes};

use crate::error::{Error, Result};

/// A day: longer waits are told apart from forever by nobody.
const WAIT_S_MAX: f64 = 86_400.0;

/// How long a signal may go unnoticed.
const SIGNALS_EVERY: Duration = Duration::from_millis(10);

#[pyclass(frozen, module = "outpour._core")]
pub(crate) struct Hashing {
    job: Job,
    hashes: Mutex<Option<Hashes>>,
}

#[pymethods]
impl Hashing {
    #[new]
    #[pyo3(signature = (files, piece_length, *, v1, v2, sha256 = false, threads = 0, kernel = None))]
    fn new(
        files: Vec<(Option<Bound<'_, PyAny>>, u64)>,
        piece_length: u64,
        v1: bool,
        v2: bool,
        sha256: bool,
        threads: usize,
        kernel: Option<String>,
    ) -> Result<Self> {
        let sources = files
            .into_iter()
            .map(|(path, length)| {
                let place = path.map_or(Ok(Place::Padding), |path| place_of(&path))?;
                Ok(Source { place, length })
            })
            .collect::<PyResult<Vec<_>>>()?;
        let options = Options {
            piece_length,
            v1,
            v2,
            sha256,
            threads,
            kernel,
        };
        let job = Job::start(sources, &options)?;
        Ok(Self {
            job,
            hashes: Mutex::new(None),
        })
    }

    fn wait(&self, py: Python<'_>, timeout_s: f64) -> Result<bool> {
        let at_most = Duration::from_secs_f64(timeout_s.clamp(0.0, WAIT_S_MAX));
        let end = Instant::now() + at_most;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if py.detach(|| self.job.wait(left.min(SIGNALS_EVERY))) {
                break;
            }
            // Ctrl-C must not wait for the next look at the progress.
            py.check_signals()?;
            if left <= SIGNALS_EVERY {
                return Ok(false);
            }
        }
        let mut hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        if hashes.is_none() {
            *hashes = Some(py.detach(|| self.job.take())?);
        }
        Ok(true)
    }

    fn progress(&self) -> u64 {
        self.job.bytes_done()
    }

    fn cancel(&self) {
        self.job.cancel();
    }

    fn pieces<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>> {
        self.with_hashes(|hashes| PyBytes::new(py, &hashes.pieces))
    }

    #[allow(clippy::type_complexity)] // a list of pairs of bytes
    fn roots<'py>(
        &self,
        py: Python<'py>,
    ) -> Result<Vec<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)>> {
        self.with_hashes(|hashes| {
            let pair = |(root, layer): &(Vec<u8>, Vec<u8>)| {
                (PyBytes::new(py, root), PyBytes::new(py, layer))
            };
            hashes.roots.iter().map(pair).collect()
        })
    }

    fn checksums<'py>(&self, py: Python<'py>) -> Result<Vec<Bound<'py, PyBytes>>> {
        self.with_hashes(|hashes| {
            let each = hashes.checksums.iter();
            each.map(|digest| PyBytes::new(py, digest)).collect()
        })
    }
}

impl Hashing {
    fn with_hashes<T>(&self, then: impl FnOnce(&Hashes) -> T) -> Result<T> {
        let hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        let unfinished = || Error::state("`wait` has not returned True yet");
        hashes.as_ref().map(then).ok_or_else(unfinished)
    }
}

/// Names of the kernels that this CPU can run, the best for many pieces first.
#[pyfunction]
pub(crate) fn kernels() -> Vec<&'static str> {
    outpour_hasher::kernels()
}

/// Memory or a path.
fn place_of(place: &Bound<'_, PyAny>) -> PyResult<Place> {
    if let Ok(memory) = place.cast::<crate::content_memory::Memory>() {
        return Ok(memory.get().place());
    }
    path_of(place).map(Place::File)
}

/// A path of text, of `os.PathLike`, or of bytes where the system's are bytes.
fn path_of(path: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    #[cfg(unix)]
    if let Ok(bytes) = path.cast::<PyBytes>() {
        use std::{ffi::OsString, os::unix::ffi::OsStringExt};

        return Ok(OsString::from_vec(bytes.as_bytes().to_vec()).into());
    }
    path.extract()
}
