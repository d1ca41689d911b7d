"""What a tracker is told at birth."""

from collections.abc import Sequence
from typing import Protocol, type_check_only

@type_check_only
class TrackerConfig(Protocol):
    """What `Tracker` reads from its argument, by attribute.

    These are required; the tracker also reads the following where they are present, and has its
    own defaults (in parentheses) where they are not:

    * `interval_jitter_percent: int` (10): how far each interval strays, so that peers who came
      together do not come back together.
    * `nat_check_attempts: int` (0): give a peer out only once a BitTorrent handshake with it, from
      the tracker, came back; try so many times, one an announce. Until then it counts and is given
      peers. Peers whose address was stated with `ip=` by one who may are not tried. 0 tries none.
    * `believe_every_ip: bool` (False): honour `ip=` of everyone; whoever announces can then aim the
      swarm at a victim.
    * `path_prefix: str` (empty): what may stand before the tracker's paths; `/files` has
      `/files/announce` answered as `/announce`.
    * `full_scrape: bool` (False): answer a scrape that names no torrent with all of them.
    * `requests_per_address_per_s: int` (0), `requests_per_address_burst: int` (0): what one
      address, or IPv6 /64, may ask; 0 is no limit, and a burst is never below the rate.
    * `denied_clients: Sequence[bytes]` (none): beginnings of peer ids that are turned away.
    * `connections_max: int` (4096): open connections of each worker, beyond which the least active
      one is closed. Half the descriptors of the process are never used for them.
    * `log_max: int` (0): how many answered requests wait for `Tracker.logged`; those that find no
      room are counted as `unlogged`. 0 logs none and costs nothing.
    * `log_sample: int` (1): one request in so many is logged.
    * `refusal_log_max: int` (0), `refusal_log_sample: int` (1): the same of requests that are
      refused, for `Tracker.logged_refusals`, beside the others.
    * `cluster_bytes_max: int` (0): act as one of several trackers, see `Cluster`, with so many
      bytes of events that wait; 0 is alone and costs nothing.
    * `cluster_parts: int` (1): ranges of infohashes whose events are taken apart from each other.
    * `cluster_node: int` (0): the number of this node below 2**64, the same after a restart and of
      no other node.
    * `torrents_max`, `peers_max`, `peers_per_torrent_max`, `peers_per_address_max: int`: how much
      is held.
    """

    @property
    def http(self) -> Sequence[tuple[str, int]]:
        """IP address and port to serve HTTP at; ports 0, also in `udp`, become one number."""

    @property
    def udp(self) -> Sequence[tuple[str, int]]:
        """IP address and port to serve UDP at (BEP 15)."""

    @property
    def workers(self) -> int:
        """Threads that serve; 0 for one a CPU."""

    @property
    def pin_workers(self) -> bool:
        """Keep each of them on a CPU of its own."""

    @property
    def interval_s(self) -> int:
        """How long a peer is asked to wait between announces."""

    @property
    def min_interval_s(self) -> int:
        """How long a peer has to wait."""

    @property
    def peers_per_answer(self) -> int:
        """Peers given to a client that names no number."""

    @property
    def peers_per_answer_max(self) -> int:
        """Peers given at most. A UDP answer holds 202, or 67 of IPv6."""

    @property
    def peer_timeout_s(self) -> int:
        """Silence after which a peer is dropped."""

    @property
    def connection_id_lifetime_s(self) -> int:
        """How long a UDP connection id is good, at least."""

    @property
    def trusted_proxies(self) -> Sequence[tuple[str, int]]:
        """Networks, as address and prefix, whose `X-Forwarded-For` and `ip=` are believed."""

    @property
    def private_networks(self) -> bool:
        """Believe `ip=` of private addresses, and give peers that have one to everyone.

        Otherwise such peers are given only to who asks from a private address, and peers on
        loopback only to who asks from there.
        """
