//! The configuration of a tracker, from whatever object of Python has its attributes.

use outpour_tracker::{ClusterConfig, Config, limits::Limits};
use pyo3::{prelude::*, pybacked::PyBackedBytes};

use super::address::{addresses, network};
use crate::error::{Error, Result};

/// The attributes of a configuration; those that are absent keep the defaults of the core.
#[derive(FromPyObject)]
#[allow(clippy::struct_excessive_bools)] // each is a choice of its own
pub(super) struct TrackerConfig {
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
    path_prefix: String,
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
    log_sample: u32,
    #[pyo3(default)]
    refusal_log_max: usize,
    #[pyo3(default)]
    refusal_log_sample: u32,
    #[pyo3(default)]
    cluster_bytes_max: usize,
    #[pyo3(default)]
    cluster_parts: Option<usize>,
    #[pyo3(default)]
    cluster_node: u64,
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
    type Error = Error;

    fn try_from(config: TrackerConfig) -> Result<Self> {
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
            trusted_proxies: networks.map(network).collect::<Result<_>>()?,
            private_networks: config.private_networks,
            believe_every_ip: config.believe_every_ip,
            path_prefix: config.path_prefix,
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
            log_sample: config.log_sample,
            refusal_log_max: config.refusal_log_max,
            refusal_log_sample: config.refusal_log_sample,
            cluster: (config.cluster_bytes_max > 0).then(|| ClusterConfig {
                node: config.cluster_node,
                queue_bytes_max: config.cluster_bytes_max,
                parts: config.cluster_parts.unwrap_or(1),
            }),
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
