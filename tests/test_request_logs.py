"""The access log and the log of refusals: whole over a rotation, bounded, and never in the way."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.free_ports import free_port
from tests.live.conftest import peer
from tests.trackers import Process
from tests.waiting import wait_for

ALLOWED, OTHER = b"a" * 20, b"b" * 20
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")

Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    processes: list[Process] = []
    (tmp_path / "allowed").write_text(f"{ALLOWED.hex()}\n")

    def run(*words: object) -> Process:
        common = (
            "track",
            "--listen",
            "127.0.0.1:0",
            "--workers",
            "1",
            "--state",
            tmp_path / "state",
        )
        allowed = ("--allow-list", tmp_path / "allowed")
        processes.append(Process((*common, *allowed, *words), tmp_path))
        return processes[-1]

    yield run
    for process in processes:
        process.close()


def lines_of(*paths: Path) -> list[str]:
    return [line for path in paths if path.exists() for line in path.read_text().splitlines()]


def objects_of(*paths: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in lines_of(*paths)]


def test_requests_are_written_as_web_servers_write_them_and_refusals_with_their_reason(
    start: Start, tmp_path: Path
):
    access, refusals = tmp_path / "access.log", tmp_path / "refusals.log"
    process = start("--access-log", access, "--refusal-log", refusals)
    process.announce(ALLOWED, 1)
    process.announce(OTHER, 2)
    process.get('/nothing?"here"')
    wait_for(lambda: len(lines_of(access)) >= 3 and lines_of(refusals), what="lines")
    combined = re.compile(
        r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET /\S* HTTP/1\.1" '
        r'\d{3} \d+ "-" "-"'
    )
    assert all(map(combined.fullmatch, lines_of(access)))
    assert sum("GET /announce" in line for line in lines_of(access)) == 2
    assert any(r"/nothing?\"here\"" in line and " 404 " in line for line in lines_of(access))
    (line,) = lines_of(refusals)
    assert "127.0.0.1 http announce refused torrent: Requested download is not" in line
    assert f"infohash {OTHER.hex()}" in line
    assert access.stat().st_mode & 0o777 == 0o640
    assert process.end() == 0


def test_every_line_of_every_log_is_an_object_in_json(start: Start, tmp_path: Path):
    access, refusals = tmp_path / "access.log", tmp_path / "refusals.log"
    process = start("--access-log", access, "--refusal-log", refusals, "--log-format", "json")
    process.announce(OTHER, 2)
    wait_for(lambda: lines_of(access) and lines_of(refusals), what="lines")
    assert process.end() == 0
    said = [json.loads(line) for line in process.text.splitlines()]
    for one in [*objects_of(access, refusals), *said]:
        assert RFC_3339.match(str(one["time"])), one
        assert one["level"] in ("info", "warning")
        assert one["event"]
    (refusal,) = objects_of(refusals)
    assert (refusal["cause"], refusal["infohash"]) == ("torrent", OTHER.hex())
    assert [one["open_files"] for one in said if one["event"] == "connections_allowed"]


def test_what_ends_a_command_is_an_object_too(tmp_path: Path):
    process = Process(("track", "--log-format", "json", "--interval-s", "no"), tmp_path)
    assert process.popen.wait(60) == 3
    (one,) = [json.loads(line) for line in process.text.splitlines()]
    assert (one["level"], one["event"]) == ("error", "error")
    assert "--interval-s" in one["message"]
    process.close()


def test_of_a_level_only_what_reaches_it_is_said(start: Start, tmp_path: Path):
    (tmp_path / "allowed").write_text(f"{ALLOWED.hex()}\nnonsense\n")
    port = free_port()
    process = start("--log-level", "warning", "--listen", f"127.0.0.1:{port}")
    wait_for(lambda: answers(port), what="tracker")
    process.popen.send_signal(signal.SIGTERM)
    assert process.popen.wait(60) == 0
    assert "warning note: skipped" in process.text
    assert "tracker:" not in process.text
    assert "stopped" not in process.text


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def announced(*paths: Path) -> int:
    return sum("announce" in line for line in lines_of(*paths))


def test_no_line_is_lost_when_the_file_is_moved_away(start: Start, tmp_path: Path):
    log = tmp_path / "access.log"
    process = start("--access-log", log)
    olds = []
    for turn in range(5):
        for number in range(20):
            process.announce(ALLOWED, 1000 + number)
        olds.append(log.rename(tmp_path / f"access.log.{turn}"))
        process.popen.send_signal(signal.SIGHUP)
        for number in range(20):
            process.announce(ALLOWED, 1000 + number)
        wait_for(log.exists, what="a new file")
    assert process.end() == 0
    assert announced(log, *olds) == 200
    assert announced(log) > 0


def test_logrotate_moves_the_logs_away_by_the_recipe_that_is_handed_out(
    start: Start, tmp_path: Path
):
    program = peer("logrotate")
    logs = tmp_path / "logs"
    logs.mkdir(0o755)
    process = start("--access-log", logs / "access.log", "--refusal-log", logs / "refusals.log")
    recipe = (ROOT / "contrib/logrotate/outpour").read_text()
    recipe = recipe.replace("/var/log/outpour/*.log", f"{logs}/*.log")
    signalled = "systemctl kill --signal=HUP --kill-whom=main outpour.service"
    assert signalled in recipe
    recipe = recipe.replace(signalled, f"kill -HUP {process.popen.pid}")
    # Of a service, the files belong to its user.
    recipe = recipe.replace("create 0640 outpour adm", "create 0640")
    (tmp_path / "recipe").write_text(recipe)
    (tmp_path / "recipe").chmod(0o644)
    words = [
        str(program),
        "--force",
        "--state",
        str(tmp_path / "rotated"),
        str(tmp_path / "recipe"),
    ]
    for _ in range(3):
        process.announce(OTHER, 1)
        wait_for(lambda: announced(logs / "access.log") == 1, what="a line")
        subprocess.run(words, check=True)
        wait_for(lambda: announced(logs / "access.log") == 0, what="an empty file")
        process.announce(OTHER, 1)
        wait_for(lambda: announced(logs / "access.log") == 1, what="a line in the new file")
        os.truncate(logs / "access.log", 0)
    assert len(list(logs.glob("*.gz"))) == 4
    assert process.end() == 0


def test_a_log_on_a_full_disk_keeps_nobody_from_his_answer(start: Start):
    process = start("--access-log", "/dev/full", "--refusal-log", "/dev/full")
    for number in range(20):
        process.announce(OTHER, number)
    assert process.get("/healthz")[0] == 200
    assert process.end() == 0


def test_a_log_that_cannot_be_opened_is_told_at_once(tmp_path: Path):
    words = ("track", "--open", "--listen", "127.0.0.1:0", "--access-log", tmp_path / "no" / "log")
    process = Process((*words, "--state", tmp_path / "state"), tmp_path)
    assert process.popen.wait(60) == 5
    assert f"error: `{tmp_path}/no/log`: no such file or directory" in process.text
    process.close()


def test_no_more_lines_are_written_than_the_settings_say_and_what_is_left_out_is_told(
    start: Start, tmp_path: Path
):
    log = tmp_path / "refusals.log"
    process = start("--refusal-log", log, "--log-lines-per-s", "1", "--log-format", "json")
    count = 60
    for number in range(count):
        process.announce(OTHER, number)
    assert process.end() == 0
    refused = [one for one in objects_of(log) if one["event"] == "refusal"]
    missing = [one["count"] for one in objects_of(log) if one["event"] == "lines_missing"]
    assert len(refused) < count
    assert len(refused) + sum(int(str(one)) for one in missing) == count


def test_one_in_so_many_is_written(start: Start, tmp_path: Path):
    log = tmp_path / "access.log"
    process = start("--access-log", log, "--access-log-sample", "10")
    process.text  # noqa: B018 - it has begun
    for number in range(40):
        process.announce(ALLOWED, 1000 + number)
    assert process.end() == 0
    assert announced(log) == 4


def test_the_keys_of_a_private_tracker_are_not_in_its_logs(start: Start, tmp_path: Path):
    secret = "AbCdEfGhIjKlMnOpQrStUvWxYz012345"
    (tmp_path / "keys").write_text(f"{secret}\n")
    access, refusals = tmp_path / "access.log", tmp_path / "refusals.log"
    process = start(
        "--key-list", tmp_path / "keys", "--access-log", access, "--refusal-log", refusals
    )
    query = f"info_hash={'b' * 20}&peer_id={'x' * 20}&port=7000&left=0"
    process.get(f"/{secret}/announce?{query}")
    process.get(f"/{secret}/feed.xml")
    wait_for(lambda: len(lines_of(access)) >= 2 and lines_of(refusals), what="lines")
    assert process.end() == 0
    text = access.read_text() + refusals.read_text()
    assert secret not in text
    assert text.count("/KEY-") >= 2


def test_a_publisher_says_in_json_what_it_publishes(outpour: Path, tmp_path: Path):
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "a.txt").write_text("content")
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(
            [
                outpour, "publish", tmp_path / "content", "--listen", "127.0.0.1:0", "--no-seed",
                "--state", tmp_path / "state", "--log-format", "json",
            ],
            stderr=said,
        )  # fmt: skip
        try:
            wait_for(lambda: '"settled"' in (tmp_path / "said").read_text(), what="settled")
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.wait()
    events = {one["event"]: one for one in objects_of(tmp_path / "said")}
    assert events["published"]["name"] == "a.txt"
    assert events["published"]["length"] == 7
    assert len(str(events["published"]["infohash"])) == 40
    assert {"serving", "settled", "stopped"} <= events.keys()


def test_a_seeder_says_in_json_what_it_seeds(outpour: Path, classic: Path, tmp_path: Path):
    done = subprocess.run(
        [
            outpour, "download", tmp_path / "no.torrent", "--log-format", "json",
            "-o", tmp_path / "target",
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 4
    (one,) = [json.loads(line) for line in done.stderr.splitlines()]
    assert (one["level"], one["event"]) == ("error", "error")
    seed: list[str | Path] = [
        outpour, "seed", classic / "hello.torrent", "--content", tmp_path, "--log-format", "json",
    ]  # fmt: skip
    done = subprocess.run([*seed, "--state", tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert [json.loads(line)["level"] for line in done.stderr.splitlines()]
