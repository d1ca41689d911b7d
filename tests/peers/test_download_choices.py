"""`outpour download`: what is chosen, in which order, where it goes, and what happens then."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from outpour.downloader import (
    Asking,
    Completed,
    DownloadOptions,
    DownloadRun,
    Failed,
    FollowedSources,
    Job,
    Outcome,
    TakenKeys,
    WatchedFolder,
)
from outpour.engine import Engine
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo
from tests.waiting import wait_for

from .conftest import (
    LOOPBACK,
    Command,
    TinyTracker,
    WebHost,
    address,
    make_torrent,
    same_files,
)
from .little_server import Callers


def test_files_are_listed_with_what_would_be_done(
    content: Path, torrent: Path, seeder: Engine, outpour: Callable[..., Command]
) -> None:
    plain = outpour("download", "--list", torrent, "--skip", "*.bin", "--first", "readme")
    assert plain.wait() == 0, plain.talk
    lines = plain.log.read_text().splitlines()
    assert lines[0].startswith("release  3 files, 2.93 MiB  ")
    assert any("image.bin  (skipped)" in line for line in lines)
    assert any("readme  (first)" in line for line in lines)
    seeder.add(Metainfo.read(torrent), content.parent, mode="seed")
    link = str(Magnet.of(Metainfo.read(torrent)))
    asked = outpour("download", "--list", "--json", link, *LOOPBACK)
    assert asked.wait() == 0, asked.talk
    (listed,) = json.loads(asked.log.read_text())
    assert [file["path"] for file in listed["files"] if file["wanted"]] == [
        "docs/notes.txt", "image.bin", "readme"
    ]  # fmt: skip


def test_skipped_files_are_left_out_and_nothing_left_is_an_error(
    content: Path, torrent: Path, tmp_path: Path, seeder: Engine, outpour: Callable[..., Command]
) -> None:
    seeder.add(Metainfo.read(torrent), content.parent, mode="seed")
    got = tmp_path / "got"
    command = outpour("download", torrent, "-o", got, "--skip", "*.bin", *LOOPBACK)
    refused = outpour("download", torrent, "-o", tmp_path / "other", "--skip", "*", *LOOPBACK)
    assert command.wait() == 0, command.talk
    assert not (got / "release" / "image.bin").exists()
    assert (got / "release" / "docs" / "notes.txt").stat().st_size == 70_000
    assert refused.wait() == 2
    assert "every file of it is skipped" in refused.talk


def streamed(tmp_path: Path, *args: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "outpour", "download", "--stdout", *map(str, args), *LOOPBACK],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp"), "XDG_STATE_HOME": str(tmp_path / "s")},
    )  # fmt: skip


def test_a_file_is_streamed_in_order_and_nothing_of_it_stays(
    content: Path, torrent: Path, tmp_path: Path, seeder: Engine
) -> None:
    (tmp_path / "tmp").mkdir()
    seeder.add(Metainfo.read(torrent), content.parent, mode="seed")
    whole = streamed(tmp_path, torrent, "--only", "image.bin")
    several = streamed(tmp_path, torrent)
    out, talk = whole.communicate(timeout=60)
    assert whole.returncode == 0, talk
    assert out == (content / "image.bin").read_bytes()
    # Nothing is named that is gone with the command.
    assert str(tmp_path / "tmp").encode() not in talk
    assert b"complete release (" in talk
    out, talk = several.communicate(timeout=60)
    assert (several.returncode, out) == (2, b"")
    assert b"has 3 files, and one can be streamed" in talk
    assert [*(tmp_path / "tmp").iterdir()] == []


def test_a_stream_whose_reader_goes_away_ends_as_any_tool_does(
    content: Path, torrent: Path, tmp_path: Path, seeder: Engine
) -> None:
    (tmp_path / "tmp").mkdir()
    seeder.add(Metainfo.read(torrent), content.parent, mode="seed")
    with streamed(tmp_path, torrent, "--only", "image.bin") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.read(100)
        process.stdout.close()
        assert process.wait(60) == 141
        assert first == (content / "image.bin").read_bytes()[:100]
        assert b"Traceback" not in process.stderr.read()
    assert [*(tmp_path / "tmp").iterdir()] == []


def test_a_command_runs_for_what_is_complete_and_no_name_becomes_one(
    tmp_path: Path, tracker: TinyTracker, seeder: Engine, outpour: Callable[..., Command]
) -> None:
    evil = tmp_path / "origin" / "$(touch pwned); `touch pwned`"
    evil.parent.mkdir(exist_ok=True)
    evil.write_bytes(os.urandom(50_000))
    made = make_torrent(evil, trackers=[tracker.announce_url])
    made.write(tmp_path / "evil.torrent")
    seeder.add(made, evil.parent, mode="seed")
    tell = f'printf "%s|%s" "$OUTPOUR_NAME" "$OUTPOUR_LENGTH" > {tmp_path}/told'
    command = outpour("download", tmp_path / "evil.torrent", "-o", tmp_path / "got", "--exec",
                      tell, *LOOPBACK)  # fmt: skip
    assert command.wait() == 0, command.talk
    assert (tmp_path / "told").read_text() == f"{evil.name}|50000"
    assert not [*tmp_path.rglob("pwned")]
    failing = outpour("download", tmp_path / "evil.torrent", "-o", tmp_path / "got", "--exec",
                      "echo no room >&2; exit 3", *LOOPBACK)  # fmt: skip
    assert failing.wait() == 1
    assert "failed with 3: no room" in failing.talk


def test_ctrl_c_says_how_to_go_on(
    torrent: Path, tmp_path: Path, outpour: Callable[..., Command]
) -> None:
    command = outpour("download", torrent, "-o", tmp_path / "got", *LOOPBACK)
    wait_for(lambda: (tmp_path / "got").exists(), what="start")
    command.process.send_signal(signal.SIGINT)
    assert command.wait() == 130
    assert command.talk.splitlines()[-2:] == [
        "error: interrupted", "hint: the same command goes on where it stopped"
    ]  # fmt: skip


@pytest.mark.parametrize("command", ["download", "seed"])
def test_the_address_that_is_bound_to_is_the_one_that_peers_and_trackers_see(
    command: str, content: Path, torrent: Path, tracker: TinyTracker, tmp_path: Path,
    outpour: Callable[..., Command],
) -> None:  # fmt: skip
    where = ("-o", tmp_path / "got") if command == "download" else ("--content", content)
    with Callers() as called:
        tracker.peers[Metainfo.read(torrent).info.infohash].add(called.port)
        outpour(command, torrent, *where, "--bind", "127.0.0.7")
        wait_for(lambda: called.hosts, what="connection")
    assert {called.hosts[0], *tracker.hosts} == {"127.0.0.7"}


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_address_that_is_bound_to_is_the_one_that_web_servers_see(
    version: str, content: Path, web_host: WebHost, tmp_path: Path,
    outpour: Callable[..., Command],
) -> None:  # fmt: skip
    # A v2 torrent is asked for by this process, another by the engine.
    made = make_torrent(content, version, web_seeds=[web_host.url], piece_length=16384)
    made.write(web_host.root / "release.torrent")
    done = outpour("download", f"{web_host.url}release.torrent", "-o", tmp_path / "got",
                   "--bind", "127.0.0.7")  # fmt: skip
    assert done.wait() == 0, done.talk
    assert same_files(content, tmp_path / "got" / "release")
    assert web_host.hosts == {"127.0.0.7"}


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("--stdout", "--json"), 2, "only one can be had"),
        (("--list", "--follow"), 2, "only one can be had"),
        (("--schedule", "never"), 2, "not a rule of a schedule"),
        (("--ip-filter", "/nonexistent"), 4, "no such file"),
        (("--interface", "nosuch0"), 7, "no such network interface"),
        (("--interface", ""), 7, "no such network interface"),
        (("--interface", "lo", "--bind", "127.0.0.7"), 2, "only one can be had"),
        (("--interface", "lo", "--proxy", "http://127.0.0.1:1"), 2, "only one can be had"),
        (("--bind", "nosuch0"), 7, "neither an IP address nor a network interface"),
        (("--bind", ""), 7, "neither an IP address nor a network interface"),
        (("--bind", "fe80::1"), 7, "on every interface"),
        (("--bind", "203.0.113.77"), 7, "cannot listen"),
        # That of a variable that is not set is not none.
        (("--proxy", ""), 2, "not a proxy"),
        (("--time", "soon"), 2, "not a duration"),
    ],
)
def test_flags_that_cannot_be_kept_are_one_clear_error(
    args: tuple[str, ...], code: int, message: str, torrent: Path, run
) -> None:
    result = run("download", str(torrent), "--no-state", *args)
    assert (result.code, message in result.err) == (code, True), result.err


def turned(
    run: DownloadRun, engine: Engine, until: Callable[[list[Outcome]], object]
) -> list[Outcome]:
    outcomes: list[Outcome] = []

    def is_reached() -> object:
        outcomes.extend(run.turn()[1])
        engine.wait(0.02)
        return until(outcomes)

    wait_for(is_reached, what="outcome", still=lambda: outcomes)
    return outcomes


def completed(count: int) -> Callable[[list[Outcome]], object]:
    return lambda outcomes: sum(isinstance(one, Completed) for one in outcomes) == count


def test_a_watched_folder_brings_what_is_put_there_and_tells_what_is_none(
    content: Path, tmp_path: Path, seeder: Engine, engine: Engine
) -> None:
    made = make_torrent(content)
    seeder.add(made, content.parent, mode="seed")
    watched = tmp_path / "watched"
    watched.mkdir()
    (watched / "broken.torrent").write_bytes(b"d4:info")
    (watched / ".hidden.torrent").write_bytes(b"d4:info")
    options = DownloadOptions(folder=tmp_path / "got", peers=(seeder.addresses[0],))
    run = DownloadRun(Job(engine, options, None), engine, supplies=[WatchedFolder(watched)])
    told = turned(run, engine, lambda outcomes: outcomes)
    assert [type(one) for one in told] == [Failed]
    assert "broken.torrent" in told[0].error.message  # type: ignore[attr-defined]
    (watched / "one.magnet").write_text(f"{Magnet.of(made)}\n")
    turned(run, engine, completed(1))
    assert same_files(content, tmp_path / "got" / "release")
    turned(run, engine, lambda _: made.info.infohash not in engine)
    assert not run.is_over
    run.close()


class Feed(WebHost):
    """A feed of torrents that a test adds to."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.torrents: dict[str, bytes] = {}

    def respond(self, target: str, wanted: str | None) -> tuple[int, bytes, dict[str, str]]:
        if target == "/feed":
            items = "".join(
                f"<item><title>{name}</title><guid>{name}</guid>"
                f'<enclosure url="{name}.torrent" type="application/x-bittorrent"/></item>'
                for name in tuple(self.torrents)
            )
            return 200, f"<rss><channel>{items}</channel></rss>".encode(), {}
        name = target.removeprefix("/").removesuffix(".torrent")
        if name in self.torrents:
            return 200, self.torrents[name], {}
        return super().respond(target, wanted)


