"""Files that people write are read as their editors save them, on Windows too."""

from __future__ import annotations

import codecs
import io
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpour.base.errors import SettingsError
from outpour.base.text import typed
from outpour.cli.shared.source_list import read_sources
from outpour.tracker.lists.address_ranges import parse_ranges
from outpour.tracker.lists.admin_token import Token
from outpour.tracker.lists.key_list import KeyFile
from outpour.tracker.lists.list_file import ListFile, parse_infohashes
from outpour.tracker.settings_file import load

ENCODINGS = {
    "utf-8": b"",
    "utf-8 with a mark": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
}


@pytest.fixture(params=ENCODINGS)
def write(request, tmp_path):
    """Write a text as an editor does; returns the file."""
    path = tmp_path / "file"
    encoding, mark = request.param.partition(" ")[0], ENCODINGS[request.param]

    def save(text):
        path.write_bytes(mark + text.encode(encoding))
        return path

    return save


def test_settings(write):
    settings = load(write('# Größe\r\nlisten = ["127.0.0.1:7777"]\r\n'))
    assert [address.port for address in settings.addresses] == [7777]


def test_a_list_of_torrents(write):
    source = ListFile(write("ab" * 20 + "\r\n" + "cd" * 20), parse_infohashes)
    assert not source.take(source.scan())
    assert source.items == {b"\xab" * 20, b"\xcd" * 20}


def test_a_list_of_addresses(write):
    source = ListFile(write("Büro:192.0.2.1-192.0.2.9\r\n"), parse_ranges)
    assert not source.take(source.scan())
    assert source.items == {("192.0.2.1", "192.0.2.9")}


def test_a_key_list_which_is_utf8_once_it_was_changed(write):
    path = write(f"{'k' * 32}\r\n{'l' * 32}\r\n")
    found = KeyFile(path).keys()
    assert [key.secret for key in found] == ["k" * 32, "l" * 32]
    KeyFile(path).revoke(["k" * 32])
    assert path.read_bytes() == b"l" * 32 + b"\r\n"


def test_the_token_of_an_administrator(write):
    assert Token(write("t" * 32 + "\r\n")).is_right("t" * 32)


@pytest.mark.parametrize("is_piped", [False, True])
def test_a_list_of_sources(write, is_piped):
    path = write("# später\r\nhttp://127.0.0.1/ä.torrent\r\n")
    env: Any = SimpleNamespace(stdin=io.BytesIO(path.read_bytes()))
    assert read_sources(env, ["-" if is_piped else str(path)]) == ["http://127.0.0.1/ä.torrent"]


@pytest.mark.parametrize("raw", ["open = true".encode("utf-16-le"), b"\xe4 = 1", b"a = 1\0"])
def test_settings_that_are_no_utf8_are_refused_in_these_words(tmp_path, raw):
    path = tmp_path / "file"
    path.write_bytes(raw)
    with pytest.raises(SettingsError) as caught:
        load(path)
    assert caught.value.message == f"`{path}`: not TOML: not text in UTF-8"
    assert caught.value.hint == "save it as UTF-8"


@given(st.sampled_from([b"", *ENCODINGS.values()]), st.binary(max_size=50))
def test_no_bytes_make_the_reader_of_typed_text_fail(mark, rest):
    typed(mark + rest)
