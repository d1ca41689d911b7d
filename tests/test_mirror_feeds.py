"""Feeds of other tools, as a mirror reads and follows them."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from outpour.base.errors import NetworkError, OutpourError
from outpour.base.http_route import DIRECT
from outpour.client import read_feed
from outpour.making.maker import CreateOptions, create
from outpour.mirror import feed_source
from outpour.mirror.feed_source import FeedSource, listing_of
from outpour.mirror.offer import Listing
from outpour.torrent.editor import Changes, edit
from tests.remote_server import serving
from tests.waiting import wait_for

RSS = """<?xml version="1.0"?>
<rss version="2.0"><channel><title>t</title>
<item><title>planet</title><pubDate>Mon, 06 Sep 2021 00:01:00 +0000</pubDate>
<enclosure url="/planet.osm.torrent" type="application/x-bittorrent" length="5"/></item>
<item><title>a magnet link</title><link>magnet:?xt=urn:btih:{0}</link></item>
<item><title/><link>http://cdn.example/x/image%20one.torrent</link></item>
</channel></rss>"""


def test_a_feed_offers_the_torrents_that_its_entries_name():
    feed = read_feed(RSS.format("a" * 40).encode(), "http://feed.example/feeds/all.xml")
    listing = listing_of(feed)
    # What a feed shows no longer is not withdrawn by that.
    assert not listing.is_whole
    one, magnet, two = listing.offers.values()
    assert (one.key, one.name) == ("http://feed.example/planet.osm.torrent", "planet")
    assert one.published_at == 1630886460
    assert magnet.torrent_url is None
    assert two.name == "image one.torrent"


def test_a_torrent_of_a_feed_is_looked_at_again_and_told_where_it_was_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(feed_source, "AGAIN_S", 0.0)
    (tmp_path / "x").write_bytes(os.urandom(1000))
    first = create(tmp_path / "x", CreateOptions(trackers=(("http://t.example/announce",),)))
    more = edit(first, Changes(web_seeds=["http://s3.example/x"]))
    told: list[Listing] = []
    ended = threading.Event()
    with serving() as remote:
        remote.files["/feed"] = RSS.format("a" * 40).encode()
        remote.files["/planet.osm.torrent"] = first.raw
        source = FeedSource(f"{remote.url}/feed", DIRECT, 0.05)
        arguments = (told.append, lambda _: None, ended)
        thread = threading.Thread(target=source.follow, args=arguments)
        thread.start()
        try:
            key = f"{remote.url}/planet.osm.torrent"

            def tags() -> set[str | None]:
                return {one.offers[key].tag for one in told if key in one.offers}

            wait_for(lambda: feed_source.tag_of(first.raw) in tags(), what="what it is now")
            remote.files["/planet.osm.torrent"] = more.raw
            wait_for(lambda: feed_source.tag_of(more.raw) in tags(), what="what it is then")
        finally:
            ended.set()
            thread.join(60)


def test_a_feed_is_asked_again_only_for_what_is_new_and_its_torrents_from_near_it(tmp_path: Path):
    (tmp_path / "x").write_bytes(os.urandom(1000))
    torrent = create(tmp_path / "x", CreateOptions(trackers=(("http://t.example/announce",),)))
    ended = threading.Event()
    told: list[Listing] = []
    wrong: list[OutpourError] = []
    with serving() as remote:
        remote.headers["ETag"] = '"1"'
        remote.files["/feed"] = RSS.format("a" * 40).encode()
        remote.files["/planet.osm.torrent"] = torrent.raw
        source = FeedSource(f"{remote.url}/feed", DIRECT, 0.05)
        thread = threading.Thread(target=source.follow, args=(told.append, wrong.append, ended))
        thread.start()
        try:
            wait_for(lambda: len(told) > 1, what="two looks")
            offer = next(iter(told[0].offers.values()))
            assert source.metainfo(offer).info.infohash == torrent.info.infohash
            # A feed that turns into something else is said, and nothing comes of it.
            remote.files["/feed"] = b"<html>moved</html>"
            wait_for(lambda: wrong, what="a complaint")
            assert "\n" not in wrong[0].message
            # What is not near the feed must be public.
            source._near = frozenset()
            with pytest.raises(NetworkError, match="not one to be asked"):
                source.metainfo(offer)
        finally:
            ended.set()
            thread.join(60)
