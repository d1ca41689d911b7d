"""`bttrack`: the old command line, state file, log and page on the tracker of today."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import threading
import time
from urllib.parse import quote

import pytest

from outpour.announcer import announce as announce_to
from outpour.announcer.values import AnnounceRequest
from outpour.cli.classic.announce_log import AnnounceLog
from outpour.cli.classic.option_table import parse
from outpour.cli.classic.track import bttrack, settings_of
from outpour.cli.classic.tracker_log import Log, request_line
from outpour.cli.classic.tracker_options import OPTIONS, REPLACED
from outpour.cli.shared.env import Env
from outpour.cli.shared.printer import Printer
from outpour.torrent import bencode
from outpour.tracker.settings_file import load
from outpour.tracker.state import dfile
from tests.trackers import BIG, HELLO, Process

KNOWN = [
    "port", "dfile", "bind", "socket_timeout", "timeout_check_interval", "save_dfile_interval",
    "timeout_downloaders_interval", "reannounce_interval", "response_size", "max_give",
    "nat_check", "min_time_between_log_flushes", "allowed_dir", "parse_allowed_interval",
    "parse_dir_interval", "show_names", "favicon", "only_local_override_ip", "logfile",
    "allow_get", "keep_dead", "show_infopage", "infopage_redirect", "scrape_allowed", "hupmonitor",
    "log_nat_checks", "min_time_between_cache_refreshes", "allowed_list", "allowed_controls",
    "allowed_ips", "banned_ips", "ipv6_enabled", "ipv6_binds_v4", "multitracker_enabled",
    "multitracker_allowed", "multitracker_reannounce_interval", "multitracker_maxpeers",
    "aggregate_forward", "aggregator", "http_timeout", "dedicated_seed_id", "compact_reqd",
]  # fmt: skip
"""Every option of 3.4.2 and of BitTornado 0.3.18."""

USED = {
    "port", "dfile", "bind", "save_dfile_interval", "timeout_downloaders_interval",
    "reannounce_interval", "response_size", "max_give", "allowed_dir", "parse_allowed_interval",
    "parse_dir_interval", "show_names", "favicon", "only_local_override_ip", "logfile",
    "allow_get", "keep_dead", "show_infopage", "infopage_redirect", "scrape_allowed", "hupmonitor",
    "allowed_list", "allowed_ips", "banned_ips", "nat_check", "log_nat_checks", "ipv6_enabled",
    "allowed_controls",
}  # fmt: skip


def translated(*words):
    parsed = parse(["--dfile", "d", *words], OPTIONS)
    return load(flags=settings_of(Printer(Env.of_process()), parsed))


def test_every_option_of_the_old_trackers_is_known():
    assert [name for name in KNOWN if name not in {option.name for option in OPTIONS}] == []


def test_every_option_works_or_says_what_replaces_it():
    names = {option.name for option in OPTIONS}
    assert names - USED - REPLACED.keys() == set()
    assert USED.isdisjoint(REPLACED)


def test_without_arguments_it_lists_its_options_as_scripts_expect(run):
    done = run(tool=bttrack)
    assert done.code == 0
    assert "--dfile <arg>\n          " in done.out
    assert "--parse_allowed_interval <arg>\n" in done.out
    assert "--reannounce_interval <arg>\n" in done.out
    assert "(defaults to 1800)" in done.out
    assert max(len(line) for line in done.out.splitlines()) <= 80


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--port", "6969"], "error: Option --dfile is required."),
        (["--dfile", "d", "extra"], "error: Too many args - 0 max."),
        (["--dfile", "d", "--nonsense", "1"], "error: unknown key --nonsense"),
        (["--dfile"], "error: parameter passed in at end with no value"),
        (["--dfile", "d", "--port", "x"], "error: wrong format of --port - "),
    ],
)
def test_mistakes_are_told_in_the_old_words(run, words, text):
    done = run(*words, tool=bttrack)
    assert done.code == 2
    assert text in done.err
    assert "run with no arguments for parameter explanations" in done.err


def test_options_become_settings(capsys):
    given = translated(
        "--port", "6969", "--bind", "127.0.0.1,::1", "--reannounce_interval", "60",
        "--timeout_downloaders_interval", "120", "--response_size", "7", "--max_give", "5000",
        "--keep_dead", "1", "--show_names", "0", "--allow_get", "1", "--show_infopage", "0",
        "--parse_allowed_interval", "2", "--allowed_dir", "x",
    )  # fmt: skip
    assert given.listen == ("127.0.0.1:6969", "[::1]:6969")
    assert (given.interval_s, given.peer_timeout_s) == (60, 120)
    assert (given.peers_per_answer, given.peers_per_answer_max) == (7, 1000)
    assert (given.keep_dead, given.show_names, given.serve_torrents) == (True, False, True)
    assert (given.page, given.rescan_interval_s, given.open) == ("off", 120, False)
    assert "--max_give is 1000 at most" in capsys.readouterr().err


def test_the_defaults_are_the_old_ones():
    given = translated()
    assert given.listen == (":80",)
    assert (given.interval_s, given.peer_timeout_s) == (1800, 2700)
    assert (given.peers_per_answer, given.peers_per_answer_max) == (50, 200)
    assert (given.open, given.full_scrape, given.serve_torrents) == (True, True, False)
    assert (given.nat_check_attempts, given.believe_every_ip) == (3, False)


def test_whose_ip_is_believed_follows_the_nat_check_where_bittornado_said_so(capsys):
    assert translated("--only_local_override_ip", "0").believe_every_ip
    assert "aim the swarm at a victim" in capsys.readouterr().err
    assert translated("--only_local_override_ip", "2").believe_every_ip
    assert not translated("--only_local_override_ip", "2", "--nat_check", "0").believe_every_ip
    assert not translated("--only_local_override_ip", "1").believe_every_ip
    assert translated("--ipv6_enabled", "0", "--port", "6969").listen == ("0.0.0.0:6969",)


def test_a_list_excludes_the_folder_with_a_warning(capsys):
    given = translated("--allowed_dir", "x", "--allowed_list", "y")
    assert given.allowed_dir is None
    assert str(given.allow_list) == "y"
    assert "--allowed_dir is disregarded" in capsys.readouterr().err


def test_a_request_is_logged_in_the_old_shape():
    scope = {
        "client": ("127.0.0.1", 5),
        "method": "GET",
        "raw_path": b"/file",
        "query_string": b'x="%20\x1b',
        "http_version": "1.1",
        "headers": [(b"user-agent", b"curl/7.88.1")],
    }
    at = time.strptime("2026-11-22 17:15:04", "%Y-%m-%d %H:%M:%S")
    assert request_line(scope, 200, 88, at) == (
        "127.0.0.1 - - [22/Nov/2026:17:15:04] "
        '"GET /file?x=%22%20\\x1b HTTP/1.1" 200 88 "-" "curl/7.88.1"'
    )


class Bttrack(Process):
    code = "import sys; from outpour.cli.classic.track import bttrack; sys.exit(bttrack())"


@pytest.fixture
def start(tmp_path):
    processes = []

    def begin(*words):
        common = ("--dfile", tmp_path / "dfile", "--port", 0, "--bind", "127.0.0.1")
        processes.append(Bttrack([*common, *words], tmp_path))
        return processes[-1]

    yield begin
    for process in processes:
        process.close()


@pytest.fixture
def allowed_dir(tmp_path, classic):
    root = tmp_path / "allowed"
    root.mkdir()
    for name in ("hello", "big"):
        shutil.copy(classic / f"{name}.torrent", root / f"{name}.torrent")
    return root


def test_it_goes_on_from_an_old_state_file_and_leaves_one_that_can_be_taken_back(
    start, allowed_dir, classic, tmp_path
):
    shutil.copy(classic / "342.dfile", tmp_path / "dfile")
    process = start("--allowed_dir", allowed_dir, "--compact_reqd", 1, "--allow_get", 1)
    assert process.torrents()[HELLO.hex()]["downloaded"] == 1
    process.download(HELLO, 7)
    process.announce(BIG, 8, left=5)
    assert process.get(f"/file?info_hash={quote(HELLO)}")[0] == 200
    assert process.get(f"/file?info_hash={HELLO.hex()}")[0] == 200
    assert "note: --compact_reqd has no effect: " in process.text
    assert process.end() == 0
    found = dfile.read(tmp_path / "dfile")
    assert found.completed[HELLO] == 2
    assert [peer.port for peer in found.peers[BIG] if peer.port == 1008] == [1008]


def test_kill_9_costs_no_counter_although_the_dfile_is_written_every_five_minutes(
    start, allowed_dir, tmp_path
):
    first = start("--allowed_dir", allowed_dir)
    first.download(HELLO, 1)
    first.until_saved(tmp_path / "dfile.sqlite", HELLO, 1)
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    second = start("--allowed_dir", allowed_dir)
    assert second.torrents()[HELLO.hex()]["downloaded"] == 1


def test_the_log_has_its_first_and_last_line_and_one_a_request(start, tmp_path):
    log = tmp_path / "log"
    process = start("--logfile", log, "--hupmonitor", 1)
    assert process.get("/robots.txt")[0] in (200, 404)
    process.until(lambda: "GET /robots.txt" in log.read_text(), "logged")
    log.rename(tmp_path / "log.1")
    process.popen.send_signal(signal.SIGHUP)
    process.until(log.exists, "reopened")
    assert process.end() == 0
    stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"
    old = (tmp_path / "log.1").read_text().splitlines()
    assert re.fullmatch(rf"# Log Started:  {stamp}", old[0])
    assert re.fullmatch(
        r"127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\] "
        r'"GET /robots\.txt HTTP/1\.1" \d+ \d+ "-" "-"',
        old[-1],
    )
    new = log.read_text().splitlines()
    assert re.fullmatch(rf"# Log reopened:  {stamp}", new[0])
    assert re.fullmatch(rf"# Shutting down: {stamp}", new[-1])


def test_the_page_can_be_elsewhere_or_nowhere(start):
    process = start("--infopage_redirect", "http://127.0.0.1:1/x")
    assert process.get("/")[0] == 302
    assert process.end() == 0


def test_announces_and_scrapes_are_logged_in_the_old_shape(start, tmp_path):
    log = tmp_path / "log"
    process = start("--logfile", log, "--nat_check", 0)
    process.announce(HELLO, 6881, left=5, event="started")
    process.get(f"/scrape?info_hash={quote(HELLO)}")
    process.get("/scrape")
    assert process.end() == 0
    first, announce, one, full, last = log.read_text().splitlines()
    assert first.startswith("# Log Started:  ")
    assert last.startswith("# Shutting down: ")
    when = r"\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\]"
    target = re.escape(f"/announce?info_hash={quote(HELLO)}&peer_id=AAAA")
    assert re.fullmatch(
        rf'127\.0\.0\.1 - - {when} "GET {target}\S*event=started HTTP/1\.1" 200 \d+ "-" "-"',
        announce,
    )
    assert re.fullmatch(
        rf'127\.0\.0\.1 - - {when} "GET /scrape\?\S+ HTTP/1\.1" 200 \d+ "-" "-"', one
    )
    assert re.fullmatch(rf'127\.0\.0\.1 - - {when} "GET /scrape HTTP/1\.1" 200 \d+ "-" "-"', full)


def test_an_announce_over_udp_is_a_line_too(start, tmp_path):
    log = tmp_path / "log"
    process = start("--logfile", log, "--nat_check", 0)
    host, port = process.address
    request = AnnounceRequest(infohash=HELLO, peer_id=b"-AA0000-" + b"%" * 12, port=7, left=5)
    announce_to(f"udp://{host}:{port}/announce", request, timeout_s=20, family="any")
    process.until(lambda: " UDP" in log.read_text(), "logged")
    line = log.read_text().splitlines()[-1]
    assert f'"GET /announce?info_hash={quote(HELLO, safe="")}&peer_id=-AA0000-%25%25' in line
    assert '&port=7&left=5 UDP" 200 ' in line


def test_a_nat_check_is_made_and_logged_where_that_is_asked_for(start, tmp_path):
    log = tmp_path / "log"
    process = start("--logfile", log, "--log_nat_checks", 1)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        process.announce(HELLO, port, left=5)
        process.until(lambda: "!natcheck-" in log.read_text(), "checked")
    assert re.search(
        rf'^127\.0\.0\.1 - A{{20}} \[.*\] "!natcheck-127\.0\.0\.1:{port}" 503 0 - -$',
        log.read_text(),
        re.MULTILINE,
    )
    assert process.announce(HELLO, port + 1, left=5)[b"peers"] == b""


def test_a_peer_that_answers_the_nat_check_of_the_old_default_is_given_out(start, tmp_path):
    log = tmp_path / "log"
    process = start("--logfile", log, "--log_nat_checks", 1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        threading.Thread(target=answer_handshake, args=(listener,), daemon=True).start()
        process.announce(HELLO, port, left=5)
        process.until(lambda: f'natcheck-127.0.0.1:{port}" 200' in log.read_text(), "reached")
        found = process.announce(HELLO, port + 1, left=5)[b"peers"]
    assert found == b"\x7f\0\0\1" + port.to_bytes(2, "big")


def answer_handshake(listener):
    connection, _ = listener.accept()
    with connection:
        received = b""
        while len(received) < 48:
            received += connection.recv(100)
        connection.sendall(received[:48] + b"A" * 20)
        while connection.recv(100):
            pass


def test_addresses_are_banned_and_admitted_by_files_of_the_old_forms(start, tmp_path):
    banned, allowed = tmp_path / "banned", tmp_path / "allowed"
    banned.write_text("Some Corp:more:127.0.0.1-127.0.0.1\n")
    allowed.write_text("# us\n127.0.0.0/8\n")
    process = start("--allowed_ips", allowed, "--banned_ips", banned)
    refused = {b"failure reason": b"your IP is not allowed on this tracker"}
    assert process.announce(HELLO, 1) == refused
    banned.write_text("127.0.0.9\n")
    process.until(lambda: process.announce(HELLO, 1) != refused, "let in")


def test_a_flood_that_is_not_written_is_counted(tmp_path):
    log = Log(str(tmp_path / "log"), Printer(Env.of_process()))
    announces = AnnounceLog(log, lambda _: (), lambda: 7, with_nat_checks=False)
    announces.write()
    announces.write()
    log.close()
    assert (tmp_path / "log").read_text().count("# 7 requests came too fast") == 1


def test_a_torrent_refuses_or_warns_where_control_keys_are_honoured(start, allowed_dir):
    hello, big = allowed_dir / "hello.torrent", allowed_dir / "big.torrent"
    for path, key, text in ((hello, b"failure reason", b"withdrawn"),
                            (big, b"warning message", b"moves tomorrow")):  # fmt: skip
        root = bencode.decode(path.read_bytes(), strict=False)
        assert isinstance(root, dict)
        path.write_bytes(bencode.encode({**root, key: text}))
    process = start("--allowed_dir", allowed_dir, "--allowed_controls", 1, "--nat_check", 0)
    assert process.announce(HELLO, 1) == {b"failure reason": b"withdrawn"}
    assert process.announce(BIG, 1)[b"warning message"] == b"moves tomorrow"
    process.end()
    plain = start("--allowed_dir", allowed_dir, "--nat_check", 0)
    assert b"peers" in plain.announce(HELLO, 1)
    assert b"warning message" not in plain.announce(BIG, 1)
