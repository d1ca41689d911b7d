"""The old clients under their old names, options and output."""

from __future__ import annotations

import importlib
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from outpour.base.errors import WriteError
from outpour.cli.classic.client_engine import settings_of, wanted_files
from outpour.cli.classic.client_options import REPLACED, TABLE, TUNING
from outpour.cli.classic.folder_job import FolderJob
from outpour.cli.classic.option_table import parse
from outpour.cli.classic.status_block import amount_of, block, hours, rate_of, short_size
from outpour.downloader import Job
from outpour.engine import Engine, Status
from outpour.torrent.metainfo import Metainfo
from tests.conftest import Result
from tests.waiting import wait_for

from .conftest import OLD_PORTS, TinyTracker, WebHost, make_torrent, reach, same_files
from .little_server import Callers

RUN = "import sys; from outpour.cli.classic.{0} import {1}; sys.exit({1}())"
MODULES = {"btlaunchmany": "launchmany", "btlaunchmanycurses": "launchmany"}


class Tool:
    def __init__(self, base: Path, name: str, *args: object) -> None:
        self.output = base / f"out-{time.monotonic_ns()}"
        self.errors = self.output.with_name(self.output.name.replace("out", "err"))
        code = RUN.format(MODULES.get(name, "download"), name.replace("-", "_"))
        environ = {**os.environ, "XDG_STATE_HOME": str(base / "state")}
        with self.output.open("wb") as out, self.errors.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code, *map(str, args)], cwd=base,
                stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environ,
            )  # fmt: skip

    @property
    def text(self) -> str:
        return self.output.read_text()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(60)


@pytest.fixture
def tool(tmp_path: Path) -> Iterator[Callable[..., Tool]]:
    running: list[Tool] = []

    def start(name: str, *args: object) -> Tool:
        running.append(Tool(tmp_path, name, *args))
        return running[-1]

    yield start
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


@pytest.fixture
def torrent(content: Path, tracker: TinyTracker, tmp_path: Path) -> Path:
    path = tmp_path / "release.torrent"
    make_torrent(content, trackers=[tracker.announce_url]).write(path)
    return path


@pytest.mark.parametrize(
    "name", ["btdownloadheadless", "bittorrent-downloader", "btdownloadcurses"]
)
def test_a_download_prints_the_block_of_old_and_seeds_until_killed(
    name: str, content: Path, torrent: Path, tmp_path: Path, seeder: Engine,
    tool: Callable[..., Tool],
) -> None:  # fmt: skip
    seeder.add(Metainfo.read(torrent), content.parent, mode="seed")
    got = tmp_path / "got"
    run = tool(name, torrent, "--saveas", got, "--display_interval", "0.1", *OLD_PORTS)
    wait_for(lambda: "Download Succeeded!" in run.text, what="success")
    wait_for(lambda: "download total: 2.9 MiB" in run.text, what="total")
    assert run.process.poll() is None
    assert same_files(content, got)
    assert run.stop() == 0
    last = run.text.strip().split("\n\n\n")[-1].strip().splitlines()
    assert last[:4] == [
        "saving:         release (2.9 MB)",
        "percent done:   100",
        "time left:      Download Succeeded!",
        f"download to:    {got}",
    ]
    assert [line.split(":")[0] for line in last[4:]] == [
        "upload rate", "download total", "upload total"
    ]  # fmt: skip
    assert re.fullmatch(r"upload rate:    \d+\.\d\d kB/s", last[4])


def test_the_address_of_bind_is_the_one_that_peers_see(
    torrent: Path, tracker: TinyTracker, tmp_path: Path, tool: Callable[..., Tool]
) -> None:
    with Callers() as called:
        tracker.peers[Metainfo.read(torrent).info.infohash].add(called.port)
        tool("btdownloadheadless", torrent, "--saveas", tmp_path / "got", "--bind", "127.0.0.7")
        wait_for(lambda: called.hosts, what="connection")
    assert called.hosts[0] == "127.0.0.7"


