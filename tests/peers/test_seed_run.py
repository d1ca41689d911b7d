"""`outpour seed` of a whole folder: what it takes, what it costs to start again, what it shows."""

from __future__ import annotations

import json
import os
import shutil
import signal
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from outpour.base.errors import NetworkError
from outpour.base.host_port import Address
from outpour.downloader import Rates, RateSchedule, SeedJob, SeedRun
from outpour.engine import Engine, EngineSettings, ResumeStore, Status
from outpour.web.transfer_page import TransferPage
from tests.waiting import wait_for

from .conftest import LOOPBACK, Command, make_torrent
from .test_download_job import small_torrents


def test_a_folder_of_torrents_is_seeded_with_a_page_that_shows_it(
    content: Path, tmp_path: Path, outpour: Callable[..., Command]
) -> None:
    shelf = tmp_path / "shelf"
    (shelf / "inner").mkdir(parents=True)
    for torrent in small_torrents(shelf, 3):
        torrent.write(shelf / f"{torrent.info.name}.torrent")
    shutil.copytree(content, shelf / "inner" / "release")
    make_torrent(content).write(shelf / "inner" / "release.TORRENT")
    (shelf / "broken.torrent").write_bytes(b"no torrent")
    command = outpour("seed", shelf, "--status", "127.0.0.1:0", *LOOPBACK)
    wait_for(lambda: command.talk.count("seeding /") == 4, what="seeds", still=lambda: command.talk)
    assert "broken.torrent" in command.talk
    url = next(line for line in command.talk.splitlines() if "status page" in line).split()[-1]
    with urllib.request.urlopen(url, timeout=60) as answer:
        page = answer.read().decode()
        assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "4 torrents" in page
    with urllib.request.urlopen(f"{url}status.json", timeout=60) as answer:
        shown = json.load(answer)["torrents"]
    assert {torrent["state"] for torrent in shown} == {"seeding"}
    command.process.send_signal(signal.SIGTERM)
    assert command.wait() == 0


def test_a_folder_without_torrents_and_an_address_that_is_taken_are_told(
    tmp_path: Path, run
) -> None:
    result = run("seed", str(tmp_path))
    assert (result.code, "holds no .torrent file" in result.err) == (4, True)
    page = TransferPage(Address("127.0.0.1", 0), "Seeding")
    port = int(page.url.rstrip("/").rpartition(":")[2])
    with pytest.raises(NetworkError, match="cannot listen"):
        TransferPage(Address("127.0.0.1", port), "Seeding")
    page.close()


def test_names_on_the_page_are_text() -> None:
    page = TransferPage(Address("127.0.0.1", 0), "Seeding")
    page.show([Status(
        infohash=b"\1" * 20, name="<script>\x1b[2J", state="error", progress=0, total=1, done=0,
        down_rate=0, up_rate=0, downloaded=0, uploaded=0, peers=0, seeds=0, error="<b>gone</b>",
        save_path=Path(),
    )])  # fmt: skip
    with urllib.request.urlopen(page.url, timeout=60) as answer:
        body = answer.read().decode()
    page.close()
    assert "&lt;script&gt;\\x1b[2J" in body
    assert "<b>" not in body


def test_many_torrents_start_without_hashing_once_they_were_checked(
    tmp_path: Path,
) -> None:
    torrents = small_torrents(tmp_path, 200)
    store = ResumeStore(tmp_path / "resume")

    for _ in range(2):
        with Engine(EngineSettings().isolated()) as engine:
            job = SeedJob(engine, store)
            run = SeedRun(job, engine, schedule=RateSchedule.parse(
                ["00:00-24:00 up=9KiB/s"], Rates()))  # fmt: skip
            for torrent in torrents:
                job.add(torrent, tmp_path, trust=False)

            def is_ready() -> bool:
                statuses, _ = run.turn()  # noqa: B023
                engine.wait(0.01)
                return all(status.complete for status in statuses)

            wait_for(is_ready, what="seeding")
            run.close()
        # What was checked is not read again: other bytes of the same size and time go unseen.
        for torrent in torrents:
            path = tmp_path / torrent.info.name
            times = path.stat()
            path.write_bytes(b"\0" * times.st_size)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
