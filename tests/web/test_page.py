"""The page in a real browser: alive, without scripts, on a phone, in the dark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from outpour.base.units import format_size
from outpour.tracker.figures import Sample
from tests.waiting import wait_for

from .conftest import NOW, FakeView, Site

pytestmark = pytest.mark.live
LONG = "a-name-without-any-space-that-goes-on-and-on-" * 5


def fill(view: FakeView, root: Path) -> list[bytes]:
    infohashes = [
        view.publish("debian.iso", b"d" * 3000, root, complete=3, downloading=1, downloaded=4),
        view.publish("ubuntu.iso", b"u" * 90000, root, complete=9, downloading=5, downloaded=2),
        view.publish(LONG, {"a/b.txt": b"1", "<i>.txt": b"2"}, root, complete=1),
        view.publish("日本語の名前 مكتبة", b"j", root),
    ]
    for infohash in infohashes:
        view.samples[infohash] = tuple(
            Sample(NOW - 6000 + at, 5 + at % 7, at % 5, 0) for at in range(0, 6000, 300)
        )
    return infohashes


@contextmanager
def live(page: Any) -> Iterator[Any]:
    page.locator("#live[data-state=live]").wait_for()
    yield page


def names(page: Any) -> list[str]:
    shown = page.locator("#torrents tbody tr:visible .name")
    return [text[:6] for text in shown.all_inner_texts()]


def test_numbers_change_without_a_reload(
    view: FakeView, site: Site, visit: Callable[..., Any], tmp_path: Path
):
    infohash, *_ = fill(view, tmp_path)
    with live(visit()) as page:
        page.evaluate("window.untouched = true")
        site.on_loop(
            lambda: view.change(
                infohash, complete=1234, downloading=56, downloaded=78, transferred=234_000
            )
        )
        row = page.locator(f"tr[data-infohash='{infohash.hex()}']")
        row.locator("td", has_text="1,234").wait_for()
        assert "changed" in row.locator("[data-field=complete]").get_attribute("class")
        assert row.locator("[data-field=transferred]").inner_text() == format_size(234_000)
        assert page.locator(".summary [data-total=complete]").inner_text() == "1,244"
        assert page.locator(".summary [data-total=downloading]").inner_text() == "61"
        assert page.evaluate("window.untouched")


def test_a_new_torrent_appears_and_a_withdrawn_one_goes(
    view: FakeView, site: Site, visit: Callable[..., Any], tmp_path: Path
):
    infohash, *_ = fill(view, tmp_path)
    with live(visit()) as page:
        page.evaluate("window.untouched = true")
        new = site.on_loop(lambda: view.publish("arch.iso", b"a" * 10, tmp_path, complete=2))
        page.locator(f"tr[data-infohash='{new.hex()}']").wait_for()
        site.on_loop(lambda: view.change(new, complete=777))
        page.locator(f"tr[data-infohash='{new.hex()}'] td", has_text="777").wait_for()
        site.on_loop(lambda: view.torrents.pop(infohash))
        page.locator(f"tr[data-infohash='{infohash.hex()}']").wait_for(state="detached")
        assert page.evaluate("window.untouched")


def test_what_came_while_the_page_was_out_of_sight_is_there_when_it_is_seen_again(
    view: FakeView, site: Site, visit: Callable[..., Any], tmp_path: Path
):
    first, *_ = fill(view, tmp_path)
    live_numbers = site.app.state.context.live
    look = """hidden => {
        Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    with live(visit()) as page:
        page.evaluate("window.untouched = true")
        page.evaluate(look, True)
        # Nobody listens, so nobody looks what changes.
        wait_for(lambda: not live_numbers._looking.is_running, what="the end of looking")

        def change() -> bytes:
            view.torrents.pop(first)
            return view.publish("meanwhile.iso", b"m" * 10, tmp_path)

        new = site.on_loop(change)
        page.evaluate(look, False)
        page.locator(f"tr[data-infohash='{new.hex()}']").wait_for()
        assert page.locator(f"tr[data-infohash='{first.hex()}']").count() == 0
        assert page.evaluate("window.untouched")


def test_the_first_torrent_replaces_the_empty_page(
    view: FakeView, site: Site, visit: Callable[..., Any], tmp_path: Path
):
    with live(visit()) as page:
        assert "not tracking any files yet" in page.inner_text("main")
        site.on_loop(lambda: view.publish("first.iso", b"1" * 10, tmp_path))
        page.locator("#torrents", has_text="first.iso").wait_for()
        page.fill("#q", "nothing like it")
        page.locator("#matched", has_text="0 of 1 match").wait_for()


def test_the_page_says_when_it_is_no_longer_live(
    view: FakeView, site: Site, visit: Callable[..., Any], browser: Any
):
    view.publish("x", b"1")
    page = browser.new_page()
    page.goto(site.url)
    page.locator("#live[data-state=live]").wait_for()
    site.stop()
    page.locator("#live", has_text="reconnecting").wait_for()
    page.close()


@pytest.mark.parametrize("length", [0, 1023, 1024, 102912, 1152, 1280, 999999, 2**30, 2**43, 2**60])
def test_sizes_read_the_same_before_and_after_coming_alive(
    view: FakeView, site: Site, visit: Callable[..., Any], length: int
):
    infohash = view.publish("x", b"1", transferred=3)
    with live(visit()) as page:
        site.on_loop(lambda: view.change(infohash, transferred=length))
        cell = page.locator("tbody [data-field=transferred]", has_text=format_size(length))
        cell.wait_for()
        assert cell.inner_text() == format_size(length)


def test_searching_and_sorting_happen_in_place_and_stand_in_the_address(
    view: FakeView, visit: Callable[..., Any], tmp_path: Path
):
    fill(view, tmp_path)
    page = visit()
    page.evaluate("window.untouched = true")
    assert names(page) == ["日本語の名前", "ubuntu", "debian", "a-name"]
    page.locator("#q").press_sequentially("ISO")
    page.locator("#matched", has_text="2 of 4 match").wait_for()
    assert names(page) == ["ubuntu", "debian"]
    assert page.url.endswith("/?q=ISO")
    page.click("th.col-complete a")
    page.locator("th.col-complete[aria-sort=descending]").wait_for()
    assert names(page) == ["ubuntu", "debian"]
    page.click("th.col-complete a")
    page.locator("th.col-complete[aria-sort=ascending]").wait_for()
    assert names(page) == ["debian", "ubuntu"]
    page.go_back()
    page.locator("th.col-complete[aria-sort=descending]").wait_for()
    page.fill("#q", "")
    page.locator("#torrents tr", has_text="a-name").wait_for()
    assert page.evaluate("window.untouched")
    by_script = names(page)
    page.reload()
    assert names(page) == by_script


def test_everything_works_without_scripts(
    view: FakeView, visit: Callable[..., Any], tmp_path: Path
):
    fill(view, tmp_path)
    page = visit(java_script_enabled=False)
    assert page.locator("#live").is_hidden()
    assert page.locator("#theme").is_hidden()
    page.click("th.col-complete a")
    page.wait_for_url("**sort=complete**")
    assert [text[:6] for text in page.locator(".name").all_inner_texts()][:2] == [
        "ubuntu", "debian",
    ]  # fmt: skip
    page.fill("#q", "debian")
    page.click("button:has-text('Search')")
    page.wait_for_url("**q=debian**")
    assert "1 of 4 match" in page.inner_text("#matched")
    page.click(".density")
    page.wait_for_url("**view=dense**")
    with page.expect_download() as download:
        page.click(".col-get a >> nth=0")
    assert download.value.suggested_filename == "debian.iso"
    page.click(".name:has-text('debian.iso')")
    page.wait_for_url("**/torrent/**")
    with page.expect_download() as download:
        page.click("main a[href$='.torrent'] >> nth=0")
    assert download.value.suggested_filename == "debian.iso.torrent"


def test_a_torrents_page_comes_alive_and_copies_its_magnet_link(
    view: FakeView, site: Site, visit: Callable[..., Any], tmp_path: Path
):
    _, _, infohash, _ = fill(view, tmp_path)
    options = {"permissions": ["clipboard-read", "clipboard-write"]}
    with live(visit(f"/torrent/{infohash.hex()}", **options)) as page:
        site.on_loop(lambda: view.change(infohash, complete=4321))
        page.locator("dd", has_text="4,321").wait_for()
        page.click("text=copy magnet link")
        page.locator("button", has_text="copied").wait_for()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied == view.torrents[infohash].magnet
        page.click(".tree summary >> nth=0")
        assert page.locator("svg.drawing").bounding_box()["height"] > 100


@pytest.mark.parametrize("width", [320, 390, 768, 1024, 1280, 1920])
def test_no_width_scrolls_sideways(
    view: FakeView, visit: Callable[..., Any], tmp_path: Path, width: int
):
    infohashes = fill(view, tmp_path)
    view.change(infohashes[0], complete=10**9, downloading=10**9, downloaded=10**12)
    for path in ("/", f"/torrent/{infohashes[2].hex()}", "/content/", "/?q=zzz"):
        page = visit(path, viewport={"width": width, "height": 900})
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), path