def test_the_address_of_bind_is_the_one_that_web_seeds_see(
    content: Path, tmp_path: Path, web_host: WebHost, tool: Callable[..., Tool]
) -> None:
    # This process asks them itself for a v2 torrent; it is the engine that asks for others.
    made = make_torrent(content, "v2", web_seeds=[web_host.url], piece_length=16384)
    made.write(tmp_path / "tree.torrent")
    got = tmp_path / "got"
    tool("btdownloadheadless", tmp_path / "tree.torrent", "--saveas", got, "--bind", "127.0.0.7")
    wait_for(lambda: web_host.hosts, what="request")
    assert web_host.hosts == {"127.0.0.7"}


def test_saveas_at_complete_content_makes_a_seeder(
    content: Path, torrent: Path, tmp_path: Path, engine: Engine, tracker: TinyTracker,
    tool: Callable[..., Tool],
) -> None:  # fmt: skip
    run = tool("btdownloadheadless", "--responsefile", torrent, "--saveas", content, *OLD_PORTS)
    metainfo = Metainfo.read(torrent)
    wait_for(lambda: tracker.peers[metainfo.info.infohash], what="announce")
    key = engine.add(metainfo, tmp_path / "got")
    reach(engine, key, "seeding")
    assert run.stop() == 0


def test_a_strangers_file_is_left_alone_with_a_hint_that_the_old_client_has(
    content: Path, tmp_path: Path, tracker: TinyTracker, seeder: Engine, tool: Callable[..., Tool]
) -> None:
    made = make_torrent(content / "image.bin", trackers=[tracker.announce_url])
    made.write(tmp_path / "image.torrent")
    seeder.add(made, content, mode="seed")
    place = tmp_path / "mine"
    for strange in (b"s" * 4_000_000, b"s" * 1_000_000):
        place.write_bytes(strange)
        words = ("btdownloadheadless", tmp_path / "image.torrent", "--saveas", place, *OLD_PORTS)
        run = tool(*words)
        assert run.process.wait(60) == 5
        hint = "hint: `--overwrite 1` replaces it, `--saveas PATH` downloads to another folder"
        assert hint in run.errors.read_text()
        assert place.read_bytes() == strange
        run = tool(*words, "--overwrite", "1")
        wait_for(lambda: "Download Succeeded!" in run.text, what="success")  # noqa: B023
        assert run.stop() == 0
        assert place.read_bytes() == (content / "image.bin").read_bytes()


def test_without_arguments_the_options_are_listed(tool: Callable[..., Tool]) -> None:
    run = tool("btdownloadheadless")
    assert run.process.wait(60) == 0
    assert "--max_upload_rate <arg>\n          " in run.text
    assert "(defaults to 6881)" in " ".join(run.text.split())


OF_342 = """
    max_uploads keepalive_interval download_slice_size request_backlog max_message_length ip
    minport maxport responsefile url saveas timeout timeout_check_interval max_slice_length
    max_rate_period bind upload_rate_fudge display_interval rerequest_interval min_peers
    http_timeout max_initiate max_allow_in check_hashes max_upload_rate snub_time spew
    rarest_first_cutoff min_uploads report_hash_failures
"""


@pytest.mark.parametrize("name", ["btdownloadheadless", "btlaunchmany"])
def test_every_option_of_3_4_2_is_taken(name: str, run: Callable[..., Result]) -> None:
    own = {"responsefile", "url"} if name == "btlaunchmany" else set()
    module = importlib.import_module(f"outpour.cli.classic.{MODULES.get(name, 'download')}")
    listed = run(tool=getattr(module, name)).out
    for option in set(OF_342.split()) - own:
        assert f"--{option} <arg>" in listed, option


def test_what_has_no_effect_is_in_the_table() -> None:
    names = {option.name for option in TABLE}
    assert names >= REPLACED.keys()
    assert names >= TUNING
    assert not REPLACED.keys() & TUNING


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--nonsense", "1", "x"], "error: unknown key --nonsense"),
        (["--minport"], "error: parameter passed in at end with no value"),
        (["a", "b"], "error: Too many args - 1 max."),
        (["--minport", "7000"], "error: must give exactly one of"),
    ],
)
def test_a_wrong_command_line_is_refused_in_the_old_words(
    args: list[str], message: str, tool: Callable[..., Tool]
) -> None:
    run = tool("btdownloadheadless", *args)
    assert run.process.wait(60) == 2
    assert message in run.errors.read_text()


