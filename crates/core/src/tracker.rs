//! The tracker for Python: the verbs of the Rust one, with whole values in and out.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    os::fd::{IntoRawFd, RawFd},
};

use outpour_tracker::{
    BindError, Config, Network, Notice, Ranges, Tracker as Core,
    limits::Limits,
    model::{Counts, InfoHash},
    swarm,
    swarm::SnapshotError,
};
use pyo3::{
    exceptions::{PyOSError, PyRuntimeError, PyValueError},
    prelude::*,
    pybacked::PyBackedBytes,
    types::PyBytes,
};

use parking_lot::Mutex;

use crate::logged::Logged;

type Text = Option<String>;

/// The attributes of a configuration; those that are absent keep the defaults of the core.
#[derive(FromPyObject)]
#[allow(clippy::struct_excessive_bools)] // each is a choice of its own
struct TrackerConfig {
    http: Vec<(String, u16)>,
    udp: Vec<(String, u16)>,
    #[pyo3(default)]
    workers: Option<usize>,
    #[pyo3(default)]
    pin_workers: bool,
    #[pyo3(default)]
    interval_s: Option<u32>,
    #[pyo3(default)]
    min_interval_s: Option<u32>,
    #[pyo3(default)]
    interval_jitter_percent: Option<u32>,
    #[pyo3(default)]
    peers_per_answer: Option<usize>,
    #[pyo3(default)]
    peers_per_answer_max: Option<usize>,
    #[pyo3(default)]
    peer_timeout_s: Option<u32>,
    #[pyo3(default)]
    connection_id_lifetime_s: Option<u32>,
    #[pyo3(default)]
    trusted_proxies: Vec<(String, u8)>,
    #[pyo3(default)]
    private_networks: bool,
    #[pyo3(default)]
    believe_every_ip: bool,
    #[pyo3(default)]
    nat_check_attempts: u32,
    #[pyo3(default)]
    full_scrape: bool,
    #[pyo3(default)]
    requests_per_address_per_s: u32,
    #[pyo3(default)]
    requests_per_address_burst: u32,
    #[pyo3(default)]
    denied_clients: Vec<PyBackedBytes>,
    #[pyo3(default)]
    connections_max: Option<usize>,
    #[pyo3(default)]
    log_max: usize,
    #[pyo3(default)]
    torrents_max: Option<usize>,
    #[pyo3(default)]
    peers_max: Option<usize>,
    #[pyo3(default)]
    peers_per_torrent_max: Option<usize>,
    #[pyo3(default)]
    peers_per_address_max: Option<usize>,
}

impl TryFrom<TrackerConfig> for Config {
    type Error = PyErr;

    fn try_from(config: TrackerConfig) -> PyResult<Self> {
        let own = Self::default();
        let networks = config.trusted_proxies.iter();
        Ok(Self {
            http: addresses(&config.http)?,
            udp: addresses(&config.udp)?,
            workers: config.workers.unwrap_or(own.workers),
            pin_workers: config.pin_workers,
            interval_s: config.interval_s.unwrap_or(own.interval_s),
            min_interval_s: config.min_interval_s.unwrap_or(own.min_interval_s),
            interval_jitter_percent: config
                .interval_jitter_percent
                .unwrap_or(own.interval_jitter_percent),
            peers_per_answer: config.peers_per_answer.unwrap_or(own.peers_per_answer),
            peers_per_answer_max: config
                .peers_per_answer_max
                .unwrap_or(own.peers_per_answer_max),
            connection_id_lifetime_s: config
                .connection_id_lifetime_s
                .unwrap_or(own.connection_id_lifetime_s),
            trusted_proxies: networks.map(network).collect::<PyResult<_>>()?,
            private_networks: config.private_networks,
            believe_every_ip: config.believe_every_ip,
            nat_check_attempts: config.nat_check_attempts,
            full_scrape: config.full_scrape,
            requests_per_address_per_s: config.requests_per_address_per_s,
            requests_per_address_burst: config.requests_per_address_burst,
            denied_clients: config
                .denied_clients
                .iter()
                .map(|prefix| prefix.to_vec())
                .collect(),
            connections_max: config.connections_max.unwrap_or(own.connections_max),
            log_max: config.log_max,
            limits: Limits {
                torrents_max: config.torrents_max.unwrap_or(own.limits.torrents_max),
                peers_max: config.peers_max.unwrap_or(own.limits.peers_max),
                peers_per_torrent_max: config
                    .peers_per_torrent_max
                    .unwrap_or(own.limits.peers_per_torrent_max),
                peers_per_address_max: config
                    .peers_per_address_max
                    .unwrap_or(own.limits.peers_per_address_max),
                peer_timeout_s: config.peer_timeout_s.unwrap_or(own.limits.peer_timeout_s),
                ..own.limits
            },
        })
    }
}

