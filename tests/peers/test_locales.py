"""Names on disk are the torrent's own, in every locale and for every command with a peer engine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

import pytest

from outpour.engine import Engine, EngineSettings
from outpour.torrent.metainfo import Metainfo
from tests.waiting import wait_for

from .conftest import OLD_PORTS, TinyTracker, make_torrent, reach, same_files

LOCALES = {
    "of today": {"LC_ALL": "C.UTF-8"},
    "classic": {"LC_ALL": "C"},
    "by another name": {"LC_ALL": "POSIX"},
    "not installed": {"LC_ALL": "xx_XX.UTF-8"},
    "not set": {},
    "of another encoding": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}
NAMES = ("LANG", "LC_ALL", "LC_CTYPE", "LANGUAGE", "PYTHONUTF8", "PYTHONCOERCECLOCALE")
CLASSIC = "import sys; from outpour.cli.classic.{} import {}; sys.exit({}())"

EVERYWHERE = pytest.mark.parametrize("locale", LOCALES)


@pytest.fixture
def start(locale: str, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Run a module, or a classic command, in a locale and a folder deep enough to climb in."""
    environ = {name: value for name, value in os.environ.items() if name not in NAMES}
    environ |= {"XDG_STATE_HOME": str(tmp_path / "state"), **LOCALES[locale]}
    running: list[subprocess.Popen[bytes]] = []

    def start(cwd: Path, *words: object) -> subprocess.Popen[bytes]:
        cwd.mkdir(parents=True, exist_ok=True)
        process = subprocess.Popen(
            [sys.executable, *map(str, words)], cwd=cwd, env=environ, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def climber(tmp_path: Path) -> Path:
    """A folder whose names become `..` where each letter that is not ASCII becomes a dot."""
    root = tmp_path / "origin" / "töp"
    below = root / "üü" / "üü" / "üü"
    below.mkdir(parents=True)
    (below / "escaped.txt").write_bytes(os.urandom(50_000))
    (root / os.fsdecode(b"caf\xe9")).write_bytes(os.urandom(20_000))
    (root / "a.txt").write_bytes(b"abc")
    return root


def torrent_of(root: Path, *trackers: str) -> Metainfo:
    return make_torrent(root, trackers=trackers, piece_length=16384)


@EVERYWHERE
def test_a_download_has_the_names_of_its_torrent(
    start: Callable[..., subprocess.Popen[bytes]], climber: Path, tmp_path: Path, seeder: Engine
) -> None:
    made = torrent_of(climber)
    seeder.add(made, climber.parent, mode="seed")
    made.write(tmp_path / "t.torrent")
    host, port = seeder.addresses[0]
    deep = tmp_path / "a" / "b" / "c"
    process = start(
        deep, "-m", "outpour", "download", tmp_path / "t.torrent", "-o", "gött",
        "--peer", f"{host}:{port}", "--bind", "127.0.0.1",
    )  # fmt: skip
    output, _ = process.communicate(timeout=40)
    assert process.returncode == 0, output
    assert same_files(climber.parent, tmp_path / "a" / "b" / "c" / "gött")
    assert [path.name for path in (tmp_path / "a").rglob("*.txt") if deep not in path.parents] == []


@EVERYWHERE
@pytest.mark.parametrize("name", ["btdownloadheadless", "btlaunchmany"])
def test_an_old_client_has_them_too(
    name: str, start: Callable[..., subprocess.Popen[bytes]], climber: Path, tmp_path: Path,
    seeder: Engine, tracker: TinyTracker,
) -> None:  # fmt: skip
    made = torrent_of(climber, tracker.announce_url)
    seeder.add(made, climber.parent, mode="seed")
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    made.write(deep / "t.torrent")
    module = "launchmany" if name == "btlaunchmany" else "download"
    words = (".", "--saveas_style", "2") if name == "btlaunchmany" else ("t.torrent",)
    start(deep, "-c", CLASSIC.format(module, name, name), *words, *OLD_PORTS)
    wait_for(lambda: (deep / "töp").is_dir() and same_files(climber, deep / "töp"), what="content")
    assert [path for path in (tmp_path / "a").rglob("*.txt") if deep not in path.parents] == []


@EVERYWHERE
def test_a_seed_finds_what_it_gives(
    start: Callable[..., subprocess.Popen[bytes]], climber: Path, tmp_path: Path, engine: Engine,
    tracker: TinyTracker,
) -> None:  # fmt: skip
    made = torrent_of(climber, tracker.announce_url)
    made.write(tmp_path / "t.torrent")
    start(
        tmp_path / "a", "-m", "outpour", "seed", tmp_path / "t.torrent", "--content", climber,
        "--bind", "127.0.0.1",
    )  # fmt: skip
    wait_for(lambda: tracker.peers[made.info.infohash], what="announce")
    reach(engine, engine.add(made, tmp_path / "got"), "seeding")
    assert same_files(climber.parent, tmp_path / "got")


@EVERYWHERE
def test_a_publication_seeds_what_it_publishes(
    start: Callable[..., subprocess.Popen[bytes]], climber: Path, tmp_path: Path,
    settings: EngineSettings,
) -> None:  # fmt: skip
    (climber / os.fsdecode(b"caf\xe9")).unlink()
    process = start(
        tmp_path, "-m", "outpour", "publish", climber.parent, "--listen", "127.0.0.1:0",
        "--peer-port", "0", "--format", "v1",
    )  # fmt: skip
    assert process.stdout is not None
    url = next(
        word for line in process.stdout for word in line.decode().split()
        if b"serving" in line and word.startswith("http")
    )  # fmt: skip
    target = f"{url}torrents/t%C3%B6p.torrent"
    wait_for(lambda: _found(target), what="torrent")
    with urlopen(target) as answer:
        made = replace(Metainfo.parse(answer.read()), web_seeds=())
    with Engine(settings) as engine:
        key = engine.add(made, tmp_path / "got")
        reach(engine, key, "seeding")
    assert same_files(climber.parent, tmp_path / "got")
    process.send_signal(signal.SIGTERM)


@pytest.mark.parametrize("locale", ["of another encoding"])
def test_a_program_in_another_encoding_is_refused_an_engine(
    start: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    process = start(tmp_path, "-c", "from outpour.engine import Engine; Engine()")
    output, _ = process.communicate(timeout=40)
    assert b"SettingsError: `ascii`: names of files are UTF-8 here" in output


def _found(url: str) -> bool:
    try:
        with urlopen(url) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
