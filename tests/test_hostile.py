"""Hostile torrents through the commands: one clear line, nothing written, bounded cost."""

import os
import resource
import subprocess

import pytest

from outpour.torrent import bencode
from outpour.torrent.metainfo import Metainfo
from tests.hostile import CLIMBING, HOSTILE, LINTED, MALFORMED, PLACED, encoded

GIB = 1 << 30

COMMANDS = {
    "show": ["show", "t.torrent"],
    "show --json": ["show", "--json", "t.torrent"],
    "verify": ["verify", "t.torrent", "content"],
    "edit": ["edit", "--comment", "x", "t.torrent"],
    "magnet": ["magnet", "t.torrent"],
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "content").mkdir()
    return tmp_path


@pytest.mark.parametrize("case", HOSTILE)
def test_what_could_harm_is_refused_by_every_command_at_its_field(run, here, case):
    value, field = HOSTILE[case]
    raw = encoded(value)
    (here / "t.torrent").write_bytes(raw)
    for words in COMMANDS.values():
        said = run(*words)
        assert (said.code, said.out) == (4, "")
        first, *rest = said.err.splitlines()
        assert first.startswith(f"error: `t.torrent`: `{field}`")
        assert first.isprintable()
        assert all(line.startswith("hint: ") for line in rest)
    assert (here / "t.torrent").read_bytes() == raw
    assert sorted(os.listdir()) == ["content", "t.torrent"]  # noqa: PTH208 - names are enough


@pytest.mark.parametrize("raw", MALFORMED)
def test_what_readers_would_disagree_on_is_refused_by_every_command(run, here, raw):
    (here / "t.torrent").write_bytes(raw)
    for words in COMMANDS.values():
        said = run(*words)
        assert (said.code, said.out) == (4, "")
        line, *rest = said.err.splitlines()
        assert line.startswith("error: `t.torrent`: not a torrent: ")
        assert all(line.startswith("hint: ") for line in rest)
        assert " at byte " in line
    assert (here / "t.torrent").read_bytes() == raw


@pytest.mark.parametrize("case", CLIMBING)
def test_what_climbs_is_shown_and_stored_nowhere(run, here, case):
    value, field = CLIMBING[case]
    raw = encoded(value)
    (here / "t.torrent").write_bytes(raw)
    before = Metainfo.read("t.torrent")
    said = run("show", "t.torrent")
    assert said.code == 0
    assert case == "link climbs" or "(names-climb)" in said.out
    assert run("magnet", "t.torrent").code == 0
    for words in (["verify", "t.torrent", "content"], ["verify", "t.torrent", "."]):
        said = run(*words)
        assert (said.code, said.out) == (4, "")
        assert said.err.startswith(f"error: `{field}`: name `")
        assert "climbs out of the folder" in said.err
    nobody = ["--tracker", "http://127.0.0.1:1/announce", "--peer", "127.0.0.1:1"]
    for command in (
        ["download", "t.torrent", "-o", "content", *nobody],
        ["seed", "t.torrent", "--content", "content"],
    ):
        said = run(*command)
        assert said.code == 4
        assert "climbs out of the folder" in said.err
    assert run("edit", "--comment", "x", "t.torrent").code == 0
    assert Metainfo.read("t.torrent").info.raw == before.info.raw
    assert sorted(os.listdir()) == ["content", "t.torrent"]  # noqa: PTH208 - names are enough
    assert os.listdir("content") == []  # noqa: PTH208


@pytest.mark.parametrize("case", PLACED)
def test_content_is_found_where_libtorrent_stores_names_that_no_disk_takes(run, here, case):
    value, paths = PLACED[case]
    raw = encoded(value)
    (here / "t.torrent").write_bytes(raw)
    for path in paths:
        place = here.joinpath("content", *path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"x")
    if not paths[0][1:]:
        place.write_bytes(bytes(12))
    assert run("show", "t.torrent").code == 0
    for where in ("content", here.joinpath("content", paths[0][0])):
        said = run("verify", "--quick", "t.torrent", where)
        assert (said.code, said.out) == (0, ""), said.err
        assert "not in the torrent" not in said.err