@pytest.fixture
def feed(tmp_path: Path) -> Iterator[Feed]:
    (tmp_path / "origin").mkdir(exist_ok=True)
    host = Feed(tmp_path / "origin")
    yield host
    host.close()


def put(feed: Feed, seeder: Engine, name: str) -> Metainfo:
    path = feed.root / f"{name}.bin"
    path.write_bytes(os.urandom(40_000))
    made = make_torrent(path)
    seeder.add(made, feed.root, mode="seed")
    feed.torrents[name] = made.raw
    return made


def test_a_followed_feed_brings_what_is_new_once_over_restarts_and_removals(
    feed: Feed, tmp_path: Path, seeder: Engine, engine: Engine
) -> None:
    put(feed, seeder, "tool-1")
    put(feed, seeder, "other-1")
    feed.torrents["tool-broken"] = b"<html>"
    url = f"{feed.url}feed"
    asking = Asking(matches=lambda name: name.startswith("tool"))
    options = DownloadOptions(folder=tmp_path / "got", peers=(seeder.addresses[0],))

    def start() -> DownloadRun:
        taken = {url: TakenKeys(tmp_path / "state", url, tmp_path / "got")}
        supply = FollowedSources([url], asking, 0.1, taken)
        return DownloadRun(Job(engine, options, None), engine, supplies=[supply])

    run = start()
    outcomes = turned(run, engine, completed(1))
    put(feed, seeder, "tool-2")
    outcomes += turned(run, engine, completed(1))
    # Told once, though it was asked for at every look.
    assert sum("tool-broken" in one.error.message for one in outcomes
               if isinstance(one, Failed)) == 1  # fmt: skip
    run.close()
    assert {path.name for path in (tmp_path / "got").iterdir()} == {"tool-1.bin", "tool-2.bin"}
    (tmp_path / "got" / "tool-1.bin").unlink()
    run = start()
    put(feed, seeder, "tool-3")
    turned(run, engine, completed(1))
    run.close()
    assert {path.name for path in (tmp_path / "got").iterdir()} == {"tool-2.bin", "tool-3.bin"}


