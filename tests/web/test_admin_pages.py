"""The operator's pages in a real browser: alive, without scripts, on a phone, in the dark."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from outpour.tracker.cluster.cluster_figures import ClusterFigures, NodeFigures, ServerFigures
from outpour.tracker.event_log import KEPT_MAX
from outpour.tracker.state.operation_tiers import Moment
from outpour.tracker.tracker_events import Allowed, Completed, ListChanged, StateDamaged
from outpour.tracker.usage_figures import Latency
from outpour.web.admin.cluster_panel import nodes_panel, servers_panel
from outpour.web.admin.latency_panel import latency_panel
from outpour.web.admin.watchers import WATCHERS_MAX
from tests.said import Said
from tests.waiting import wait_for

from .admin_site import TOKEN, Guarded
from .conftest import DEVICES, NOW, FakeView

pytestmark = pytest.mark.live

PATHS = ("/admin", "/admin/refusals", "/admin/history?range=hour", "/admin/events")
LONG = "a-node-with-a-name.of-some-length.example.org:6969"
CLUSTER = ClusterFigures(
    "outpour",
    is_ready=True,
    nodes=(
        NodeFigures(
            "11" * 8, "a.example.org", is_self=True, is_ready=True, lag_s=2.4, peers=123_456
        ),
        NodeFigures("22" * 8, LONG, is_ready=True, events_out_per_s=31_234, dropped=1_234_567),
        NodeFigures("33" * 8, "gone", is_alive=False, seen_s_ago=7384, events_in_per_s=55, peers=9),
    ),
    servers=(
        ServerFigures("redis://10.77.0.1:6379/0", is_up=True, entries=40_000, memory_bytes=1 << 30),
        ServerFigures(f"rediss://{LONG}/12", is_up=False, trouble="the server is out of memory"),
    ),
    levels={"cluster_queued_bytes": 5 << 20},
)
TORRENT = b"\xcd" * 20
LATENCY = Latency("http", ((0.000064, 700), (0.000128, 90), (0.002048, 13)), 0, 0.1)
HOSTILE = "<script>alert(1)</script>\u202egnp.exe\n" + "w" * 300


@dataclass(frozen=True)
class Row:
    """A row of whatever is counted by."""

    name: str = "qBittorrent"
    version: str = "4.6.5"
    prefix: str = "-qB4650-"
    announces: int = 1234
    reason: str = "torrent"
    infohash: bytes = TORRENT
    network: str = "2001:db8:1:2::/64"
    count: int = 987


@dataclass(frozen=True)
class Refused:
    torrents: tuple[Row, ...] = (Row(), Row(reason="of a new kind"))
    addresses: tuple[Row, ...] = (Row(), Row(network="192.0.2.7"))
    clients: tuple[Row, ...] = (Row(), Row(name="other", prefix="", reason="client"))


class FakeUsage:
    def clients(self, since_s: float = 3600, limit: int = 50) -> tuple[Row, ...]:
        return (Row(), Row("other", "", "", 7))[:limit]

    def agents(self, since_s: float = 3600, limit: int = 50) -> tuple[Row, ...]:
        return ()

    def refusals(self, since_s: float = 3600, limit: int = 50) -> Refused:
        return Refused()


@pytest.fixture
def guarded(view: FakeView, tmp_path: Path) -> Iterator[Guarded]:
    found = Guarded.make(view, usage=FakeUsage())
    yield found
    found.site.close()


@pytest.fixture
def enter(guarded: Guarded, visit_url: Callable[..., Any]) -> Callable[..., Any]:
    """Open an operator's page in a browser that has the token."""

    def run(path: str = "/admin", **options: Any) -> Any:
        page = visit_url(guarded.site.url, "/admin/login", **options)
        page.fill("#token", TOKEN)
        page.click("button.button-primary")
        page.goto(guarded.site.url + path)
        return page

    return run


