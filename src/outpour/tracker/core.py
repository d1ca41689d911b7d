"""Turn settings into the core's configuration, and its faults into ours.

The core's tracker is there on Linux alone; here it is said where it is not.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import sys
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from outpour import _core
from outpour.base.errors import NetworkError, OutpourError, UsageError, reason
from outpour.base.host_port import Address
from outpour.tracker.lists.client_prefixes import prefixes_of
from outpour.tracker.settings import TrackerSettings

if TYPE_CHECKING:
    from outpour._core import Tracker

_HINTS = {
    errno.EADDRINUSE: "another program listens there; stop it, or choose another port with "
    "`--listen`",
    errno.EACCES: "ports below 1024 need the right to bind them; choose a higher one with "
    "`--listen`, or grant CAP_NET_BIND_SERVICE",
    errno.EADDRNOTAVAIL: "no interface of this machine has that address; `:PORT` listens on all",
}


QUEUE_BYTES_MAX = 64 << 20
"""Events for the other nodes of a cluster that wait while its server is gone: two million."""


@dataclass(frozen=True, slots=True)
class CoreConfig:
    """What the core takes at birth; it reads these attributes by name."""

    http: tuple[tuple[str, int], ...]
    udp: tuple[tuple[str, int], ...]
    workers: int
    pin_workers: bool
    interval_s: int
    min_interval_s: int
    interval_jitter_percent: int
    peers_per_answer: int
    peers_per_answer_max: int
    peer_timeout_s: int
    connection_id_lifetime_s: int
    path_prefix: str
    trusted_proxies: tuple[tuple[str, int], ...]
    private_networks: bool
    full_scrape: bool
    requests_per_address_per_s: int
    requests_per_address_burst: int
    denied_clients: tuple[bytes, ...]
    nat_check_attempts: int
    believe_every_ip: bool
    log_max: int
    log_sample: int
    refusal_log_max: int
    refusal_log_sample: int
    connections_max: int
    torrents_max: int
    peers_max: int
    peers_per_torrent_max: int
    peers_per_address_max: int
    cluster_bytes_max: int
    cluster_parts: int
    cluster_node: int

    @classmethod
    def of(
        cls, settings: TrackerSettings, *, log_max: int = 0, node: bytes | None = None
    ) -> CoreConfig:
        """Derive the configuration from the settings; what is named alike is taken as it is."""
        sockets = tuple(pair for address in settings.addresses for pair in _sockets(address))
        derived: dict[str, Any] = {
            "http": sockets,
            "udp": sockets if settings.udp else (),
            "workers": workers_of(settings),
            "peer_timeout_s": settings.peer_timeout_in_effect_s,
            # A proxy in front may take the path off or leave it: both are answered.
            "path_prefix": _path_of(settings.public_url),
            "trusted_proxies": tuple(_network(text) for text in settings.trusted_proxies),
            "denied_clients": tuple(prefixes_of(settings.denied_clients)),
            # A second of lines waits; the core leaves out what is more.
            "log_max": log_max or (settings.log_lines_per_s if settings.access_log else 0),
            "log_sample": settings.access_log_sample,
            "refusal_log_max": settings.log_lines_per_s if settings.refusal_log else 0,
            "cluster_bytes_max": 0 if node is None else QUEUE_BYTES_MAX,
            "cluster_parts": max(1, len(settings.cluster)),
            "cluster_node": int.from_bytes(node or b"", "big"),
        }
        plain = {
            one.name: getattr(settings, one.name) for one in fields(cls) if one.name not in derived
        }
        return cls(**plain, **derived)


def check_system() -> None:
    """Say whether a tracker can run on this system, before anything of it is imported.

    Raises:
        UsageError: It cannot, as the core was built without one.
    """
    if not hasattr(_core, "Tracker"):
        raise UsageError(
            f"`{sys.platform}`: a tracker runs on Linux only",
            hint="make, show, edit and verify torrents here; run `outpour track` and "
            "`outpour publish` on Linux",
        )


def workers_of(settings: TrackerSettings) -> int:
    """How many threads answer."""
    return settings.workers or len(os.sched_getaffinity(0))


def connections_of(settings: TrackerSettings, open_files: int) -> int:
    """How many connections the threads together keep at most where so many files may be open."""
    workers = workers_of(settings)
    # The core leaves half of the descriptors to what is handed over, and to files.
    return min(settings.connections_max, open_files // 2 // workers) * workers


def bind(settings: TrackerSettings, *, log_max: int = 0, node: bytes | None = None) -> Tracker:
    """Make a core that has its addresses and does not serve yet.

    Args:
        settings: What the operator chose.
        log_max: How many answered requests wait to be written down; 0 for no log.
        node: The 8 bytes of this tracker where it is one of several.

    Raises:
        NetworkError: An address is taken, forbidden or not ours.
        UsageError: This system is not Linux.
    """
    check_system()
    try:
        return _core.Tracker(CoreConfig.of(settings, log_max=log_max, node=node))
    except OSError as error:
        where = error.filename or ", ".join(settings.listen)
        raise NetworkError(
            f"`{where}`: {reason(error)}", hint=_HINTS.get(error.errno or 0)
        ) from error


async def until_fault(core: Tracker) -> NoReturn:
    """Wait until a thread of the core has ended unasked, and the core with it.

    Raises:
        OutpourError: That has happened; only a new process can answer again.
    """
    loop = asyncio.get_running_loop()
    has_ended = asyncio.Event()
    loop.add_reader(core.fault_fd, has_ended.set)
    try:
        await has_ended.wait()
    finally:
        loop.remove_reader(core.fault_fd)
    raise OutpourError(
        f"no announce is answered any more: {core.fault()}; this is a bug in outpour",
        hint="start it again; everything that was counted is saved",
    )


def _sockets(address: Address) -> tuple[tuple[str, int], ...]:
    if not address.host and not _has_ipv6():
        return tuple(pair for pair in address.sockets if ":" not in pair[0])
    return address.sockets


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as trial:
            trial.bind(("::", 0))
    except OSError:
        return False
    return True


def _path_of(url: str | None) -> str:
    """What may stand before the tracker's paths; a URL that is none is told elsewhere."""
    try:
        return urlsplit(url or "").path.rstrip("/")
    except ValueError:
        return ""


def _network(text: str) -> tuple[str, int]:
    host, _, prefix = text.partition("/")
    return host, int(prefix)
