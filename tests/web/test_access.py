"""Who sees what of a tracker: each room open, for who has a key or the token, or off."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from outpour.base.event import Event
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo
from outpour.web.access import AccessRules
from outpour.web.admin.admin_access import AdminAccess
from outpour.web.contract import WebOptions

from .conftest import FakeView, Site, make_metainfo

ROOMS = {
    "page": ["/", "/index.html", "/torrent/{infohash}", "/?sort=name"],
    "api": ["/api/v1/torrents", "/api/v1/torrents/{infohash}", "/api/v1/stats", "/feed.xml",
            "/api/v1/openapi.json"],
    "content": ["/torrents/a.torrent", "/file?info_hash={infohash}", "/content/", "/content/a"],
    "metrics": ["/metrics"],
}  # fmt: skip
ALWAYS = ["/healthz", "/robots.txt", "/favicon.ico", "/static/page.css"]
TOKEN = "the-token-of-the-administrator"


class RightToken:
    def is_right(self, given: str) -> bool:
        return given == TOKEN


@pytest.fixture
def told() -> list[Event]:
    return []


@pytest.fixture
def guarded(view: FakeView, tmp_path: Path, told: list[Event]) -> Iterator[Callable[..., Site]]:
    sites = []
    view.publish("a", b"1", tmp_path)

    def run(public_url: str | None = None, *, tick_s: int = 1000, **levels: str) -> Site:
        # Whoever was wrong has waited long enough by the next request.
        clock = count(0, tick_s)
        access = AdminAccess(RightToken(), told.append, lambda: next(clock))
        rules = AccessRules(levels, lambda key: key == "alice", access)
        sites.append(Site(view, WebOptions(public_url=public_url), rules=rules))
        return sites[-1]

    yield run
    for site in sites:
        site.close()


def paths(view: FakeView, room: str) -> list[str]:
    infohash = next(iter(view.torrents)).hex()
    return [path.format(infohash=infohash) for path in ROOMS[room]]


def statuses(site: Site, room: str, before: str = "", **headers: str) -> set[int]:
    return {site.get(before + path, **headers).status for path in paths(site.view, room)}


@pytest.mark.parametrize("room", ROOMS)
def test_every_way_into_a_room_is_closed_with_it_and_no_other(
    view: FakeView, guarded: Callable[..., Site], room: str
):
    for level, status in (("off", 404), ("token", 401), ("key", 403)):
        site = guarded(**{room: level})
        assert statuses(site, room) == {status}
        assert statuses(site, room, "/bob") == {404}
        for other in ROOMS.keys() - {room}:
            assert statuses(site, other) == {200}
        assert {site.get(path).status for path in ALWAYS} == {200}


@pytest.mark.parametrize("room", ROOMS)
def test_a_key_before_the_path_opens_what_is_for_keys_and_nothing_else(
    guarded: Callable[..., Site], room: str
):
    site = guarded(**dict.fromkeys(ROOMS, "key"))
    assert statuses(site, room, "/alice") == {200}
    assert statuses(site, room, authorization="Bearer alice") == {200}
    assert statuses(site, room, authorization="Bearer bob") == {403}
    stricter = guarded(**dict.fromkeys(ROOMS, "token"))
    assert statuses(stricter, room, "/alice") == {401}
    assert statuses(guarded(**dict.fromkeys(ROOMS, "off")), room, "/alice") == {404}


def test_the_token_opens_all_that_is_not_off(guarded: Callable[..., Site]):
    site = guarded(page="token", api="key", metrics="off", content="token")
    basic = base64.b64encode(f"anyone:{TOKEN}".encode()).decode()
    for field in (f"Bearer {TOKEN}", f"Basic {basic}"):
        for room in ("page", "api", "content"):
            assert statuses(site, room, authorization=field) == {200}
        assert statuses(site, "metrics", authorization=field) == {404}
    for wrong in ("Bearer x", "Basic !!", "Basic " + base64.b64encode(b"\xff").decode(), "Basic"):
        assert site.get("/", authorization=wrong).status == 401
    assert site.get("/").headers["www-authenticate"].startswith("Basic ")


def test_who_guesses_the_token_is_slowed_in_every_room(
    guarded: Callable[..., Site], told: list[Event]
):
    site = guarded(tick_s=0, page="token", api="token", metrics="key")
    for path in ("/", "/api/v1/torrents", "/classic"):
        assert site.get(path, authorization="Bearer wrong").status == 401
    late = site.get("/", authorization=f"Bearer {TOKEN}")
    assert (late.status, late.headers["retry-after"]) == (429, "2")
    assert site.get("/api/v1/stats", authorization=f"Bearer {TOKEN}").status == 429
    # Who has no key is told just that, and looks like nobody who guesses.
    assert site.get("/metrics", authorization="Bearer bob").status == 403
    assert site.get("/").status == 401
    assert [str(event) for event in told] == ["`127.0.0.1`: not the administrator's token"]


def test_a_key_that_ended_is_no_guess_at_the_token(guarded: Callable[..., Site], told: list[Event]):
    site = guarded(tick_s=0, page="key")
    for _ in range(9):
        assert site.get("/", authorization="Bearer bob").status == 403
    assert site.get("/", authorization="Bearer alice").status == 200
    assert told == []


def test_the_pages_of_a_key_holder_keep_the_key(guarded: Callable[..., Site]):
    site = guarded(**dict.fromkeys(ROOMS, "key"))
    page = site.get("/alice/").text
    assert 'href="/alice/torrents/a.torrent"' in page
    assert 'data-events="/alice/api/v1/events?' in page
    assert 'href="/torrents' not in page
    listed = site.get("/alice/api/v1/torrents?limit=1").json["torrents"][0]
    assert listed["torrent_url"] == f"{site.url}/alice/torrents/a.torrent"
    assert f"{site.url}/alice/torrents/a.torrent" in site.get("/alice/feed.xml").text
    assert site.get("/alice").text == page


def test_live_numbers_are_part_of_page_and_api_alike(guarded: Callable[..., Site]):
    assert guarded(page="off", api="key").get("/api/v1/charts").status == 403
    assert guarded(page="open", api="off").get("/api/v1/charts").status == 200
    assert guarded(page="off", api="off").get("/api/v1/charts").status == 404


def listed_with(view: FakeView, **more: Any) -> None:
    metainfo = make_metainfo(b"keyed", b"1", **more)
    infohash = view.publish("keyed", b"1")
    view.metainfos[infohash] = metainfo.raw
    view.change(infohash, magnet=str(Magnet.of(metainfo)))


OWN = "https://t.example/files"


def test_a_key_holder_gets_torrent_and_magnet_link_with_the_key_in_every_url_of_ours(
    view: FakeView, guarded: Callable[..., Site]
):
    listed_with(
        view,
        announce=f"{OWN}/announce".encode(),
        **{
            "announce-list": [
                [f"{OWN}/announce".encode(), b"http://other.example/announce"],
                [b"udp://t.example:6969/bob/announce"],
            ],
            "url-list": [f"{OWN}/content/".encode(), b"http://mirror.example/content/"],
        },
    )
    site = guarded(f"{OWN}/", **dict.fromkeys(ROOMS, "key"))
    raw = site.get("/files/alice/torrents/keyed.torrent").body
    metainfo = Metainfo.parse(raw)
    assert metainfo.announce == f"{OWN}/alice/announce"
    assert metainfo.tiers == (
        (f"{OWN}/alice/announce", "http://other.example/announce"),
        ("udp://t.example:6969/files/alice/announce",),
    )
    assert metainfo.web_seeds == (f"{OWN}/alice/content/", "http://mirror.example/content/")
    assert metainfo.info.infohash in view.torrents
    magnet = site.get("/files/alice/api/v1/torrents?q=keyed").json["torrents"][0]["magnet"]
    assert Magnet.parse(magnet).trackers == tuple(url for tier in metainfo.tiers for url in tier)
    page = unquote(site.get("/alice/?q=keyed").text)
    assert f"tr={OWN}/alice/announce" in page
    assert f"tr={OWN}/announce" not in page


def test_a_torrent_that_names_another_address_announces_here_with_the_key(
    view: FakeView, guarded: Callable[..., Site]
):
    listed_with(view, announce=b"http://10.9.9.9:1/announce")
    site = guarded(**dict.fromkeys(ROOMS, "key"))
    ours = f"{site.url}/alice/announce"
    tiers = Metainfo.parse(site.get("/alice/torrents/keyed.torrent").body).tiers
    assert tiers == ((ours,), ("http://10.9.9.9:1/announce",))


def test_who_has_no_key_gets_a_torrent_as_it_lies_there(
    view: FakeView, guarded: Callable[..., Site]
):
    site = guarded()
    infohash = next(iter(view.torrents))
    assert site.get("/torrents/a.torrent").body == view.metainfos[infohash]
