"""The page of a torrent and of a folder in a real browser: charts, copies, phones, darkness."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from outpour.tracker.figures import Sample, TorrentRow
from tests.waiting import wait_for

from .conftest import DESK, NOW, PHONE, FakeView, Site

pytestmark = pytest.mark.live
HOUR_S, DAY_S = 3600, 86_400
LONG = "a-name-without-any-space-that-goes-on-and-on-" * 4
FILES = {
    "docs/one.pdf": b"1" * 4000, "docs/two.pdf": b"2" * 90, "maps/a/b/c.png": b"3", LONG: b"4",
    "<b>\u202e.txt": b"5",
}  # fmt: skip


def fill(view: FakeView, root: Path) -> dict[str, bytes]:
    """A file, a folder, one that is known by its infohash alone, and a withdrawn one."""
    found = {
        "file": view.publish(
            "disk.iso", b"d" * 3000, root, complete=3, downloading=1, downloaded=4
        ),
        "folder": view.publish("set", FILES, root, complete=1, comment="Maps & <i>more</i>"),
        "bare": b"u" * 20,
        "gone": b"w" * 20,
    }
    view.torrents[found["bare"]] = TorrentRow(found["bare"], complete=1)
    view.withdrawn[found["gone"]] = TorrentRow(found["gone"], "old.iso", 5000, 0, 0, 7)
    view.checksums[found["file"]] = [hashlib.sha256(b"d" * 3000).digest()]
    view.checksums[found["folder"]] = [hashlib.sha256(data).digest() for data in FILES.values()]
    # In steps of the samples' hours, with a time in between of which nothing is known.
    samples = [
        Sample(at, 60 + int(40 * math.sin(at / 40_000)), at % 7, (at - NOW) // 900 + 40_000)
        for at in range(NOW - 366 * DAY_S, NOW, HOUR_S)
        if not NOW - 4 * DAY_S < at < NOW - 3 * DAY_S
    ]
    for infohash in (found["file"], found["gone"]):
        view.samples[infohash] = tuple(samples)
    return found


def paths(found: dict[str, bytes]) -> list[str]:
    pages = [f"/torrent/{infohash.hex()}" for kind, infohash in found.items() if kind != "gone"]
    return [*pages, "/content/set/", "/content/set/docs/"]


@pytest.mark.long
@pytest.mark.parametrize("device", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "bare"])
def test_no_page_keeps_anybody_out(
    view: FakeView, visit: Callable[..., Any], flaws: Callable[[Any], list[str]], tmp_path: Path,
    device: dict[str, Any], scripts: bool,
):  # fmt: skip
    found = fill(view, tmp_path)
    for path in paths(found):
        page = visit(path, java_script_enabled=scripts, **device)
        page.locator("h1").wait_for()
        if scripts:
            assert flaws(page) == [], path
        width = page.viewport_size["width"]
        box = page.locator("main").bounding_box()
        assert box["x"] >= 0, path
        assert box["x"] + box["width"] <= width, path
        if scripts:
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_a_withdrawn_torrent_is_told_of_and_keeps_nobody_out(
    view: FakeView, site: Site, browser: Any, flaws: Callable[[Any], list[str]], tmp_path: Path
):
    found = fill(view, tmp_path)
    page = browser.new_page()
    answer = page.goto(f"{site.url}/torrent/{found['gone'].hex()}")
    assert answer.status == 410
    assert "withdrawn" in page.inner_text("main")
    assert flaws(page) == []
    page.locator("[data-range='90d']").click()
    page.locator("[data-range='90d'][aria-current]").wait_for()
    page.close()


def test_pointing_at_the_chart_tells_what_was(
    view: FakeView, visit: Callable[..., Any], tmp_path: Path
):
    found = fill(view, tmp_path)
    page = visit(f"/torrent/{found['file'].hex()}", **DESK)
    drawing = page.locator("#swarm .drawing")
    drawing.scroll_into_view_if_needed()
    box = drawing.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.1, box["y"] + 50)
    readout = page.locator("#swarm .readout")
    readout.wait_for()
    first = readout.inner_text()
    assert "seeders" in first
    assert "downloads" in first
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 50)
    wait_for(lambda: readout.inner_text() != first, what="other point")
    assert readout.get_attribute("data-side") == "left"
    page.mouse.move(5, 5)
    readout.wait_for(state="hidden")


def test_the_arrow_keys_read_the_chart_point_by_point(
    view: FakeView, visit: Callable[..., Any], tmp_path: Path
):
    found = fill(view, tmp_path)
    page = visit(f"/torrent/{found['file'].hex()}", **DESK)
    page.locator("#swarm .plot").focus()
    page.keyboard.press("ArrowLeft")
    readout = page.locator("#swarm .readout")
    readout.wait_for()
    last = readout.locator("time").get_attribute("datetime")
    page.keyboard.press("Home")
    first = readout.locator("time").get_attribute("datetime")
    assert first < last
    page.keyboard.press("Escape")
    readout.wait_for(state="hidden")


def test_another_time_is_shown_in_place_and_kept_in_the_address(
    view: FakeView, visit: Callable[..., Any], tmp_path: Path
):
    found = fill(view, tmp_path)
    page = visit(f"/torrent/{found['file'].hex()}", **DESK)
    page.evaluate("window.untouched = true")
    for key in ("24h", "90d", "1y", "7d"):
        page.locator(f"[data-range='{key}']").click()
        page.locator(f"[data-range='{key}'][aria-current]").wait_for()
        page.wait_for_url(f"**/*?range={key}")
        assert page.locator("#swarm .gap").count() >= (key in ("7d", "90d"))
        assert page.locator("#swarm .tick").count() > 4
    assert page.evaluate("window.untouched")
    page.reload()
    assert page.locator("[data-range='7d'][aria-current]").count() == 1


def test_without_scripts_other_times_are_links(
    view: FakeView, visit: Callable[..., Any], tmp_path: Path
):
    found = fill(view, tmp_path)
    page = visit(f"/torrent/{found['file'].hex()}", java_script_enabled=False)
    page.locator("[data-range='1y']").click()
    page.locator("[data-range='1y'][aria-current]").wait_for()
    assert page.locator("#swarm path.line-downloads").get_attribute("d")
    assert page.locator(".js-only").first.is_visible() is False


def test_a_chart_moves_on_while_its_page_is_open(
    view: FakeView, site: Site, visit: Callable[..., Any], tmp_path: Path
):
    found = fill(view, tmp_path)
    page = visit(f"/torrent/{found['file'].hex()}?range=24h", **DESK)
    page.clock.install()
    page.reload()
    page.locator("#live[data-state=live]").wait_for()
    page.evaluate("window.untouched = true")
    before = page.locator("#swarm .line-complete").get_attribute("d")
    samples = view.samples[found["file"]]
    later = replace(samples[-1], at=NOW + 600, complete=250)

    def go_on() -> None:
        view.time = NOW + 700
        view.samples[found["file"]] = (*samples, later)

    site.on_loop(go_on)
    page.clock.run_for(61_000)
    line = page.locator("#swarm .line-complete")
    wait_for(lambda: line.get_attribute("d") != before, what="longer line")
    assert page.evaluate("window.untouched")


def test_numbers_of_the_page_are_alive(
    view: FakeView, site: Site, visit: Callable[..., Any], tmp_path: Path
):
    found = fill(view, tmp_path)
    page = visit(f"/torrent/{found['file'].hex()}", **DESK)
    page.locator("#live[data-state=live]").wait_for()
    site.on_loop(lambda: view.change(found["file"], complete=4321))
    page.locator(".figures [data-field=complete]", has_text="4,321").wait_for()


def test_on_a_phone_everything_to_tap_is_large_enough(
    view: FakeView, visit: Callable[..., Any], tmp_path: Path
):
    found = fill(view, tmp_path)
    for path in paths(found):
        page = visit(path, **PHONE)
        page.locator("h1").wait_for()
        small = page.evaluate(
            """() => [...document.querySelectorAll(
                "main .button, main button, .ranges a, .tree summary, .listing a")]
              .filter((one) => one.offsetParent && one.getBoundingClientRect().height < 43.5)
              .map((one) => one.outerHTML.slice(0, 120))"""
        )
        assert small == [], path


def test_the_newest_file_is_one_click_away_and_shows_its_checksum(
    view: FakeView, visit: Callable[..., Any], tmp_path: Path
):
    found = fill(view, tmp_path)
    page = visit(f"/torrent/{found['file'].hex()}", accept_downloads=True, **DESK)
    shown = page.locator(".verify code").inner_text()
    with page.expect_download() as download:
        page.locator(".button-primary").first.click()
    content = Path(download.value.path()).read_bytes()
    assert hashlib.sha256(content).hexdigest() == shown


def test_the_code_is_drawn_by_the_page_itself(
    view: FakeView, visit: Callable[..., Any], tmp_path: Path
):
    found = fill(view, tmp_path)
    page = visit(f"/torrent/{found['file'].hex()}", **DESK)
    image = page.locator(".code img")
    image.scroll_into_view_if_needed()
    wait_for(lambda: image.evaluate("image => image.naturalWidth") > 0, what="drawn code")
