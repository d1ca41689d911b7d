"""How one torrent is doing, as a frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from outpour.engine.binding import lt
from outpour.engine.error_codes import errno_of, lowered, reason_of
from outpour.engine.foreign_text import text_of

State = Literal["checking", "metadata", "downloading", "finished", "seeding", "paused", "error"]
Mode = Literal["seed", "download"]

_STATES: dict[str, State] = {
    "queued_for_checking": "checking",
    "checking_files": "checking",
    "checking_resume_data": "checking",
    "allocating": "checking",
    "downloading_metadata": "metadata",
    "downloading": "downloading",
    "finished": "finished",
    "seeding": "seeding",
}


@dataclass(frozen=True, slots=True)
class Status:
    """How one torrent is doing.

    Attributes:
        infohash: 20 bytes, as on the tracker wire.
        name: The torrent's name; of a magnet link without one, the infohash in hexadecimal.
        state: `finished` has all that is wanted, `seeding` all there is.
        progress: 0 to 1 of what is wanted; of the check while `checking`.
        total: Bytes wanted.
        done: Bytes wanted that are on disk and matched their hashes.
        down_rate: Content bytes a second received.
        up_rate: Content bytes a second sent.
        downloaded: Content bytes received, over all runs.
        uploaded: Content bytes sent, over all runs.
        peers: Connected peers, web seeds among them.
        seeds: Connected peers that have everything.
        error: Why the state is `error`, else None.
        errno: The operating system's number of the error, 0 when it is not the system's.
        save_path: The folder that holds the torrent's root file or folder.
        seeding_s: Seconds spent with everything that is wanted.
        candidates: Peers that are known, not connected, and worth an attempt soon.
        known_peers: Peers that were ever heard of.
    """

    infohash: bytes
    name: str
    state: State
    progress: float
    total: int
    done: int
    down_rate: int
    up_rate: int
    downloaded: int
    uploaded: int
    peers: int
    seeds: int
    error: str | None
    save_path: Path
    seeding_s: int = 0
    candidates: int = 0
    known_peers: int = 0
    errno: int = 0

    @property
    def complete(self) -> bool:
        """Whether all that is wanted is on disk and matched its hashes."""
        return self.state in ("finished", "seeding")

    @property
    def ratio(self) -> float:
        """Bytes sent for every byte of content."""
        return self.uploaded / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a torrent stands still.

    Attributes:
        message: What went wrong, where that is known with the file.
        errno: As in `Status`.
    """

    message: str
    errno: int = 0


def state_of(raw: lt.torrent_status, mode: Mode) -> tuple[State, Fault | None]:
    """Return a torrent's state and fault as its raw status and mode tell them."""
    if raw.errc.value():
        message = text_of(lambda: raw.error) or reason_of(raw.errc)
        return "error", Fault(lowered(message), errno_of(raw.errc))
    state = _STATES.get(str(raw.state), "checking")
    # A torrent that is only to be seeded never writes; what it lacks, it will always lack.
    if mode == "seed" and state in ("downloading", "finished") and raw.has_metadata:
        if raw.total_done < raw.total:
            return "error", Fault("content is missing or differs from the torrent")
        return "seeding", None
    if raw.paused and not raw.auto_managed:
        return "paused", None
    return state, None


def status_of(
    raw: lt.torrent_status,
    *,
    infohash: bytes,
    name: str,
    mode: Mode,
    fault: Fault | None,
    save_path: Path,
    awaits_files: bool,
) -> Status:
    """Build a status from libtorrent's, with what the engine knows besides."""
    state, found = ("error", fault) if fault else state_of(raw, mode)
    if awaits_files and state != "error":
        state = "metadata"
    return Status(
        infohash=infohash,
        name=name or text_of(lambda: raw.name) or infohash.hex(),
        state=state,
        progress=raw.progress,
        total=raw.total_wanted,
        # libtorrent counts what is between files too, as long as a piece of it is not checked.
        done=min(raw.total_wanted_done, raw.total_wanted),
        down_rate=raw.download_payload_rate,
        up_rate=raw.upload_payload_rate,
        downloaded=raw.all_time_download,
        uploaded=raw.all_time_upload,
        peers=raw.num_peers,
        seeds=raw.num_seeds,
        error=found.message if found else None,
        save_path=save_path,
        seeding_s=int(raw.finished_duration.total_seconds()),
        candidates=raw.connect_candidates,
        known_peers=raw.list_peers,
        errno=found.errno if found else 0,
    )
