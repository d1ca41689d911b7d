"""The feeds of all, of a group and of a search, in three languages, and the map of all pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from outpour.tracker.figures import TorrentRow
from outpour.web.access import AccessRules
from outpour.web.contract import WebOptions
from outpour.web.feeds import sitemap as sitemap_file

from .conftest import NOW, FakeView, Site, make_metainfo

ATOM = "{http://www.w3.org/2005/Atom}"
MAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
HOSTILE = "</title>]]>\u202egnp.<b>&\n\x01\u2028\ufffe" + "😀" * 50
Read = Callable[[bytes], list[dict[str, Any]]]


def of_rss(raw: bytes) -> list[dict[str, Any]]:
    items = ElementTree.fromstring(raw).findall("channel/item")
    found = []
    for item in items:
        enclosure = item.find("enclosure")
        date = item.findtext("pubDate")
        found.append(
            {
                "title": item.findtext("title"),
                "id": item.findtext("guid"),
                "page": item.findtext("link"),
                "at": date and int(parsedate_to_datetime(date).timestamp()),
                "torrent": enclosure is not None and enclosure.get("url"),
                "group": item.findtext("category"),
            }
        )
    return found


def of_atom(raw: bytes) -> list[dict[str, Any]]:
    found = []
    for entry in ElementTree.fromstring(raw).findall(f"{ATOM}entry"):
        links = {link.get("rel"): link for link in entry.findall(f"{ATOM}link")}
        category = entry.find(f"{ATOM}category")
        assert entry.findtext(f"{ATOM}updated")
        found.append(
            {
                "title": entry.findtext(f"{ATOM}title"),
                "id": entry.findtext(f"{ATOM}id"),
                "page": links["alternate"].get("href"),
                "torrent": "enclosure" in links and links["enclosure"].get("href"),
                "group": None if category is None else category.get("term"),
            }
        )
    return found


def of_json(raw: bytes) -> list[dict[str, Any]]:
    body = json.loads(raw)
    assert body["version"] == "https://jsonfeed.org/version/1.1"
    return [
        {
            "title": item["title"],
            "id": item["id"],
            "page": item["url"],
            "torrent": "attachments" in item and item["attachments"][0]["url"],
            "group": item["tags"][0] if "tags" in item else None,
        }
        for item in body["items"]
    ]


FEEDS: list[tuple[str, str, Read]] = [
    ("/feed.xml", "application/rss+xml", of_rss),
    ("/feed.atom", "application/atom+xml", of_atom),
    ("/feed.json", "application/feed+json", of_json),
]


def fill(view: FakeView, root: Path) -> list[bytes]:
    return [
        view.publish("tool-1.iso", b"1", root, published_at=NOW - 300, group="tools"),
        view.publish("tool-2.iso", b"2", root, published_at=NOW - 200, group="tools"),
        view.publish("song.flac", b"3", root, published_at=NOW - 100, group="music & more"),
    ]


@pytest.mark.parametrize(("path", "media_type", "read"), FEEDS)
def test_every_feed_has_the_newest_first_with_their_torrents(
    view: FakeView, site: Site, tmp_path: Path, path: str, media_type: str, read: Read
):
    infohashes = fill(view, tmp_path)
    answer = site.get(path)
    assert answer.headers["content-type"].startswith(media_type)
    items = read(answer.body)
    assert [item["title"] for item in items] == ["song.flac", "tool-2.iso", "tool-1.iso"]
    assert [item["id"] for item in items] == [
        f"urn:btih:{infohash.hex()}" for infohash in reversed(infohashes)
    ]
    assert items[0]["group"] == "music & more"
    torrent = site.get(items[0]["torrent"].removeprefix(site.url))
    assert torrent.body == view.metainfos[infohashes[2]]
    assert site.get(items[0]["page"].removeprefix(site.url)).status == 200


@pytest.mark.parametrize(("path", "_media_type", "read"), FEEDS)
@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("group=tools", ["tool-2.iso", "tool-1.iso"]),
        ("group=music+%26+more", ["song.flac"]),
        ("q=TOOL", ["tool-2.iso", "tool-1.iso"]),
        ("q=iso+1", ["tool-1.iso"]),
        ("q=song&group=tools", []),
        ("q=%00%ff", []),
        ("group=" + "x" * 5000, []),
        ("q=%20&group=", ["song.flac", "tool-2.iso", "tool-1.iso"]),
    ],
)
def test_a_feed_of_a_group_or_a_search_has_only_those(
    view: FakeView, site: Site, tmp_path: Path, path: str, _media_type: str, read: Read,
    query: str, titles: list[str],
):  # fmt: skip
    fill(view, tmp_path)
    items = read(site.get(f"{path}?{query}").body)
    assert [item["title"] for item in items] == titles


@pytest.mark.parametrize(("path", "_media_type", "read"), FEEDS)
def test_a_feed_is_asked_for_again_only_when_something_came(
    view: FakeView, site: Site, tmp_path: Path, path: str, _media_type: str, read: Read
):
    infohashes = fill(view, tmp_path)
    first = site.get(f"{path}?q=tool")
    tag = first.headers["etag"]
    site.on_loop(lambda: view.change(infohashes[0], complete=99))
    assert site.get(f"{path}?q=tool", if_none_match=tag).status == 304
    site.on_loop(lambda: view.publish("tool-3.iso", b"4", tmp_path, published_at=NOW))
    again = site.get(f"{path}?q=tool", if_none_match=tag)
    assert read(again.body)[0]["title"] == "tool-3.iso"


@pytest.mark.parametrize(("path", "_media_type", "read"), FEEDS)
def test_a_hostile_name_harms_no_feed(
    view: FakeView, site: Site, path: str, _media_type: str, read: Read
):
    view.list_metainfo(
        make_metainfo(HOSTILE.encode("utf-8", "surrogatepass"), b"1"),
        None,
        comment=HOSTILE,
        group=HOSTILE,
        published_at=1 << 60,
    )
    answer = site.get(path)
    (item,) = read(answer.body)
    assert "gnp.<b>&" in item["title"]
    for strange in ("\u202e", "\x01", "\n"):
        assert strange not in item["title"]
        assert strange not in item["group"]
    assert "]]>" not in answer.text.replace("]]&gt;", "") or path == "/feed.json"


@pytest.mark.parametrize("path", [path for path, _, _ in FEEDS])
def test_a_feed_of_nothing_is_a_feed(site: Site, path: str):
    assert site.get(path).status == 200


@pytest.mark.parametrize(
    ("path", "room"),
    [("/feed.xml", "api"), ("/feed.atom", "api"), ("/feed.json", "api"), ("/sitemap.xml", "page")],
)
def test_a_closed_room_closes_its_feeds(view: FakeView, path: str, room: str):
    site = Site(view, rules=AccessRules({room: "off"}))
    try:
        assert site.get(path).status == 404
    finally:
        site.close()


def test_the_map_names_every_page_with_its_date(view: FakeView, site: Site, tmp_path: Path):
    infohashes = fill(view, tmp_path)
    view.torrents[b"u" * 20] = TorrentRow(b"u" * 20)
    root = ElementTree.fromstring(site.get("/sitemap.xml").body)
    urls = {url.findtext(f"{MAP}loc"): url.findtext(f"{MAP}lastmod") for url in root}
    assert set(urls) == {
        f"{site.url}/",
        *(f"{site.url}/torrent/{infohash.hex()}" for infohash in infohashes),
    }
    assert urls[f"{site.url}/torrent/{infohashes[0].hex()}"] == "2026-11-18"
    assert f"Sitemap: {site.url}/sitemap.xml" in site.get("/robots.txt").text


def test_a_long_map_is_split(view: FakeView, start: Callable[..., Site], monkeypatch):
    monkeypatch.setattr(sitemap_file, "URLS_MAX", 100)
    row = TorrentRow(b"", "x")
    view.torrents = {
        number.to_bytes(20, "big"): replace(row, infohash=number.to_bytes(20, "big"))
        for number in range(250)
    }
    site = start(view, WebOptions(public_url="https://example.org/files/"))
    index = ElementTree.fromstring(site.get("/sitemap.xml").body)
    assert index.tag.endswith("sitemapindex")
    parts = [str(part.findtext(f"{MAP}loc")) for part in index]
    assert parts == [f"https://example.org/files/sitemap.xml?part={part}" for part in (1, 2, 3)]
    sizes = []
    for part in parts:
        root = ElementTree.fromstring(site.get(part.removeprefix("https://example.org")).body)
        sizes.append(len(root))
    assert sizes == [100, 100, 51]
    assert site.get("/sitemap.xml?part=4").status == 404
    assert site.get("/sitemap.xml?part=x").status == 200
