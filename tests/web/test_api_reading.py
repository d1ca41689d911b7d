"""What programs read: told what is wrong, in parts, only what they want, packed, from any site."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brotli  # type: ignore[import-untyped]
import pytest

from outpour.tracker.figures import TorrentRow
from outpour.web.access import AccessRules
from outpour.web.api.api_table import ENDPOINTS
from outpour.web.api.problem import KINDS, PAGE
from outpour.web.contract import WebOptions
from outpour.web.packed_text import coding_of, is_worth_packing
from outpour.web.query import Query

from .conftest import FakeView, Site

DOCS = Path(__file__).resolve().parents[2] / "docs" / "api.md"


def fill(view: FakeView, count: int) -> None:
    for number in range(count):
        infohash = (number * 7919 % 65_521).to_bytes(20, "big")
        view.torrents[infohash] = TorrentRow(
            infohash=infohash, name=f"t{number % 5}", complete=number % 3, length=number % 4 or None
        )


def walked(site: Site, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    following: str | None = path
    while following:
        page = site.get(following).json
        found += page["torrents"]
        following = page["next"] and page["next"].removeprefix(site.url)
    return found


@pytest.mark.parametrize("sort", ["infohash", "name", "length", "complete", "transferred"])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_every_order_is_walked_by_cursors_each_torrent_once(
    view: FakeView, site: Site, sort: str, order: str
):
    fill(view, 53)
    query = f"/api/v1/torrents?sort={sort}&order={order}"
    whole = [one["infohash"] for one in site.get(f"{query}&limit=100").json["torrents"]]
    parts = [one["infohash"] for one in walked(site, f"{query}&limit=7&fields=infohash")]
    assert parts == whole
    assert len({*parts}) == 53


def test_a_torrent_that_comes_or_goes_before_a_part_moves_nothing_in_it(view: FakeView, site: Site):
    for number in range(20):
        view.torrents[bytes([number]) * 20] = TorrentRow(bytes([number]) * 20, f"t{number:02}")
    first = site.get("/api/v1/torrents?limit=10").json
    del view.torrents[bytes([3]) * 20]
    view.torrents[b"z" * 20] = TorrentRow(b"z" * 20, "a new one")
    rest = site.get(first["next"].removeprefix(site.url)).json
    assert [one["name"] for one in rest["torrents"]] == [f"t{n:02}" for n in range(10, 20)]


def test_a_name_that_is_no_text_or_very_long_is_a_place_as_any_other(view: FakeView, site: Site):
    for number, name in enumerate(
        ("\udcff\udc80", "x" * 5000, "x" * 4999, "é" * 400, "\U0001f600")
    ):
        view.torrents[bytes([number]) * 20] = TorrentRow(bytes([number]) * 20, name)
    assert len(walked(site, "/api/v1/torrents?limit=1")) == 5


@pytest.mark.parametrize(
    ("query", "status", "kind", "parameter"),
    [
        ("colour=red", 400, "unknown-parameter", "colour"),
        ("Q=a", 400, "unknown-parameter", "Q"),
        ("%00=", 400, "unknown-parameter", "\0"),
        ("sort=colour", 400, "wrong-parameter", "sort"),
        ("sort=", 400, "wrong-parameter", "sort"),
        ("sort=name&sort=name", 400, "wrong-parameter", "sort"),
        ("order=down", 400, "wrong-parameter", "order"),
        ("page=0", 400, "wrong-parameter", "page"),
        ("page=-1", 400, "wrong-parameter", "page"),
        ("page=1.5", 400, "wrong-parameter", "page"),
        ("page=%D9%A1", 400, "wrong-parameter", "page"),
        ("page=" + "9" * 5000, 400, "wrong-parameter", "page"),
        ("page=2", 404, "no-such-page", "page"),
        ("limit=0", 400, "wrong-parameter", "limit"),
        ("limit=10001", 400, "wrong-parameter", "limit"),
        ("limit=1%0A", 400, "wrong-parameter", "limit"),
        ("fields=", 400, "wrong-parameter", "fields"),
        ("fields=name,colour", 400, "wrong-parameter", "fields"),
        ("fields=name,name", 400, "wrong-parameter", "fields"),
        ("fields=history", 400, "wrong-parameter", "fields"),
        ("q=" + "x" * 201, 400, "wrong-parameter", "q"),
        ("cursor=!!", 400, "wrong-parameter", "cursor"),
        ("cursor=kAAAA", 404, "no-such-page", "cursor"),
        ("cursor=k" + "W" * 2000, 404, "no-such-page", "cursor"),
        ("cursor=kWyJuYW1lIGFzYyIsMSwieCJd", 404, "no-such-page", "cursor"),
        ("cursor=kWyJuYW1lIGRlc2MiLDEsIngiXQ", 404, "no-such-page", "cursor"),
        ("cursor=&page=1", 409, "excluded-parameter", "cursor"),
        ("cursor=&sort=name", 409, "excluded-parameter", "sort"),
    ],
)
def test_what_is_not_understood_is_told_with_the_parameter_at_fault(
    view: FakeView, site: Site, query: str, status: int, kind: str, parameter: str
):
    fill(view, 3)
    answer = site.get(f"/api/v1/torrents?{query}")
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json
    assert (answer.status, problem["status"]) == (status, status)
    assert problem["type"] == f"{PAGE}#{kind}"
    assert problem["parameter"] == parameter
    assert problem["title"] == KINDS[kind].title
    assert problem["detail"]


def test_no_page_is_past_the_last_and_the_last_is_told(view: FakeView, site: Site):
    fill(view, 25)
    assert len(site.get("/api/v1/torrents?limit=10&page=3").json["torrents"]) == 5
    assert site.get("/api/v1/torrents?limit=10&page=4").json["pages"] == 3
    assert site.get("/api/v1/torrents?q=nothing-like-that").json["torrents"] == []


@pytest.mark.parametrize(
    "path",
    ["/api/v1/stats?x=1", "/api/v1/openapi.json?x=1", "/api/v1/charts?x", "/api/v1/events?x=",
     "/api/v1/events?infohash=zz"],
)  # fmt: skip
def test_every_path_tells_of_what_it_does_not_know(site: Site, path: str):
    answer = site.get(path)
    assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")


def test_only_the_fields_that_are_asked_for_come_and_in_that_order(
    view: FakeView, site: Site, tmp_path: Path
):
    infohash = view.publish("a", b"1", tmp_path)
    assert site.get("/api/v1/torrents?fields=length,name").json["torrents"] == [
        {"length": 1, "name": "a"}
    ]
    one = site.get(f"/api/v1/torrents/{infohash.hex()}?fields=piece_count,history")
    assert [*one.json] == ["piece_count", "history"]
    tags = {
        site.get(f"/api/v1/torrents?fields={name}").headers["etag"] for name in ("name", "length")
    }
    assert len(tags) == 2


@pytest.mark.parametrize(
    "path",
    ["/api/v1/torrents", "/api/v1/torrents?cursor=", "/api/v1/torrents?fields=name",
     "/api/v1/torrents/{infohash}", "/api/v1/stats", "/api/v1/charts", "/api/v1/openapi.json"],
)  # fmt: skip
def test_who_holds_an_answer_need_not_fetch_it_until_it_changes(
    view: FakeView, site: Site, tmp_path: Path, path: str
):
    infohash = view.publish("a", b"1", tmp_path)
    path = path.replace("{infohash}", infohash.hex())
    tag = site.get(path).headers["etag"]
    view.time += 3600
    for coding in ("", "gzip", "br"):
        held = site.get(path, if_none_match=tag, accept_encoding=coding)
        assert (held.status, held.body, held.headers["etag"]) == (304, b"", tag)
    assert site.get(path, "HEAD", if_none_match=f'"x", {tag}').status == 304
    if "charts" in path or "openapi" in path:
        return
    view.change(infohash, complete=5, name="b")
    site.on_loop(lambda: None)
    assert site.get(path, if_none_match=tag).status == 200


@pytest.mark.parametrize(
    ("field", "coding"),
    [
        ("", None), ("identity", None), ("gzip", "gzip"), ("x-gzip", "gzip"), ("br", "br"),
        ("gzip, deflate, br", "br"), ("gzip;q=1, br;q=0.5", "gzip"), ("br;q=0, gzip", "gzip"),
        ("BR ; Q=0.9", "br"), ("br;q=0,gzip;q=0.000", None), ("br;q=nan", "br"), ("*", None),
        ("brotli", None), ("br;q=-1", "br"), ("gzip;q=1e9", "gzip"), (",;,=;q", None),
    ],
)  # fmt: skip
def test_the_better_coding_that_is_taken_is_sent(field: str, coding: str | None):
    assert coding_of(field) == coding


def test_a_long_answer_is_packed_as_asked_for_and_a_short_one_never(view: FakeView, site: Site):
    fill(view, 500)
    plain = site.get("/api/v1/torrents")
    packed = site.get("/api/v1/torrents", accept_encoding="gzip, br")
    assert packed.headers["content-encoding"] == "br"
    assert brotli.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 4
    zipped = site.get("/api/v1/torrents", accept_encoding="gzip")
    assert gzip.decompress(zipped.body) == plain.body
    assert plain.headers["etag"] == packed.headers["etag"] == zipped.headers["etag"]
    assert "accept-encoding" in packed.headers["vary"]
    short = site.get("/api/v1/torrents?limit=1&fields=name", accept_encoding="br")
    assert "content-encoding" not in short.headers


def test_content_and_torrent_files_are_sent_as_they_are(view: FakeView, site: Site, tmp_path: Path):
    view.publish("a.bin", b"1" * 100_000, tmp_path)
    answer = site.get("/content/a.bin", accept_encoding="br, gzip")
    assert (answer.body, "content-encoding" in answer.headers) == (b"1" * 100_000, False)


@pytest.mark.parametrize(
    ("media_type", "is_packed"),
    [
        ("text/html", True), ("text/css", True), ("application/json", True),
        ("image/svg+xml", True),
        ("application/rss+xml; charset=utf-8", True), ("application/problem+json", True),
        ("image/png", False), ("font/woff2", False), ("application/x-bittorrent", False),
        ("application/zip", False), ("application/octet-stream", False),
    ],
)  # fmt: skip
def test_what_is_packed_already_is_sent_as_it_is(media_type: str, is_packed: bool):
    assert is_worth_packing(b"x" * 5000, media_type) == is_packed
    assert not is_worth_packing(b"x" * 1000, media_type)


@pytest.fixture
def from_elsewhere(site: Site) -> Callable[..., Any]:
    return lambda path, method="GET", **more: site.get(
        path, method, origin="https://elsewhere.example", **more
    )


def test_pages_of_other_sites_may_read_what_is_open_and_nothing_else(
    view: FakeView, from_elsewhere: Callable[..., Any], tmp_path: Path
):
    infohash = view.publish("a", b"1", tmp_path).hex()
    for path in ("/api/v1/torrents", f"/api/v1/torrents/{infohash}", "/api/v1/stats", "/feed.xml",
                 "/api/v1/openapi.json", "/torrents/a.torrent", "/content/a",
                 "/api/v1/torrents?x=1", f"/api/v1/torrents/{'0' * 40}"):  # fmt: skip
        for method in ("GET", "HEAD", "OPTIONS"):
            answer = from_elsewhere(path, method)
            assert answer.headers["access-control-allow-origin"] == "*", path
            assert "access-control-allow-credentials" not in answer.headers
    for path in ("/", "/metrics", "/healthz", "/api/v1/keys", "/api/v1/denied", "/admin",
                 f"/api/v1/denied/{infohash}", "/api/v1/rates", "/api/v1/nowhere"):  # fmt: skip
        for method in ("GET", "OPTIONS", "PUT", "POST", "DELETE"):
            headers = from_elsewhere(path, method).headers
            assert not any(name.startswith("access-control") for name in headers), path


def test_a_preflight_lets_reading_through_and_no_change(from_elsewhere: Callable[..., Any]):
    answer = from_elsewhere(
        "/api/v1/torrents", "OPTIONS", access_control_request_method="POST",
        access_control_request_headers="authorization",
    )  # fmt: skip
    assert answer.status == 204
    assert answer.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS"
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert "authorization" not in answer.headers["access-control-allow-headers"]


@pytest.mark.parametrize("level", ["key", "token", "off"])
def test_what_asks_for_a_key_or_the_token_is_not_for_other_sites(view: FakeView, level: str):
    levels = {"api": level, "content": level}
    site = Site(view, WebOptions(), rules=AccessRules(levels, lambda key: key == "alice"))
    try:
        for path in ("/api/v1/stats", "/alice/api/v1/stats", "/torrents/a.torrent"):
            headers = site.get(path, origin="https://elsewhere.example").headers
            assert "access-control-allow-origin" not in headers
    finally:
        site.close()


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/v1/stats", {"GET", "HEAD"}),
        ("PATCH", "/api/v1/keys", {"GET", "HEAD", "POST"}),
        ("TRACE", "/api/v1/denied/x", {"GET", "HEAD", "PUT", "DELETE"}),
    ],
)
def test_a_method_that_a_path_has_not_is_told_with_those_it_has(
    site: Site, method: str, path: str, allowed: set[str]
):
    answer = site.get(path, method)
    assert (answer.status, answer.json["type"]) == (405, f"{PAGE}#wrong-method")
    assert {*answer.headers["allow"].split(", ")} == allowed


def test_hostile_headers_change_nothing(site: Site):
    for headers in (
        {"if_none_match": '"' * 9000},
        {"accept_encoding": "br;q=" + "9" * 9000},
        {"accept": "\t;,,"},
        {"origin": "null"},
        {"authorization": "Bearer " + "x" * 9000},
        {"content_type": "application/json; charset=?"},
    ):
        answer = site.get("/api/v1/stats", **headers)
        assert (answer.status, json.loads(answer.body)["totals"]["torrents"]) == (200, 0)


@pytest.mark.parametrize("name", ["listTorrents", "drawCharts", "followNumbers"])
def test_what_a_page_shows_can_be_asked_of_the_api(name: str):
    (endpoint,) = (one for one in ENDPOINTS if one.name == name)
    assert Query().of_rows().keys() <= {one.name for one in endpoint.parameters}


def test_a_fault_of_ours_is_owned_up_to_and_tells_nothing_of_the_inside(
    view: FakeView, site: Site, monkeypatch: pytest.MonkeyPatch
):
    def broken() -> Any:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(view, "counters", broken)
    answer = site.get("/api/v1/stats")
    assert (answer.status, answer.json["type"]) == (500, f"{PAGE}#broken")
    assert "secret" not in answer.text
    assert site.get("/api/v1/torrents").status == 200
