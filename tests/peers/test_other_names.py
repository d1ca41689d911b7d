"""Content that another client has stored under other names than ours is seeded and gone on with."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from outpour.downloader import Completed, DownloadOptions, Failed, Job, Outcome, SeedJob
from outpour.engine import Engine, ResumeStore, disk_paths
from outpour.making.verifier import verify
from outpour.torrent import bencode
from outpour.torrent.disk_names import other_disk_names
from outpour.torrent.metainfo import Metainfo
from tests.waiting import wait_for

NAMES = {
    # As libtorrent stores them.
    "not UTF-8": [b"caf\xe9.bin", b"b.bin"],
    "none of them UTF-8": [b"\xe9.bin", b"\xe8.bin"],
    "differ in case": [b"a.bin", b"A.BIN"],
    "long": [b"n" * 250, b"b.bin"],
    # As Transmission does, and we would not.
    "control characters": [b"Icon\r", b"b.bin"],
    "backslash": [b"a\\b.bin", b"b.bin"],
}


def made(names: list[bytes]) -> tuple[Metainfo, list[bytes]]:
    contents = [os.urandom(20_000) for _ in names]
    whole = b"".join(contents)
    pieces = [hashlib.sha1(whole[at : at + 16384]).digest() for at in range(0, len(whole), 16384)]
    files: list[bencode.Value] = [
        {b"length": len(data), b"path": [b"in", name]}
        for name, data in zip(names, contents, strict=True)
    ]
    info: bencode.Value = {
        b"files": files, b"name": b"release", b"piece length": 16384, b"pieces": b"".join(pieces)
    }  # fmt: skip
    root: bencode.Value = {b"announce": b"http://127.0.0.1:1/announce", b"info": info}
    return Metainfo.parse(bencode.encode(root)), contents


@pytest.fixture(params=NAMES)
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Metainfo:
    """A torrent, and its content below `got` as another client has put it there."""
    metainfo, contents = made(NAMES[request.param])
    (way,) = other_disk_names(metainfo.info)
    for path, data in zip(way, contents, strict=True):
        place = Path(
            os.fsdecode(os.fsencode(tmp_path / "got") + b"/" + os.fsencode("/".join(path)))
        )
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return metainfo


def complete(engine: Engine, turn: Callable[[], list[Outcome]]) -> Completed:
    outcomes: list[Outcome] = []

    def look() -> Completed | None:
        outcomes.extend(turn())
        engine.wait(0.02)
        return next((one for one in outcomes if isinstance(one, Completed)), None)

    found = wait_for(look, what="completion", still=lambda: outcomes)
    assert found is not None
    return found


def test_it_verifies(stored: Metainfo, tmp_path: Path) -> None:
    assert verify(stored, tmp_path / "got").ok


@pytest.mark.parametrize("where", ["got", "got/release", "renamed"])
def test_it_is_seeded(where: str, stored: Metainfo, tmp_path: Path, engine: Engine) -> None:
    if where == "renamed":
        (tmp_path / "got/release").rename(tmp_path / "renamed")
    job = SeedJob(engine, ResumeStore(tmp_path / "state"))
    job.add(stored, tmp_path / where, trust=False)
    assert complete(engine, lambda: job.turn()[1]).length == 40_000
    assert job.close() == []


def test_it_is_complete_for_a_download_and_nothing_is_stored_twice(
    stored: Metainfo, tmp_path: Path, engine: Engine
) -> None:
    before = sorted(tmp_path.joinpath("got").rglob("*"))
    for _ in range(2):
        job = Job(engine, DownloadOptions(folder=tmp_path / "got"), ResumeStore(tmp_path / "state"))
        key = job.add(stored)
        outcome = complete(engine, lambda: job.turn()[1])  # noqa: B023
        assert outcome.path == tmp_path / "got/release"
        job.close()
        engine.remove(key)
    assert sorted(tmp_path.joinpath("got").rglob("*")) == before


def test_files_of_another_size_are_not_taken_for_it(
    stored: Metainfo, tmp_path: Path, engine: Engine
) -> None:
    strange = [path for path in tmp_path.joinpath("got").rglob("*") if path.is_file()]
    for path in strange:
        path.write_bytes(b"strange")
    # Where ours would lie there is nothing, so that nobody's file is in the way.
    ours = [os.fsencode(tmp_path / "got") + b"/" + path for path in disk_paths(stored.info)]
    for own in {os.fsencode(one) for one in strange} & {*ours}:
        os.unlink(own)  # noqa: PTH108 - bytes
    job = Job(engine, DownloadOptions(folder=tmp_path / "got"), None)
    key = job.add(stored)
    outcomes: list[Outcome] = []

    def is_downloading() -> bool:
        outcomes.extend(job.turn()[1])
        return engine.status(key).state == "downloading"

    wait_for(is_downloading, what="download", still=lambda: outcomes)
    assert not any(isinstance(one, Failed) for one in outcomes)
    job.close()
    for path in strange:
        assert not path.exists() or path.read_bytes() == b"strange"
