"""`outpour track` as a real process: what it serves, says, keeps and how it ends."""

from __future__ import annotations

import http.client
import io
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from outpour.base.toml_file import tomllib
from outpour.cli.shared.env import Env
from outpour.cli.shared.printer import Printer
from outpour.cli.shared.waiting_lines import saying_so
from tests.trackers import BIG, HELLO, Process
from tests.waiting import wait_for


@pytest.fixture
def start(tmp_path):
    processes = []

    def begin(*words, **more):
        process = Process(
            ["track", "--listen", "127.0.0.1:0", "--workers", "1", *words], tmp_path, **more
        )
        processes.append(process)
        return process

    yield begin
    for process in processes:
        process.close()


@pytest.fixture
def folder(tmp_path, classic):
    root = tmp_path / "torrents"
    root.mkdir()
    for name in ("hello", "big"):
        shutil.copy(classic / f"{name}.torrent", root / f"{name}.torrent")
    return root


def test_announces_page_and_torrent_files_come_from_one_port(start, folder):
    process = start("--allowed-dir", folder)
    assert b"peers" in process.announce(HELLO, 6881)
    status, page = process.get("/")
    assert status == 200
    assert b"hello.txt" in page
    assert HELLO.hex().encode() in page
    raw = (folder / "hello.torrent").read_bytes()
    assert process.get(f"/file?info_hash={quote(HELLO)}") == (200, raw)
    assert process.end() == 0


def test_completed_counters_survive_kill_9(start, folder, tmp_path):
    state = tmp_path / "s.sqlite"
    first = start("--allowed-dir", folder, "--state", state)
    for port in (1, 2, 3):
        first.download(HELLO, port)
    first.until_saved(state, HELLO, 3)
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    second = start("--allowed-dir", folder, "--state", state)
    assert second.torrents()[HELLO.hex()]["downloaded"] == 3
    second.download(HELLO, 4)
    second.until(lambda: second.torrents()[HELLO.hex()]["downloaded"] == 4, "counted")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_soon_with_everything_saved(start, folder, tmp_path, number):
    words = ("--allowed-dir", folder, "--state", tmp_path / "s.sqlite")
    first = start(*words)
    first.download(HELLO, 1)
    first.announce(BIG, 2, left=5)
    assert first.end(number) == 0
    second = start(*words)
    torrents = second.torrents()
    assert torrents[HELLO.hex()]["downloaded"] == 1
    assert torrents[HELLO.hex()]["complete"] == 1
    assert torrents[BIG.hex()]["downloading"] == 1
    assert "restored 2 peers" in second.text


def test_a_signal_ends_it_even_with_connections_open(start):
    process = start("--open")
    host, port = process.address
    open_ones = [http.client.HTTPConnection(host, port, timeout=60) for _ in range(20)]
    for connection in open_ones:
        connection.request("GET", "/api/v1/events")
    assert process.end() == 0
    for connection in open_ones:
        connection.close()


def test_hangup_looks_through_the_folder(start, folder):
    process = start("--allowed-dir", folder, "--rescan-interval-s", 3600)
    assert HELLO.hex() in process.torrents()
    (folder / "hello.torrent").unlink()
    process.popen.send_signal(signal.SIGHUP)
    process.until(lambda: HELLO.hex() not in process.torrents(), "withdrawn")
    process.until(lambda: "no longer tracking `hello.txt`" in process.text, "told")


def test_a_taken_port_is_two_lines_and_exit_7(start, spawn):
    host, port = start("--open").address
    done = spawn("outpour", "track", "--open", "--listen", f"{host}:{port}")
    assert done.code == 7
    assert done.err.splitlines()[0] == f"error: `{host}:{port}`: address already in use"
    assert done.err.splitlines()[1].startswith("hint: ")
    assert len(done.err.splitlines()) == 2


def test_a_state_file_in_use_is_two_lines_and_exit_4(start, tmp_path, spawn):
    state = tmp_path / "s.sqlite"
    assert start("--open", "--state", state).address
    done = spawn("outpour", "track", "--open", "--listen", "127.0.0.1:0", "--state", state)
    assert done.code == 4
    assert "another tracker is using it" in done.err