#[pyclass(frozen, module = "outpour._core")]
pub(crate) struct Tracker {
    core: Core,
}

/// A part of a snapshot that a disk takes in a moment.
const SNAPSHOT_PART_BYTES_MIN: usize = 256 << 10;

type Torrent<'py> = (Bound<'py, PyBytes>, u32, u32, u32);
type Page<'py> = (Vec<Torrent<'py>>, Option<usize>);

impl Tracker {
    pub(crate) fn core(&self) -> &Core {
        &self.core
    }
}

#[pymethods]
impl Tracker {
    #[new]
    #[allow(clippy::needless_pass_by_value)] // PyO3 extracts arguments into values
    fn new(config: TrackerConfig) -> PyResult<Self> {
        let core = Core::bind(config.try_into()?).map_err(|error| bind_error(&error))?;
        Ok(Self { core })
    }

    fn start(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.core.start())
            .map_err(|error| match error.raw_os_error() {
                Some(_) => PyErr::from(error),
                None => PyRuntimeError::new_err(error.to_string()),
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

    #[pyo3(signature = (infohashes))]
    fn allow(&self, py: Python<'_>, infohashes: Option<Vec<PyBackedBytes>>) -> PyResult<()> {
        let infohashes = infohashes.map(|some| all_20(&some)).transpose()?;
        py.detach(|| self.core.allow(infohashes));
        Ok(())
    }

    #[allow(clippy::needless_pass_by_value)] // PyO3 extracts arguments into values
    fn allow_more(&self, py: Python<'_>, infohashes: Vec<PyBackedBytes>) -> PyResult<()> {
        let infohashes = all_20(&infohashes)?;
        py.detach(|| self.core.allow_more(&infohashes));
        Ok(())
    }

    #[allow(clippy::needless_pass_by_value)] // PyO3 extracts arguments into values
    fn disallow(&self, py: Python<'_>, infohashes: Vec<PyBackedBytes>) -> PyResult<()> {
        let infohashes = all_20(&infohashes)?;
        py.detach(|| self.core.disallow(&infohashes));
        Ok(())
    }

    #[allow(clippy::needless_pass_by_value)] // PyO3 extracts arguments into values
    fn deny(&self, py: Python<'_>, infohashes: Vec<PyBackedBytes>) -> PyResult<()> {
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
    fn ban(&self, py: Python<'_>, ranges: Vec<(String, String)>) -> PyResult<()> {
        let ranges = all_ranges(&ranges)?;
        py.detach(|| self.core.ban(ranges));
        Ok(())
    }

    #[pyo3(signature = (ranges))]
    fn admit(&self, py: Python<'_>, ranges: Option<Vec<(String, String)>>) -> PyResult<()> {
        let ranges = ranges.map(|some| all_ranges(&some)).transpose()?;
        py.detach(|| self.core.admit(ranges));
        Ok(())
    }

    #[allow(clippy::needless_pass_by_value)] // PyO3 extracts arguments into values
    fn deny_clients(&self, prefixes: Vec<PyBackedBytes>) {
        let prefixes = prefixes.iter().map(|prefix| prefix.to_vec());
        self.core.deny_clients(prefixes);
    }

    fn set_notices(&self, notices: Vec<(PyBackedBytes, Text, Text)>) -> PyResult<()> {
        let notices: Vec<(InfoHash, Notice)> = notices
            .into_iter()
            .map(|(infohash, failure, warning)| {
                let failure = failure.map(String::into_boxed_str);
                let warning = warning.map(String::into_boxed_str);
                Ok((one_20(&infohash)?, Notice { failure, warning }))
            })
            .collect::<PyResult<_>>()?;
        self.core.set_notices(notices);
        Ok(())
    }

    #[allow(clippy::needless_pass_by_value)] // PyO3 extracts arguments into values
    fn set_origins(&self, origins: Vec<(String, u16)>) -> PyResult<()> {
        self.core.set_origins(&addresses(&origins)?);
        Ok(())
    }

    fn forget(&self, infohash: &[u8]) -> PyResult<bool> {
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
    ) -> PyResult<Option<(u32, u32, u32)>> {
        let infohashes: Vec<InfoHash> = infohashes
            .iter()
            .map(|infohash| one_20(infohash))
            .collect::<PyResult<_>>()?;
        let counts = py.detach(|| self.core.counts(&infohashes));
        Ok(counts.map(|counts| (counts.complete, counts.incomplete, counts.downloaded)))
    }

    fn unique_ips(&self, py: Python<'_>) -> (usize, usize) {
        py.detach(|| self.core.unique_ips())
    }

    #[allow(clippy::needless_pass_by_value)] // PyO3 extracts arguments into values
    fn recall_counted(&self, marks: Vec<i64>) {
        let marks: Vec<u64> = marks.iter().map(|mark| mark.cast_unsigned()).collect();
        self.core.recall_counted(&marks);
    }

    fn counted(&self) -> Vec<i64> {
        let marks = self.core.counted().into_iter();
        marks.map(u64::cast_signed).collect()
    }

    fn snapshot(slf: Py<Self>) -> Snapshot {
        let state = Mutex::new(slf.get().core.begin_snapshot());
        Snapshot {
            tracker: slf,
            state,
        }
    }

    #[allow(clippy::needless_pass_by_value)] // PyO3 extracts arguments into values
    fn restore(&self, py: Python<'_>, snapshot: PyBackedBytes, age_s: u32) -> PyResult<usize> {
        py.detach(|| self.core.restore(&snapshot, age_s))
            .map_err(|error| {
                PyValueError::new_err(match error {
                    SnapshotError::NotASnapshot => "not a snapshot of a tracker".to_owned(),
                    SnapshotError::Version(version) => {
                        format!("a snapshot of the unknown version {version}")
                    }
                    SnapshotError::Damaged => "the snapshot is damaged".to_owned(),
                })
            })
    }

    #[allow(clippy::needless_pass_by_value)] // PyO3 extracts arguments into values
    fn insert(
        &self,
        py: Python<'_>,
        infohash: &[u8],
        peers: Vec<(String, u16, bool)>,
    ) -> PyResult<usize> {
        let infohash = one_20(infohash)?;
        let peers = peers
            .iter()
            .map(|(host, port, seeder)| Ok((address(host, *port)?, *seeder)))
            .collect::<PyResult<Vec<_>>>()?;
        Ok(py.detach(|| self.core.insert(infohash, &peers)))
    }

    fn logged(&self, py: Python<'_>, limit: usize) -> Vec<Logged> {
        let rows = py.detach(|| self.core.logged(limit));
        rows.into_iter().map(Logged).collect()
    }

    fn counters(&self) -> HashMap<&'static str, u64> {
        self.core.counters()
    }

    fn peers(&self, infohash: &[u8], limit: usize) -> PyResult<Vec<(String, u16, bool)>> {
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

/// The parts of a snapshot, one at a time.
#[pyclass(frozen, module = "outpour._core")]
pub(crate) struct Snapshot {
    tracker: Py<Tracker>,
    state: Mutex<swarm::Snapshot>,
}

#[pymethods]
impl Snapshot {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        let core = &self.tracker.get().core;
        let part =
            py.detach(|| core.snapshot_part(&mut self.state.lock(), SNAPSHOT_PART_BYTES_MIN));
        part.map(|part| PyBytes::new(py, &part))
    }
}

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

fn ip(host: &str) -> PyResult<IpAddr> {
    host.parse()
        .map_err(|_| PyValueError::new_err(format!("`{host}`: not an IP address")))
}

fn all_ranges(pairs: &[(String, String)]) -> PyResult<Ranges> {
    let pairs = pairs
        .iter()
        .map(|(first, last)| Ok((ip(first)?, ip(last)?)))
        .collect::<PyResult<Vec<_>>>()?;
    Ranges::new(pairs).map_err(|(first, last)| {
        PyValueError::new_err(format!("`{first}-{last}`: not a range of addresses"))
    })
}

fn address(host: &str, port: u16) -> PyResult<SocketAddr> {
    Ok(SocketAddr::new(ip(host)?, port))
}

fn addresses(pairs: &[(String, u16)]) -> PyResult<Vec<SocketAddr>> {
    let pairs = pairs.iter();
    pairs.map(|(host, port)| address(host, *port)).collect()
}

fn pairs(addresses: &[SocketAddr]) -> Vec<(String, u16)> {
    let pair = |address: &SocketAddr| (address.ip().to_string(), address.port());
    addresses.iter().map(pair).collect()
}

fn network((host, prefix): &(String, u8)) -> PyResult<Network> {
    let parsed = format!("{host}/{prefix}").parse();
    parsed.map_err(|error: outpour_tracker::NetworkError| PyValueError::new_err(error.to_string()))
}

pub(crate) fn one_20(infohash: &[u8]) -> PyResult<InfoHash> {
    InfoHash::try_from(infohash).map_err(|_| {
        let length = infohash.len();
        PyValueError::new_err(format!("an infohash has 20 bytes, not {length}"))
    })
}

fn all_20(infohashes: &[PyBackedBytes]) -> PyResult<Vec<InfoHash>> {
    infohashes.iter().map(|bytes| one_20(bytes)).collect()
}

fn bind_error(error: &BindError) -> PyErr {
    let errno = error.source.raw_os_error();
    let text = io::Error::to_string(&error.source);
    let text = text.split(" (os error").next().unwrap_or_default();
    PyOSError::new_err((errno, text.to_owned(), error.address.to_string()))
}
