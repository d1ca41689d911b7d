//! Who uses the tracker, and who is turned away: bounded tables of what is seen most, from samples.
//!
//! Strangers choose what is counted here, so no table grows beyond its bound, and few samples a second
//! are taken however many requests come.

mod client;
mod frequent;
mod sampler;

use std::net::{IpAddr, Ipv6Addr};

use self::client::{Agent, Client};
use self::frequent::Frequent;
pub(crate) use self::sampler::Samplers;
use crate::model::{InfoHash, PeerId};
use crate::wire::Cause;

/// The samples that nobody has taken yet.
#[derive(Default)]
pub(crate) struct Samples {
    clients: Frequent<Client>,
    agents: Frequent<Agent>,
    refused_torrents: Frequent<(Cause, InfoHash)>,
    refused_addresses: Frequent<(Cause, IpAddr)>,
    refused_clients: Frequent<(Cause, Client)>,
}

/// Who used the tracker and who was turned away, each with about how many announces or requests, and
/// no more than that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Beginnings of the peer ids that name a client and its version; empty where one names none.
    pub clients: Vec<(Vec<u8>, u64)>,
    /// The first product of the field `User-Agent`, over HTTP; empty where there is none.
    pub agents: Vec<(Vec<u8>, u64)>,
    /// What stood against them, and torrents that were refused.
    pub refused_torrents: Vec<(&'static str, InfoHash, u64)>,
    /// Addresses, or networks of 64 bits, that were refused.
    pub refused_addresses: Vec<(&'static str, IpAddr, u64)>,
    /// Clients that were refused.
    pub refused_clients: Vec<(&'static str, Vec<u8>, u64)>,
}

impl Samples {
    /// An announce that was answered, for so many like it; `agent` is none over UDP.
    pub(crate) fn announced(&mut self, peer_id: &PeerId, agent: Option<&[u8]>, weight: u64) {
        self.clients.add(Client::of(peer_id), weight);
        if let Some(agent) = agent {
            self.agents.add(Agent::of(agent), weight);
        }
    }

    /// A request that was refused, for so many like it.
    pub(crate) fn refused(
        &mut self,
        cause: Cause,
        ip: IpAddr,
        announced: Option<(InfoHash, PeerId)>,
        weight: u64,
    ) {
        self.refused_addresses.add((cause, network(ip)), weight);
        if let Some((infohash, peer_id)) = announced {
            self.refused_torrents.add((cause, infohash), weight);
            self.refused_clients
                .add((cause, Client::of(&peer_id)), weight);
        }
    }

    /// What they come to.
    pub(crate) fn usage(self) -> Usage {
        let Self {
            clients,
            agents,
            refused_torrents,
            refused_addresses,
            refused_clients,
        } = self;
        let named =
            |((cause, client), count): ((Cause, Client), u64)| (cause.name(), client.text(), count);
        Usage {
            clients: clients
                .rows()
                .map(|(client, count)| (client.text(), count))
                .collect(),
            agents: agents
                .rows()
                .map(|(agent, count)| (agent.text(), count))
                .collect(),
            refused_torrents: told(refused_torrents),
            refused_addresses: told(refused_addresses),
            refused_clients: refused_clients.rows().map(named).collect(),
        }
    }
}

fn told<K: Copy + Eq>(table: Frequent<(Cause, K)>) -> Vec<(&'static str, K, u64)> {
    let rows = table.rows();
    rows.map(|((cause, key), count)| (cause.name(), key, count))
        .collect()
}

/// What one subscriber has: an address of IPv4, 64 bits of IPv6.
fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_in_a_network_of_64_bits_are_one() {
        let mut samples = Samples::default();
        for ip in [
            "2001:db8:1:2::1",
            "2001:db8:1:2:ffff::1",
            "2001:db8:1:3::1",
            "192.0.2.1",
        ] {
            samples.refused(Cause::Rate, ip.parse().expect("an address"), None, 1);
        }
        let mut found = samples.usage().refused_addresses;
        found.sort_unstable();
        let row = |ip: &str, count| ("rate", ip.parse().expect("an address"), count);
        let expected = [
            row("192.0.2.1", 1),
            row("2001:db8:1:2::", 2),
            row("2001:db8:1:3::", 1),
        ];
        assert_eq!(found, expected);
    }
}
