"""What trackers are asked under measurement, table by table."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness import trackers
from harness.trackers import Tracker

Words = tuple[str, ...]

UDP = (
    trackers.OUTPOUR,
    trackers.LIMIT_UDP,
    trackers.OPENTRACKER,
    trackers.AQUATIC_MIO,
    trackers.AQUATIC_URING,
)
HTTP = (trackers.OUTPOUR, trackers.LIMIT_HTTP, trackers.OPENTRACKER, trackers.AQUATIC_HTTP)
REAL = (trackers.OUTPOUR, trackers.OPENTRACKER, trackers.AQUATIC_MIO)


@dataclass(frozen=True, slots=True)
class Load:
    """One table of the page, or one row of the table of shapes: what is asked of whom.

    Attributes:
        population: Words of the load generator that say which torrents and peers there are.
        numwant: Peers that each announce wants.
        options: Words that say how is asked.
        quick, full: Words that say for how long.
        peers, torrents: How many are held, where memory is what is measured.
        share: Of what the tracker can do at most, where latency is what is measured.
        is_watched: The page is open in the meantime, and a snapshot is taken.
    """

    name: str
    title: str
    protocol: str
    population: Words
    contenders: tuple[Tracker, ...]
    numwant: int
    options: Words = ()
    quick: Words = ("--warm-up", "1", "--duration", "2")
    full: Words = ("--populate", "--warm-up", "1", "--duration", "4")
    peers: int = 0
    torrents: int = 0
    share: float = 0
    is_watched: bool = False
    host: str = "127.0.0.1"
    workers: int = 1


POWER_LAW = ("--profile", "power-law")
SMALL = (*POWER_LAW, "--peers", "100000", "--scrape-share", "0")
EVEN = ("--profile", "uniform", "--peers", "3000000", "--sources", "64", "--sockets", "64")
ALONE = (
    "--profile", "uniform", "--torrents", "1000000", "--peers", "1000000",
    "--sources", "64", "--sockets", "64",
)  # fmt: skip
FILL = ("--scrape-share", "0", "--numwant", "1", "--populate")
MOMENT = ("--warm-up", "0", "--duration", "0.2")

RATES = (
    Load(
        "udp-power-law",
        "UDP: 10 k torrents, 1 M peers, power law, 50 wanted, 5 % scrapes",
        "udp",
        POWER_LAW,
        UDP,
        numwant=50,
        quick=("--peers", "200000", "--populate", "--warm-up", "1", "--duration", "2"),
    ),
    Load(
        "udp-aquatic",
        "UDP: the mix of aquatic's load test, 1 M torrents, 2 M peers, 30 wanted, 1 % scrapes",
        "udp",
        ("--profile", "aquatic"),
        UDP,
        numwant=30,
        quick=("--warm-up", "3", "--duration", "2"),
        # Longer than the counters of so many first completions take to be saved.
        full=("--populate", "--warm-up", "8", "--duration", "4"),
    ),
    Load(
        "http-each",
        "HTTP: a connection for each announce",
        "http",
        SMALL,
        HTTP,
        numwant=50,
        full=("--warm-up", "2", "--duration", "5"),
    ),
    Load(
        "http-kept",
        "HTTP: connections kept alive",
        "http",
        SMALL,
        HTTP,
        numwant=50,
        options=("--kept-alive",),
        full=("--warm-up", "2", "--duration", "5"),
    ),
    Load(
        "udp-workers",
        "UDP: two workers, on two free cores twice as fast as this ratio to one says",
        "udp",
        POWER_LAW,
        (trackers.OUTPOUR, trackers.ONE_WORKER),
        numwant=50,
        quick=("--peers", "200000", "--populate", "--warm-up", "1", "--duration", "2"),
        workers=2,
    ),
)

_LATENCY = Load(
    "udp-latency",
    "UDP: latency",
    "udp",
    POWER_LAW,
    REAL,
    numwant=50,
    quick=("--peers", "100000", "--warm-up", "1", "--duration", "3"),
    full=("--peers", "300000", "--populate", "--warm-up", "1", "--duration", "8"),
)

LATENCIES = (
    replace(
        _LATENCY,
        name="udp-latency-50",
        title="UDP: latency at 50 % of what each tracker can do on its core",
        share=0.5,
    ),
    replace(
        _LATENCY,
        name="udp-latency-90",
        title="UDP: latency at 90 % of what each tracker can do on its core",
        share=0.9,
    ),
    replace(
        _LATENCY,
        name="udp-latency-watched",
        title="UDP: latency at 50 %, with a snapshot, expiry and the page open",
        contenders=(trackers.OUTPOUR,),
        share=0.5,
        is_watched=True,
        full=("--peers", "300000", "--populate", "--warm-up", "1", "--duration", "60"),
    ),
)

MEMORIES = (
    Load(
        "memory-peers",
        "Memory: 3 M peers in 10 k torrents",
        "udp",
        EVEN,
        REAL,
        numwant=0,
        options=FILL,
        quick=MOMENT,
        full=MOMENT,
        peers=3_000_000,
    ),
    Load(
        "memory-torrents",
        "Memory: 1 M torrents of one peer",
        "udp",
        ALONE,
        REAL,
        numwant=0,
        options=FILL,
        quick=MOMENT,
        full=MOMENT,
        torrents=632_000,  # that many of a million are met by a million peers who choose freely
    ),
)


def _shape(name: str, *words: str, host: str = "127.0.0.1") -> Load:
    return Load(
        "shape",
        name,
        "udp",
        words,
        UDP,
        numwant=50,
        quick=("--warm-up", "1", "--duration", "1"),
        full=("--populate", "--warm-up", "1", "--duration", "3"),
        host=host,
    )


_MILLION = ("--peers", "1000000")

SHAPES = (
    _shape("uniform, 1 k torrents", "--profile", "uniform", "--torrents", "1000", *_MILLION),
    _shape("uniform, 100 k torrents", "--profile", "uniform", "--torrents", "100000", *_MILLION),
    _shape("uniform, 1 M torrents", "--profile", "uniform", "--torrents", "1000000", *_MILLION),
    _shape(
        "power law, 1 k torrents, the largest of 134 k peers",
        *POWER_LAW, "--torrents", "1000", *_MILLION,
    ),
    _shape("power law, 100 k torrents", *POWER_LAW, "--torrents", "100000", *_MILLION),
    _shape("power law, 1 M torrents", *POWER_LAW, "--torrents", "1000000", *_MILLION),
    _shape(
        "power law, 10 k torrents, announces only", *POWER_LAW, *_MILLION, "--scrape-share", "0"
    ),
    _shape(
        "power law, 10 k torrents, IPv6, 50 k peers", *POWER_LAW, "--peers", "50000", host="[::1]"
    ),
)  # fmt: skip
