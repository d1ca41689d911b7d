"""Copies of what is published on other servers: good ones, missing ones, and those that lie."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from outpour.base import http_ranges
from outpour.base.errors import UsageError
from outpour.making.maker import CreateOptions, create
from outpour.publisher.copy_base import CopyBase
from outpour.publisher.copy_check import LiesError, MissingError, check_copy
from outpour.publisher.entries import PublishEntry
from outpour.torrent.info import Version
from outpour.torrent.merkle import root_of_bytes
from outpour.torrent.metainfo import Metainfo
from tests.remote_server import Remote, serving

PIECE = 16384
FORMATS = ["v1", "v2", "hybrid"]


@pytest.fixture
def remote(monkeypatch) -> Iterator[Remote]:
    monkeypatch.setattr(http_ranges, "PAUSE_S", 0.001)
    with serving() as made:
        yield made


def make(remote: Remote, root: Path, format: Version) -> Metainfo:
    """Publish a file or folder, and put a copy of it on the server."""
    places = (
        [root] if root.is_file() else sorted(path for path in root.rglob("*") if path.is_file())
    )
    for place in places:
        name = place.relative_to(root.parent).as_posix()
        remote.files[f"/files/{quote(name)}"] = place.read_bytes()
    return create(root, CreateOptions(format=format, piece_length=PIECE))


@pytest.fixture(params=["file", "folder"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "file":
        path = tmp_path / "disk ü.img"
        path.write_bytes(os.urandom(9 * PIECE + 5))
        return path
    path = tmp_path / "release"
    (path / "sub").mkdir(parents=True)
    (path / "a.bin").write_bytes(os.urandom(3 * PIECE + 77))
    (path / "sub" / "b ü").write_bytes(os.urandom(400))
    (path / "sub" / "empty").touch()
    return path


def check(remote: Remote, metainfo: Metainfo) -> None:
    seed = CopyBase(f"{remote.url}/files").seed_of(
        metainfo.info.name, is_folder=metainfo.info.is_folder
    )
    assert seed is not None
    check_copy(seed, metainfo, threading.Event())


@pytest.mark.parametrize("format", FORMATS)
def test_a_copy_that_is_whole_is_good(remote, root, format):
    check(remote, make(remote, root, format))


@pytest.mark.parametrize("format", FORMATS)
def test_a_copy_with_other_bytes_lies(remote, root, format):
    metainfo = make(remote, root, format)
    remote.files = {path: bytes(len(body)) for path, body in remote.files.items()}
    with pytest.raises(LiesError, match="has other bytes"):
        check(remote, metainfo)


@pytest.mark.parametrize("format", FORMATS)
def test_a_copy_of_another_length_lies(remote, root, format):
    metainfo = make(remote, root, format)
    remote.files = {path: body + b"x" for path, body in remote.files.items()}
    with pytest.raises(LiesError, match="bytes, not"):
        check(remote, metainfo)


def test_a_copy_without_ranges_is_of_no_use(remote, root):
    metainfo = make(remote, root, "v1")
    remote.has_ranges = False
    with pytest.raises(LiesError, match="gives no parts"):
        check(remote, metainfo)


def test_a_copy_that_lacks_a_file_is_missing(remote, root):
    metainfo = make(remote, root, "v1")
    del remote.files[next(path for path, body in remote.files.items() if body)]
    with pytest.raises(MissingError, match="HTTP 404"):
        check(remote, metainfo)


def test_a_server_that_is_not_there_is_missing(root):
    metainfo = create(root, CreateOptions())
    with pytest.raises(MissingError):
        check_copy("http://127.0.0.1:9/x", metainfo, threading.Event())


def test_bases_name_files_and_folders_as_clients_put_their_urls_together(tmp_path):
    (tmp_path / "a b").write_bytes(b"x")
    (tmp_path / "dir" / "c").mkdir(parents=True)
    (tmp_path / "dir" / "c" / "d").write_bytes(b"x")
    file, folder = (create(tmp_path / name, CreateOptions()).info for name in ("a b", "dir"))
    for base, of_file, of_folder in (
        ("http://h/x", "http://h/x/a%20b", "http://h/x/"),
        ("http://h/x/", "http://h/x/a%20b", "http://h/x/"),
        ("http://h/y/{path}", "http://h/y/a%20b", "http://h/y/"),
        ("http://h/{path}?raw=1", "http://h/a%20b?raw=1", None),
    ):
        assert (
            CopyBase(base).seed_of(file.name, is_folder=False),
            CopyBase(base).seed_of(folder.name, is_folder=True),
        ) == (of_file, of_folder)
    with pytest.raises(UsageError):
        CopyBase("ftp://h/x")


def test_the_root_of_bytes_covers_what_it_is_told_to():
    body = os.urandom(3 * PIECE)
    assert root_of_bytes(body) == root_of_bytes(body, 4 * PIECE)
    assert root_of_bytes(body) != root_of_bytes(body, 8 * PIECE)
    assert root_of_bytes(body[:PIECE]) == root_of_bytes(body[:PIECE], PIECE)


@pytest.mark.parametrize(
    ("text", "base", "where"),
    [
        ("https://h/x/", "https://h/x/", None),
        ("https://h/{path}?a=b", "https://h/{path}?a=b", None),
        ("*.iso=https://h/x/", "https://h/x/", "*.iso"),
        ("/srv/a b = https://h/x/", "https://h/x/", "/srv/a b"),
    ],
)
def test_a_setting_says_where_copies_lie_and_of_what(text, base, where):
    assert CopyBase.of_setting(text) == CopyBase(base, where)


@pytest.mark.parametrize("text", ["*.iso=", "=ftp://h/", "x", "http://h/a b", "http://h/\n"])
def test_what_is_no_place_of_copies_is_said(text):
    with pytest.raises(UsageError, match="neither"):
        CopyBase.of_setting(text)


def test_a_place_is_of_a_folder_a_path_or_names():
    inner = PublishEntry(Path("/srv/a/x.iso"), Path("/srv/a"))
    other = PublishEntry(Path("/srv/b/y.bin"), Path("/srv/b"))

    def held(where):
        base = CopyBase("http://h/", where)
        return [base.holds(entry) for entry in (inner, other)]

    assert held(None) == [True, True]
    assert held("*.iso") == held("/srv/a") == held("/srv/a/") == held("/srv/a/x.iso")
    assert held("*.iso") == [True, False]
    assert held("/srv") == held("a") == [False, False]
    keys = {CopyBase("http://h/", where).key for where in (None, "*.iso", "/srv/a")}
    assert len(keys) == 3
