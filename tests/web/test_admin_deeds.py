"""What operators do by the pages of a real tracker, with scripts and without."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from outpour.torrent import bencode
from outpour.web.admin.admin_routes import ADMIN_PAGES
from tests.waiting import wait_for

from .admin_site import FORM, TOKEN
from .conftest import DEVICES, make_metainfo
from .running_tracker import OTHER, WANTED, RunningTracker

pytestmark = pytest.mark.live

THIRD = b"\xef" * 20
Enter = Callable[..., Any]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., RunningTracker]]:
    running: list[RunningTracker] = []

    def run(**given: Any) -> RunningTracker:
        running.append(RunningTracker(tmp_path, **given))
        return running[-1]

    yield run
    for one in running:
        one.close()


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def enter(request: pytest.FixtureRequest, visit_url: Callable[..., Any]) -> Enter:
    """Log in to a tracker with a browser, with scripts and without."""

    def run(tracker: RunningTracker, path: str) -> Any:
        page = visit_url(tracker.url, "/admin/login", java_script_enabled=request.param)
        page.fill("#token", TOKEN)
        page.click("text=Log in")
        page.goto(tracker.url + path)
        return page

    return run


def hear(page: Any, words: str) -> None:
    """Wait for the page that says so: that of before may have said something else."""
    page.locator(".note-good", has_text=words).wait_for()
    page.wait_for_load_state()


def is_refused(answer: bytes) -> bool:
    return b"failure reason" in answer


def put_rule(page: Any, kind: str, subject: str, note: str = "") -> None:
    page.select_option("#kind", kind)
    page.fill("#subject", subject)
    page.fill("#note", note)
    page.click("text=Do it")


def test_an_address_is_banned_and_let_in_again(make: Callable[..., RunningTracker], enter: Enter):
    tracker = make()
    page = enter(tracker, "/admin/rules")
    assert not is_refused(tracker.announce(WANTED, 1, host="127.0.0.9"))
    put_rule(page, "banned-addresses", "127.0.0.8/30", "asks <all> day")
    hear(page, "banned `127.0.0.8/30`")
    assert is_refused(tracker.announce(WANTED, 1, host="127.0.0.9"))
    assert not is_refused(tracker.announce(WANTED, 2))
    row = page.locator("tr", has_text="127.0.0.8/30")
    assert "asks <all> day" in row.inner_text()
    row.get_by_role("button").click()
    hear(page, "no longer banned `127.0.0.8/30`")
    assert not is_refused(tracker.announce(WANTED, 1, host="127.0.0.9"))
    page.goto(tracker.url + "/admin/events?kind=administrator")
    told = page.locator(".event-text").all_inner_texts()
    assert told[0].startswith("administrator (session from 127.0.0.1): no longer banned")
    assert "banned `127.0.0.8/30`, asks <all> day" in told[1]


def test_a_client_and_a_torrent_are_denied(make: Callable[..., RunningTracker], enter: Enter):
    tracker = make()
    page = enter(tracker, "/admin/rules")
    put_rule(page, "denied", OTHER.hex().upper())
    hear(page, f"denied `{OTHER.hex()}`")
    assert is_refused(tracker.announce(OTHER, 1))
    assert not is_refused(tracker.announce(WANTED, 1))
    put_rule(page, "denied-clients", "-qB")
    hear(page, "denied client `-qB`")
    assert is_refused(tracker.announce(WANTED, 1))


def test_what_is_no_such_thing_is_told_and_what_was_typed_is_kept(
    make: Callable[..., RunningTracker], enter: Enter
):
    tracker = make()
    page = enter(tracker, "/admin/rules")
    complaints = page.request.post(
        tracker.url + "/admin/rules", headers={"content-type": FORM}, data="kind=denied"
    )
    assert complaints.status == 403
    key = page.locator("input[name=form_key]").first.get_attribute("value")
    answer = page.request.post(
        tracker.url + "/admin/rules",
        form={"form_key": key, "kind": "denied", "subject": "nonsense", "note": "kept"},
    )
    assert answer.status == 400
    assert "not 40 or 64 hexadecimal digits" in answer.text()
    assert 'value="nonsense"' in answer.text()


def test_a_refused_torrent_is_allowed_where_it_is_told(
    make: Callable[..., RunningTracker], enter: Enter
):
    tracker = make()
    for peer in range(9):
        assert is_refused(tracker.announce(THIRD, peer))
    page = enter(tracker, "/admin/refusals")
    page.get_by_role("button", name=f"Allow {THIRD.hex()}").click()
    hear(page, f"allowed `{THIRD.hex()}`")
    assert page.url.startswith(f"{tracker.url}/admin/refusals")
    assert not is_refused(tracker.announce(THIRD, 1))
    page.reload()
    assert page.locator(".note-good").count() == 0


def test_a_torrent_is_added_and_withdrawn(
    make: Callable[..., RunningTracker], enter: Enter, tmp_path: Path
):
    folder = tmp_path / "torrents"
    folder.mkdir()
    tracker = make(allowed_dir=folder)
    metainfo = make_metainfo(b"new <b>.iso", b"n" * 20_000, padding=b"\xff" * 100_000 + b"\r\n--")
    file, wrong = tmp_path / "new.torrent", tmp_path / "wrong.torrent"
    file.write_bytes(metainfo.raw)
    wrong.write_bytes(b"d4:info")
    infohash = metainfo.info.infohash
    page = enter(tracker, "/admin/torrents")
    page.set_input_files("#torrent", file)
    page.click("button >> text=Add")
    hear(page, "Added `new <b>.iso`")
    assert not is_refused(tracker.announce(infohash, 1))
    page.fill("#q", "new iso")
    page.click("button >> text=Search")
    page.wait_for_url("**q=new**")
    assert page.locator("tbody tr").count() == 1
    page.click("summary >> text=Withdraw")
    page.click("text=Yes, withdraw it")
    hear(page, "Withdrew `new <b>.iso`")
    assert is_refused(tracker.announce(infohash, 1))


def test_a_key_is_made_shown_once_used_and_revoked(
    make: Callable[..., RunningTracker], enter: Enter, tmp_path: Path
):
    keys = tmp_path / "keys.txt"
    keys.touch()
    tracker = make(key_list=keys, page="open")
    page = enter(tracker, "/admin/keys")
    page.fill("#label", "a friend <of> mine")
    page.click("text=Make a key")
    url = page.locator(".secret").inner_text()
    secret = url.split("/")[-2]
    assert url == f"{tracker.url}/{secret}/announce"
    page.reload()
    assert secret not in page.content()
    assert is_refused(tracker.announce(WANTED, 1))
    for _ in range(3):
        assert not is_refused(tracker.announce(WANTED, 1, key=f"/{secret}"))
    page.reload()
    row = page.locator("tbody tr", has_text="a friend <of> mine")
    assert row.locator("td.number").first.inner_text() == "3"
    row.locator("summary").click()
    page.click("text=Yes, revoke it")
    hear(page, "Revoked key")
    assert page.locator("tbody tr").count() == 0
    assert is_refused(tracker.announce(WANTED, 1, key=f"/{secret}"))


def test_rates_are_changed_while_the_tracker_runs(
    make: Callable[..., RunningTracker], enter: Enter
):
    tracker = make(interval_jitter_percent=0)
    page = enter(tracker, "/admin/rates")
    page.fill("#interval_s", "777")
    page.click("button >> text=Change")
    hear(page, "`interval_s` 1800 to 777")
    assert page.input_value("#interval_s") == "777"
    answer = bencode.decode(tracker.announce(WANTED, 1), strict=False)
    assert isinstance(answer, dict)
    assert answer[b"interval"] == 777
    assert page.locator(".badge-warn").count() == 1
    page.fill("#min_interval_s", "99")
    page.press("#min_interval_s", "Enter")
    hear(page, "`min_interval_s` 300 to 99")
    assert page.input_value("#interval_s") == "777"
    page.click("text=back to 1800 of the settings")
    hear(page, "`interval_s` 777 to 1800")
    assert page.input_value("#min_interval_s") == "99"
    page.click("text=All back to the settings")
    hear(page, "`min_interval_s` 99 to 300")
    assert page.locator(".badge-warn").count() == 0


def test_how_long_answers_take_is_told(make: Callable[..., RunningTracker]):
    tracker = make()
    cookie = log_in(tracker)

    def is_told() -> bool:
        for peer in range(40):
            tracker.announce(WANTED, peer)
        return "How long answers take" in tracker.request("GET", "/admin", cookie=cookie)[1]

    wait_for(is_told, what="a timed batch")
    status, text, _ = tracker.request("GET", "/api/v1/latencies", authorization=f"Bearer {TOKEN}")
    (http,) = (one for one in json.loads(text)["latencies"] if one["protocol"] == "http")
    assert status == 200
    assert http["count"] > 0
    assert 0 < http["p50_s"] <= http["p99_s"]


def test_networks_are_counted_where_that_is_wanted(make: Callable[..., RunningTracker]):
    for wanted in (True, False):
        tracker = make(show_networks=wanted)
        for peer in range(3):
            tracker.announce(WANTED, peer, host=f"127.0.{peer}.9")
        cookie = log_in(tracker)

        def page(tracker: RunningTracker = tracker, cookie: str = cookie) -> str:
            return tracker.request("GET", "/admin", cookie=cookie)[1]

        if wanted:
            wait_for(lambda: "127.0.0.0/16" in page(), what="the networks")
            assert "Networks" in page()
        else:
            assert "Networks" not in page()
        tracker.close()


def test_no_form_is_taken_from_who_does_not_know_its_key(make: Callable[..., RunningTracker]):
    tracker = make()
    cookie = log_in(tracker)
    posts = [path for path, method, _ in ADMIN_PAGES if method == "POST"]
    assert len(posts) > 8
    for path in set(posts) - {"/admin/login"}:
        for body in ("", "form_key=x", "form_key="):
            status, text = post(tracker, path, body, cookie)
            assert (status, "Nothing was changed" in text) == (403, True), path
        assert post(tracker, path, "", "")[0] == 303


@pytest.mark.parametrize("device", DEVICES, ids=("desk", "phone"))
def test_every_form_is_for_everybody(
    make: Callable[..., RunningTracker],
    visit_url: Callable[..., Any],
    flaws: Callable[[Any], list[str]],
    tmp_path: Path,
    device: dict[str, Any],
):
    keys = tmp_path / "keys.txt"
    keys.touch()
    tracker = make(key_list=keys, page="open")
    page = visit_url(tracker.url, "/admin/login", **device)
    page.fill("#token", TOKEN)
    page.click("text=Log in")
    page.goto(tracker.url + "/admin/keys")
    page.fill("#label", "w" * 100)
    page.click("text=Make a key")
    page.goto(tracker.url + "/admin/rules")
    put_rule(page, "denied", OTHER.hex(), "w" * 100)
    put_rule(page, "banned-addresses", "2001:db8:1111:2222:3333:4444:5555:6666")
    found = []
    for path in (
        "/admin/rules",
        "/admin/keys",
        "/admin/torrents",
        "/admin/web-seeds",
        "/admin/rates",
    ):
        page.goto(tracker.url + path)
        found += [f"{path}: {flaw}" for flaw in flaws(page)]
        width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        if page.evaluate(width) > 0:
            found.append(f"{path}: wider than the screen")
    assert found == []


def log_in(tracker: RunningTracker) -> str:
    status, _, headers = tracker.request("POST", "/admin/login", urlencode({"token": TOKEN}))
    assert status == 303
    return headers["set-cookie"].partition(";")[0]


def post(tracker: RunningTracker, path: str, body: str, cookie: str) -> tuple[int, str]:
    status, text, _ = tracker.request("POST", path, body, cookie=cookie)
    return status, text
