//! What a tracker is told at birth.

use std::net::SocketAddr;

use crate::cluster::ClusterConfig;
use crate::gate::Network;
use crate::limits::Limits;

/// The settings of a [`Tracker`](crate::Tracker); lists that change while it runs have verbs instead.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools)] // each is a choice of its own
pub struct Config {
    /// Addresses to serve HTTP on. Every port 0, here and in `udp`, becomes one free number.
    pub http: Vec<SocketAddr>,
    /// Addresses to serve UDP on.
    pub udp: Vec<SocketAddr>,
    /// Threads that serve; 0 is one a CPU.
    pub workers: usize,
    /// Keeps each of them on a CPU of its own.
    pub pin_workers: bool,
    /// Seconds that a peer is asked to wait between announces.
    pub interval_s: u32,
    /// Seconds that a peer has to wait.
    pub min_interval_s: u32,
    /// How far each interval strays from `interval_s`, up or down.
    pub interval_jitter_percent: u32,
    /// Peers given to a client that names no number.
    pub peers_per_answer: usize,
    /// Peers given to a client that names a larger one; a UDP answer holds at most 202, or 67 of IPv6.
    pub peers_per_answer_max: usize,
    /// Seconds for which a UDP connection id is good, at least.
    pub connection_id_lifetime_s: u32,
    /// Whose `X-Forwarded-For` is believed, and whose `ip=`.
    pub trusted_proxies: Vec<Network>,
    /// Believes the `ip=` of who asks from a private network, and gives peers in one to everyone.
    pub private_networks: bool,
    /// Believes the `ip=` of everyone, as old trackers could: whoever announces can then name a victim.
    pub believe_every_ip: bool,
    /// What may stand before the tracker's paths: `/files` has `/files/announce` answered as `/announce`.
    pub path_prefix: String,
    /// Times that a peer is tried to reach before it is given up; 0 gives every peer out unchecked.
    pub nat_check_attempts: u32,
    /// Answers a scrape that names no torrent with all of them.
    pub full_scrape: bool,
    /// Requests a second that one address, or IPv6 /64, may make; 0 is no limit.
    pub requests_per_address_per_s: u32,
    /// Requests that one address may make at once before its rate counts.
    pub requests_per_address_burst: u32,
    /// Beginnings of the peer ids that are turned away.
    pub denied_clients: Vec<Vec<u8>>,
    /// Open connections of each worker, beyond which the least active one is closed.
    pub connections_max: usize,
    /// Answered requests kept for [`Tracker::logged`](crate::Tracker::logged); 0 logs none.
    pub log_max: usize,
    /// One request in so many is logged.
    pub log_sample: u32,
    /// Refused requests kept for [`Tracker::logged_refusals`](crate::Tracker::logged_refusals), beside
    /// the others; 0 logs none.
    pub refusal_log_max: usize,
    /// One refused request in so many is logged there.
    pub refusal_log_sample: u32,
    /// How this tracker is one of several that act as one; none where it is alone.
    pub cluster: Option<ClusterConfig>,
    /// How much the store may hold, and for how long.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            http: Vec::new(),
            udp: Vec::new(),
            workers: 0,
            pin_workers: false,
            interval_s: 1800,
            min_interval_s: 300,
            interval_jitter_percent: 10,
            peers_per_answer: 50,
            peers_per_answer_max: 200,
            connection_id_lifetime_s: 900,
            trusted_proxies: Vec::new(),
            private_networks: false,
            believe_every_ip: false,
            path_prefix: String::new(),
            nat_check_attempts: 0,
            full_scrape: false,
            requests_per_address_per_s: 0,
            requests_per_address_burst: 0,
            denied_clients: Vec::new(),
            connections_max: 4096,
            log_max: 0,
            log_sample: 1,
            refusal_log_max: 0,
            refusal_log_sample: 1,
            cluster: None,
            limits: Limits::default(),
        }
    }
}
