"""The SHA-256 of whole files: made beside the pieces, written beside the torrent, kept."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from outpour.base.errors import ReadError, UsageError
from outpour.making import hasher
from outpour.making.checksum_file import checksum_line
from outpour.making.maker import CreateOptions, make_summed, plan_path
from outpour.publisher.copy_places import CopyPlaces
from outpour.publisher.entries import PublishEntry
from outpour.publisher.made import MadeTorrents
from outpour.publisher.public_urls import PublicUrls
from outpour.publisher.publish_options import PublishOptions
from outpour.publisher.sight import look
from outpour.publisher.torrent_of_entry import Torrents
from outpour.torrent.metainfo import Metainfo

LENGTHS = (0, 1, 63, 64, 65, 16_384, 262_144, 262_145, 1_500_000, 3_000_001)
NAMES = ("a", "b c", "d/e", "d/f ü", "-n")


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "set"
    for number, length in enumerate(LENGTHS):
        path = root / f"{number % 3}" / f"file-{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(random.Random(length).randbytes(length))
    return root


def digests(root: Path, paths) -> list[bytes]:
    return [hashlib.sha256(root.joinpath(*path).read_bytes()).digest() for path in paths]


@pytest.mark.parametrize("format", ["v1", "v2", "hybrid"])
@pytest.mark.parametrize("threads", [1, 4])
def test_checksums_beside_every_format_are_those_of_the_files(folder, format, threads):
    options = CreateOptions(format=format, checksums=True, threads=threads, creation_date=None)
    plan = plan_path(folder, options)
    metainfo, found = make_summed(plan)
    assert list(found) == digests(folder, [entry.path for entry in plan.tree.entries])
    plain, none = make_summed(plan_path(folder, CreateOptions(format=format, creation_date=None)))
    assert none == ()
    assert plain.info.infohash == metainfo.info.infohash


def test_checksums_alone_read_files_of_any_length(folder):
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    told = []
    found = hasher.hash_files(
        [*((str(path), path.stat().st_size) for path in paths), (None, 500)],
        progress=lambda done, total: told.append((done, total)),
    )
    assert list(found[:-1]) == [hashlib.sha256(path.read_bytes()).digest() for path in paths]
    assert found[-1] == b""
    assert told[-1] == (sum(LENGTHS), sum(LENGTHS))


def test_a_kept_link_has_no_checksum(folder):
    (folder / "link").symlink_to("0/file-3")
    plan = plan_path(folder, CreateOptions(symlinks="keep", checksums=True))
    _, found = make_summed(plan)
    by_path = dict(zip((entry.path for entry in plan.tree.entries), found, strict=True))
    assert by_path[("link",)] == b""
    assert all(digest for path, digest in by_path.items() if path != ("link",))


def test_a_file_that_grows_is_an_error_of_checksums_alone(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"1" * 1000)
    with pytest.raises(ReadError, match="changed while it was hashed"):
        hasher.hash_files([(str(path), 999)])


def test_checksums_contradict_what_leaves_files_unread(folder):
    earlier = make_summed(plan_path(folder))[0]
    with pytest.raises(UsageError, match="contradict `--reuse`"):
        plan_path(folder, CreateOptions(checksums=True), earlier=earlier)


def test_sha256sum_checks_what_create_wrote(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "release"
    for name in NAMES:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(1000))
    assert run("create", "release", "--checksums").code == 0
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "release.SHA256SUMS"], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(b"OK") == len(NAMES)
    again = run("create", "release", "--checksums", "-o", "other.torrent")
    assert again.code == 0
    assert (tmp_path / "other.SHA256SUMS").exists()


def test_a_list_of_checksums_that_is_there_is_not_replaced_unasked(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").write_bytes(b"x")
    (tmp_path / "x.SHA256SUMS").write_bytes(b"mine")
    said = run("create", "x", "--checksums")
    assert said.code == 5
    assert (tmp_path / "x.SHA256SUMS").read_bytes() == b"mine"
    assert not (tmp_path / "x.torrent").exists()
    assert run("create", "x", "--checksums", "--force").code == 0
    assert (tmp_path / "x.SHA256SUMS").read_bytes().endswith(b"  x\n")


def test_checksums_have_no_place_beside_stdout(run, tmp_path):
    (tmp_path / "x").write_bytes(b"x")
    said = run("create", tmp_path / "x", "--checksums", "-o", "-")
    assert said.code == 2
    assert "--checksums" in said.err


@pytest.mark.parametrize("name", ["plain", "back\\slash", "new\nline", "re\rturn"])
def test_a_line_is_what_sha256sum_writes(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    written = subprocess.run(["sha256sum", name], cwd=tmp_path, capture_output=True, check=True)
    digest = hashlib.sha256(b"x").hexdigest()
    assert checksum_line(digest, name).encode() == written.stdout


class Publisher:
    """What makes torrents of entries, with the memory of a state folder."""

    def __init__(self, state: Path, path: Path, *, checksums: bool) -> None:
        self.options = PublishOptions((path.parent,), checksums=checksums)
        self.made = MadeTorrents(state)
        urls = PublicUrls("http://127.0.0.1:1", None)
        bases = CopyPlaces((), state / "web-seeds.json")
        self.torrents = Torrents(self.made, self.options, urls, bases)
        self.entry = PublishEntry(path, path.parent)
        self.hashed = 0

    def publish(self):
        sight = look(self.entry, self.options)
        found = self.torrents.of(self.entry, sight, self._count)
        assert found is not None
        return sight, found

    def _count(self, done: int, total: int) -> None:
        self.hashed = max(self.hashed, done)


def test_a_publisher_keeps_checksums_and_hashes_nothing_again(tmp_path, folder):
    first = Publisher(tmp_path / "state", folder, checksums=True)
    sight, found = first.publish()
    wanted = digests(folder, [entry.path for entry in sight.tree.entries])
    assert list(found.checksums) == wanted
    assert first.hashed == sum(LENGTHS)
    first.made.close()
    second = Publisher(tmp_path / "state", folder, checksums=True)
    _, again = second.publish()
    assert again.reused
    assert list(again.checksums) == wanted
    assert second.hashed == 0
    assert list(second.made.checksums(folder, sight.fingerprint)) == wanted
    assert second.made.checksums(folder, b"other content") == ()
    second.made.close()


def test_what_was_published_without_checksums_is_read_once_for_them_alone(tmp_path, folder):
    first = Publisher(tmp_path / "state", folder, checksums=False)
    _, made = first.publish()
    assert made.checksums == ()
    first.made.close()
    second = Publisher(tmp_path / "state", folder, checksums=True)
    sight, found = second.publish()
    assert found.reused
    assert list(found.checksums) == digests(folder, [entry.path for entry in sight.tree.entries])
    assert found.metainfo.raw == made.metainfo.raw
    assert second.hashed == sum(LENGTHS)
    second.made.close()


def test_checksums_go_with_the_content_that_they_are_of(tmp_path, folder):
    publisher = Publisher(tmp_path / "state", folder, checksums=True)
    sight, _ = publisher.publish()
    publisher.torrents.forget([folder])
    assert publisher.made.checksums(folder, sight.fingerprint) == ()
    publisher.made.close()


def test_a_catalogue_of_an_earlier_outpour_is_taken_over(tmp_path, folder):
    first = Publisher(tmp_path / "state", folder, checksums=False)
    first.publish()
    first.made._database.connection.execute("DROP TABLE checksums")
    first.made.close()
    second = Publisher(tmp_path / "state", folder, checksums=True)
    _, found = second.publish()
    assert found.reused
    assert len(found.checksums) == len(LENGTHS)
    assert isinstance(found.metainfo, Metainfo)
    second.made.close()


def test_a_state_folder_that_was_removed_is_made_again(tmp_path, folder):
    publisher = Publisher(tmp_path / "state", folder, checksums=False)
    shutil.rmtree(tmp_path / "state")
    _, found = publisher.publish()
    assert found.fault is None
    assert found.torrent is not None
    assert found.torrent.exists()
    publisher.made.close()
