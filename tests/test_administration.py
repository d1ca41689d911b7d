"""What an administrator does to a running tracker by its API: in force at once, kept, and told."""

from __future__ import annotations

import contextlib
import http.client
import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from outpour.base.errors import FormatError
from outpour.torrent import bencode
from outpour.tracker.lists.admin_rule import AdminRule, spelled
from outpour.tracker.lists.rule_book import RuleBook, book_path
from tests.trackers import HELLO, Process
from tests.waiting import wait_for

TOKEN = "a-token-that-is-long-enough"
OTHER = b"o" * 20


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    processes: list[Process] = []
    (tmp_path / "token").write_text(TOKEN)

    def begin(*words: object) -> Process:
        more = ("--admin-token-file", tmp_path / "token", "--state", tmp_path / "state.sqlite")
        listen = ("track", "--listen", "127.0.0.1:0", "--workers", "1")
        processes.append(Process([*listen, *more, *words], tmp_path))
        return processes[-1]

    yield begin
    for process in processes:
        process.close()


def ask(
    process: Process, method: str, path: str, body: object = None, token: str | None = TOKEN
) -> tuple[int, Any]:
    host, port = process.address
    connection = http.client.HTTPConnection(host, port, timeout=60)
    try:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        raw = None if body is None else json.dumps(body)
        connection.request(method, f"/api/v1{path}", raw, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def refusal(process: Process, infohash: bytes, peer_id: bytes = b"-AA0000-" + b"7" * 12) -> str:
    path = f"/announce?info_hash={quote(infohash)}&peer_id={quote(peer_id)}&port=7&left=0"
    found = bencode.decode(process.get(path)[1], strict=False)
    assert isinstance(found, dict)
    reason = found.get(b"failure reason", b"")
    assert isinstance(reason, bytes)
    return reason.decode()


def test_a_denied_torrent_is_refused_when_the_answer_comes_and_served_when_it_is_undone(start):
    process = start("--open")
    assert refusal(process, OTHER) == ""
    assert ask(process, "PUT", f"/denied/{OTHER.hex()}", {"note": "asked by mail"})[0] == 201
    assert "not authorized" in refusal(process, OTHER)
    assert refusal(process, HELLO) == ""
    status, rule = ask(process, "GET", f"/denied/{OTHER.hex().upper()}")
    assert (status, rule["subject"], rule["note"]) == (200, OTHER.hex(), "asked by mail")
    assert rule["made_by"] == "token from 127.0.0.1"
    assert ask(process, "PUT", f"/denied/{OTHER.hex()}", {"note": "again"})[0] == 200
    assert ask(process, "DELETE", f"/denied/{OTHER.hex()}")[0] == 200
    assert refusal(process, OTHER) == ""
    assert ask(process, "DELETE", f"/denied/{OTHER.hex()}")[0] == 404


def test_an_allowed_infohash_is_tracked_beside_the_list_and_a_denied_one_is_not(start, tmp_path):
    (tmp_path / "allow.txt").write_text(HELLO.hex())
    process = start("--allow-list", tmp_path / "allow.txt")
    assert "not authorized" in refusal(process, OTHER)
    assert ask(process, "PUT", f"/allowed/{OTHER.hex()}{'00' * 12}")[1]["subject"] == OTHER.hex()
    assert refusal(process, OTHER) == ""
    assert ask(process, "PUT", f"/denied/{HELLO.hex()}")[0] == 201
    assert "not authorized" in refusal(process, HELLO)
    assert (tmp_path / "allow.txt").read_text() == HELLO.hex()
    assert ask(process, "DELETE", f"/allowed/{OTHER.hex()}")[0] == 200
    assert "not authorized" in refusal(process, OTHER)


@pytest.mark.parametrize("network", ["127.0.0.1", "127.0.0.0/8", "::ffff:127.0.0.1", "127.1.2.3/8"])
def test_a_banned_address_is_turned_away_until_that_is_undone(start, network):
    process = start("--open")
    status, rule = ask(process, "PUT", f"/banned-addresses/{network}")
    assert status == 201
    assert "IP is not allowed" in refusal(process, OTHER)
    assert ask(process, "DELETE", f"/banned-addresses/{quote(rule['subject'], safe='')}")[0] == 200
    assert refusal(process, OTHER) == ""


def test_a_denied_client_is_turned_away_beside_those_of_the_settings(start):
    process = start("--open", "--denied-clients", "-BB")
    assert ask(process, "PUT", "/denied-clients/-AA%2500")[1]["subject"] == "-AA%00"
    assert refusal(process, OTHER) == ""
    assert ask(process, "PUT", "/denied-clients/-AA0000-")[0] == 201
    assert "client is not allowed" in refusal(process, OTHER)
    assert "client is not allowed" in refusal(process, OTHER, b"-BB" + b"1" * 17)
    assert refusal(process, OTHER, b"-CC" + b"1" * 17) == ""


def test_rules_hold_over_a_restart_and_lie_beside_the_state_for_their_owner_alone(start, tmp_path):
    process = start("--open")
    ask(process, "PUT", f"/denied/{OTHER.hex()}", {"note": "ünlawful"})
    ask(process, "PUT", "/denied-clients/-XX")
    assert process.end() == 0
    path = book_path(tmp_path / "state.sqlite")
    assert path is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = start("--open")
    assert "not authorized" in refusal(again, OTHER)
    assert "client is not allowed" in refusal(again, HELLO, b"-XX" + b"1" * 17)
    assert ask(again, "GET", "/denied")[1]["rules"][0]["note"] == "ünlawful"


def test_rules_that_cannot_be_written_down_are_refused_and_not_in_force(start, tmp_path):
    process = start("--open")
    assert process.address
    (tmp_path / "state.sqlite.rules").mkdir()
    status, problem = ask(process, "PUT", f"/denied/{OTHER.hex()}")
    assert (status, problem["type"].rpartition("#")[2]) == (503, "unavailable")
    assert refusal(process, OTHER) == ""
    assert ask(process, "GET", "/denied")[1]["rules"] == []


def test_damaged_rules_keep_a_tracker_from_starting_as_it_would_forget_whom_it_bans(tmp_path):
    path = tmp_path / "rules"
    for raw in (b"", b"[]", b'{"rules": [{"kind": "denied"}]}', b'{"rules": [1]}', b"\xff"):
        path.write_bytes(raw)
        with pytest.raises(FormatError, match="not the rules"):
            RuleBook(path)


def test_every_change_is_told_with_who_made_it(start, tmp_path):
    (tmp_path / "keys").write_text("")
    process = start("--open", "--key-list", tmp_path / "keys")
    made = ask(process, "POST", "/keys", {"label": "carol"})[1]
    ask(process, "DELETE", f"/keys/{made['id']}")
    ask(process, "PUT", "/banned-addresses/192.0.2.0/24", {"note": "flood"})
    ask(process, "DELETE", "/banned-addresses/192.0.2.0/24")
    who = "administrator (token from 127.0.0.1):"
    for what in (
        f"made key {made['id']} for `carol`",
        f"revoked key {made['id']} of `carol`",
        "banned `192.0.2.0/24`, flood",
        "no longer banned `192.0.2.0/24`",
    ):
        line = f"{who} {what}"
        process.until(lambda line=line: line in process.text, line)
    assert made["key"] not in process.text


def test_keys_tell_their_use_and_rules_and_keys_come_in_parts(start, tmp_path):
    (tmp_path / "keys").write_text("one\ntwo\nthree\n")
    process = start("--open", "--key-list", tmp_path / "keys")
    for number in range(5):
        ask(process, "PUT", f"/denied-clients/-A{number}")
    for path, name, count in (("/keys", "keys", 3), ("/denied-clients", "rules", 5)):
        found: list[object] = []
        following: str | None = f"{path}?limit=2"
        while following:
            status, part = ask(process, "GET", following)
            assert (status, len(part[name]) <= 2) == (200, True)
            found += [json.dumps(one) for one in part[name]]
            following = part["next"] and part["next"].partition("/api/v1")[2]
        assert len({*found}) == len(found) == count


def test_a_key_tells_how_often_and_when_it_was_used(start, tmp_path):
    (tmp_path / "keys").write_text("first-key\nsecond-key\n")
    process = start("--open", "--key-list", tmp_path / "keys")
    path = f"/first-key/announce?info_hash={quote(OTHER)}&peer_id={'A' * 20}&port=7&left=0"
    for _ in range(3):
        assert b"interval" in process.get(path)[1]
    used = {one["announces"]: one["last_used"] for one in ask(process, "GET", "/keys")[1]["keys"]}
    assert used.keys() == {0, 3}
    assert used[0] is None
    assert used[3] is not None


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/denied/xyz", 400),
        ("PUT", "/denied/" + "0" * 41, 400),
        ("GET", "/denied/xyz", 404),
        ("PUT", "/banned-addresses/192.0.2.256", 400),
        ("PUT", "/banned-addresses/192.0.2.1/33", 400),
        ("PUT", "/banned-addresses/fe80::1%25eth0", 400),
        ("PUT", "/banned-addresses/192.0.2.1/255.0.0.0", 400),
        ("PUT", "/banned-addresses/1", 400),
        ("PUT", "/denied-clients/" + "x" * 21, 400),
        ("DELETE", "/denied-clients/nobody", 404),
        ("PUT", "/denied/" + "0" * 40 + "?why=", 400),
        ("POST", "/denied", 405),
        ("PATCH", "/keys", 405),
    ],
)
def test_what_is_no_rule_is_told_and_makes_none(guarded, method, path, status):
    answered, problem = ask(guarded, method, path)
    assert (answered, problem["status"]) == (status, status)
    assert problem["detail"] == problem["error"]
    assert {"type", "title"} <= problem.keys()
    for kind in ("denied", "banned-addresses", "denied-clients"):
        assert ask(guarded, "GET", f"/{kind}")[1]["rules"] == []


