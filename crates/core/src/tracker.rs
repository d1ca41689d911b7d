//! The tracker for Python: the verbs of the Rust one, with whole values in and out.

mod address;
mod cluster;
mod config;
mod count_batch;
mod descriptor;
mod infohash;
mod ledger;
mod logged;
mod snapshot;
mod usage;

use std::{
    collections::HashMap,
    os::fd::{IntoRawFd, RawFd},
};

use outpour_tracker::{
    BindError, Notice, Tracker as Core,
    model::{Counts, InfoHash},
    swarm::SnapshotError,
};
use pyo3::{prelude::*, pybacked::PyBackedBytes, types::PyBytes};

use self::address::{address, addresses, all_ranges, pairs};
pub(crate) use self::cluster::Cluster;
use self::config::TrackerConfig;
pub(crate) use self::count_batch::CountBatch;
use self::infohash::{all_20, one_20};
pub(crate) use self::ledger::Ledger;
pub(crate) use self::logged::Logged;
pub(crate) use self::snapshot::Snapshot;
pub(crate) use self::usage::Usage;
use crate::error::{Error, Result};

type Text = Option<String>;

#[pyclass(frozen, module = "outpour._core")]
pub(crate) struct Tracker {
    core: Core,
}

type Torrent<'py> = (Bound<'py, PyBytes>, u32, u32, u32);
type RequestCount = (
    &'static str,
    &'static str,
    &'static str,
    Option<&'static str>,
    u64,
);
type Latency = (&'static str, Vec<(u64, u64)>, u64, f64);
type Page<'py> = (Vec<Torrent<'py>>, Option<usize>);

#[pymethods]
impl Tracker {
    #[new]
    #[allow(clippy::needless_pass_by_value)] // PyO3 extracts arguments into values
    fn new(config: TrackerConfig) -> Result<Self> {
        let core = Core::bind(config.try_into()?)?;
        Ok(Self { core })
    }

    fn start(&self, py: Python<'_>) -> Result<()> {
        py.detach(|| self.core.start())
            .map_err(|error| match error.raw_os_error() {
                Some(_) => Error::Python(error.into()),
                None => Error::state(error.to_string()),
            })
    }

    fn stop(&self, py: Python<'_>) {
        py.detach(|| self.core.stop());
    }

    #[getter]
    fn http_addresses(&self) -> Vec<(String, u16)> {
        pairs(self.core.http_addresses())
    }

    #[getter]
    fn udp_addresses(&self) -> Vec<(String, u16)> {
        pairs(self.core.udp_addresses())
    }

    #[getter]
    fn handoff_fd(&self) -> RawFd {
        self.core.handoff_fd()
    }

