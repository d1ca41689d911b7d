//! A row of the tracker's log for Python.

use std::net::IpAddr;
use std::time::UNIX_EPOCH;

use outpour_tracker::{HttpLine, Logged as Core, model::Event};
use pyo3::{prelude::*, types::PyBytes};

#[pyclass(frozen, module = "outpour._core")]
pub(crate) struct Logged(pub(crate) Core);

type Bytes<'py> = Option<Bound<'py, PyBytes>>;

#[pymethods]
impl Logged {
    #[getter]
    fn at_s(&self) -> f64 {
        let since = self.0.at.duration_since(UNIX_EPOCH);
        since.map_or(0.0, |since| since.as_secs_f64())
    }

    #[getter]
    fn host(&self) -> String {
        IpAddr::to_string(&self.0.ip)
    }

    #[getter]
    fn infohash<'py>(&self, py: Python<'py>) -> Bytes<'py> {
        let announced = self.0.announced?;
        Some(PyBytes::new(py, &announced.infohash))
    }

    #[getter]
    fn peer_id<'py>(&self, py: Python<'py>) -> Bytes<'py> {
        let announced = self.0.announced?;
        Some(PyBytes::new(py, &announced.peer_id))
    }

    #[getter]
    fn port(&self) -> Option<u16> {
        Some(self.0.announced?.port)
    }

    #[getter]
    fn left(&self) -> Option<u64> {
        Some(self.0.announced?.left)
    }

    #[getter]
    fn event(&self) -> Option<&'static str> {
        Some(match self.0.announced?.event {
            Event::None => "",
            Event::Started => "started",
            Event::Completed => "completed",
            Event::Stopped => "stopped",
            Event::Paused => "paused",
        })
    }

    #[getter]
    fn reached(&self) -> Option<bool> {
        self.0.reached
    }

    #[getter]
    fn asked(&self) -> &'static str {
        self.0.asked
    }

    #[getter]
    fn cause(&self) -> Option<&'static str> {
        Some(self.0.refused?.0)
    }

    #[getter]
    fn failure(&self) -> Option<&'static str> {
        Some(self.0.refused?.1)
    }

    #[getter]
    fn request<'py>(&self, py: Python<'py>) -> Bytes<'py> {
        Some(PyBytes::new(py, &self.http()?.request))
    }

    #[getter]
    fn referer<'py>(&self, py: Python<'py>) -> Bytes<'py> {
        let referer = self.http()?.referer.as_deref();
        referer.map(|referer| PyBytes::new(py, referer))
    }

    #[getter]
    fn user_agent<'py>(&self, py: Python<'py>) -> Bytes<'py> {
        let agent = self.http()?.user_agent.as_deref();
        agent.map(|agent| PyBytes::new(py, agent))
    }

    #[getter]
    fn answer_bytes(&self) -> Option<usize> {
        self.http().map(|http| http.answer_bytes)
    }
}

impl Logged {
    fn http(&self) -> Option<&HttpLine> {
        self.0.http.as_ref()
    }
}