def fill(guarded: Guarded, view: FakeView, root: Path) -> None:
    """A day with a change some ninety minutes ago, and a gap in the night."""
    operation = guarded.operation
    minute = int(operation.now) // 60 * 60
    for back in range(1440, 0, -1):
        if 600 < back < 700:
            continue
        wave = 1 + math.sin(back / 230) / 2
        counts = {
            "announces_udp": 60 * 300 * wave, "announces_http": 60 * 80 * wave,
            "refused_rate": 24.0, "downloads": 1.0, "cpu_s": 4.0, "bytes_out_udp": 1e6 * wave,
        }  # fmt: skip
        if back <= 90:
            counts["refused_torrent"] = 1216.0
        levels = {"peers_v4": 5000 * wave, "seeders": 2000.0, "resident_bytes": 9e7}
        operation.past.append(Moment(minute - 60 * back, 60.0, counts, levels, levels))
    operation.names[TORRENT] = HOSTILE
    operation.now = minute - 90 * 60 - 19
    operation.log.note(ListChanged(Path("/srv/allow.txt"), 0, 1, 211))
    operation.log.note(Said(HOSTILE))
    operation.now = float(NOW)
    operation.log.note(StateDamaged(Path("/srv/s"), Path("/srv/t"), "page 7"))
    operation.log.note(Completed(TORRENT, "a.iso", 1))
    view.publish("debian.iso", b"d" * 3000, root, complete=3, downloading=1, downloaded=4)
    view.publish(HOSTILE.replace("\n", "").replace("/", "-")[:80], b"u", root, complete=9)


def high(element: Any) -> float:
    return float(element.bounding_box()["height"])


@pytest.mark.parametrize("device", DEVICES, ids=("desk", "phone"))
def test_every_page_is_for_everybody(
    guarded: Guarded,
    view: FakeView,
    enter: Callable[..., Any],
    flaws: Callable[[Any], list[str]],
    tmp_path: Path,
    device: dict[str, Any],
):
    fill(guarded, view, tmp_path)
    guarded.console.also_show(latency_panel(lambda: [LATENCY]))
    guarded.console.also_show(nodes_panel(lambda: CLUSTER))
    guarded.console.also_show(servers_panel(lambda: CLUSTER))
    page = enter(**device)
    names = page.locator(".panel-broad tbody th").all()
    assert [name.inner_text() for name in names][1] == LONG
    found = [f"{name.inner_text()}: broken up" for name in names if high(name) > 80]
    for path in (*PATHS, "/admin/login"):
        page.goto(guarded.site.url + path)
        found += [f"{path}: {flaw}" for flaw in flaws(page)]
        width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        if page.evaluate(width) > 0:
            found.append(f"{path}: wider than the screen")
    assert found == []


@pytest.mark.long
def test_numbers_change_without_a_reload_and_only_those(
    guarded: Guarded, view: FakeView, enter: Callable[..., Any], tmp_path: Path
):
    fill(guarded, view, tmp_path)
    page = enter()
    page.locator("#live[data-state=live]").wait_for()
    page.evaluate("window.untouched = true")
    assert page.locator(".console-lead [data-figure=answered]").inner_text() == "2.5"
    assert page.locator("td [data-figure=refused_torrent]").inner_text() == "30"

    def change() -> None:
        guarded.operation.recent = Moment(NOW, 10.0, {"announces_udp": 123_450}, {}, {})
        guarded.operation.log.note(Allowed(("new.iso",)))

    guarded.site.on_loop(change)
    page.locator(".console-lead [data-figure=answered]", has_text="12,345").wait_for()
    page.locator("[data-part=latest] .event", has_text="new.iso").wait_for(timeout=60_000)
    assert page.locator("td [data-figure=refused_torrent]").inner_text() == "0"
    assert page.evaluate("window.untouched") is True


def test_nothing_is_looked_at_while_nobody_looks(
    guarded: Guarded, view: FakeView, enter: Callable[..., Any], tmp_path: Path
):
    fill(guarded, view, tmp_path)
    looks: list[bool] = []
    watchers = guarded.console.watchers
    look = watchers._look

    def counted(has_parts: bool) -> Any:
        looks.append(has_parts)
        return look(has_parts)

    watchers._look = counted
    page = enter("/admin/history")
    # The login leads to the page of now.
    wait_for(lambda: not watchers._looking.is_running, what="end of looking")
    looks.clear()
    page.goto(guarded.site.url + "/admin/events")
    assert looks == []
    page.goto(guarded.site.url + "/admin")
    page.locator("#live[data-state=live]").wait_for()
    wait_for(lambda: len(looks) >= 2, what="a second look")
    assert len(watchers) == 1
    page.close()
    wait_for(lambda: len(watchers) == 0, what="end of the stream")
    wait_for(lambda: not watchers._looking.is_running, what="end of looking")