    fn take_connections<'py>(&self, py: Python<'py>) -> Vec<(RawFd, Bound<'py, PyBytes>)> {
        let taken = self.core.take_connections().into_iter();
        taken
            .map(|(fd, read)| (fd.into_raw_fd(), PyBytes::new(py, &read)))
            .collect()
    }

    fn give_back(&self, py: Python<'_>, fd: RawFd, read: &[u8]) -> Result<()> {
        let connection = descriptor::own(fd)?;
        py.detach(|| self.core.give_back(connection, read));
        Ok(())
    }

    #[pyo3(signature = (infohashes))]
    fn allow(&self, py: Python<'_>, infohashes: Option<Vec<PyBackedBytes>>) -> Result<()> {
        let infohashes = infohashes.map(|some| all_20(&some)).transpose()?;
        py.detach(|| self.core.allow(infohashes));
        Ok(())
    }

    #[allow(clippy::needless_pass_by_value)] // PyO3 extracts arguments into values
    fn allow_more(&self, py: Python<'_>, infohashes: Vec<PyBackedBytes>) -> Result<()> {
        let infohashes = all_20(&infohashes)?;
        py.detach(|| self.core.allow_more(&infohashes));
        Ok(())
    }

    #[allow(clippy::needless_pass_by_value)] // PyO3 extracts arguments into values
    fn disallow(&self, py: Python<'_>, infohashes: Vec<PyBackedBytes>) -> Result<()> {
        let infohashes = all_20(&infohashes)?;
        py.detach(|| self.core.disallow(&infohashes));
        Ok(())
    }

    #[allow(clippy::needless_pass_by_value)] // PyO3 extracts arguments into values
    fn deny(&self, py: Python<'_>, infohashes: Vec<PyBackedBytes>) -> Result<()> {
        let infohashes = all_20(&infohashes)?;
        py.detach(|| self.core.deny(infohashes));
        Ok(())
    }

    #[pyo3(signature = (keys))]
    fn set_keys(&self, keys: Option<Vec<String>>) {
        let keys = keys.map(|keys| keys.into_iter().map(String::into_bytes));
        self.core.set_keys(keys);
    }

    #[allow(clippy::needless_pass_by_value)] // PyO3 extracts arguments into values
    fn ban(&self, py: Python<'_>, ranges: Vec<(String, String)>) -> Result<()> {
        let ranges = all_ranges(&ranges)?;
        py.detach(|| self.core.ban(ranges));
        Ok(())
    }

    #[pyo3(signature = (ranges))]
    fn admit(&self, py: Python<'_>, ranges: Option<Vec<(String, String)>>) -> Result<()> {
        let ranges = ranges.map(|some| all_ranges(&some)).transpose()?;
        py.detach(|| self.core.admit(ranges));
        Ok(())
    }

    #[allow(clippy::needless_pass_by_value)] // PyO3 extracts arguments into values
    fn deny_clients(&self, prefixes: Vec<PyBackedBytes>) {
        let prefixes = prefixes.iter().map(|prefix| prefix.to_vec());
        self.core.deny_clients(prefixes);
    }

    fn set_pace(&self, interval_s: u32, min_interval_s: u32, peers_per_answer: u32) {
        self.core
            .set_pace(interval_s, min_interval_s, peers_per_answer);
    }

    fn set_rate(&self, per_s: u32, burst: u32) {
        self.core.set_rate(per_s, burst);
    }

    fn set_notices(&self, notices: Vec<(PyBackedBytes, Text, Text)>) -> Result<()> {
        let notices: Vec<(InfoHash, Notice)> = notices
            .into_iter()
            .map(|(infohash, failure, warning)| {
                let failure = failure.map(String::into_boxed_str);
                let warning = warning.map(String::into_boxed_str);
                Ok((one_20(&infohash)?, Notice { failure, warning }))
            })
            .collect::<Result<_>>()?;
        self.core.set_notices(notices);
        Ok(())
    }

    #[allow(clippy::needless_pass_by_value)] // PyO3 extracts arguments into values
    fn set_origins(&self, origins: Vec<(String, u16)>) -> Result<()> {
        self.core.set_origins(&addresses(&origins)?);
        Ok(())
    }

    fn forget(&self, infohash: &[u8]) -> Result<bool> {
        Ok(self.core.forget(&one_20(infohash)?))
    }

    fn torrents<'py>(&self, py: Python<'py>) -> Vec<Torrent<'py>> {
        rows(py, py.detach(|| self.core.torrents()))
    }

    fn torrents_page<'py>(&self, py: Python<'py>, at: usize, limit: usize) -> Page<'py> {
        let (page, next) = py.detach(|| self.core.torrents_page(at, limit));
        (rows(py, page), next)
    }

    fn largest<'py>(&self, py: Python<'py>, limit: usize) -> Vec<Torrent<'py>> {
        rows(py, py.detach(|| self.core.largest(limit)))
    }

    #[allow(clippy::needless_pass_by_value)] // PyO3 extracts arguments into values
    fn counts(
        &self,
        py: Python<'_>,
        infohashes: Vec<PyBackedBytes>,
    ) -> Result<Option<(u32, u32, u32)>> {
        let infohashes = all_20(&infohashes)?;
        let counts = py.detach(|| self.core.counts(&infohashes));
        Ok(counts.map(|counts| (counts.complete, counts.incomplete, counts.downloaded)))
    }

    fn unique_ips(&self, py: Python<'_>) -> (usize, usize) {
        py.detach(|| self.core.unique_ips())
    }

    fn recall_counted(&self, marks: &[u8]) {
        let (marks, _) = marks.as_chunks();
        let marks: Vec<u64> = marks.iter().map(|mark| u64::from_le_bytes(*mark)).collect();
        self.core.recall_counted(&marks);
    }

    fn counted<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        count_batch::packed(py, &self.core.counted())
    }

    fn snapshot(slf: Py<Self>) -> Snapshot {
        Snapshot::of(slf)
    }

    #[allow(clippy::needless_pass_by_value)] // PyO3 extracts arguments into values
    fn restore(&self, py: Python<'_>, snapshot: PyBackedBytes, age_s: u32) -> Result<usize> {
        Ok(py.detach(|| self.core.restore(&snapshot, age_s))?)
    }

    #[allow(clippy::needless_pass_by_value)] // PyO3 extracts arguments into values
    fn insert(
        &self,
        py: Python<'_>,
        infohash: &[u8],
        peers: Vec<(String, u16, bool)>,
    ) -> Result<usize> {
        let infohash = one_20(infohash)?;
        let peers = peers
            .iter()
            .map(|(host, port, seeder)| Ok((address(host, *port)?, *seeder)))
            .collect::<Result<Vec<_>>>()?;
        Ok(py.detach(|| self.core.insert(infohash, &peers)))
    }

    fn list_seeder(&self, infohash: &[u8], host: &str, port: u16) -> Result<()> {
        self.core
            .list_seeder(one_20(infohash)?, address(host, port)?);
        Ok(())
    }

    fn unlist_seeder(&self, infohash: &[u8], host: &str, port: u16) -> Result<()> {
        self.core
            .unlist_seeder(one_20(infohash)?, address(host, port)?);
        Ok(())
    }

    fn logged(&self, py: Python<'_>, limit: usize) -> Vec<Logged> {
        let rows = py.detach(|| self.core.logged(limit));
        rows.into_iter().map(Logged).collect()
    }

    fn logged_refusals(&self, py: Python<'_>, limit: usize) -> Vec<Logged> {
        let rows = py.detach(|| self.core.logged_refusals(limit));
        rows.into_iter().map(Logged).collect()
    }

    fn forwarder(&self) -> Option<String> {
        self.core.forwarder().map(|ip| ip.to_string())
    }

    fn fault(&self) -> Option<&str> {
        self.core.fault()
    }

    #[getter]
    fn fault_fd(&self) -> RawFd {
        self.core.fault_fd()
    }

    fn counters(&self) -> HashMap<&'static str, u64> {
        self.core.counters()
    }

    fn take_arrivals<'py>(&self, py: Python<'py>, limit: usize) -> (Vec<Came<'py>>, bool) {
        let (taken, has_missed) = self.core.take_arrivals(limit);
        let taken = taken.into_iter().map(|arrival| {
            let infohash = PyBytes::new(py, &arrival.infohash);
            let ip = arrival.address.ip();
            (infohash, ip.to_string(), arrival.address.port())
        });
        (taken.collect(), has_missed)
    }

    fn request_counts(&self) -> Vec<RequestCount> {
        let rows = self.core.request_counts().into_iter();
        rows.map(|row| (row.protocol, row.family, row.asked, row.cause, row.count))
            .collect()
    }

    fn latencies(&self) -> Vec<Latency> {
        let rows = self.core.latencies().into_iter();
        rows.map(|row| (row.protocol, row.buckets, row.longer, row.sum.as_secs_f64()))
            .collect()
    }

    fn take_usage(&self, py: Python<'_>) -> Usage {
        Usage(py.detach(|| self.core.take_usage()))
    }

    fn take_key_uses(&self, py: Python<'_>) -> Vec<(String, u64, u32)> {
        let uses = py.detach(|| self.core.take_key_uses()).into_iter();
        uses.map(|(key, announces, ago_s)| {
            (String::from_utf8_lossy(&key).into_owned(), announces, ago_s)
        })
        .collect()
    }

    fn peers(&self, infohash: &[u8], limit: usize) -> Result<Vec<(String, u16, bool)>> {
        let peers = self.core.peers(&one_20(infohash)?, limit).into_iter();
        Ok(peers
            .map(|peer| {
                (
                    peer.address.ip().to_string(),
                    peer.address.port(),
                    peer.seeder,
                )
            })
            .collect())
    }
}

/// Infohash, host and port.
type Came<'py> = (Bound<'py, PyBytes>, String, u16);

fn rows(py: Python<'_>, torrents: Vec<(InfoHash, Counts)>) -> Vec<Torrent<'_>> {
    let row = |(infohash, counts): (InfoHash, Counts)| {
        let infohash = PyBytes::new(py, &infohash);
        let Counts {
            complete,
            incomplete,
            downloaded,
            ..
        } = counts;
        (infohash, complete, incomplete, downloaded)
    };
    torrents.into_iter().map(row).collect()
}

impl From<BindError> for Error {
    fn from(error: BindError) -> Self {
        Self::system(&error.source, error.address.to_string())
    }
}

impl From<SnapshotError> for Error {
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::NotASnapshot => Self::value("not a snapshot of a tracker"),
            SnapshotError::Version(version) => {
                Self::value(format!("a snapshot of the unknown version {version}"))
            }
            SnapshotError::Damaged => Self::value("the snapshot is damaged"),
        }
    }
}
