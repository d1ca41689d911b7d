"""The list in a real browser: one click to the newest, groups, phones, and what it costs."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from outpour.tracker.figures import Sample, TorrentRow
from outpour.tracker.site_settings import SiteSettings
from outpour.web.contract import WebOptions
from outpour.web.visitors.beside import About, Sidecar, Writing

from .conftest import DEVICES, NOW, PHONE, FakeBeside, FakeView, Site

pytestmark = pytest.mark.live
DAY = 86_400
FIRST_LOAD_BYTES_MAX = 60 << 10
TAP_MIN = 44


@pytest.fixture
def beside() -> FakeBeside:
    return FakeBeside()


@pytest.fixture
def site(view: FakeView, beside: FakeBeside, start: Callable[..., Site]) -> Site:
    settings = SiteSettings(
        title="Tool downloads",
        description="Images and data of the Tool project.",
        contact="The team <mailto:team@tool.example>",
        licence="CC0",
    )
    return start(view, WebOptions(site=settings), beside)


def offer(view: FakeView, beside: FakeBeside, root: Path) -> dict[str, bytes]:
    """Three groups, with checksums of what are files."""
    found = {}
    for at, (name, group) in enumerate(
        [("tool-2.iso", "images"), ("tool-1.iso", "images"), ("weather", "data"), ("book", "docs")]
    ):
        content: Any = {"a.csv": b"1", "b.csv": b"22"} if name == "weather" else name.encode() * 9
        found[name] = view.publish(
            name, content, root, group=group, published_at=NOW - at * DAY, complete=at
        )
        if name != "weather":
            beside.sums[found[name]] = {(): hashlib.sha256(content).hexdigest()}
        view.samples[found[name]] = tuple(
            Sample(NOW - 6000 + step * 300, at % 2 and step, 1, 0) for step in range(20)
        )
    (root / "SHA256SUMS").write_text("sums\n")
    sidecar = Sidecar("SHA256SUMS", "SHA256SUMS", "checksums", 5)
    beside.files["SHA256SUMS"] = (sidecar, root / "SHA256SUMS")
    beside.abouts[None] = About(
        Writing("# About it\n\nRead [the book](book).\n\n" + "More words. " * 400, True), (sidecar,)
    )
    return found


def names(page: Any) -> list[str]:
    return page.locator("#torrents tbody .name").all_inner_texts()  # type: ignore[no-any-return]


def test_the_newest_image_is_one_click_away_and_can_be_checked(
    view: FakeView, beside: FakeBeside, visit: Callable[..., Any], tmp_path: Path
):
    offer(view, beside, tmp_path)
    page = visit()
    row = page.locator("#torrents tbody tr").first
    assert row.locator(".name").inner_text() == "tool-2.iso"
    with page.expect_download() as download:
        row.locator(".col-get a").click()
    saved = Path(download.value.path()).read_bytes()
    assert download.value.suggested_filename == "tool-2.iso"
    assert row.locator(".sum code").text_content() == hashlib.sha256(saved).hexdigest()


def test_a_group_shows_its_newest_and_an_address_that_stays(
    view: FakeView, beside: FakeBeside, site: Site, visit: Callable[..., Any], tmp_path: Path
):
    offer(view, beside, tmp_path)
    page = visit()
    assert page.locator(".group .name").all_inner_texts() == ["tool-2.iso", "weather", "book"]
    stable = page.locator(".group-facts a").first.get_attribute("href")
    assert stable == "/latest/images/*"
    assert site.get(stable).headers["location"] == "/content/tool-2.iso"
    page.click(".group-name a:has-text('images')")
    page.wait_for_url("**group=images**")
    assert names(page) == ["tool-2.iso", "tool-1.iso"]
    # What is published while it does not listen is not told to it.
    page.locator("#live[data-state=live]").wait_for()
    site.on_loop(lambda: view.publish("tool-3.iso", b"3", tmp_path, group="images",
                                      published_at=NOW + 5))  # fmt: skip
    page.locator("#torrents tr", has_text="tool-3.iso").wait_for()
    assert names(page)[0] == "tool-3.iso"
    assert site.get(stable).headers["location"] == "/content/tool-3.iso"


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/latest/tool-*.iso", "/content/tool-2.iso"),
        ("/latest/tool-1*", "/content/tool-1.iso"),
        ("/latest/tool-*.iso.torrent", "/torrents/tool-2.iso.torrent"),
        ("/latest/*", "/content/tool-2.iso"),
        ("/latest/data/*", "/content/weather"),
        ("/latest/data/*.torrent", "/torrents/weather.torrent"),
        ("/latest/tool-%5B1%5D.iso", "/content/tool-1.iso"),
        ("/latest/images/weather", None),
        ("/latest/dat/*", None),
        ("/latest/nothing*", None),
        ("/latest/", None),
        ("/latest/..%2f..%2fetc%2fpasswd", None),
        ("/latest/../tool-2.iso", None),
        ("/latest/" + "*a" * 11, None),
        ("/latest/" + "a" * 400, None),
        ("/latest/[", None),
        ("/latest/%00", None),
        ("/latest/%ff*", None),
    ],
)
def test_the_latest_is_found_by_a_pattern_and_by_nothing_else(
    view: FakeView, beside: FakeBeside, site: Site, tmp_path: Path, path: str, location: str | None
):
    offer(view, beside, tmp_path)
    answer = site.get(path)
    assert answer.status == (302 if location else 404)
    assert answer.headers.get("location") == location
    if location:
        assert site.get(location).status in (200, 301)


def test_of_what_is_as_old_the_higher_number_is_the_latest(view: FakeView, site: Site):
    for name in ("tool-1.9", "tool-1.10", "tool-1.2"):
        view.publish(name, name.encode(), published_at=NOW)
    assert site.get("/latest/tool-*.torrent").headers["location"].endswith("tool-1.10.torrent")
    assert re.findall(r"<bdi>(tool[^<]+)</bdi>", site.get("/").text) == [
        "tool-1.10", "tool-1.9", "tool-1.2",
    ]  # fmt: skip


@pytest.mark.parametrize("path", ["/", "/?view=dense&q=tool", "/?group=images", "/classic"])
def test_nobody_is_kept_out_by_how_the_list_looks(
    view: FakeView,
    beside: FakeBeside,
    tmp_path: Path,
    flaws_everywhere: Callable[..., list[str]],
    path: str,
):
    offer(view, beside, tmp_path)

    def unfold(page: Any) -> None:
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")

    assert flaws_everywhere(path, prepare=unfold) == []


def test_on_a_phone_there_is_name_size_and_one_large_button_and_all_is_large_enough(
    view: FakeView, beside: FakeBeside, visit: Callable[..., Any], tmp_path: Path
):
    offer(view, beside, tmp_path)
    page = visit(**PHONE)
    card = page.locator("#torrents tbody tr").first
    assert card.locator(".col-get a").bounding_box()["width"] > 300
    assert card.locator(".col-length").is_visible()
    assert not card.locator(".col-complete").is_visible()
    assert not card.locator("text=Magnet").is_visible()
    card.locator(".more summary").click()
    assert card.locator(".col-complete").is_visible()
    assert card.locator("text=Magnet").is_visible()
    assert card.locator(".sum code").inner_text() == next(iter(beside.sums.values()))[()]
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    small = page.evaluate(
        """(min) => [...document.querySelectorAll("a, button, summary, input")]
        .filter((one) => one.checkVisibility() && !one.closest(".prose, p.visually-hidden, .skip"))
        .filter((one) => !one.closest("thead"))
        .map((one) => [one.outerHTML.slice(0, 90), one.getBoundingClientRect().height])
        .filter(([, height]) => height < min)""",
        TAP_MIN - 0.5,
    )
    assert small == []


def test_nothing_moves_while_the_page_loads_and_lives(
    view: FakeView, beside: FakeBeside, site: Site, visit: Callable[..., Any], tmp_path: Path
):
    found = offer(view, beside, tmp_path)
    page = visit()
    page.locator("#live[data-state=live]").wait_for()
    site.on_loop(lambda: view.change(found["tool-1.iso"], complete=123_456, downloaded=99_999))
    page.locator("#torrents td", has_text="123,456").wait_for()
    shifts = page.evaluate(
        """() => new Promise((resolve) => {
            const observer = new PerformanceObserver(() => {});
            observer.observe({ type: "layout-shift", buffered: true });
            requestAnimationFrame(() => requestAnimationFrame(() => resolve(
              observer.takeRecords().map((entry) => [entry.value,
                entry.sources.map((source) => source.node?.outerHTML?.slice(0, 80))]))));
        })"""
    )
    assert shifts == []


@pytest.mark.parametrize("width", [1280, 1000, 800])
def test_columns_stay_where_they_are_when_nothing_matches(
    view: FakeView, beside: FakeBeside, visit: Callable[..., Any], tmp_path: Path, width: int
):
    offer(view, beside, tmp_path)
    edges = """() => [...document.querySelectorAll("#torrents thead th")]
        .map((heading) => Math.round(heading.getBoundingClientRect().right))"""
    full = visit("/", viewport={"width": width, "height": 900}).evaluate(edges)
    none = visit("/?q=zzz", viewport={"width": width, "height": 900})
    assert none.locator("#torrents .none").count() == 1
    assert none.evaluate(edges) == full


def test_the_first_load_is_small(view: FakeView, site: Site):
    for number in range(60):
        infohash = view.publish(f"tool-{number}.0-amd64-netinst.iso", b"%d" % number)
        view.change(infohash, complete=number * 7, downloaded=number**3, transferred=number**6)
        view.samples[infohash] = tuple(
            Sample(NOW - 60_000 + at * 60, (at * number) % 17, at % 5, 0) for at in range(900)
        )
    page = site.get("/", accept_encoding="gzip")
    total = len(page.body)
    for url in re.findall(r'(?:href|src)="(/static/[^"]+)"', gzip.decompress(page.body).decode()):
        total += len(site.get(url, accept_encoding="gzip").body)
    assert total < FIRST_LOAD_BYTES_MAX


def test_a_list_of_ten_thousand_is_searched_and_turned(
    view: FakeView, visit: Callable[..., Any], site: Site
):
    for number in range(10_000):
        infohash = hashlib.sha1(b"%d" % number).digest()
        view.torrents[infohash] = TorrentRow(
            infohash, f"package-{number:05}.deb", 1000 + number, number % 50,
            published_at=NOW - number * 60,
        )  # fmt: skip
    page = visit()
    assert page.inner_text("#matched") == "1\N{EN DASH}50 of 10,000"
    assert page.locator(".pages li").all_inner_texts() == ["1", "2", "3", "…", "200"]
    page.click(".pages a:has-text('200')")
    page.wait_for_url("**page=200**")
    page.locator("#matched", has_text="9,951\N{EN DASH}10,000 of 10,000").wait_for()
    page.locator("#q").press_sequentially("deb 0777")
    page.locator("#matched", has_text="11 of 10,000 match").wait_for()
    assert page.url == f"{site.url}/?q=deb+0777"
    page.fill("#q", hashlib.sha1(b"42").hexdigest()[:12])
    page.locator("#matched", has_text=re.compile("^1 of 10,000 match")).wait_for()
    assert names(page) == ["package-00042.deb"]


def test_what_a_name_holds_is_shown_and_does_nothing(
    view: FakeView, site: Site, visit: Callable[..., Any], tmp_path: Path
):
    evil = "<img src=x onerror=document.title='owned'>\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe"
    view.publish(evil, b"1", tmp_path, group="\N{RIGHT-TO-LEFT OVERRIDE}<b>group\n")
    view.publish("two\nlines", b"2", tmp_path)
    view.publish("\N{PARTY POPPER}" * 63, b"3", tmp_path)
    for device in DEVICES:
        page = visit("/", **device)
        assert page.title() == "Tool downloads"
        assert page.locator("main img").count() == 0
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in page.content()


@pytest.mark.parametrize(
    "query",
    [
        "q=%3Cscript%3Ealert(1)%3C/script%3E", "q=%00%ff%e2%80%ae", "q=" + "%F0%9F%8E%89" * 300,
        "group=%22%3E%3Cscript%3E", "group=../../etc", "group=" + "a/" * 900, "group=%00",
        "sort=__class__&order=%0d%0aX-Injected:1", "page=99999999999999999999", "page=-1",
        "page=%D9%A3",
        "view=%22onload=x", "part=list&q=%3Cb%3E", "part=..%2f..%2f", "q=" + "+".join("a" * 99),
        "&&&===;;;", "q[]=1&q=2&q=3",
    ],
)  # fmt: skip
def test_a_strange_query_shows_a_page_and_nothing_of_its_own(
    view: FakeView, beside: FakeBeside, site: Site, tmp_path: Path, query: str
):
    offer(view, beside, tmp_path)
    for path in ("/", "/classic"):
        answer = site.get(f"{path}?{query}")
        assert answer.status == 200
        assert "x-injected" not in answer.headers
        assert "<script>" not in answer.text
        assert "onload=x" not in answer.text
        assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in answer.text