def test_a_stream_ends_with_its_session_and_there_are_not_many(guarded: Guarded):
    cookie = guarded.cookie()
    assert guarded.site.get("/admin/stream").status == 401
    streams, host = [], f"127.0.0.1:{guarded.site.port}"
    for _ in range(WATCHERS_MAX):
        stream = guarded.site.connect()
        stream.sendall(
            f"GET /admin/stream HTTP/1.1\r\nhost: {host}\r\ncookie: {cookie}\r\n\r\n".encode()
        )
        streams.append(stream)
    watchers = guarded.console.watchers
    wait_for(lambda: len(watchers) == WATCHERS_MAX, what="as many streams as may be")
    assert guarded.site.get("/admin/stream", cookie=cookie).status == 503
    guarded.token[0] = "another-token-of-the-administrator"
    wait_for(lambda: len(watchers) == 0, what="the end of all streams")
    for stream in streams:
        stream.close()


def test_the_pages_work_without_scripts(
    guarded: Guarded, view: FakeView, enter: Callable[..., Any], tmp_path: Path
):
    fill(guarded, view, tmp_path)
    page = enter(java_script_enabled=False)
    assert "1,240 a minute" in page.locator(".story").inner_text()
    assert "98 % because the torrent is not tracked" in page.locator(".story").inner_text()
    page.click("text=Why?")
    assert "19 s before" in page.locator(".event.is-likely").first.inner_text()
    page.click("text=7 days")
    assert page.locator(".ranges [aria-current]").inner_text() == "7 days"
    assert page.locator("#refusals .plot-lines path").count() >= 2
    page.click("#refusals summary")
    assert page.locator("#refusals tbody tr").count() == 168
    page.click("text=Log out")
    assert page.url.endswith("/admin/login")


def test_a_chart_tells_its_values_where_one_points(
    guarded: Guarded, view: FakeView, enter: Callable[..., Any], tmp_path: Path
):
    fill(guarded, view, tmp_path)
    page = enter("/admin/refusals")
    plot = page.locator("#refusals .plot-lines")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    before = page.locator("#refusals").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.99, box["y"] + 20)
    page.locator("#refusals .readout", has_text="torrent not tracked 1,216").wait_for()
    page.mouse.move(box["x"] + box["width"] * 0.55, box["y"] + 20)
    page.locator("#refusals .readout", has_text="torrent not tracked \N{EN DASH}").wait_for()
    assert page.locator("#refusals").bounding_box() == before
    # What is unknown is a gap: the line is in more than one piece.
    line = page.locator("#refusals .plot-lines path.line-c1").get_attribute("d")
    assert line.count("M") == 2


def test_names_with_markup_are_text(
    guarded: Guarded, view: FakeView, enter: Callable[..., Any], tmp_path: Path
):
    fill(guarded, view, tmp_path)
    for path in PATHS:
        page = enter(path)
        assert page.locator("main script").count() == 0
        assert "\u202e" not in page.content()


def test_events_are_told_by_kind_and_page_by_page(guarded: Guarded, enter: Callable[..., Any]):
    for number in range(KEPT_MAX + 10):
        guarded.operation.now += 61
        guarded.operation.log.note(Said(f"said {number}."))
    guarded.operation.log.note(Completed(TORRENT, "a.iso", 1))
    page = enter("/admin/events")
    assert page.locator(".event").first.locator(".badge").inner_text() == "downloads"
    page.click(".ranges >> text=torrents")
    assert page.locator(".event-text").first.inner_text() == f"said {KEPT_MAX + 9}."
    seen = page.locator(".event-text").all_inner_texts()
    while page.locator("a[rel=next]").count():
        page.click("a[rel=next]")
        seen += page.locator(".event-text").all_inner_texts()
    assert seen == [f"said {number}." for number in range(KEPT_MAX + 9, 9, -1)]
    page.click("a[rel=first]")
    assert page.locator(".event-text").first.inner_text() == seen[0]


@pytest.mark.parametrize(
    "path",
    [
        "/admin/refusals?range=" + "x" * 2000,
        "/admin/history?range[]=1&range=%00",
        "/admin/events?kind=%3Cb%3E&before=-1",
        "/admin/events?before=99999999999999999999",
        "/admin/events?before=1",
    ],
)
def test_strange_queries_are_answered(guarded: Guarded, path: str):
    assert guarded.get(path).status == 200


def test_a_day_of_nothing_is_told(guarded: Guarded):
    assert "Nothing is known yet" in guarded.get("/admin/refusals").text
    assert "Nothing was refused" in guarded.get("/admin").text
    assert "Nothing is known of this time" in guarded.get("/admin/history").text
    assert "Nothing has happened yet" in guarded.get("/admin/events").text
