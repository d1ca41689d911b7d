"""What an unlucky operator writes into settings, tokens and flags is one clear line."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from outpour.announcer import AnnounceRequest, announce
from outpour.base.errors import FormatError, SettingsError, UsageError
from outpour.base.toml_file import read_toml
from outpour.base.units import parse_size
from outpour.cli.classic.make import btmakemetafile
from outpour.cli.shared.transfer_words import eta_s
from outpour.engine import Engine, EngineSettings
from outpour.engine.status import status_of
from outpour.publisher.copy_base import CopyBase
from outpour.publisher.entries import check_apart, entries
from outpour.publisher.public_urls import public_urls
from outpour.publisher.publish_options import PublishOptions
from outpour.tracker.lists.admin_token import Token


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 5000, "{a=" * 5000])
def test_numbers_and_lists_beyond_all_bounds_are_no_settings(tmp_path, value):
    file = tmp_path / "x.toml"
    file.write_text(f"x = {value}\n")
    with pytest.raises(SettingsError, match="not TOML"):
        read_toml(file, missing_hint="")


@pytest.mark.parametrize(
    "text", ["9" * 20, "9" * 5000, "9e9", "9" * 30 + ".5", "99999999TiB", "\u0661KiB"]
)
def test_a_size_larger_than_anything_is_told(text):
    with pytest.raises(UsageError, match=r"larger than anything|not a size") as refused:
        parse_size(text)
    assert len(refused.value.message) < 200


def test_rates_above_what_the_engine_counts_with_are_no_limit_to_anybody():
    settings = EngineSettings(
        listen=("127.0.0.1:0",), upload_rate=4 << 30, torrent_upload_rate=5 << 30
    )
    assert settings.upload_rate == settings.torrent_upload_rate == (1 << 31) - 1
    with Engine(settings) as engine:
        engine.limit(download_rate=1 << 40, upload_rate=1 << 40)


@pytest.mark.parametrize(
    ("raw", "is_one"),
    [(bytes(100), False), (b"a b" * 9, False), (b"abcdefgh\0ijklmnopqrst", False),
     (b"abcdefgh\x1bijklmnopqrst", False), (b"short", False),
     (b"\xef\xbb\xbfabcdefghijklmnopqrst\r\n", True), (b"abcdefghijklmnopqrst", True)],
)  # fmt: skip
def test_a_token_is_what_a_request_can_hold_however_an_editor_saved_it(tmp_path, raw, is_one):
    file = tmp_path / "token"
    file.write_bytes(raw)
    if is_one:
        assert Token(file).is_right("abcdefghijklmnopqrst")
        return
    with pytest.raises(FormatError):
        Token(file)


@pytest.mark.parametrize("url", ["http://me:secret@h/", "https://secret@h/x"])
def test_a_login_is_not_published(run, tmp_path, url):
    (tmp_path / "a").write_bytes(b"content")
    made = tmp_path / "a.torrent"
    words = (tmp_path / "a", "-o", made)
    assert run("create", *words).code == 0
    said = []
    publish = ("publish", tmp_path / "a", "--state", tmp_path / "state", "--listen", "127.0.0.1:0")
    for how in (
        ("create", *words, "--force", "--tracker", url),
        ("create", *words, "--force", "--web-seed", url),
        (*publish, "--url", url),
        (*publish, "--tracker", url),
    ):
        done = run(*how)
        assert done.code == 2, done.err
        said.append(done.err)
    with pytest.raises(UsageError, match="has a login"):
        public_urls(url, ["127.0.0.1"], 80, has_udp=False)
    with pytest.raises(UsageError, match="has a login"):
        CopyBase(url)
    assert all("login in" in text and "secret" not in text for text in said)
    assert b"secret" not in made.read_bytes()


@pytest.mark.parametrize("tool", ["create", "btmakemetafile"])
def test_a_login_is_in_a_torrent_where_that_is_meant(run, tmp_path, tool):
    # Trackers of old took one, and who gives such a torrent to one person alone may mean it.
    (tmp_path / "a").write_bytes(b"content")
    url, made = "http://me:secret@127.0.0.1/announce", tmp_path / "a.torrent"
    if tool == "create":
        words = ("--tracker", url, "--allow", "login-in-url", "-o", made)
        assert run("create", tmp_path / "a", *words).code == 0
    else:
        assert run(tmp_path / "a", url, tool=btmakemetafile).code == 0
    assert url.encode() in made.read_bytes()
    assert run("edit", made, "--add-tracker", "http://you:other@127.0.0.1/").code == 0
    noted = run("show", made)
    assert "login-in-url" in noted.out + noted.err or "a login in a URL" in noted.out + noted.err


def options_of(path: Path, apart: Path, **rest: Any) -> PublishOptions:
    return replace(PublishOptions(paths=(path,), apart=(apart.resolve(),)), **rest)


def test_what_is_for_the_publisher_alone_is_never_published(tmp_path):
    content = tmp_path / "content"
    (content / "state").mkdir(parents=True)
    (content / "sub" / "state").mkdir(parents=True)
    (content / "a").write_bytes(b"content")
    (content / "link").symlink_to(content / "state")
    beside = options_of(content, content / "state")
    check_apart(beside)
    found = {entry.name for entry in entries(content, beside).entries}
    assert found == {"a", "sub"}
    elsewhere = options_of(content, tmp_path / "state")
    check_apart(elsewhere)
    assert len(entries(content, elsewhere).entries) == 4
    check_apart(options_of(content, content / ".state"))
    check_apart(options_of(content, content / "sub" / "state", exclude=("sub",)))
    for published in (
        options_of(content, content),
        options_of(content / "a", content / "a"),
        options_of(content, content / "sub" / "state"),
        options_of(content, content / "state", as_one=True),
        options_of(content, content / "sub" / ".state", hidden=True),
    ):
        with pytest.raises(UsageError, match="would be published"):
            check_apart(published)


@pytest.mark.parametrize("flag", ["--state", "--admin-token-file", "--mirror-tokens", "--config"])
def test_a_publisher_knows_what_is_its_own(run, tmp_path, flag):
    (tmp_path / "folder").mkdir()
    own = tmp_path / "folder" / "own"
    own.mkdir() if flag == "--state" else own.write_text("")
    state = ("--state", tmp_path / "state") if flag != "--state" else ()
    done = run("publish", tmp_path, "--listen", "127.0.0.1:0", *state, flag, own)
    assert (done.code, "would be published" in done.err) == (2, True)


def test_no_more_of_a_torrent_is_done_than_there_is_of_it():
    raw: Any = SimpleNamespace(
        errc=SimpleNamespace(value=lambda: 0), state="downloading", has_metadata=True, paused=False,
        progress=1.0, total_wanted=100, total_wanted_done=16_384, download_payload_rate=116,
        upload_payload_rate=0, all_time_download=0, all_time_upload=0, num_peers=1, num_seeds=1,
        finished_duration=timedelta(0), connect_candidates=0, list_peers=1,
    )  # fmt: skip
    status = status_of(
        raw, infohash=bytes(20), name="x", mode="download", fault=None, save_path=Path(),
        awaits_files=False,
    )  # fmt: skip
    assert eta_s(status) == 0


@pytest.mark.parametrize("value", ["nan", "inf", "1e300", "9" * 30])
@pytest.mark.parametrize(
    "words",
    [("announce", "a.torrent", "--timeout"), ("scrape", "a.torrent", "--timeout"),
     ("download", "a.torrent", "--timeout"), ("download", "a.torrent", "--deadline"),
     ("download", "a.torrent", "--ratio"), ("magnet", "x", "--fetch", "--timeout")],
)  # fmt: skip
def test_a_time_is_a_number_that_there_may_be(run, words, value):
    done = run(*words, value)
    assert (done.code, done.err.startswith("error: invalid value for `--")) == (2, True)


@pytest.mark.parametrize("date", ["9" * 20, "9" * 5000, "0001-01-01", "1969-12-31"])
def test_a_date_that_readers_cannot_take_is_refused(run, tmp_path, date):
    (tmp_path / "a").write_bytes(b"content")
    done = run("create", tmp_path / "a", "-o", tmp_path / "a.torrent", "--date", date)
    assert (done.code, "before 1970, or beyond all bounds" in done.err) == (2, True)
    assert not (tmp_path / "a.torrent").exists()


def test_numbers_above_those_of_the_protocol_are_told_as_its_largest():
    asked: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as tracker:
        tracker.bind(("127.0.0.1", 0))
        tracker.settimeout(60)

        def answer() -> None:
            first, peer = tracker.recvfrom(2048)
            tracker.sendto(bytes(4) + first[12:16] + bytes(8), peer)
            second, peer = tracker.recvfrom(2048)
            asked.append(second)
            tracker.sendto(second[8:16] + bytes(12), peer)

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"udp://127.0.0.1:{tracker.getsockname()[1]}/"
        request = AnnounceRequest(infohash=bytes(20), left=10**20, numwant=10**20)
        announce(url, request, timeout_s=60)
        thread.join()
    assert asked[0][64:72] == bytes([0x7F]) + b"\xff" * 7
    assert asked[0][92:96] == bytes([0x7F]) + b"\xff" * 3
