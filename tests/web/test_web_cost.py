"""What a visitor costs the others: nothing waits for a page, and a page is made once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import pytest

from outpour.tracker.figures import Sample, Stretch
from outpour.tracker.lists.metainfo_file import MetainfoFile
from outpour.web.limits import API_ROWS, NAMED_AT_ONCE_MAX, PAGES_KEPT
from outpour.web.page_thread import PageThread
from outpour.web.rendered_pages import Rendered, RenderedPages

from .conftest import NOW, FakeView, Site


class SlowFiles(FakeView):
    """A view whose .torrent files take until somebody lets them go."""

    asked = threading.Event()
    goes_on = threading.Event()

    def metainfo_file(self, infohash: bytes) -> MetainfoFile | None:
        self.asked.set()
        assert self.goes_on.wait(60)
        return super().metainfo_file(infohash)


def test_the_event_loop_answers_while_a_page_is_put_together(start: Callable[..., Site]):
    view = SlowFiles()
    view.publish("a", b"1")
    site = start(view)
    with ThreadPoolExecutor(1) as pool:
        feed = pool.submit(site.get, "/feed.xml")
        assert view.asked.wait(60)
        try:
            assert site.get("/healthz").text == "ok\n"
        finally:
            view.goes_on.set()
        assert feed.result().status == 200


class SlowHistory(FakeView):
    """A view whose histories nobody has read yet."""

    is_read = asyncio.Event()

    async def outlines(
        self, infohashes: Sequence[bytes], parts_max: int
    ) -> Mapping[bytes, Sequence[Stretch]]:
        await self.is_read.wait()
        return await super().outlines(infohashes, parts_max)


def test_a_page_waits_for_no_history_and_the_drawings_come_after_it(start: Callable[..., Site]):
    view = SlowHistory()
    infohash = view.publish("a", b"1", complete=3)
    view.samples[infohash] = (Sample(NOW - 600, 1, 0, 0), Sample(NOW - 300, 2, 0, 0))
    site = start(view)
    page = site.get("/").text
    assert "data-charts-late" in page
    assert 'class="spark"' not in page
    late = site.get("/api/v1/charts").json
    assert late["is_late"]
    assert late["charts"] == []
    site.on_loop(view.is_read.set)
    drawn = site.get("/api/v1/charts").json
    assert [chart["infohash"] for chart in drawn["charts"]] == [infohash.hex()]
    assert not drawn["is_late"]
    page = site.get("/").text
    assert "data-charts-late" not in page
    assert drawn["charts"][0]["complete"] in page


def test_charts_tell_only_of_torrents_to_which_something_happened(view: FakeView, site: Site):
    still, busy = view.publish("still", b"1"), view.publish("busy", b"2")
    view.samples[still] = (Sample(NOW - 900, 1, 0, 0), Sample(NOW - 600, 2, 0, 0))
    view.samples[busy] = (Sample(NOW - 900, 1, 0, 0), Sample(NOW - 600, 2, 0, 0))
    first = site.get("/api/v1/charts").json
    assert len(first["charts"]) == 2
    view.samples[busy] += (Sample(NOW - 60, 9, 0, 0),)
    later = site.get(f"/api/v1/charts?since={first['at']}").json
    assert [chart["infohash"] for chart in later["charts"]] == [busy.hex()]
    assert later["at"] == NOW - 60
    large = site.get(f"/api/v1/charts?infohash={busy.hex()}").json["charts"]
    assert [(chart["infohash"], chart["width"]) for chart in large] == [(busy.hex(), 1440)]
    assert site.get("/api/v1/charts?infohash=" + "0" * 40).status == 404


class Unreadable(FakeView):
    """A view whose .torrent files may be told of and not be read."""

    def metainfo_file(self, infohash: bytes) -> MetainfoFile | None:
        class NeverRead(MetainfoFile):
            def read(self) -> bytes | None:
                raise AssertionError("read")

        found = super().metainfo_file(infohash)
        return None if found is None else NeverRead(found.listing, found.raw)


def test_the_feed_tells_the_length_of_each_torrent_and_reads_none(start: Callable[..., Site]):
    view = Unreadable()
    infohash = view.publish("a.iso", b"1")
    feed = ElementTree.fromstring(start(view).get("/feed.xml").body)
    (enclosure,) = feed.iter("enclosure")
    assert enclosure.get("length") == str(len(view.metainfos[infohash]))


def test_the_api_gives_a_bounded_part_and_names_the_next(view: FakeView, site: Site):
    for number in range(API_ROWS + 3):
        view.publish(f"{number:04}", b"1")
    first = site.get("/api/v1/torrents").json
    assert (len(first["torrents"]), first["matched"]) == (API_ROWS, API_ROWS + 3)
    second = site.get(first["next"].removeprefix(site.url)).json
    assert [torrent["name"] for torrent in second["torrents"]] == ["0500", "0501", "0502"]
    assert second["next"] is None
    assert len(site.get(f"/api/v1/torrents?limit={API_ROWS + 3}").json["torrents"]) == API_ROWS + 3


def test_many_torrents_keep_their_names_while_only_numbers_change(view: FakeView, site: Site):
    for number in range(NAMED_AT_ONCE_MAX + 1):
        view.publish(f"{number:04}", b"1")
    first = view.publish("0000", b"other")
    names = site.app.state.context.url_names
    before = site.call(names.names())
    view.change(first, complete=9)
    assert site.call(names.names()) is before
    view.publish("new", b"2")
    assert "new.torrent" in site.call(names.names()).metainfo


@contextmanager
def pages_of() -> Iterator[RenderedPages]:
    thread = PageThread()
    try:
        yield RenderedPages(thread)
    finally:
        thread.close()


def test_twenty_visitors_of_one_page_have_it_put_together_once():
    rendered = []

    def render() -> Rendered:
        rendered.append(1)
        return Rendered.of("page")

    async def main() -> None:
        with pages_of() as pages:
            asked = [pages.get("/", "inputs", render) for _ in range(20)]
            assert {page.raw for page in await asyncio.gather(*asked)} == {b"page"}
            await pages.get("/", "inputs", render)
            assert len(rendered) == 1
            await pages.get("/", "other inputs", render)
            assert len(rendered) == 2

    asyncio.run(main())


def test_a_page_that_failed_is_tried_again_and_a_visitor_who_leaves_takes_none_away():
    is_broken = [True]
    goes_on = threading.Event()

    def render() -> Rendered:
        goes_on.wait(60)
        if is_broken.pop():
            raise ValueError("broken")
        return Rendered.of("page")

    async def main() -> None:
        with pages_of() as pages:
            leaving = asyncio.ensure_future(pages.get("/", 1, render))
            staying = asyncio.ensure_future(pages.get("/", 1, render))
            await asyncio.sleep(0)
            leaving.cancel()
            goes_on.set()
            with pytest.raises(ValueError, match="broken"):
                await staying
            is_broken.append(False)
            assert (await pages.get("/", 1, render)).raw == b"page"

    asyncio.run(main())


def test_no_more_pages_are_kept_than_there_is_room_for():
    async def main() -> None:
        with pages_of() as pages:
            for number in range(PAGES_KEPT + 9):
                await pages.get(number, 0, lambda: Rendered.of("page"))
            assert len(pages._kept) == PAGES_KEPT
            for number in range(5):
                await pages.get(number, 0, lambda: Rendered.of(b"x" * (3 << 20)))
            assert len(pages._kept) <= 3

    asyncio.run(main())


def test_a_row_that_has_not_changed_is_not_put_together_again(
    view: FakeView, site: Site, tmp_path: Path
):
    still, busy = view.publish("still", b"1", tmp_path), view.publish("busy", b"2", tmp_path)
    before = site.get("/").text
    kept = dict(site.app.state.context.rows._kept)
    view.change(busy, complete=77)
    after = site.get("/").text
    assert before != after
    same = {
        key[0] for key, value in site.app.state.context.rows._kept.items() if kept[key] is value
    }
    assert same == {still}