@pytest.mark.parametrize("case", LINTED)
def test_what_clients_accept_is_read_with_a_note_and_keeps_its_infohash(run, here, case):
    value, lint = LINTED[case]
    raw = encoded(value)
    (here / "t.torrent").write_bytes(raw)
    before = Metainfo.read("t.torrent")
    said = run("show", "t.torrent")
    assert said.code == 0
    assert f"({lint})" in said.out
    assert said.out.replace("\n", "").isprintable()
    assert run("edit", "--comment", "x", "t.torrent").code == 0
    after = Metainfo.read("t.torrent")
    assert after.info.raw == before.info.raw
    assert before.info.raw in raw
    assert (after.trailing, after.announce) == (0, before.announce)
    assert run("verify", "t.torrent", "content").code in {0, 4, 6}
    assert run("reannounce", "http://127.0.0.1:6969/announce", "t.torrent").code == 0
    moved = Metainfo.read("t.torrent")
    assert moved.info.raw == before.info.raw
    assert moved.tiers == (("http://127.0.0.1:6969/announce",),)
    assert run("magnet", "t.torrent").code == 0


def deep_tree(files, depth):
    node = (
        b"d" + b"".join(b"%d:%dd0:d6:lengthi0eee" % (len(str(n)), n) for n in range(files)) + b"e"
    )
    return b"d1:a" * depth + node + b"e" * depth


def info(**values):
    return {"name": "d", "piece length": 16384, "pieces": b"", **values}


def files(paths):
    return bencode.encode({"info": info(files=[{"length": 0, "path": path} for path in paths])})


PLAIN = b"d4:infod6:lengthi1e4:name1:a12:piece lengthi16384e6:pieces20:" + b"\1" * 20

# Each would take a naive reader gigabytes or minutes.
BOMBS = {
    "empty lists": lambda: PLAIN + b"1:zl" + b"le" * 7_000_000 + b"eee",
    "too many values": lambda: PLAIN + b"1:zl" + b"le" * 9_000_000 + b"eee",
    "deep v1 paths": lambda: files([f"{number:05}", *"a" * 120] for number in range(20_000)),
    "deep v2 paths": lambda: (
        b"d4:infod9:file tree"
        + deep_tree(400_000, 55)
        + b"12:meta versioni2e4:name1:d12:piece lengthi16384eee"
    ),
    "one path again and again": lambda: files(["a"] for _ in range(300_000)),
    "names that differ by case": lambda: files(
        ["".join(c.upper() if number >> bit & 1 else c for bit, c in enumerate("abcdefghijklmnop"))]
        for number in range(1 << 16)
    ),
    "files that are folders": lambda: files(
        ["a"] * (depth + 1) for depth in range(120) for _ in range(100)
    ),
    "pieces of a byte": lambda: bencode.encode(
        {"info": {**info(length=3_000_000, pieces=bytes(60_000_000)), "piece length": 1}}
    ),
    "300,000 files": lambda: files(
        [f"{number % 999}", f"{number}.dat"] for number in range(300_000)
    ),
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("case", BOMBS)
def test_a_small_file_cannot_take_much_memory_or_time(outpour, here, case):
    raw = BOMBS[case]()
    assert len(raw) < 64 << 20
    (here / "t.torrent").write_bytes(raw)

    def limit() -> None:
        # A reader that needs more gets a MemoryError or SIGXCPU, and the test fails.
        resource.setrlimit(resource.RLIMIT_AS, (2 * GIB, 2 * GIB))
        resource.setrlimit(resource.RLIMIT_CPU, (120, 120))

    done = subprocess.run(
        [outpour, "show", "t.torrent"],
        capture_output=True, check=False, preexec_fn=limit, cwd=here,
    )  # fmt: skip
    assert done.returncode in {0, 4}, done.stderr
    assert b"internal" not in done.stderr
    assert len(done.stderr.splitlines()) == (done.returncode == 4)
    assert len(done.stdout) < 100_000


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_a_file_beyond_the_limit_is_refused_without_reading_it_all(run, here, words):
    with (here / "t.torrent").open("wb") as file:
        file.truncate(1 << 40)
    said = run(*words)
    assert (said.code, said.out) == (4, "")
    assert said.err.startswith("error: `t.torrent`: not a torrent: longer than 67108864 bytes")


def test_verify_of_a_terabyte_that_is_not_there_hashes_nothing(run, here):
    count = (1 << 40) // (1 << 30)
    value = {**info(length=1 << 40, pieces=bytes(20 * count)), "piece length": 1 << 30}
    (here / "t.torrent").write_bytes(bencode.encode({"info": value}))
    said = run("verify", "t.torrent", "content")
    assert said.code == 6
    assert "missing" in said.out
