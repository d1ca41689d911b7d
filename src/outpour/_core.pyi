"""The native half of outpour: hashing and tracking, on threads without the interpreter."""

from collections.abc import Sequence
from os import PathLike
from typing import Protocol, final, type_check_only

__all__ = [
    "Hashing",
    "Ledger",
    "Logged",
    "Snapshot",
    "Tracker",
    "__version__",
    "kernels",
    "list_folder",
]

__version__: str

@final
class Hashing:
    """Files being hashed by threads of their own; dropping the object stops them.

    Each byte is read once, whatever is computed of it. A file that is shorter, longer or newer at
    its end than at its beginning is a fault, not a hash.

    Example:
        >>> job = Hashing([("a.iso", 5_000_000)], 262_144, v1=True, v2=False)  # doctest: +SKIP
        >>> while not job.wait(0.05):
        ...     print(job.progress())
        >>> len(job.pieces())
        400
    """

    def __new__(
        cls,
        files: Sequence[tuple[str | bytes | PathLike[str] | None, int]],
        piece_length: int,
        *,
        v1: bool,
        v2: bool,
        threads: int = 0,
        kernel: str | None = None,
    ) -> Hashing:
        """Start hashing.

        Args:
            files: Path and length in bytes of each file, in the order of the torrent. A path of
                None is padding: so many zeros (BEP 47). With both `v1` and `v2`, padding must let
                every file begin at a piece; with `v2` alone, files do so without it (BEP 52).
            piece_length: Bytes; for `v2` a power of two from 16 KiB.
            v1: Compute the SHA-1 piece list (BEP 3).
            v2: Compute merkle roots and piece layers (BEP 52).
            threads: How many; 0 for one a core.
            kernel: Use only this one of `kernels()`.

        Raises:
            ValueError: The piece length, padding or kernel is impossible.
        """

    def wait(self, timeout_s: float) -> bool:
        """Wait, without holding the interpreter, until the job has finished; say whether it has.

        Raises:
            OSError: A file could not be read; `filename` says which. A file that changed meanwhile
                has `errno.ESTALE`.
            RuntimeError: The job was cancelled.
        """

    def progress(self) -> int:
        """Bytes of content hashed so far."""

    def cancel(self) -> None:
        """Ask the threads to stop, which they do within milliseconds, and return at once."""

    def pieces(self) -> bytes:
        """v1: 20 bytes a piece, once `wait` has returned True."""

    def roots(self) -> list[tuple[bytes, bytes]]:
        """v2: pieces root and piece layer of each of `files`, once `wait` has returned True.

        The layer is empty for files of at most one piece, both are for empty files and padding.
        """

def kernels() -> list[str]:
    """Names of the hashing kernels that this CPU can run, the best for many pieces first."""

def list_folder(
    folder: str | PathLike[str],
) -> list[tuple[str, int, int, int, int, int]]:
    """List a folder in the byte order of its names, without following links.

    Returns:
        For each entry its name, mode, device, inode, length in bytes and time of the last change in
        nanoseconds since 1970. All but the name are 0 where the entry's status cannot be had.

    Raises:
        OSError: The folder cannot be read.
    """

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
    * `full_scrape: bool` (False): answer a scrape that names no torrent with all of them.
    * `requests_per_address_per_s: int` (0), `requests_per_address_burst: int` (0): what one
      address, or IPv6 /64, may ask; 0 is no limit, and a burst is never below the rate.
    * `denied_clients: Sequence[bytes]` (none): beginnings of peer ids that are turned away.
    * `connections_max: int` (4096): open connections of each worker, beyond which the least active
      one is closed. Half the descriptors of the process are never used for them.
    * `log_max: int` (0): how many answered requests wait for `Tracker.logged`; those that find no
      room are counted as `unlogged`. 0 logs none and costs nothing.
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