def test_options_without_effect_are_said_or_taken_silently(
    torrent: Path, tool: Callable[..., Tool]
) -> None:
    run = tool("btdownloadheadless", torrent, "--spew", "1", "--min_peers", "3", *OLD_PORTS)
    wait_for(lambda: "percent done" in run.text, what="block")
    run.stop()
    assert "--spew has no effect: `outpour download --json`" in run.errors.read_text()
    assert "min_peers" not in run.errors.read_text()


def test_old_rates_slots_and_ciphers_become_settings() -> None:
    parsed = parse(
        ["--max_upload_rate", "20", "--max_uploads", "3", "--crypto_only", "1", "--ip", "10.0.0.1"],
        TABLE,
    )
    settings = settings_of(parsed)
    assert (settings.upload_rate, settings.upload_slots) == (20480, 3)
    assert (settings.encryption, settings.announce_ip) == ("require", "10.0.0.1")
    plain = settings_of(parse(["--max_upload_rate", "-1", "--crypto_allowed", "0"], TABLE))
    assert (plain.upload_rate, plain.upload_slots, plain.encryption) == (0, 0, "off")


def test_priority_minus_one_leaves_files_out() -> None:
    assert wanted_files(parse(["--priority", "1,-1,0"], TABLE)) == ("1,3,4-999999999",)
    assert wanted_files(parse([], TABLE)) == ()


def test_figures_are_written_as_they_were() -> None:
    assert hours(59) == "0 min 59 sec"
    assert amount_of(0) == "0.0 MiB"
    assert rate_of(1 << 20) == "1024.00 kB/s"
    assert short_size(999) == "1.0 KB"


def test_a_failure_is_told_in_the_block() -> None:
    status = Status(
        infohash=bytes(20), name="x", state="error", progress=0.5, total=2 << 20, done=1 << 20,
        down_rate=0, up_rate=0, downloaded=1 << 20, uploaded=0, peers=0, seeds=0,
        error="disk full", save_path=Path(),
    )  # fmt: skip
    lines = block(status, "/x", ["disk full"])
    assert lines[:6] == ["", "", "", "ERROR:", "disk full", ""]
    assert "percent done:   0" in lines
    assert "time left:      Download Failed!" in lines


