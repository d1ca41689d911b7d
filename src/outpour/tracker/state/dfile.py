"""Turn the state file of the classic trackers (`--dfile`) into values and back.

    d 9:completed d <20 B infohash> i<n>e ... e
      5:peers     d <infohash> d <20 B peer id> d [8:given ip s] 2:ip s [3:key s]
                                                4:left i [3:nat i] 4:port i e ... e ... e e

BitTornado adds `supportcrypto` and `requirecrypto` to each peer and refuses files without them;
3.4.2 ignores them. The oldest files are the dictionary of peers alone. All are read; what is
written has the keys of both, so that one can go back to either.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from outpour.base.errors import BencodeError, FormatError, ReadError, reason
from outpour.base.files import write_atomically
from outpour.torrent import bencode
from outpour.torrent.bencode import Limits, Value
from outpour.tracker.figures import Peer

LIMITS = Limits(depth=8, length=512 << 20, tokens=50_000_000, integer_digits=1000)
"""200,000 peers are 18 MB; these trackers stop being usable long before the limit. They keep
whatever number a client sends."""

INFOHASH_BYTES = 20
COMPLETED_MAX = (1 << 63) - 1
LEFT_MAX = (1 << 63) - 1
_COUNTERS = b"d9:completed"
_PEER_ID_PREFIX = b"-OP0000-"


@dataclass(frozen=True, slots=True)
class Dfile:
    """What a classic state file says.

    Attributes:
        completed: Downloads by infohash.
        peers: Swarms by infohash; addresses that the tracker handed out.
        skipped: Entries that make no sense and were left out.
        damage: Why all but the counters is missing; None if it is not.
    """

    completed: Mapping[bytes, int] = field(default_factory=dict)
    peers: Mapping[bytes, tuple[Peer, ...]] = field(default_factory=dict)
    skipped: int = 0
    damage: str | None = None


def read(path: Path) -> Dfile:
    """Read a state file.

    Raises:
        ReadError: It cannot be read.
        FormatError: It is not a state file at all; single bad entries are only left out.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(LIMITS.length + 1)
    except OSError as error:
        raise ReadError(f"`{path}`: {reason(error)}") from error
    try:
        return parse(raw)
    except FormatError as error:
        raise FormatError(f"`{path}`: {error.message}") from None


def write(path: Path, dfile: Dfile) -> None:
    """Write a state file as a whole: readers see the old one or the new one.

    Raises:
        WriteError: It cannot be written; what was there before is untouched.
    """
    write_atomically(path, encode(dfile))


def parse(raw: bytes) -> Dfile:
    """Read the bytes of a state file.

    Raises:
        FormatError: They are not one.
    """
    damage: str | None = None
    try:
        root = bencode.decode(raw, limits=LIMITS, strict=False)
    except BencodeError as error:
        damage = f"not a classic state file: {error.message}"
        root = _counters_alone(raw, damage)
    if not isinstance(root, dict):
        raise FormatError("not a classic state file: not a dictionary")
    if b"peers" not in root and b"completed" not in root:
        if root and not any(len(key) == INFOHASH_BYTES for key in root):
            raise FormatError("not a classic state file: it names no torrents")
        root = {b"peers": root}
    swarms = _dictionary(root.get(b"peers"))
    counts = _dictionary(root.get(b"completed"))
    completed = {
        infohash: count
        for infohash, count in counts.items()
        if len(infohash) == INFOHASH_BYTES
        and isinstance(count, int)
        and 0 <= count <= COMPLETED_MAX
    }
    skipped = len(counts) - len(completed)
    peers: dict[bytes, tuple[Peer, ...]] = {}
    for infohash, swarm in swarms.items():
        if len(infohash) != INFOHASH_BYTES or not isinstance(swarm, dict):
            skipped += 1
            continue
        read_ones = [_peer(entry) for entry in swarm.values()]
        good = tuple(peer for peer in read_ones if peer is not None)
        skipped += len(read_ones) - len(good)
        if good:
            peers[infohash] = good
    return Dfile(completed, peers, skipped, damage)


def encode(dfile: Dfile) -> bytes:
    """Write the bytes of a state file that 3.4.2 and BitTornado read.

    IPv6 peers are left out, because 3.4.2 would hand them out as if they were IPv4.
    """
    swarms = {
        infohash: {_peer_id(peer): _entry(peer) for peer in peers if ":" not in peer.host}
        for infohash, peers in dfile.peers.items()
    }
    return bencode.encode({b"completed": dict(dfile.completed), b"peers": swarms})


def _counters_alone(raw: bytes, damage: str) -> dict[bytes, Value]:
    """What stands before the swarms, of a file that is damaged or cut short further on."""
    if raw.startswith(_COUNTERS):
        with contextlib.suppress(BencodeError):
            counters = bencode.decode(raw[len(_COUNTERS) :], limits=LIMITS, strict=False)
            return {b"completed": counters}
    raise FormatError(damage) from None


def _dictionary(value: Value | None) -> dict[bytes, Value]:
    return value if isinstance(value, dict) else {}


def _peer(entry: Value) -> Peer | None:
    if not isinstance(entry, dict):
        return None
    left, port = entry.get(b"left"), entry.get(b"port")
    # The address handed out is `given ip` (BitTornado spells it `given_ip`) where there is one.
    host = entry.get(b"given ip", entry.get(b"given_ip", entry.get(b"ip")))
    if not (
        isinstance(left, int)
        and 0 <= left <= LEFT_MAX
        and isinstance(port, int)
        and 0 < port <= 65535
    ):
        return None
    try:
        address = ipaddress.ip_address(host.decode("ascii") if isinstance(host, bytes) else "")
    except ValueError:
        return None
    return Peer(str(address), port, is_seeder=left == 0)


def _entry(peer: Peer) -> dict[bytes, int | bytes]:
    return {
        b"ip": peer.host.encode("ascii"),
        b"left": 0 if peer.is_seeder else 1,
        b"nat": 0,
        b"port": peer.port,
        b"requirecrypto": 0,
        b"supportcrypto": 0,
    }


def _peer_id(peer: Peer) -> bytes:
    # Peer ids are not kept by this tracker; the classic ones need a distinct one for each peer.
    address = f"{peer.host}:{peer.port}".encode("ascii")
    digest = hashlib.sha1(address, usedforsecurity=False).digest()
    return _PEER_ID_PREFIX + digest[: INFOHASH_BYTES - len(_PEER_ID_PREFIX)]
