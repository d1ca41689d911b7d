//! Who uses a tracker and who is turned away, for Python.

use outpour_tracker::Usage as Core;
use pyo3::{prelude::*, types::PyBytes};

#[pyclass(frozen, module = "outpour._core")]
pub(crate) struct Usage(pub(crate) Core);

type Seen<'py> = Vec<(Bound<'py, PyBytes>, u64)>;
type Refused<'py> = Vec<(&'static str, Bound<'py, PyBytes>, u64)>;

#[pymethods]
impl Usage {
    #[getter]
    fn clients<'py>(&self, py: Python<'py>) -> Seen<'py> {
        seen(py, &self.0.clients)
    }

    #[getter]
    fn agents<'py>(&self, py: Python<'py>) -> Seen<'py> {
        seen(py, &self.0.agents)
    }

    #[getter]
    fn refused_torrents<'py>(&self, py: Python<'py>) -> Refused<'py> {
        refused(py, &self.0.refused_torrents)
    }

    #[getter]
    fn refused_addresses(&self) -> Vec<(&'static str, String, u64)> {
        let rows = self.0.refused_addresses.iter();
        rows.map(|(cause, ip, count)| (*cause, ip.to_string(), *count))
            .collect()
    }

    #[getter]
    fn refused_clients<'py>(&self, py: Python<'py>) -> Refused<'py> {
        refused(py, &self.0.refused_clients)
    }
}

fn seen<'py>(py: Python<'py>, rows: &[(Vec<u8>, u64)]) -> Seen<'py> {
    let row = |(name, count): &(Vec<u8>, u64)| (PyBytes::new(py, name), *count);
    rows.iter().map(row).collect()
}

fn refused<'py, K: AsRef<[u8]>>(py: Python<'py>, rows: &[(&'static str, K, u64)]) -> Refused<'py> {
    let row = |(cause, key, count): &(&'static str, K, u64)| {
        (*cause, PyBytes::new(py, key.as_ref()), *count)
    };
    rows.iter().map(row).collect()
}
