"""Links that lead where they should, and answers that are not sent twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from outpour.tracker.figures import Sample
from outpour.web.contract import WebOptions

from .conftest import NOW, FakeView, Site

PAGES = ("/", "/api/v1/torrents", "/api/v1/torrents?cursor=", "/api/v1/stats", "/feed.xml")


@pytest.mark.parametrize("path", PAGES)
def test_an_answer_in_which_only_the_time_has_passed_is_not_sent_again(
    view: FakeView, site: Site, path: str
):
    infohash = view.publish("a", b"1", complete=1)
    view.samples[infohash] = tuple(Sample(NOW - 6000 + at, 1, 0, 0) for at in range(0, 5000, 60))
    view.tracker_counters = {"handed_over": 1, "bytes_in_http": 10, "announces_http": 5}
    tag = site.get(path).headers["etag"]
    view.time += 1
    view.tracker_counters |= {"handed_over": 2, "bytes_in_http": 20}
    again = site.get(path, if_none_match=tag)
    assert (again.status, again.body) == (304, b"")
    view.publish("b", b"2")
    assert site.get(path, if_none_match=tag).status == 200


def test_a_page_of_a_later_minute_shows_the_later_time_to_who_has_none(view: FakeView, site: Site):
    view.publish("a", b"1")
    first = site.get("/")
    view.time += 60
    second = site.get("/")
    assert first.headers["etag"] == second.headers["etag"]
    assert first.text != second.text
    assert site.get(f"/torrent/{next(iter(view.torrents)).hex()}").status == 200


def test_stats_are_sent_again_once_an_announce_was_counted(view: FakeView, site: Site):
    view.tracker_counters = {"announces_http": 5}
    tag = site.get("/api/v1/stats").headers["etag"]
    view.tracker_counters = {"announces_http": 6}
    assert site.get("/api/v1/stats", if_none_match=tag).json["counters"]["announces_http"] == 6


@pytest.fixture
def behind(start: Callable[..., Site]) -> Callable[..., Site]:
    """Sites behind a proxy on loopback."""

    def run(view: FakeView, **options: Any) -> Site:
        return start(view, WebOptions(trusted_proxies=("127.0.0.0/8",), **options))

    return run


def page_url(site: Site, **headers: str) -> str:
    url = site.get("/api/v1/torrents", **headers).json["torrents"][0]["page_url"]
    assert isinstance(url, str)
    return url.partition("/torrent/")[0]


def test_links_have_the_scheme_of_the_trusted_proxy(
    view: FakeView, behind: Callable[..., Site], start: Callable[..., Site]
):
    view.publish("a", b"1")
    site = behind(view)
    assert page_url(site, host="a.example", x_forwarded_proto="https") == "https://a.example"
    assert page_url(site, host="a.example", x_forwarded_proto="http, https") == "https://a.example"
    assert page_url(site, host="a.example", x_forwarded_proto="gopher") == "http://a.example"
    assert page_url(site, host="a.example") == "http://a.example"
    stranger = start(view)
    assert page_url(stranger, host="a.example", x_forwarded_proto="https") == "http://a.example"


@pytest.mark.parametrize("path", ["/api/v1/torrents", "/feed.xml", "/api/v1/openapi.json", "/"])
def test_no_link_comes_from_a_stranger_where_the_public_url_is_known(
    view: FakeView, behind: Callable[..., Site], path: str
):
    view.publish("a", b"1")
    site = behind(view, public_url="http://own.example/files/")
    said = {
        "host": "evil.example",
        "x_forwarded_host": "evil.example",
        "x_forwarded_proto": "https",
    }
    answer = site.get(path, **said)
    assert answer.status == 200
    assert "evil.example" not in answer.text
    assert "https://own.example" not in answer.text
    assert "/files/" in answer.text or "/files" in answer.text