@final
class Logged:
    """A request that the tracker answered: what a line of its log is written from.

    Over UDP announces are logged, once their connection id is proven; over HTTP announces and
    scrapes, refused ones too.
    """

    @property
    def at_s(self) -> float:
        """When it was answered, in seconds since 1970."""

    @property
    def host(self) -> str:
        """Address that asked; behind a trusted proxy, the address of the proxy's client."""

    @property
    def infohash(self) -> bytes | None:
        """None, with the next four, of a scrape and of an announce that could not be read."""

    @property
    def peer_id(self) -> bytes | None:
        """20 bytes that the client chose."""

    @property
    def port(self) -> int | None:
        """Where the peer listens."""

    @property
    def left(self) -> int | None:
        """Bytes still to download; 2**64 - 1 where the client did not say."""

    @property
    def event(self) -> str | None:
        """`started`, `completed`, `stopped`, `paused`, or empty."""

    @property
    def reached(self) -> bool | None:
        """The result, if this is no request but a NAT check of the peer that announced this."""

    @property
    def failure(self) -> str | None:
        """Why it was refused. Over UDP a refusal for want of room is not seen here."""

    @property
    def request(self) -> bytes | None:
        """Request line as it came, cut at 2 KiB; None over UDP, as are the next three."""

    @property
    def referer(self) -> bytes | None:
        """The field of that name, where there is one; cut at 2 KiB, as is the next."""

    @property
    def user_agent(self) -> bytes | None:
        """The client, by its own word, where it gives one."""

    @property
    def answer_bytes(self) -> int | None:
        """Bytes of the answer's body; 0 of a full scrape, which is sent later."""

@final
class Ledger:
    """Completed downloads by infohash, all that were ever counted, in 24 bytes each.

    It remembers which of them are not saved yet. Counters stop at 2**31 - 1. Where a method takes
    an infohash, one that has not 20 bytes is a ValueError.
    """

    def __new__(cls) -> Ledger:
        """Make an empty one."""

    def __len__(self) -> int:
        """Torrents with a counter."""

    def get(self, infohash: bytes) -> int:
        """The counter of a torrent, 0 if it has none."""

    def total(self) -> int:
        """All counters together."""

    def unsaved(self) -> int:
        """How many counters wait to be saved."""

    def absorb(self, tracker: Tracker, tell: int) -> list[tuple[bytes, int]]:
        """Count what was completed at a tracker since the last time.

        Returns:
            Up to `tell` of these torrents, with the new downloads of each.
        """

    def tell(self, tracker: Tracker) -> None:
        """Set the counters of a tracker to these, where they are higher."""

    def add(self, counts: Sequence[tuple[bytes, int]]) -> None:
        """Count so many more downloads of each torrent."""

    def load(self, counts: Sequence[tuple[bytes, int]]) -> None:
        """Take over values that are saved, where they are higher."""

    def take(self, limit: int) -> list[tuple[bytes, int]]:
        """Take up to `limit` counters to save."""

    def put_back(self, infohashes: Sequence[bytes]) -> None:
        """Let counters be taken again, their saving having failed."""

    def put_all_back(self) -> None:
        """Let every counter be taken again: where they were saved is gone."""

    def page(self, at: int, limit: int) -> tuple[list[tuple[bytes, int]], int | None]:
        """Up to `limit` counters from place `at` on, and where the next page begins.

        Nothing is to be added between the pages; the first begins at 0, and None follows the last.
        """

@final
class Snapshot:
    """The parts of a snapshot; put together they are what `restore` takes.

    Each is made when it is asked for, so that a large store is never in memory twice.
    """

    def __iter__(self) -> Snapshot:
        """Itself."""

    def __next__(self) -> bytes:
        """The next part."""

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
        """Start the threads.

        Raises:
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
        """Give these peers first in every answer to a leecher: the publisher's own seeds.

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

    def logged(self, limit: int) -> list[Logged]:
        """Take up to `limit` requests answered since they were last taken, the oldest first.

        Always empty unless the configuration has a `log_max`.
        """

    def counters(self) -> dict[str, int]:
        """Every count under its name: what was answered since the start, and what is held now.

        `announces_http`, `announces_udp`, `scrapes_http`, `scrapes_udp`, `connects_udp`,
        `errors_http`, `errors_udp` (answers that are errors), `refused` (those of them that gate or
        store refused), `dropped_udp` (packets without an answer), `unsent_udp`,
        `unlogged`, `connections_http`, `timed_out_http`, `evicted_http`, `nat_checks`,
        `nat_failures`, `handed_over`, `not_handed_over`, `bytes_in_http`, `bytes_out_http`,
        `bytes_in_udp`, `bytes_out_udp`; `torrents`, `peers_v4`, `peers_v6`,
        `seeders`, `expired`, `store_bytes`.
        """

    def peers(self, infohash: bytes, limit: int) -> list[tuple[str, int, bool]]:
        """Address, port and whether it seeds, of up to `limit` peers of a torrent."""