def test_nobody_without_the_token_reads_or_makes_rules(guarded):
    for path in ("/denied", "/allowed", "/banned-addresses", "/denied-clients", "/keys"):
        assert ask(guarded, "GET", path, token=None)[0] == 401
    assert ask(guarded, "PUT", f"/denied/{OTHER.hex()}", token=None)[0] == 401
    statuses: set[int] = set()

    def right_one_waits() -> bool:
        # On a busy machine the time that it has to wait may be over before it is asked.
        for _ in range(8):
            statuses.add(ask(guarded, "GET", "/denied", token=TOKEN[:-1])[0])
        return ask(guarded, "GET", "/denied")[0] == 429

    wait_for(right_one_waits, what="a right token that has to wait as well")
    assert statuses == {401, 429}
    wait_for(lambda: ask(guarded, "GET", "/denied")[0] == 200)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    root = tmp_path_factory.mktemp("guarded")
    (root / "token").write_text(TOKEN)
    words = ("track", "--listen", "127.0.0.1:0", "--workers", "1", "--open")
    process = Process([*words, "--admin-token-file", root / "token"], root)
    yield process
    process.close()


@pytest.mark.parametrize(
    ("kind", "text", "only"),
    [
        ("denied", "AB" * 32, "ab" * 20),
        ("banned-addresses", "192.0.2.77/24", "192.0.2.0/24"),
        ("banned-addresses", "192.0.2.7/32", "192.0.2.7"),
        ("banned-addresses", "2001:DB8:0::/32", "2001:db8::/32"),
        ("banned-addresses", "::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("denied-clients", "%2dA%42%00", "-AB%00"),
    ],
)
def test_what_a_rule_is_about_has_one_spelling(kind, text, only):
    assert spelled(kind, text) == only
    rule = AdminRule(kind, only, 1, "x")
    assert AdminRule.of(rule.record) == rule


def send(process: Process, raw: bytes, token: str | None = TOKEN) -> tuple[int, Any]:
    host, port = process.address
    connection = http.client.HTTPConnection(host, port, timeout=30)
    try:
        headers = {"content-type": "application/x-bittorrent"}
        headers |= {} if token is None else {"authorization": f"Bearer {token}"}
        connection.request("POST", "/api/v1/torrents", raw, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_a_torrent_that_is_sent_is_tracked_and_lies_in_the_folder(start, tmp_path, classic):
    folder = tmp_path / "torrents"
    folder.mkdir()
    process = start("--allowed-dir", folder)
    raw = (classic / "hello.torrent").read_bytes()
    assert "not authorized" in refusal(process, HELLO)
    status, torrent = send(process, raw)
    assert (status, torrent["infohash"], torrent["name"]) == (201, HELLO.hex(), "hello.txt")
    assert refusal(process, HELLO) == ""
    assert [path.read_bytes() for path in folder.iterdir()] == [raw]
    assert send(process, raw)[0] == 200
    assert len([*folder.iterdir()]) == 1
    process.until(lambda: "added `hello.txt`" in process.text, "told")


def test_a_torrent_of_the_same_name_does_not_take_the_place_of_another(start, tmp_path, classic):
    folder = tmp_path / "torrents"
    folder.mkdir()
    (folder / "hello.txt.torrent").symlink_to(tmp_path / "elsewhere")
    process = start("--allowed-dir", folder)
    assert send(process, (classic / "hello.torrent").read_bytes())[0] == 201
    assert not (tmp_path / "elsewhere").exists()
    assert (folder / f"hello.txt-{HELLO.hex()}.torrent").exists()


def test_a_withdrawn_torrent_is_gone_from_list_and_swarm_and_comes_back_when_it_is_sent(
    start, tmp_path, classic
):
    folder = tmp_path / "torrents"
    folder.mkdir()
    raw = (classic / "hello.torrent").read_bytes()
    (folder / "hello.torrent").write_bytes(raw)
    process = start("--allowed-dir", folder)
    assert refusal(process, HELLO) == ""
    status, torrent = ask(process, "DELETE", f"/torrents/{HELLO.hex()}")
    assert (status, torrent["name"]) == (200, "hello.txt")
    assert "not authorized" in refusal(process, HELLO)
    wait_for(lambda: ask(process, "GET", "/torrents")[1]["torrents"] == [])
    assert ask(process, "DELETE", f"/torrents/{HELLO.hex()}")[0] == 404
    assert (folder / "hello.torrent").read_bytes() == raw
    assert send(process, raw)[0] == 200
    assert refusal(process, HELLO) == ""
    assert len([*folder.iterdir()]) == 1


@pytest.mark.parametrize(
    ("raw", "status"), [(b"", 400), (b"d4:infod", 400), (b"x" * 100_000, 400), (b"le", 400)]
)
def test_what_is_no_torrent_is_told_and_nothing_is_written(start, tmp_path, raw, status):
    folder = tmp_path / "torrents"
    folder.mkdir()
    process = start("--allowed-dir", folder)
    answered, problem = send(process, raw)
    assert (answered, problem["type"].rpartition("#")[2]) == (status, "wrong-body")
    assert [*folder.iterdir()] == []


def test_a_large_torrent_is_taken_of_an_administrator_and_of_nobody_else(start, tmp_path):
    folder = tmp_path / "torrents"
    folder.mkdir()
    process = start("--allowed-dir", folder)
    count = 150_000
    info: dict[bytes, bencode.Encodable] = {
        b"name": b"large", b"piece length": 1 << 14, b"length": count << 14,
        b"pieces": bytes(20) * count,
    }  # fmt: skip
    raw = bencode.encode({b"info": info})
    assert send(process, raw)[0] == 201
    # A stranger is cut off, be it before the answer was read.
    with contextlib.suppress(OSError, http.client.HTTPException):
        assert send(process, raw * 5, token=None)[0] == 401
    assert [path.name for path in folder.iterdir()] == ["large.torrent"]


def test_a_tracker_without_a_folder_says_how_to_let_a_torrent_in(guarded, classic):
    status, problem = send(guarded, (classic / "hello.torrent").read_bytes())
    assert (status, "allowed_dir" in problem["detail"]) == (409, True)
    assert ask(guarded, "POST", "/torrents", {"path": "x"})[0] == 409
    for method, path in (("POST", "announcement"), ("PUT", "verification")):
        assert ask(guarded, method, f"/torrents/{HELLO.hex()}/{path}")[0] == 404


def test_rates_change_while_the_tracker_runs_and_are_told(start):
    process = start("--open")
    before = ask(process, "GET", "/rates")[1]
    assert (before["interval_s"], before["upload_rate"]) == (1800, None)
    wishes = {"interval_s": 1000, "min_interval_s": 60, "peers_per_answer": 3}
    status, rates = ask(process, "PATCH", "/rates", wishes)
    assert status == 200
    assert rates == {**before, **wishes, "changed": [*wishes]}
    assert ask(process, "GET", "/rates")[1] == rates
    path = f"/announce?info_hash={quote(OTHER)}&peer_id={'A' * 20}&port=7&left=0"
    reply = bencode.decode(process.get(path)[1], strict=False)
    assert isinstance(reply, dict)
    interval_s = reply[b"interval"]
    assert isinstance(interval_s, int)
    assert 900 <= interval_s <= 1100
    assert reply[b"min interval"] == 60
    process.until(lambda: "changed `interval_s` 1800 to 1000" in process.text, "told")


def test_rates_hold_over_a_restart_until_they_are_given_back(start, tmp_path):
    process = start("--open")
    ask(process, "PATCH", "/rates", {"interval_s": 900, "min_interval_s": 60})
    process.popen.kill()
    process.popen.wait(60)
    again = start("--open")
    rates = ask(again, "GET", "/rates")[1]
    assert (rates["interval_s"], rates["changed"]) == (900, ["interval_s", "min_interval_s"])
    again.until(lambda: "`interval_s` 1800 to 900" in again.text, "said at the start")
    path = f"/announce?info_hash={quote(OTHER)}&peer_id={'A' * 20}&port=7&left=0"
    assert b"12:min intervali60e" in again.get(path)[1]
    back = ask(again, "PATCH", "/rates", {"interval_s": None, "min_interval_s": 120})[1]
    assert (back["interval_s"], back["min_interval_s"]) == (1800, 120)
    assert back["changed"] == ["min_interval_s"]
    book = tmp_path / "state.sqlite.rates"
    assert stat.S_IMODE(book.stat().st_mode) == 0o600
    assert json.loads(book.read_text()) == {"rates": {"min_interval_s": 120}}
    book.unlink()
    book.mkdir()
    status, problem = ask(again, "PATCH", "/rates", {"interval_s": 900})
    assert (status, problem["type"].rpartition("#")[2]) == (503, "unavailable")
    assert ask(again, "GET", "/rates")[1] == back


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"rates": {"interval_s": "x"}}', "not the rates of an administrator"),
        ('{"rates": {"interval_s": 2700, "peers_per_answer": 7}}', "dropped after"),
        ("\x00", "not the rates of an administrator"),
    ],
)
def test_kept_rates_that_cannot_be_are_told_and_the_settings_count(start, tmp_path, text, said):
    (tmp_path / "state.sqlite.rates").write_text(text)
    process = start("--open")
    process.until(lambda: said in process.text, "told")
    assert "the rates of the settings are in force" in process.text
    rates = ask(process, "GET", "/rates")[1]
    assert rates["interval_s"] == 1800
    assert rates["changed"] == (["peers_per_answer"] if "peers" in text else [])


def test_a_rate_limit_begins_and_ends_while_the_tracker_runs(start):
    process = start("--open")
    assert ask(process, "PATCH", "/rates", {"requests_per_address_per_s": 1})[0] == 200
    wait_for(lambda: "too many requests" in refusal(process, OTHER))
    assert ask(process, "PATCH", "/rates", {"requests_per_address_per_s": 0})[0] == 200
    assert {refusal(process, OTHER) for _ in range(20)} == {""}


@pytest.mark.parametrize(
    ("wishes", "status"),
    [
        ({"interval_s": 0}, 400),
        ({"interval_s": "1"}, 400),
        ({"interval_s": 2700}, 409),
        ({"peers_per_answer": 201}, 409),
        ({"interval": 5}, 400),
        ({"upload_rate": 5}, 409),
        ({"upload_rate": -1}, 400),
        ([], 400),
    ],
)
def test_rates_that_do_not_go_are_told_and_change_nothing(guarded, wishes, status):
    before = ask(guarded, "GET", "/rates")[1]
    assert ask(guarded, "PATCH", "/rates", wishes)[0] == status
    assert ask(guarded, "GET", "/rates")[1] == before
