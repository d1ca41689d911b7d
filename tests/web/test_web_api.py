"""The JSON API against its own description, the metrics and the feed against their readers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema_rs
import pytest
from starlette.routing import Route

import outpour
from outpour.tracker.figures import Sample, TorrentRow
from outpour.tracker.site_settings import SiteSettings
from outpour.web.api.openapi_document import document
from outpour.web.api.read_api import document_text
from outpour.web.contract import WebOptions
from outpour.web.limits import FEED_ITEMS_MAX, METRICS_ROWS_MAX
from outpour.web.visitors.beside import About, Sidecar, Writing

from .conftest import NOW, FakeView, Site

ATOM = "{http://www.w3.org/2005/Atom}"
TORRENT = "{http://xmlns.ezrss.it/0.1/}"


def faults(value: Any, schema: dict[str, Any], document: dict[str, Any]) -> list[str]:
    """What a value violates of a schema of the document."""
    whole = {**schema, "components": document.get("components", {})}
    validator = jsonschema_rs.Draft202012Validator(whole)
    return [f"{fault.instance_path}: {fault.message}" for fault in validator.iter_errors(value)]


def fill(view: FakeView, tmp_path: Path) -> bytes:
    infohash = view.publish(
        "grüße", {"a.txt": b"1" * 9, "b/c.txt": b"2" * 40000}, tmp_path, complete=3, downloaded=2
    )
    view.samples[infohash] = (Sample(NOW - 60, 1, 2, 3), Sample(NOW, 2, 1, 4))
    view.torrents[b"u" * 20] = TorrentRow(infohash=b"u" * 20, downloading=4)
    view.tracker_counters = {"announces_http": 5, "announces_udp": 6, "peers_v4": 7}
    view.core.requests = [
        ("http", "ipv4", "announce", None, 5),
        ("http", "ipv4", "announce", "key", 1),
        ("http", "ipv4", "announce", "rate", 2),
        ("udp", "ipv6", "announce", None, 6),
        ("udp", "ipv6", "connect", None, 4),
    ]
    return infohash


def test_the_api_answers_as_its_description_says(view: FakeView, site: Site, tmp_path: Path):
    infohash = fill(view, tmp_path)
    document = site.get("/api/v1/openapi.json").json
    assert document["openapi"] == "3.1.0"
    for path, operations in document["paths"].items():
        if path == "/events" or "security" in operations.get("get", {"security": 1}):
            continue
        described = operations["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        for known in (infohash.hex(), "75" * 20):
            answer = site.get("/api/v1" + path.replace("{infohash}", known))
            assert answer.status == 200
            assert answer.headers["content-type"] == "application/json"
            assert faults(answer.json, described, document) == []


def test_the_check_against_the_description_finds_what_is_wrong():
    schema = {"type": "object", "required": ["a"], "additionalProperties": False,
              "properties": {"a": {"type": "integer", "minimum": 0}}}  # fmt: skip
    assert faults({}, schema, {})
    assert faults({"a": -1}, schema, {})
    assert faults({"a": True}, schema, {})
    assert faults({"a": 1, "b": 2}, schema, {})
    assert not faults({"a": 1}, schema, {})


def test_the_description_names_every_path_that_the_api_serves(site: Site):
    described = {
        f"/api/v1{path}": {method.upper() for method in operations}
        for path, operations in site.get("/api/v1/openapi.json").json["paths"].items()
    }
    served: dict[str, set[str]] = {}
    for route in site.app.routes:
        assert isinstance(route, Route)
        if route.path.startswith("/api/"):
            served[re.sub(r":\w+}", "}", route.path)] = set(route.methods or ()) - {"HEAD"}
    assert described == served


def test_the_description_in_the_package_is_the_one_that_the_table_makes():
    assert json.loads(document_text()) == document()


def test_every_answer_of_the_description_has_a_schema_that_is_there(site: Site):
    text = site.get("/api/v1/openapi.json").text
    schemas = site.get("/api/v1/openapi.json").json["components"]["schemas"]
    assert {*re.findall(r'"#/components/schemas/([^"]+)"', text)} == schemas.keys()


def test_a_torrent_in_the_api_carries_the_words_of_the_glossary(
    view: FakeView, site: Site, tmp_path: Path
):
    infohash = fill(view, tmp_path)
    listing = site.get("/api/v1/torrents?sort=complete").json
    assert listing["totals"]["torrents"] == listing["matched"] == 2
    torrent, bare = listing["torrents"]
    assert torrent["infohash"] == infohash.hex()
    assert torrent["name"] == "grüße"
    assert torrent["length"] == 40009
    assert (torrent["complete"], torrent["downloading"], torrent["downloaded"]) == (3, 0, 2)
    assert torrent["transferred"] == 80018
    assert torrent["magnet"].startswith(f"magnet:?xt=urn:btih:{infohash.hex()}")
    path = torrent["torrent_url"].removeprefix(site.url)
    assert site.get(path).body == view.metainfos[infohash]
    assert torrent["content_url"] == f"{site.url}/content/gr%C3%BC%C3%9Fe"
    assert bare["torrent_url"] is bare["content_url"] is bare["magnet"] is bare["name"] is None


def test_one_torrent_in_the_api_has_files_pieces_trackers_and_history(
    view: FakeView, site: Site, tmp_path: Path
):
    infohash = fill(view, tmp_path)
    torrent = site.get(f"/api/v1/torrents/{infohash.hex()}").json
    assert torrent["piece_length"] == 16384
    assert torrent["piece_count"] == 3
    assert torrent["trackers"] == [["http://127.0.0.1:6969/announce"]]
    assert [file["path"] for file in torrent["files"]] == [["a.txt"], ["b", "c.txt"]]
    url = torrent["files"][1]["url"].removeprefix(site.url)
    assert site.get(url).body == b"2" * 40000
    assert torrent["history"][1] == {
        "at": NOW, "complete": 2, "downloading": 1, "downloaded": 4,
    }  # fmt: skip
    assert [file["modified"] for file in torrent["files"]] == [
        int((tmp_path / "grüße" / path).stat().st_mtime) for path in ("a.txt", "b/c.txt")
    ]
    assert torrent["description"] is torrent["licence"] is torrent["group"] is None
    missing = site.get(f"/api/v1/torrents/{'00' * 20}")
    assert missing.status == 404
    assert missing.headers["content-type"] == "application/problem+json"
    assert missing.json["detail"] == missing.json["error"] == "no such torrent"


def test_a_long_listing_is_walked_by_its_next_links(view: FakeView, site: Site):
    for number in range(25):
        infohash = number.to_bytes(20, "big")
        view.torrents[infohash] = TorrentRow(infohash=infohash, name=f"t{number}")
    url: str | None = f"{site.url}/api/v1/torrents?limit=10&q=t"
    seen: list[str] = []
    while url:
        page = site.get(url.removeprefix(site.url)).json
        seen += [torrent["infohash"] for torrent in page["torrents"]]
        url = page["next"]
    assert len(seen) == len(set(seen)) == 25


def samples_of(text: str) -> dict[str, float]:
    """Read the Prometheus text format, strictly."""
    line = re.compile(r'([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)*\})? (-?[0-9.e+]+)')
    found: dict[str, float] = {}
    kinds: dict[str, str] = {}
    for text_line in text.splitlines():
        if text_line.startswith("# TYPE"):
            _, _, name, kind = text_line.split(" ")
            assert name not in kinds, "one block a metric"
            kinds[name] = kind
        elif not text_line.startswith("# HELP"):
            match = line.fullmatch(text_line)
            assert match, text_line
            assert match[1] in kinds
            assert (kinds[match[1]] == "counter") == match[1].endswith("_total")
            found[match[1] + (match[2] or "")] = float(match[3])
    return found


def test_all_torrents_are_walked_by_a_cursor(view: FakeView, site: Site):
    for number in range(25):
        infohash = bytes([number]) * 20
        view.torrents[infohash] = TorrentRow(infohash=infohash, complete=number)
    url: str | None = "/api/v1/torrents?cursor=&limit=10"
    seen: list[str] = []
    while url:
        answer = site.get(url).json
        assert answer["matched"] == 25
        seen += [one["infohash"] for one in answer["torrents"]]
        url = answer["next"] and answer["next"].removeprefix(site.url)
    assert sorted(seen) == sorted(key.hex() for key in view.torrents)
    refused = site.get("/api/v1/torrents?cursor=nonsense")
    assert (refused.status, refused.json["parameter"]) == (400, "cursor")


def test_metrics_have_swarms_protocols_families_and_the_process(
    view: FakeView, site: Site, tmp_path: Path
):
    infohash = fill(view, tmp_path)
    answer = site.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = samples_of(answer.text)
    assert found["outpour_torrents_listed"] == 2
    assert found['outpour_swarm_peers{state="complete"}'] == 3
    assert found['outpour_swarm_peers{state="downloading"}'] == 4
    announces = "outpour_tracker_announces_total"
    http, udp = 'protocol="http",family="ipv4"', 'protocol="udp",family="ipv6"'
    assert found[f'{announces}{{{http},result="answered"}}'] == 5
    assert found[f'{announces}{{{http},result="refused"}}'] == 3
    assert found[f'{announces}{{{udp},result="answered"}}'] == 6
    assert found[f"outpour_tracker_connects_total{{{udp}}}"] == 4
    assert found['outpour_tracker_peers{family="ipv4"}'] == 7
    refused = f'outpour_tracker_refused_total{{{http},request="announce"'
    assert found[f'{refused},reason="key"}}'] == 1
    assert found["outpour_completed_total"] == 9
    assert found[f'outpour_torrent_complete{{infohash="{infohash.hex()}",name="grüße"}}'] == 3
    assert found["process_resident_memory_bytes"] > 10_000_000
    assert found["process_open_fds"] > 3


def test_metrics_of_a_name_with_quotes_can_be_read(view: FakeView, site: Site):
    view.publish('a"b', b"1")
    assert any(r'name="a\"b"' in name for name in samples_of(site.get("/metrics").text))


def test_metrics_of_very_many_torrents_are_sums_only(view: FakeView, site: Site):
    for number in range(METRICS_ROWS_MAX + 1):
        infohash = number.to_bytes(20, "big")
        view.torrents[infohash] = TorrentRow(infohash=infohash)
    assert not any("infohash=" in name for name in samples_of(site.get("/metrics").text))


def test_the_feed_has_enclosures_and_magnet_links(view: FakeView, site: Site, tmp_path: Path):
    old = view.publish("old & <b>", b"1" * 2048, tmp_path, published_at=NOW - 5000)
    view.publish("new", b"2", tmp_path, published_at=NOW - 10, comment="with\x00 control\x1b")
    answer = site.get("/feed.xml")
    assert answer.headers["content-type"] == "application/rss+xml; charset=utf-8"
    channel = ElementTree.fromstring(answer.body).find("channel")
    assert channel is not None
    assert channel.findtext("link") == f"{site.url}/"
    itself = channel.find(f"{ATOM}link")
    assert itself is not None
    assert itself.get("href") == f"{site.url}/feed.xml"
    first, second = channel.findall("item")
    assert first.findtext("title") == "new"
    assert second.findtext("title") == "old & <b>"
    assert second.findtext("pubDate") == "Wed, 18 Nov 2026 09:43:20 GMT"
    assert second.findtext(f"{TORRENT}magnetURI") == view.torrents[old].magnet
    assert second.findtext(f"{TORRENT}contentLength") == "2048"
    enclosure = second.find("enclosure")
    assert enclosure is not None
    assert enclosure.get("type") == "application/x-bittorrent"
    assert enclosure.get("length") == str(len(view.metainfos[old]))
    url = enclosure.get("url") or ""
    assert site.get(url.removeprefix(site.url)).body == view.metainfos[old]


def test_the_feed_has_the_newest_torrents_only(view: FakeView, site: Site):
    for number in range(FEED_ITEMS_MAX + 3):
        infohash = number.to_bytes(20, "big")
        view.torrents[infohash] = TorrentRow(
            infohash=infohash, name=f"t{number}", published_at=NOW + number
        )
    items = ElementTree.fromstring(site.get("/feed.xml").body).findall("channel/item")
    assert len(items) == FEED_ITEMS_MAX
    assert items[0].findtext("title") == f"t{FEED_ITEMS_MAX + 2}"


@pytest.mark.parametrize("published_at", [-5, 0, 1 << 40, 1 << 62])
def test_a_creation_date_beyond_all_calendars_breaks_nothing(
    view: FakeView, site: Site, published_at: int
):
    infohash = view.publish("x", b"1", published_at=published_at)
    for path in ("/", f"/torrent/{infohash.hex()}", "/feed.xml", "/torrents/x.torrent"):
        assert site.get(path).status == 200


def test_health_is_plain_and_never_kept(site: Site):
    answer = site.get("/healthz")
    assert answer.text == "ok\n"
    assert answer.headers["cache-control"] == "no-store"


def test_health_is_bad_once_a_thread_of_the_tracker_has_ended(view: FakeView, site: Site):
    view.tracker_fault = "the thread `outpour-0` ended"
    answer = site.get("/healthz")
    assert (answer.status, answer.text) == (503, "the thread `outpour-0` ended\n")
    view.tracker_fault = None
    assert site.get("/healthz").status == 200


def test_the_api_tells_what_the_publisher_says_of_a_torrent(
    view: FakeView, start: Callable[..., Site], tmp_path: Path
):
    infohash = view.publish("x.iso", b"1", tmp_path, group="isos")
    site = start(view, WebOptions(site=SiteSettings(licence="CC0 <https://cc.example/0>")))
    signature = Sidecar("x.iso.asc", "x.iso.asc", "signature", 3)
    site.beside.abouts[infohash] = About(Writing("# Hello", is_markdown=True), (signature,))
    torrent = site.get(f"/api/v1/torrents/{infohash.hex()}").json
    assert torrent["group"] == site.get("/api/v1/torrents").json["torrents"][0]["group"] == "isos"
    assert torrent["description"] == "# Hello"
    assert torrent["licence"] == "CC0 <https://cc.example/0>"
    assert torrent["sidecars"] == [
        {"name": "x.iso.asc", "kind": "signature", "length": 3,
         "url": f"{site.url}/content/x.iso.asc"},
    ]  # fmt: skip
    for path in ("/feed.xml", "/feed.atom", "/feed.json"):
        assert "CC0" in site.get(path).text
    page = site.get(f"/torrent/{infohash.hex()}").text
    assert "CC0" in page
    assert '"description":"Hello. x.iso, 1 B, ' in page
    assert re.search(r'name="description" content="x.iso . 1 B . Hello"', page)
    client = outpour.Client(site.url)
    found = client.torrent(infohash.hex())
    assert (found.group, found.description, found.copies) == ("isos", "# Hello", ())
    assert found.files is not None
    assert found.files[0].modified is not None