def test_launchmany_follows_its_folder(
    content: Path, tmp_path: Path, seeder: Engine, tracker: TinyTracker, tool: Callable[..., Tool]
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    first = make_torrent(content, trackers=[tracker.announce_url])
    second = make_torrent(content / "image.bin", trackers=[tracker.announce_url])
    seeder.add(first, content.parent, mode="seed")
    seeder.add(second, content, mode="seed")
    first.write(folder / "one.torrent")
    (folder / "broken.torrent").write_bytes(b"spam")
    run = tool("btlaunchmany", folder, "--parse_dir_interval", "0.2", *OLD_PORTS)
    wait_for(lambda: f"{folder}/one: Spd: " in run.text, what="line")
    second.write(folder / "two.torrent")
    wait_for(lambda: f"{folder}/one: " in run.text and complete(run, folder / "one"), what="one")
    wait_for(lambda: complete(run, folder / "two"), what="two")
    assert same_files(content, folder / "one")
    assert (folder / "two").read_bytes() == (content / "image.bin").read_bytes()
    (folder / "one.torrent").unlink()
    gone = "Torrent file dissapeared, killing one.torrent\n"
    wait_for(lambda: gone in run.text, what="dropped torrent")
    wait_for(lambda: (first.info.infohash, "stopped") in tracker.events, what="stopped announce")
    stopped = f"Torrent {folder}/one.torrent stopped\n"
    wait_for(lambda: stopped in run.text, what="its last line")
    assert run.text.startswith("btlaunchmany starting..\nNew torrent: broken.torrent\n")
    assert re.search(
        r"^All: Spd: [\d.]+ +\w+/[\d.]+ +\w+ Tot: [\d.]+ MB/[\d.]+ MB$", run.text, re.M
    )
    assert "broken.torrent: try 1 died, retry in 10\n" in run.text
    assert run.stop() == 0


def complete(run: Tool, path: Path) -> bool:
    line = re.escape(f"{path}: Spd: ") + r".* Tot: [\d.]+ MB/[\d.]+ MB \[complete 100%\]$"
    return re.search(line, run.text, re.MULTILINE) is not None


@pytest.mark.parametrize(("style", "where"), [(1, "some"), (2, "image.bin"), (3, "some/image.bin")])
def test_launchmany_saves_under_the_name_that_is_asked_for(
    style: int, where: str, content: Path, tmp_path: Path, seeder: Engine, tracker: TinyTracker,
    tool: Callable[..., Tool],
) -> None:  # fmt: skip
    made = make_torrent(content / "image.bin", trackers=[tracker.announce_url])
    seeder.add(made, content, mode="seed")
    folder, target = tmp_path / "torrents", tmp_path / "target"
    folder.mkdir()
    made.write(folder / "some.torrent")
    run = tool(
        "btlaunchmany", folder, "--saveas_style", style, "--saveas", target, *OLD_PORTS
    )  # fmt: skip
    wait_for(lambda: complete(run, target / where), what="copy")
    assert (target / where).read_bytes() == (content / "image.bin").read_bytes()


class Scripted:
    """Stands for a job that fails as often as a test wants."""

    def __init__(self) -> None:
        self.added: list[Path] = []

    def add(self, metainfo: Metainfo, *, folder: Path, root_name: str | None) -> bytes:
        self.added.append(folder / (root_name or metainfo.info.name))
        raise WriteError("`x`: disk full")


def test_launchmany_tries_six_times_and_gives_up(
    content: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_torrent(content).write(tmp_path / "a.torrent")
    monkeypatch.setattr("outpour.cli.classic.folder_job.RETRY_AFTER_S", 0.0)
    job = Scripted()
    folder_job = FolderJob(tmp_path, cast("Job", job), style=1, saveas=None)
    lines = [line for _ in range(9) for line in folder_job.look()]
    assert job.added == [tmp_path / "a"] * 6
    assert lines[0] == "New torrent: a.torrent"
    assert lines[-1] == "a.torrent died 6 times, added to dead list"


def test_launchmany_of_no_folder_is_one_clear_error(tool: Callable[..., Tool]) -> None:
    run = tool("btlaunchmany", "/nonexistent")
    assert run.process.wait(60) == 4
    assert "not a folder" in run.errors.read_text()


@pytest.mark.parametrize("name", ["btdownloadcurses", "btlaunchmanycurses"])
def test_a_terminal_gets_a_screen_that_q_leaves(
    name: str, content: Path, torrent: Path, tmp_path: Path, seeder: Engine
) -> None:
    seeder.add(Metainfo.read(torrent), content.parent, mode="seed")
    code = RUN.format(MODULES.get(name, "download"), name)
    shown = b"Download Succeeded!" if name == "btdownloadcurses" else b"seeding"
    what = torrent if name == "btdownloadcurses" else torrent.parent
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(what), *OLD_PORTS], cwd=tmp_path,
        stdin=end, stdout=end, stderr=end,
        env={**os.environ, "TERM": "xterm", "XDG_STATE_HOME": str(tmp_path / "state")},
    )  # fmt: skip
    os.close(end)
    seen = bytearray()

    def is_shown() -> bool:
        # A word may come in two parts, and is not drawn again.
        seen.extend(_read(terminal))
        return shown in seen

    def has_ended() -> bool:
        # Whoever writes to a terminal that nobody reads does not end.
        _read(terminal)
        return process.poll() is not None

    try:
        wait_for(is_shown, what="screen", still=lambda: seen)
        os.write(terminal, b"q")
        wait_for(has_ended, what="end")
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()
        os.close(terminal)


def _read(terminal: int) -> bytes:
    if not select.select([terminal], [], [], 0.05)[0]:
        return b""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""
