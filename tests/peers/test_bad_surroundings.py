"""A download among servers that lie, disks that are full and state that is damaged: one clear line
each, nothing lost, and the others go on."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from outpour.downloader import Completed, DownloadOptions, Failed, Job, Note, Outcome
from outpour.engine import Engine, ResumeStore
from tests.waiting import wait_for

from .conftest import LOOPBACK, Command, WebHost, address, make_torrent, same_files
from .test_web_seeds import Answer


def run_to_end(
    engine: Engine, job: Job, heed: Callable[[list[Outcome]], object] = lambda _: None
) -> list[Outcome]:
    outcomes: list[Outcome] = []

    def is_over() -> bool:
        outcomes.extend(job.turn()[1])
        heed(outcomes)
        engine.wait(0.02)
        return job.is_over

    wait_for(is_over, what="end", still=lambda: outcomes)
    return [*outcomes, *job.close()]


PAGE = b"<!doctype html><title>Welcome</title>" + b"<p>hello</p>" * 1000


@pytest.mark.parametrize(
    ("status", "body", "headers", "reason"),
    [
        (200, PAGE, {"Content-Type": "text/html"}, "other bytes than were asked for"),
        (206, PAGE, {"Content-Range": f"bytes 0-{len(PAGE) - 1}/{len(PAGE)}"}, "other bytes"),
        (301, b"", {"Location": "/image.bin"}, ""),
        (200, b"", {}, ""),
        (404, PAGE, {}, "404"),
    ],
    ids=["a page", "a page as a part", "a circle", "nothing", "gone"],
)
def test_a_bad_web_seed_is_told_and_the_good_one_delivers(
    status: int, body: bytes, headers: dict[str, str], reason: str, content: Path, tmp_path: Path,
    web_host: WebHost, engine: Engine,
) -> None:  # fmt: skip
    bad = Answer(status, body, headers)
    # The good one could have brought all before the other has answered.
    is_told = threading.Event()
    respond = web_host.respond

    def respond_then(target: str, wanted: str | None) -> tuple[int, bytes, dict[str, str]]:
        is_told.wait(60)
        return respond(target, wanted)

    def heed(outcomes: list[Outcome]) -> None:
        if not reason or any(reason in one.message for one in outcomes if isinstance(one, Note)):
            is_told.set()

    web_host.respond = respond_then  # type: ignore[method-assign]
    made = make_torrent(
        content / "image.bin",
        web_seeds=[f"{bad.url}image.bin", f"{web_host.url}release/image.bin"],
    )
    job = Job(engine, DownloadOptions(folder=tmp_path / "got"), None)
    job.add(made)
    outcomes = run_to_end(engine, job, heed)
    bad.close()
    assert isinstance(outcomes[-1], Completed)
    assert (tmp_path / "got" / "image.bin").read_bytes() == (content / "image.bin").read_bytes()
    told = [one.message for one in outcomes if isinstance(one, Note)]
    assert all(text.startswith(f"`{bad.url}") and "\n" not in text for text in told)
    assert not reason or any(reason in text for text in told)


class NoRanges(WebHost):
    """Sends the whole file whatever is asked for."""

    def respond(self, target: str, wanted: str | None) -> tuple[int, bytes, dict[str, str]]:
        return super().respond(target, None)


def test_a_web_seed_without_ranges_delivers_or_is_told_while_others_go_on(
    content: Path, tmp_path: Path, seeder: Engine, engine: Engine
) -> None:
    host = NoRanges(content)
    made = make_torrent(content / "image.bin", web_seeds=[f"{host.url}image.bin"])
    seeder.add(made, content, mode="seed")
    job = Job(engine, DownloadOptions(folder=tmp_path / "got", peers=seeder.addresses), None)
    job.add(made)
    outcomes = run_to_end(engine, job)
    host.close()
    assert isinstance(outcomes[-1], Completed)
    assert (tmp_path / "got" / "image.bin").read_bytes() == (content / "image.bin").read_bytes()


def damaged(raw: bytes) -> dict[str, bytes]:
    flipped = bytearray(raw)
    for at in range(0, len(flipped), 97):
        flipped[at] ^= 0x55
    return {
        "empty": b"", "cut": raw[: len(raw) // 2], "flipped": bytes(flipped), "text": b"hello\n",
        "another": b"d6:resumed0:0:ee", "numbers": b"d5:ownedli1ei2ee6:resumei5ee",
    }  # fmt: skip


def test_damaged_resume_data_costs_a_check_and_nothing_else(
    content: Path, tmp_path: Path, seeder: Engine, engine: Engine
) -> None:
    made = make_torrent(content)
    seeder.add(made, content.parent, mode="seed")
    store = ResumeStore(tmp_path / "state")
    options = DownloadOptions(folder=tmp_path / "got", peers=seeder.addresses)
    key = made.info.infohash
    job = Job(engine, options, store)
    job.add(made)
    run_to_end(engine, job)
    (file,) = (tmp_path / "state").glob("*.resume")
    for name, raw in damaged(file.read_bytes()).items():
        engine.remove(key)
        file.write_bytes(raw)
        # And half of what it speaks of is gone.
        with (tmp_path / "got" / "release" / "image.bin").open("r+b") as stream:
            stream.truncate(1_000_000)
        job = Job(engine, options, store)
        job.add(made)
        outcomes = run_to_end(engine, job)
        assert any(isinstance(one, Completed) for one in outcomes), name
        assert same_files(content, tmp_path / "got" / "release"), name


def test_no_flipped_bit_of_resume_data_is_believed(tmp_path: Path) -> None:
    store = ResumeStore(tmp_path / "state")
    store.save(bytes(20), tmp_path, b"d6:pieces9:\1\1\0\1\0\0\0\0\0e", owned=[(0, 3)])
    sound = store.load(bytes(20), tmp_path)
    (file,) = (tmp_path / "state").glob("*.resume")
    raw = file.read_bytes()
    for bit in range(8 * len(raw)):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        file.write_bytes(changed)
        assert store.load(bytes(20), tmp_path) in (None, sound), bit


def test_a_disk_that_is_full_ends_one_torrent_with_5_and_the_other_is_whole(
    content: Path, tmp_path: Path, seeder: Engine
) -> None:
    for name in ("image.bin", "readme"):
        made = make_torrent(content / name)
        made.write(tmp_path / f"{name}.torrent")
        seeder.add(made, content, mode="seed")
    # A file that may be no longer is as good as a disk that holds no more.
    process = subprocess.run(
        ["bash", "-c", 'ulimit -f 800; exec "$@"', "-", sys.executable, "-m", "outpour", "download",
         tmp_path / "image.bin.torrent", tmp_path / "readme.torrent", "-o", tmp_path / "got",
         "--peer", address(seeder), *LOOPBACK],
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")},
    )  # fmt: skip
    assert process.returncode == 5, process.stderr
    assert (tmp_path / "got" / "readme").read_bytes() == b"hello\n"
    (error,) = [line for line in process.stderr.splitlines() if line.startswith("error:")]
    assert "image.bin`: file too large" in error
    assert "goes on where it stopped" in process.stderr
    again = subprocess.run(
        [sys.executable, "-m", "outpour", "download", tmp_path / "image.bin.torrent", "-o",
         tmp_path / "got", "--peer", address(seeder), *LOOPBACK],
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")},
    )  # fmt: skip
    assert again.returncode == 0, again.stderr


def test_a_full_disk_is_told_as_one_even_where_the_state_is_seen_before_the_event(
    content: Path, tmp_path: Path, seeder: Engine, engine: Engine
) -> None:
    made = make_torrent(content / "image.bin")
    seeder.add(made, content, mode="seed")
    job = Job(engine, DownloadOptions(folder=tmp_path / "got", peers=seeder.addresses), None)
    job.add(made)
    outcomes: list[Outcome] = []

    def is_over() -> bool:
        outcomes.extend(job.turn(events=())[1])
        engine.wait(0.02)
        return job.is_over

    before, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (800 << 10, hard))
    try:
        wait_for(is_over, what="end", still=lambda: outcomes)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, hard))
    (failed,) = outcomes
    assert isinstance(failed, Failed)
    assert "image.bin`: file too large" in failed.error.message
    assert "goes on where it stopped" in (failed.error.hint or "")


def test_a_target_that_cannot_be_written_is_one_line_with_5(
    content: Path, tmp_path: Path, outpour: Callable[..., Command]
) -> None:
    make_torrent(content, trackers=["http://127.0.0.1:1/announce"]).write(tmp_path / "a.torrent")
    command = outpour("download", tmp_path / "a.torrent", "-o", "/proc/nowhere", *LOOPBACK)
    assert command.wait() == 5
    assert command.talk.count("error: `/proc/nowhere") == 1
    assert "Traceback" not in command.talk


def test_a_magnet_link_that_nobody_has_ends_with_7_and_the_others_are_whole(
    content: Path, tmp_path: Path, seeder: Engine, outpour: Callable[..., Command]
) -> None:
    made = make_torrent(content)
    seeder.add(made, content.parent, mode="seed")
    made.write(tmp_path / "a.torrent")
    command = outpour("download", f"magnet:?xt=urn:btih:{'ab' * 20}", tmp_path / "a.torrent", "-o",
                      tmp_path / "got", "--peer", address(seeder), "--timeout", "5",
                      *LOOPBACK)  # fmt: skip
    assert command.wait() == 7, command.talk
    assert same_files(content, tmp_path / "got" / "release")
    assert command.talk.count("error: ") == 1
    assert "nothing came for" in command.talk
