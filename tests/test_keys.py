"""Keys of a private tracker: the list, the command that changes it, and who is let in."""

from __future__ import annotations

import json
import os
import stat
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpour.base.errors import FormatError, ReadError, UsageError
from outpour.tracker.lists.key_list import KeyFile
from outpour.tracker.lists.passkey import Key, clean_label, parse_keys, read_line, read_time

NOW = 1_795_000_000


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_key_list_may_be_keys_alone_or_say_more():
    keys, faults = parse_keys(
        b"abc-1_Z  # ours\n\nplain\n# comment\n"
        b"timed expires=2026-12-31 made=2026-01-01T00:00:00Z  # who # else\n"
    )
    assert faults == []
    assert keys == {
        Key("abc-1_Z", "ours"),
        Key("plain"),
        Key("timed", "who # else", read_time("2026-01-01"), read_time("2026-12-31T00:00:00+00:00")),
    }


@pytest.mark.parametrize(
    "line", ["a/b", "x" * 65, "key expires=soon", "key colour=red", "key more", "key expires=0001"]
)
def test_a_bad_line_is_told_by_its_number_and_not_by_what_is_in_it(line):
    keys, faults = parse_keys(f"good\n{line}\n".encode())
    assert keys == {Key("good")}
    assert len(faults) == 1
    assert faults[0].startswith("line 2 is not a key")
    assert line not in faults[0]


@given(
    st.text(),
    st.integers(0, 253_402_300_799) | st.none(),
    st.integers(0, 253_402_300_799),
)
def test_a_line_is_read_as_it_was_written(label, expires_at, made_at):
    key = Key.random(clean_label(label), made_at, expires_at)
    assert read_line(key.line) == key
    assert len(key.line.splitlines()) == 1


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_of_keys_fail(raw):
    parse_keys(raw)


def test_a_key_does_not_show_itself():
    key = Key.random("alice", NOW)
    assert key.secret not in repr(key)
    assert key.secret not in key.id
    assert len(key.secret) == 32
    assert Key.random("alice", NOW) != key


def test_a_new_list_is_for_its_owner_alone_and_an_old_one_keeps_its_group(tmp_path):
    path = tmp_path / "keys.txt"
    old = os.umask(0)
    try:
        KeyFile(path).add([Key("one")])
    finally:
        os.umask(old)
    assert mode(path) == 0o600
    path.chmod(0o644)
    KeyFile(path).add([Key("two")])
    assert mode(path) == 0o640
    kept = KeyFile(path).keys()
    assert [key.secret for key in kept] == ["one", "two"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["keys.txt"]


def test_revoking_leaves_everything_else_as_it_was(tmp_path):
    path = tmp_path / "keys.txt"
    path.write_bytes(b"# head \xff\r\none # alice\nbad line here\n\ntwo\none\nthree # bob")
    assert KeyFile(path).revoke(["alice", Key("two").id]) == (Key("one", "alice"), Key("two"))
    assert path.read_bytes() == b"# head \xff\r\nbad line here\n\nthree # bob"
    KeyFile(path).add([Key("four")])
    assert path.read_bytes().endswith(b"three # bob\nfour\n")


def test_what_cannot_be_revoked_revokes_nothing(tmp_path):
    path = tmp_path / "keys.txt"
    path.write_text("one # alice\ntwo # alice\nthree # bob\n")
    before = path.read_text()
    with pytest.raises(UsageError, match="2 keys have this label"):
        KeyFile(path).revoke(["bob", "alice"])
    with pytest.raises(UsageError, match="has no key of this id or label") as failed:
        KeyFile(path).revoke(["bob", "secretsecret"])
    assert "secretsecret" not in failed.value.message
    assert path.read_text() == before
    with pytest.raises(ReadError, match="no such file"):
        KeyFile(tmp_path / "none").revoke(["x"])


def test_a_file_that_is_no_key_list_is_not_changed(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"\xff\xd8\xff\xe0 \x00\n" * 3)
    with pytest.raises(FormatError, match="not a key list"):
        KeyFile(path).add([Key("one")])
    assert path.read_bytes() == b"\xff\xd8\xff\xe0 \x00\n" * 3


def test_many_writers_lose_no_key(tmp_path):
    path = tmp_path / "keys.txt"

    def work(number):
        for count in range(5):
            KeyFile(path).add([Key(f"k{number}-{count}")])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(KeyFile(path).keys()) == 20


def test_the_command_makes_lists_and_revokes(run, tmp_path):
    path = tmp_path / "keys.txt"
    made = run("key", "make", "--key-list", path, "--label", "alice", "--expires", "30d")
    assert made.code == 0
    secret = made.out.strip()
    assert len(secret) == 32
    assert f"/{secret}/announce" in made.err
    more = run("key", "make", "--key-list", path, "--count", 3, "--json")
    assert [len(one["key"]) for one in json.loads(more.out)] == [32] * 3
    listed = run("key", "list", "--key-list", path)
    assert secret not in listed.out + listed.err
    assert "alice" in listed.out.splitlines()[0]
    assert len(listed.out.splitlines()) == 4
    (first, *others) = json.loads(run("key", "list", "--key-list", path, "--json").out)
    assert (first["label"], first["active"], "key" in first) == ("alice", True, False)
    assert first["expires"] is not None
    assert [one["expires"] for one in others] == [None] * 3
    shown = json.loads(run("key", "list", "--key-list", path, "--json", "--show").out)
    assert shown[0]["key"] == secret
    gone = run("key", "revoke", "--key-list", path, "alice", others[0]["id"])
    assert (gone.code, gone.out) == (0, "")
    assert f"revoked {first['id']} (alice)" in gone.err
    left = json.loads(run("key", "list", "--key-list", path, "--json").out)
    assert [one["id"] for one in left] == [one["id"] for one in others[1:]]


def test_the_place_of_the_list_comes_from_environment_or_settings_too(run, tmp_path, monkeypatch):
    config = tmp_path / "tracker.toml"
    config.write_text('key_list = "keys.txt"\n')
    assert run("key", "make", "--config", config).code == 0
    assert len((tmp_path / "keys.txt").read_text().splitlines()) == 1
    monkeypatch.setenv("OUTPOUR_KEY_LIST", str(tmp_path / "keys.txt"))
    assert len(run("key", "list").out.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("make",), 2, "no key list is named"),
        (("list", "--key-list", "none"), 4, "`none`: no such file"),
        (("revoke", "--key-list", "none", "x"), 4, "`none`: no such file"),
        (("make", "--key-list", "none/keys.txt"), 5, "`none/keys.txt`: no such file"),
        (("make", "--key-list", "k", "--expires", "soon"), 2, "`soon`: not a date"),
        (("make", "--key-list", "k", "--expires", "9999999d"), 2, "not within the years"),
        (("nonsense",), 2, "no such command `nonsense`"),
    ],
)
def test_mistakes_are_two_lines_and_leave_nothing(run, tmp_path, monkeypatch, words, code, text):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OUTPOUR_KEY_LIST", raising=False)
    done = run("key", *words)
    assert done.code == code
    assert text in done.err
    assert len(done.err.splitlines()) == 2
    assert list(tmp_path.iterdir()) == []
