"""How each tracker under comparison is configured for one load on one loopback port."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from harness import programs
from harness.programs import Command


@dataclass(frozen=True, slots=True)
class Setting:
    """What a tracker is set up for."""

    port: int
    folder: Path
    numwant: int
    is_kept: bool
    population: tuple[str, ...]
    peers_in_answer: int
    host: str = "127.0.0.1"
    workers: int = 1

    @property
    def address(self) -> str:
        """The address to serve at."""
        return f"{self.host}:{self.port}"

    def write(self, name: str, text: str) -> str:
        """Write a configuration file; trackers that drop their rights must be able to read it."""
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o644)
        return str(path)


@dataclass(frozen=True, slots=True)
class Tracker:
    """One contender: `setup` gives its command, or `None` when the program is not here."""

    name: str
    setup: Callable[[Setting], Command | None]
    listens_on_tcp: bool = True


def _outpour(setting: Setting) -> Command:
    state = str(setting.folder / "state.db")
    workers = str(setting.workers)
    flags = ["--open", "--workers", workers, "--state", state, "--listen", setting.address]
    return [*programs.outpour(), "track", *flags]


def _opentracker(setting: Setting) -> Command | None:
    """Prefer a build for all torrents; that of distributions wants a list of them."""
    program = programs.find("opentracker-kept" if setting.is_kept else "opentracker")
    if program is None:
        return None
    lines = [f"listen.udp.workers {setting.workers}", f"listen.tcp_udp {setting.address}"]
    if program.parent != programs.cache() / "bin":
        listed = subprocess.run(
            [programs.loadgen(), "--print-infohashes", *setting.population],
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        lines.append(f"access.whitelist {setting.write('whitelist', listed)}")
    return [str(program), "-f", setting.write("opentracker.conf", "\n".join(lines) + "\n")]


def _aquatic_udp(setting: Setting, use_io_uring: str) -> Command | None:
    config = (
        f'socket_workers = {setting.workers}\n[network]\naddress = "{setting.address}"\n'
        f"use_io_uring = {use_io_uring}\n[protocol]\nmax_response_peers = {setting.numwant}\n"
    )
    return programs.call("aquatic_udp", "-c", setting.write("aquatic.toml", config))


def _aquatic_http(setting: Setting) -> Command | None:
    config = (
        f'[network]\naddress = "{setting.address}"\nkeep_alive = {str(setting.is_kept).lower()}\n'
        f"[protocol]\nmax_peers = {setting.numwant}\n"
    )
    return programs.call("aquatic_http", "-c", setting.write("aquatic.toml", config))


def _limit(setting: Setting, command: str) -> Command:
    kept = ["--kept-alive"] if setting.is_kept else []
    peers_in_answer = ["--peers-in-answer", str(max(1, setting.peers_in_answer))]
    return [str(programs.loadgen()), command, setting.address, *peers_in_answer, *kept]


OUTPOUR = Tracker("outpour", _outpour)
ONE_WORKER = Tracker("outpour, one worker", lambda it: _outpour(replace(it, workers=1)))
OPENTRACKER = Tracker("opentracker", _opentracker)
LIMIT_UDP = Tracker("limit", lambda it: _limit(it, "limit-udp"), listens_on_tcp=False)
LIMIT_HTTP = Tracker("limit", lambda it: _limit(it, "limit-http"))
AQUATIC_MIO = Tracker("aquatic mio", lambda it: _aquatic_udp(it, "false"), listens_on_tcp=False)
AQUATIC_URING = Tracker(
    "aquatic io_uring", lambda it: _aquatic_udp(it, "true"), listens_on_tcp=False
)
AQUATIC_HTTP = Tracker("aquatic_http", _aquatic_http)


def install() -> None:
    """Build what is not packaged, or is packaged in a form that cannot be compared."""
    programs.install_crate("aquatic_udp", "mimalloc", "io-uring")
    programs.install_crate("aquatic_http", "mimalloc")
    script = Path(__file__).parent / "opentracker.sh"
    programs.run_script(["bash", str(script), str(programs.cache())])