def test_a_start_that_ends_by_a_setting_of_the_page_leaves_the_state_closed(start, tmp_path, spawn):
    state = tmp_path / "s.sqlite"
    for url in ("http://[::1", "http://h:99999/"):
        words = ("--open", "--listen", "127.0.0.1:0", "--state", state, "--public-url", url)
        done = spawn("outpour", "track", *words)
        assert done.code == 3
        assert "not an http or https URL" in done.err
    process = start("--open", "--state", state)
    assert process.address
    assert "lost" not in process.text


def test_a_damaged_state_file_is_said_and_set_aside(start, tmp_path):
    state = tmp_path / "s.sqlite"
    state.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    process = start("--open", "--state", state)
    assert process.address
    assert "note: `" in process.text
    assert "set aside as `s.sqlite.damaged-" in process.text
    assert list(tmp_path.glob("s.sqlite.damaged-*"))


def test_settings_come_from_file_environment_and_flags(start, folder, tmp_path):
    config = tmp_path / "tracker.toml"
    config.write_text('allowed_dir = "torrents"\ninterval_s = 100\npeers_per_answer = 1\n')
    env = {"OUTPOUR_INTERVAL_JITTER_PERCENT": "0", "OUTPOUR_INTERVAL_S": "200"}
    process = start("--config", config, env=env)
    process.announce(HELLO, 1)
    process.announce(HELLO, 2)
    answer = process.announce(HELLO, 3, left=5)
    assert answer[b"interval"] == 200
    assert len(answer[b"peers"]) == 6


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["--interval-s", "0"], 3, "error: `--interval-s`: must be greater than or equal to 1"),
        (["--listen", "6969"], 3, "error: `--listen`: `6969`: not an address"),
        (["--open", "--allowed-dir", "x"], 3, "`open` tracks everything"),
        (["--lissten", "x"], 2, "did you mean `--listen`?"),
        (["--config", "missing.toml"], 4, "error: `missing.toml`: no such file"),
        (["--allowed-dir", "missing", "--listen", "127.0.0.1:0"], 4, "error: `missing`: no such"),
    ],
)
def test_mistakes_are_told_with_their_exit_code(run, words, code, text):
    done = run("track", *words)
    assert done.code == code
    assert text in done.err
    assert "hint: " in done.err
    assert done.out == ""


def test_a_classic_state_file_is_not_eaten(run, classic, tmp_path):
    path = tmp_path / "dfile"
    shutil.copy(classic / "342.dfile", path)
    done = run("track", "--open", "--listen", "127.0.0.1:0", "--state", path)
    assert done.code == 4
    assert "--import-dfile" in done.err
    assert path.read_bytes() == (classic / "342.dfile").read_bytes()


def test_counters_of_a_classic_tracker_are_taken_over(start, folder, classic):
    process = start("--allowed-dir", folder, "--import-dfile", classic / "342.dfile")
    assert process.torrents()[HELLO.hex()]["downloaded"] == 1
    assert "took over 2 counters" in process.text


def test_the_printed_settings_file_is_one(run, tmp_path):
    done = run("track", "--print-config")
    assert done.code == 0
    assert tomllib.loads(done.out) == {}
    assert "# interval_s = 1800" in done.out


def test_every_setting_is_a_flag_in_the_help(run):
    from outpour.tracker.settings import OF_PUBLISH, all_fields

    done = run("track", "--help")
    assert done.code == 0
    missing = [
        name
        for name in all_fields()
        if f"--{name.removeprefix('site.').replace('_', '-')}" not in done.out
    ]
    assert missing == [*OF_PUBLISH]
    done = run("publish", "--help")
    assert all(f"--{name.removesuffix('s').replace('_', '-')}" in done.out for name in OF_PUBLISH)


def test_no_page_where_none_is_wanted_and_ones_own_icon(start, tmp_path):
    icon = tmp_path / "icon.png"
    icon.write_bytes(b"\x89PNG not really")
    process = start("--open", "--no-page", "--favicon", icon)
    assert process.get("/")[0] == 404
    assert process.get("/index.html")[0] == 404
    assert process.get("/favicon.ico") == (200, icon.read_bytes())
    assert process.get("/healthz")[0] == 200


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no niceness of their own")
def test_the_page_lets_the_workers_go_first_and_no_other_program(start):
    # A test that ran a tracker in this process has left it what it gives to those it starts.
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    process = start("--open")
    process.get("/")
    tasks = Path(f"/proc/{process.popen.pid}/task")
    names = {(task / "comm").read_text().strip(): task for task in tasks.iterdir()}

    def standing(task: Path) -> tuple[int, int]:
        """Niceness and policy of a thread (proc(5), fields 19 and 41)."""
        fields = (task / "stat").read_text().rpartition(")")[2].split()
        return int(fields[16]), int(fields[38])

    ours = os.getpriority(os.PRIO_PROCESS, 0)
    assert standing(tasks / str(process.popen.pid)) == (ours, os.SCHED_BATCH)
    niceness, policy = standing(names["outpour-0"])
    assert policy == os.SCHED_OTHER
    assert niceness == (max(-20, ours - 5) if may_be_less_nice() else ours)