@pytest.mark.parametrize("width", [320, 375])
def test_an_infohash_stays_on_one_line_of_a_phone(
    view: FakeView, visit: Callable[..., Any], tmp_path: Path, width: int
):
    infohash = fill(view, tmp_path)[0]
    page = visit(f"/torrent/{infohash.hex()}", viewport={"width": width, "height": 800})
    digits = page.locator(".details code", has_text=infohash.hex())
    assert digits.evaluate("code => code.getClientRects().length") == 1


def test_on_a_phone_every_torrent_is_a_card_that_can_be_sorted(
    view: FakeView, visit: Callable[..., Any], tmp_path: Path
):
    fill(view, tmp_path)
    page = visit(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    card = page.locator("#torrents tbody tr").first.bounding_box()
    assert card["width"] > 300
    assert card["height"] > 150
    page.click(".sorting summary")
    page.click(".sorting a:has-text('Seeders')")
    page.wait_for_url("**sort=complete**")
    page.locator("th.col-complete[aria-sort]").wait_for(state="attached")
    assert names(page)[0] == "ubuntu"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_follows_the_system_until_it_is_chosen(
    view: FakeView, visit: Callable[..., Any], scheme: str
):
    view.publish("x", b"1")
    page = visit(color_scheme=scheme)
    background = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(background)
    red = int(before.partition("(")[2].partition(",")[0])
    assert (red < 100) == (scheme == "dark")
    page.click("#theme")
    chosen = page.evaluate(background)
    assert chosen != before
    page.reload()
    assert page.evaluate(background) == chosen


CONTRAST = """
() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b]
    .map((part) => part / 255)
    .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const low = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    const pair = [light(parse(getComputedStyle(element).color)), light(behind(element))].sort();
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    if (ratio < 4.5) low.push(`${element.tagName} ${walker.currentNode.data.trim()} ${ratio}`);
  }
  return low;
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_the_contrast_of_wcag_aa(
    view: FakeView, visit: Callable[..., Any], tmp_path: Path, scheme: str
):
    infohashes = fill(view, tmp_path)
    for path in ("/", f"/torrent/{infohashes[2].hex()}", "/content/"):
        assert visit(path, color_scheme=scheme).evaluate(CONTRAST) == []


def test_everything_is_reached_and_named_for_keyboards_and_readers(
    view: FakeView, visit: Callable[..., Any], tmp_path: Path
):
    fill(view, tmp_path)
    page = visit()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("a, button, input:not([type=hidden])")]
        .filter((element) => element.checkVisibility())
        .filter((element) => !(element.textContent.trim() || element.labels?.length
            || element.ariaLabel))
        .map((element) => element.outerHTML)"""
    )
    assert unnamed == []
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("h1").count() == 1
    assert page.get_by_role("table").count() == 1
    assert page.get_by_role("row").count() == 5
    assert page.get_by_role("searchbox", name="Search by name or info hash").count() == 1
    # Seen as cards, it is still a table to a reader.
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.get_by_role("table").count() == 1
    assert page.get_by_role("row").count() == 5


def test_keys_alone_sort_and_switch_the_theme(
    view: FakeView, visit: Callable[..., Any], tmp_path: Path
):
    fill(view, tmp_path)
    page = visit()
    page.focus("th.col-length a")
    page.keyboard.press("Enter")
    page.locator("th.col-length[aria-sort=descending]").wait_for()
    assert page.evaluate("document.activeElement.closest('th').className").endswith("col-length")
    pressed = page.get_attribute("#theme", "aria-pressed")
    page.focus("#theme")
    page.keyboard.press("Space")
    assert page.get_attribute("#theme", "aria-pressed") != pressed


def test_a_hostile_name_runs_no_script_in_a_browser(
    view: FakeView, site: Site, visit: Callable[..., Any], tmp_path: Path
):
    evil = "<img src=x onerror=\"document.title='owned'\"><b>\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe"
    infohash = view.publish(
        evil, {"f\"><img src=x onerror=document.title='owned'>": b"1"}, tmp_path
    )
    for path in ("/", f"/torrent/{infohash.hex()}", "/content/"):
        page = visit(path)
        assert page.title() != "owned"
        assert page.locator("main img:not([src$='/qr.svg'])").count() == 0
        assert "<img" in page.inner_text("main")
