"""A publisher, another one and a mirror that are one tracker, over a real server."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.redis_process import Server
from tests.live.conftest import Start, get, same_bytes
from tests.live.mirroring import Mirror
from tests.live.publication import Publication, announced, answer_to
from tests.waiting import wait_for

pytestmark = pytest.mark.live


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    one = Server(tmp_path / "server")
    yield one
    one.stop()


def folder(path: Path, *names: str) -> Path:
    path.mkdir()
    for name in names:
        (path / name).write_bytes(os.urandom(100_000))
    return path


def is_tracked(publication: Publication, infohash: str) -> bool:
    return b"peers" in answer_to(publication.port, infohash)


@pytest.mark.long
def test_publishers_of_a_cluster_track_for_each_other_and_a_restart_removes_nothing(
    start: Start, server: Server, tmp_path: Path
):
    place = folder(tmp_path / "a", "one.iso", "both.iso", "kept.iso")
    words = ("--cluster", server.url, "--node")
    one = Publication(start, place, *words, "a", "--state", str(tmp_path / "state"))
    one.wait_published("one.iso", "both.iso", "kept.iso")
    infohash, both = (one.row(name)["infohash"] for name in ("one.iso", "both.iso"))
    copy = folder(tmp_path / "b", "other.iso")
    (copy / "both.iso").write_bytes((place / "both.iso").read_bytes())
    other = Publication(start, copy, *words, "b")
    other.wait_published("other.iso", "both.iso")
    wait_for(
        lambda: ("127.0.0.1", one.peer_port) in announced(other.port, infohash),
        what="the seeder of one at the other",
    )
    wait_for(lambda: other.row("one.iso").get("length") == 100_000, what="what it is called there")
    # Its .torrent is where it was published.
    assert b"other.iso.torrent" in get(other.url)
    assert b"one.iso.torrent" not in get(other.url)
    # Its .torrent is at the other node; the magnet link leads to it by the tracker of this one.
    magnet = other.row("one.iso")["magnet"]
    assert f"127.0.0.1%3A{other.port}%2Fannounce" in magnet
    assert magnet.replace("&", "&amp;") in get(f"{other.url}torrent/{infohash}").decode()
    fetched = start("outpour", "download", magnet, "-o", tmp_path / "fetched", "--no-state")
    assert fetched.wait() == 0, fetched.output
    assert same_bytes(place / "one.iso", tmp_path / "fetched" / "one.iso")
    theirs = other.row("other.iso")["infohash"]
    wait_for(lambda: is_tracked(one, theirs), what="the other's torrent")
    wait_for(
        lambda: b"a" + bytes.fromhex(infohash) in remembered(tmp_path / "state"), what="it kept"
    )
    one.process.stop(signal.SIGKILL)
    (place / "one.iso").unlink()
    (copy / "both.iso").unlink()
    other.process.line_with("withdrawn both.iso")
    # Two things were removed: of one its publisher learns at its start, the other it removes then.
    process = one.again()
    process.line_with("in cluster `outpour`, 1 other node there")
    wait_for(lambda: not is_tracked(other, infohash), what="what went while nobody looked")
    wait_for(lambda: not is_tracked(one, both), what="what the other removed")
    assert is_tracked(one, theirs)
    # Started again it finds all as it was, and says nothing of it.
    said = statements(server)
    wait_for(
        lambda: remembered(tmp_path / "state").items() >= said.items(), what="all of it kept",
        still=lambda: said.items() - remembered(tmp_path / "state").items(),
    )  # fmt: skip
    process.stop(signal.SIGKILL)
    one.again().line_with("ready: ")
    (place / "fresh.iso").write_bytes(b"of which all hear after whatever else is said")
    one.wait_published("fresh.iso")
    fresh = one.row("fresh.iso")["infohash"]
    wait_for(lambda: is_tracked(other, fresh), what="what is published then")
    assert {**statements(server), **said} == statements(server)
    assert not is_tracked(one, both)


@pytest.mark.long
def test_what_a_mirror_of_the_cluster_wants_no_more_stays_with_its_publisher(
    start: Start, server: Server, tmp_path: Path
):
    place = folder(tmp_path / "releases", "old.iso")
    os.utime(place / "old.iso", (1_500_000_000, 1_500_000_000))
    words = ("--cluster", server.url, "--node")
    publisher = Publication(start, place, *words, "publisher")
    publisher.wait_published("old.iso")
    mirror = Mirror(start, publisher.url, tmp_path / "mirror", "--keep", "1", *words, "mirror")
    mirror.process.line_with("mirrored old.iso")
    old = publisher.row("old.iso")["infohash"]
    both = {("127.0.0.1", one.peer_port) for one in (publisher, mirror)}
    for one in (publisher, mirror):
        wait_for(lambda: both <= set(announced(one.port, old)), what="both seeders")  # noqa: B023
    (place / "new.iso").write_bytes(os.urandom(100_000))
    mirror.process.line_with("withdrawn old.iso")
    mirror.process.stop(signal.SIGKILL)
    mirror.again().line_with("in cluster `outpour`, 1 other node there")
    (place / "newer.iso").write_bytes(os.urandom(100_000))
    mirror.process.line_with("withdrawn new.iso")
    (place / "newest.iso").write_bytes(os.urandom(100_000))
    mirror.process.line_with("withdrawn newer.iso")
    # One was let go of just before it was killed, and one seconds ago.
    assert is_tracked(publisher, old)
    assert is_tracked(publisher, publisher.row("new.iso")["infohash"])
    new = publisher.row("newest.iso")["infohash"]
    wait_for(lambda: is_tracked(mirror, new), what="the newest one")
    # What its publisher removes is gone at the mirror, too, which has it for a while yet.
    (place / "newest.iso").unlink()
    wait_for(lambda: not is_tracked(mirror, new), what="the end")


def remembered(state: Path) -> dict[bytes, float]:
    """The same as a publisher keeps it for its next start."""
    (file,) = state.glob("*.cluster")
    with contextlib.closing(sqlite3.connect(file)) as database:
        return dict(database.execute("SELECT member, score FROM map"))


def statements(server: Server) -> dict[bytes, float]:
    """What nodes say of torrents: when, and whether they are there."""
    client: Any = server.client
    keys = client.keys("outpour:outpour:map:*")
    pairs = (pair for key in keys for pair in client.zrange(key, 0, -1, withscores=True))
    return {member: score for member, score in pairs if member[:1] == b"a"}
