"""The tracker: sockets, threads and swarms."""

from collections.abc import Sequence
from typing import final

from outpour._core.logged import Logged
from outpour._core.snapshot import Snapshot
from outpour._core.tracker_config import TrackerConfig
from outpour._core.usage import Usage

@final
class Tracker:
    """A tracker on threads of its own: HTTP and UDP, IPv4 and IPv6, one store.

    It is bound from birth, serves between `start` and `stop`, and keeps its store until it is
    dropped. All methods may be called from any thread; those that copy much or wait let others run.

    Example:
        >>> tracker = Tracker(config)  # doctest: +SKIP
        >>> tracker.start()
        >>> tracker.allow([infohash])
        >>> tracker.torrents()
        [(b'...', 1, 0, 0)]
        >>> tracker.stop()
    """

    def __new__(cls, config: TrackerConfig) -> Tracker:
        """Bind every address, or none.

        Raises:
            OSError: An address is taken, forbidden or not of this machine; `filename` is its
                `HOST:PORT`.
            ValueError: A host is no IP address, or a network is none.
        """

    def start(self) -> None:
        """Start the threads, all or none.

        Raises:
            OSError: The system has no thread or descriptor left; nothing runs, and no port is open.
            RuntimeError: It was started already.
        """

    def stop(self) -> None:
        """End the threads and free the ports; the store stays. Does nothing the second time."""

    @property
    def http_addresses(self) -> list[tuple[str, int]]:
        """Where HTTP is served, with the ports that were given as 0."""

    @property
    def udp_addresses(self) -> list[tuple[str, int]]:
        """Where UDP is served, with the ports that were given as 0."""

    @property
    def handoff_fd(self) -> int:
        """Readable while connections wait to be taken. It belongs to the tracker."""

    def take_connections(self) -> list[tuple[int, bytes]]:
        """Take the connections whose request is not for the tracker.

        Each is a descriptor that now belongs to the caller, not blocking, with the bytes already
        read from it. While 1024 wait, more are answered with 503.
        """

    def give_back(self, fd: int, read: bytes) -> None:
        """Go on with a connection that was taken, once its request is answered.

        Whatever it asks for next is answered as on a new one, and what is not for the tracker is to
        be taken again.

        Args:
            fd: The descriptor, not blocking; it belongs to the tracker from now on.
            read: What was read from it and not answered.
        """

    def allow(self, infohashes: Sequence[bytes] | None) -> None:
        """Replace the allowed set, all at once; None lets in every torrent.

        Raises:
            ValueError: An infohash has not 20 bytes.
        """

    def allow_more(self, infohashes: Sequence[bytes]) -> None:
        """Add to the allowed set, at a cost that hardly depends on its size.

        Nothing changes where every torrent is let in.

        Raises:
            ValueError: An infohash has not 20 bytes.
        """

    def disallow(self, infohashes: Sequence[bytes]) -> None:
        """Take out of the allowed set, as `allow_more` adds to it.

        Raises:
            ValueError: An infohash has not 20 bytes.
        """

    def deny(self, infohashes: Sequence[bytes]) -> None:
        """Replace the set of torrents that are refused whatever is allowed.

        Raises:
            ValueError: An infohash has not 20 bytes.
        """

    def set_keys(self, keys: Sequence[str] | None) -> None:
        """Ask for one of these keys in `/KEY/announce` (over UDP: BEP 41); None for no key."""

    def ban(self, ranges: Sequence[tuple[str, str]]) -> None:
        """Turn away who asks from these addresses: first and last of each range, both included.

        Replaces the ranges of before, all at once, and counts more than `admit`. What is there of
        peers at these addresses times out.

        Raises:
            ValueError: A bound is no IP address, or a range ends before it begins.
        """

    def admit(self, ranges: Sequence[tuple[str, str]] | None) -> None:
        """Serve these addresses alone, given as to `ban`; None serves all.

        Raises:
            ValueError: As `ban` does.
        """

    def deny_clients(self, prefixes: Sequence[bytes]) -> None:
        """Replace the beginnings of peer ids that are turned away (BEP 20)."""

    def set_pace(self, interval_s: int, min_interval_s: int, peers_per_answer: int) -> None:
        """Change what is asked of peers from now on.

        Args:
            interval_s: As in the configuration; it must stay below `peer_timeout_s`.
            min_interval_s: As in the configuration.
            peers_per_answer: As in the configuration, capped by `peers_per_answer_max`.
        """

    def set_rate(self, per_s: int, burst: int) -> None:
        """Change how many requests a second an address may make, and at once; 0 is no limit."""

    def set_notices(self, notices: Sequence[tuple[bytes, str | None, str | None]]) -> None:
        """Replace what single torrents have to say to those who announce them.

        Args:
            notices: Infohash; why its announces are refused, None if they are not; what is told
                with every answer over HTTP, None for nothing. UDP has no place for the latter, and
                cuts the former to the length of the request.

        Raises:
            ValueError: An infohash has not 20 bytes.
        """

    def set_origins(self, origins: Sequence[tuple[str, int]]) -> None:
        """Give these peers first to whoever may want data: the publisher's own seeds.

        Raises:
            ValueError: A host is no IP address.
        """

    def forget(self, infohash: bytes) -> bool:
        """Drop a torrent with its peers and counter; say whether it was there."""

    def torrents(self) -> list[tuple[bytes, int, int, int]]:
        """Infohash, complete, incomplete and downloaded of every torrent, in no order."""

    def torrents_page(
        self, at: int, limit: int
    ) -> tuple[list[tuple[bytes, int, int, int]], int | None]:
        """Torrents as `torrents` has them, a page at a time, so that a million do not block.

        Args:
            at: Where the page begins: 0, or what came with the last page.
            limit: Rows of a page, unless fewer are left; there may be some more.

        Returns:
            The rows, and where the next page begins; None after the last. A torrent that is there
            all the while is on one page, once.
        """

    def largest(self, limit: int) -> list[tuple[bytes, int, int, int]]:
        """Up to `limit` torrents as `torrents` has them, those with the most peers first.

        Torrents without peers are left out.
        """

    def counts(self, infohashes: Sequence[bytes]) -> tuple[int, int, int] | None:
        """Complete, incomplete and downloaded of one torrent; None if it is not known.

        Args:
            infohashes: All that it is announced under: two of a hybrid (BEP 52). A peer that is in
                several swarms counts once, and as a seeder if it seeds in any. Downloads are the
                most of any one, as a client reports them under each that it knows.

        Raises:
            ValueError: An infohash has not 20 bytes.
        """

    def unique_ips(self) -> tuple[int, int]:
        """Distinct addresses of seeders, and of leechers, over all swarms."""

    def recall_counted(self, marks: bytes) -> None:
        """Keep downloads from being counted again that an earlier run has counted.

        Args:
            marks: What `CountBatch.marks` gave of them, the latest 65,536, the earliest first.
        """

    def counted(self) -> bytes:
        """The marks of the downloads counted lately, as `recall_counted` takes them."""

    def snapshot(self) -> Snapshot:
        """The swarms as versioned and checksummed bytes in parts; ages in them are relative."""

    def restore(self, snapshot: bytes, age_s: int) -> int:
        """Take in a snapshot made `age_s` seconds ago; return how many peers it brought.

        Raises:
            ValueError: It is damaged, or of an unknown version.
        """

    def insert(self, infohash: bytes, peers: Sequence[tuple[str, int, bool]]) -> int:
        """Take in peers of another tracker, as if they had just announced; return how many are new.

        Args:
            infohash: Of their torrent.
            peers: Address, port and whether it seeds, of each.

        Raises:
            ValueError: An infohash has not 20 bytes, or an address is none.
        """

    def list_seeder(self, infohash: bytes, host: str, port: int) -> None:
        """Put a seeder of this process into a swarm, or keep it there, as if it had just announced.

        Raises:
            ValueError: An infohash has not 20 bytes, or the address is none.
        """

    def unlist_seeder(self, infohash: bytes, host: str, port: int) -> None:
        """Take a seeder of this process out of a swarm.

        Raises:
            ValueError: As `list_seeder` does.
        """

    def logged(self, limit: int) -> list[Logged]:
        """Take up to `limit` requests answered since they were last taken, the oldest first.

        Always empty unless the configuration has a `log_max`.
        """

    def logged_refusals(self, limit: int) -> list[Logged]:
        """Take up to `limit` requests refused since they were last taken, the oldest first.

        Always empty unless the configuration has a `refusal_log_max`.
        """

    def forwarder(self) -> str | None:
        """The first address that passed on requests of others and is no trusted proxy, if any did.

        All who ask through it count as one.
        """

    def fault(self) -> str | None:
        """Why a thread ended that was not told to, if one did.

        All have ended then, nothing is answered any more, and only a new process can go on.
        """

    @property
    def fault_fd(self) -> int:
        """Readable once there is a fault. It belongs to the tracker."""

    def counters(self) -> dict[str, int]:
        """Every count under its name: what was answered since the start, and what is held now.

        `announces_http`, `announces_udp`, `scrapes_http`, `scrapes_udp`, `connects_udp`: answered;
        `errors_http`, `errors_udp`: answered with an error; `refused_CAUSE` with each cause of
        `request_counts`; `dropped_udp` (packets without an answer), `unsent_udp`, `unlogged`,
        `unlogged_refusals`, `connections_http`, `timed_out_http`, `evicted_http`, `nat_checks`,
        `nat_failures`, `handed_over`, `handed_back`, `not_handed_over`, `bytes_in_http`,
        `bytes_out_http`, `bytes_in_udp`, `bytes_out_udp`; `torrents`, `peers_v4`, `peers_v6`,
        `seeders`, `expired`, `store_bytes`. One of several has those of `Cluster` too.
        """

    def request_counts(self) -> list[tuple[str, str, str, str | None, int]]:
        """What was asked since the start and what became of it, everything that can be once.

        Returns:
            Protocol (`http`, `udp`), family of the address that asked (`ipv4`, `ipv6`), what was
            asked (`announce`, `scrape`, `connect`, `unclear`), what stood against it, and how
            often. The cause is None where it was answered, else `malformed`, `torrent`, `key`,
            `client`, `address`, `rate`, `full`, `connection_id` or `full_scrape`.
        """

    def latencies(self) -> list[tuple[str, list[tuple[int, int]], int, float]]:
        """How long answers took since the start, by protocol.

        From a batch of requests being read to its answers being handed to the system, of one batch
        in 16; each of its requests counts with the time of the batch.

        Returns:
            Protocol; upper bounds in microseconds, rising, each with how many took no longer and
            longer than the bound before; how many took longer than the last; all in seconds.
        """

    def take_usage(self) -> Usage:
        """Take what was seen of clients and refusals since it was last taken."""

    def take_key_uses(self) -> list[tuple[str, int, int]]:
        """Take the keys that were announced with since they were last taken.

        Returns:
            Key, exactly how many announces, and how many seconds ago the last one came.
        """

    def take_arrivals(self, limit: int) -> tuple[list[tuple[bytes, str, int]], bool]:
        """Take up to `limit` leechers that came since they were last taken, the earliest first.

        One that stopped and came back, or seeded before, has come too.

        Returns:
            Infohash, address and port of each, and whether others came that are not among them,
            now or later: those before the first call, or since too many came at once. Who comes to
            a crowd of leechers is never among them, nor is who waits for a check.
        """

    def peers(self, infohash: bytes, limit: int) -> list[tuple[str, int, bool]]:
        """Address, port and whether it seeds, of up to `limit` peers of a torrent."""
