"""The .torrent files of listed torrents as they are handed out: as listed, or not at all."""

from __future__ import annotations

import hashlib
import os

import pytest

from outpour.torrent import bencode
from outpour.torrent.metainfo import Metainfo
from outpour.tracker.lists.listed_torrent import Listing
from outpour.tracker.lists.metainfo_file import MetainfoFile


def torrent(name, **more):
    info = {
        b"length": 1, b"name": name, b"piece length": 16384, b"pieces": hashlib.sha1(name).digest()
    }  # fmt: skip
    return bencode.encode({b"info": info} | {key.encode(): value for key, value in more.items()})


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.torrent"
    path.write_bytes(torrent(b"a"))
    return path


@pytest.fixture
def listed(path):
    return MetainfoFile(Listing.of(Metainfo.read(path), path, path.stat()))


def test_a_file_that_nobody_touched_is_handed_out_without_being_parsed(path, listed, monkeypatch):
    def parse(*_, **__):
        raise AssertionError("parsed")

    monkeypatch.setattr(Metainfo, "parse", parse)
    assert listed.read() == path.read_bytes()
    assert listed.size == path.stat().st_size


def test_a_file_that_was_edited_is_handed_out_as_it_is_now(path, listed):
    edited = torrent(b"a", comment=b"new")
    path.write_bytes(edited)
    assert listed.read() == edited


@pytest.mark.parametrize("raw", [torrent(b"b"), torrent(b"a")[:-1], b""])
def test_a_file_that_became_another_torrent_or_none_is_not_handed_out(path, listed, raw):
    path.write_bytes(raw)
    assert listed.read() is None


def test_a_file_that_is_gone_is_not_handed_out(path, listed):
    path.unlink()
    assert listed.read() is None
    os.mkfifo(path)
    assert listed.read() is None


def test_a_torrent_without_a_file_is_handed_out_from_memory():
    raw = torrent(b"a")
    file = MetainfoFile(Listing.of(Metainfo.parse(raw)), raw)
    assert file.read() == raw
    assert file.size == len(raw)