def may_be_less_nice() -> bool:
    program = (
        "import os; os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0) - 1)"
    )
    return not subprocess.run([sys.executable, "-c", program], capture_output=True).returncode


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells where a thread may run")
def test_each_worker_keeps_to_a_cpu_of_its_own_where_that_is_wanted(start):
    process = start("--open", "--pin-workers", "--workers", str(len(os.sched_getaffinity(0))))
    process.get("/")
    tasks = Path(f"/proc/{process.popen.pid}/task")

    def pinned() -> list[list[int]]:
        workers = [
            int(task.name)
            for task in tasks.iterdir()
            if re.fullmatch(r"outpour-\d+", (task / "comm").read_text().strip())
        ]
        return sorted(list(os.sched_getaffinity(worker)) for worker in workers)

    # One has answered; each takes its place when it begins.
    wanted = [[cpu] for cpu in sorted(os.sched_getaffinity(0))]
    wait_for(lambda: pinned() == wanted, what="workers on their CPUs", still=pinned)


def test_an_idle_tracker_stays_below_60_mib(start, folder):
    process = start("--allowed-dir", folder)
    assert process.get("/")[0] == 200
    status = Path(f"/proc/{process.popen.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", status)
    assert found is not None
    resident_kib = int(found[1])
    assert resident_kib < 60 * 1024
    maps = Path(f"/proc/{process.popen.pid}/maps").read_text()
    assert "libtorrent" not in maps


def test_lines_carry_time_and_level_where_no_person_watches(start, folder):
    (folder / "broken.torrent").write_bytes(b"no torrent")
    process = start("--allowed-dir", folder)
    process.until(lambda: "skipped" in process.text and "tracker: " in process.text, "told")
    lines = process.text.splitlines()
    at = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    assert any(re.match(f"{at} warning note: skipped", line) for line in lines)
    assert any(re.match(f"{at} info tracker: http://", line) for line in lines)


def test_what_is_alike_is_put_together_and_the_end_is_said(start, folder):
    for number in range(161):
        (folder / f"{number}.torrent").write_bytes(b"no torrent")
    process = start("--allowed-dir", folder)

    def is_told() -> bool:
        # Where the machine is slow they come in two lots.
        found = re.findall(r"skipped (\d+) more files: .*, such as", process.text)
        return sum(map(int, found)) == 153

    process.until(is_told, "told")
    assert process.end(signal.SIGINT) == 0
    process.until(lambda: process.text.endswith("stopped; everything is saved\n"), "end")


def test_a_second_tracker_is_told_whose_state_it_is(start, tmp_path, spawn):
    state = tmp_path / "s.sqlite"
    first = start("--open", "--state", state)
    assert first.address
    done = spawn("outpour", "track", "--open", "--listen", "127.0.0.1:0", "--state", state)
    assert f"process {first.popen.pid}" in done.err
    assert f"`kill {first.popen.pid}` stops the other one" in done.err


def test_something_long_is_said_to_go_on(tmp_path):
    err = io.StringIO()
    printer = Printer(Env(io.BytesIO(), io.StringIO(), err, False, False, False))
    with saying_so(printer, "reading", every_s=0.01):
        wait_for(lambda: "reading, 0 s so far" in err.getvalue())


def test_the_page_of_an_open_tracker_names_where_to_announce(start, folder):
    process = start("--open")
    _, port = process.address
    page = process.get("/")[1].decode()
    assert f"http://127.0.0.1:{port}/announce\nudp://127.0.0.1:{port}/announce" in page
    assert "This tracker is open" not in start("--allowed-dir", folder).get("/")[1].decode()