def test_a_feed_is_a_source_as_any_other(
    feed: Feed, tmp_path: Path, seeder: Engine, outpour: Callable[..., Command]
) -> None:
    for name in ("Tool-1", "tool-2", "other"):
        put(feed, seeder, name)
    feed.torrents["tool-broken"] = b"<html>"
    command = outpour("download", f"{feed.url}feed", "-o", tmp_path / "got", "--match", "tool*",
                      "--no-match", "*2", "--peer", address(seeder), *LOOPBACK)  # fmt: skip
    assert command.wait() == 4, command.talk
    assert [path.name for path in (tmp_path / "got").iterdir()] == ["Tool-1.bin"]
    assert "tool-broken.torrent" in command.talk


def test_the_schedule_sets_the_rates_of_the_engine(tmp_path: Path, engine: Engine) -> None:
    from outpour.downloader import Rates, RateSchedule

    schedule = RateSchedule.parse(["00:00-24:00 down=3KiB/s up=2KiB/s"], Rates())
    job = Job(engine, DownloadOptions(folder=tmp_path), None)
    DownloadRun(job, engine, schedule=schedule).turn()
    assert engine.download_rate == 3072


def test_on_a_terminal_lines_are_drawn_and_gone_at_the_end(
    content: Path, torrent: Path, tmp_path: Path, seeder: Engine
) -> None:
    import pty
    import termios

    seeder.add(Metainfo.read(torrent), content.parent, mode="seed")
    seeder.limit(upload_rate=2 << 20)
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 80)) if hasattr(termios, "tcsetwinsize") else None
    process = subprocess.Popen(
        [sys.executable, "-m", "outpour", "download", str(torrent), "-o", str(tmp_path / "got"),
         "--no-state", *LOOPBACK],
        stderr=slave, stdout=slave, stdin=subprocess.DEVNULL,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"},
    )  # fmt: skip
    os.close(slave)
    seen = bytearray()

    def read() -> None:
        with suppress(OSError):
            while part := os.read(master, 65536):
                seen.extend(part)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    assert process.wait(60) == 0
    reader.join(60)
    os.close(master)
    text = seen.decode()
    assert all(word in text for word in ("[", "down ", "MiB"))
    # After the last drawing it is cleared, and what remains is the line that says the outcome.
    assert text.rpartition("\x1b[J")[2].strip().startswith("\x1b[32mcomplete")
