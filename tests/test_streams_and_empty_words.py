"""Commands that are started with streams closed or full, and with variables that are not set."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from outpour.torrent.metainfo import Metainfo
from tests.waiting import wait_for

BIN = Path(sys.executable).parent


def shell(words: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    env = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "XDG_STATE_HOME": str(folder)}
    return subprocess.run(
        ["sh", "-c", words], cwd=folder, env=env, capture_output=True, check=False, timeout=200
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("place")
    (folder / "a.bin").write_bytes(os.urandom(40_000))
    made = shell("outpour create a.bin -o a.torrent --tracker http://127.0.0.1:1/announce", folder)
    assert made.returncode == 0, made.stderr
    return folder


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("outpour verify a.torrent a.bin 2>/dev/full", 0),
        ("outpour verify a.torrent a.torrent 2>/dev/full", 6),
        ("outpour create a.bin -o silent.torrent 2>/dev/full", 0),
        ("outpour show a.torrent >/dev/full 2>/dev/full", 5),
        ("outpour show nothing.torrent 2>/dev/full", 4),
        ("btshowmetainfo nothing.torrent 2>/dev/full", 4),
    ],
)
def test_talk_that_nobody_can_keep_changes_nothing_of_how_a_command_ends(place, words, code):
    done = shell(words, place)
    assert (done.returncode, done.stderr) == (code, b"")


@pytest.mark.parametrize(
    "words",
    ["show a.torrent", "create a.bin -o -", "magnet a.torrent", "verify --json a.torrent ."],
)
def test_what_is_written_to_a_stream_that_is_closed_is_not_lost_unsaid(place, words):
    done = shell(f"outpour {words} >&-", place)
    assert (done.returncode, done.stdout) == (5, b"")
    assert b"error: standard output: it is closed\n" in done.stderr


def test_old_scripts_have_silence_by_closing_a_stream(place):
    words = (
        "btmakemetafile a.bin http://127.0.0.1:1/announce >&- 2>&- && btshowmetainfo a.torrent >&-"
    )
    done = shell(words, place)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert Metainfo.read(place / "a.bin.torrent").info.length == 40_000


def test_no_file_or_socket_gets_the_number_of_a_stream_that_was_closed(place):
    words = 'exec "$0" track --open --listen 127.0.0.1:0 --workers 1 --state s.sqlite <&- >&- 2>&-'
    process = subprocess.Popen(["sh", "-c", words, BIN / "outpour"], cwd=place)
    try:
        wait_for((place / "s.sqlite").exists, what="state file")
        opened = Path(f"/proc/{process.pid}/fd")
        assert {str((opened / number).readlink()) for number in "012"} == {"/dev/null"}
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["create", ""], "`PATH|URL`"),
        (["create", "a.bin", ""], "`PATH|URL`"),
        (["create", "a.bin", "-o", ""], "`--output`"),
        (["publish", "", "--listen", "127.0.0.1:0"], "`PATH`"),
        (["publish", ".", "--state=", "--listen", "127.0.0.1:0"], "`--state`"),
        (["track", "--allowed-dir", "", "--listen", "127.0.0.1:0"], "`--allowed-dir`"),
        (["track", "--key-list", "", "--listen", "127.0.0.1:0"], "`--key-list`"),
        (["mirror", "http://127.0.0.1:1/", "-o", ""], "`--output`"),
        (["download", "a.torrent", "-o", ""], "`--output`"),
        (["verify", "a.torrent", ""], "`PATH`"),
        (["seed", "a.torrent", "--content", ""], "`--content`"),
    ],
)
def test_a_variable_that_is_not_set_stands_for_no_folder_and_lifts_no_limit(
    run, place, monkeypatch, words, named
):
    monkeypatch.chdir(place)
    before = sorted(place.iterdir())
    done = run(*words)
    assert (done.code, done.err.splitlines()[0]) == (2, f"error: {named}: is empty")
    assert sorted(place.iterdir()) == before


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("btmakemetafile '' http://127.0.0.1:1/announce", "one of the args is empty."),
        ("btlaunchmany ''", "one of the args is empty."),
        ("bttrack --dfile ''", "Option --dfile is required."),
    ],
)
def test_the_old_commands_take_no_empty_word_for_a_folder_either(tmp_path, words, text):
    done = shell(words, tmp_path)
    assert (done.returncode, text in done.stderr.decode()) == (2, True)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "btmakemetafile a.bin http://127.0.0.1:1/announce --target /dev/full",
            "hint: free some space in `/dev`, or write elsewhere with `--target`",
        ),
        ("btmakemetafile odd http://127.0.0.1:1/announce", "a name that is not UTF-8"),
        (
            "bttrack --dfile d --reannounce_interval -1",
            "error: `--reannounce_interval`: must be greater",
        ),
        (
            "bttrack --dfile d --port 0 --allowed_dir nodir",
            "name another with `--allowed_dir`",
        ),
    ],
)
def test_the_old_commands_name_options_that_they_have(tmp_path, words, said):
    (tmp_path / "a.bin").write_bytes(b"content")
    (tmp_path / "odd").mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/odd/\xff")).write_bytes(b"content")
    done = shell(words, tmp_path)
    told = done.stderr.decode()
    assert done.returncode > 0
    assert said in told
    assert not any(flag in told for flag in ("--allow ", "`-o`", "-s`", "--allowed-dir"))


def test_a_text_may_be_empty(run, place):
    assert run("edit", place / "a.torrent", "--comment", "", "-o", place / "b.torrent").code == 0
