"""Feeds of other tools, as a mirror reads and follows them."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from outpour.base.errors import FormatError, NetworkError, OutpourError
from outpour.base.http_route import DIRECT
from outpour.making.maker import CreateOptions, create
from outpour.mirror.feed_reader import ITEMS_MAX, is_feed, read_feed
from outpour.mirror.feed_source import FeedSource
from outpour.mirror.offer import Listing
from tests.remote_server import serving
from tests.waiting import wait_for

URL = "http://feed.example/feeds/all.xml"
RSS = """<?xml version="1.0"?>
<rss version="2.0"><channel><title>t</title>
<item><title>planet &amp; more</title><pubDate>Mon, 06 Sep 2021 00:01:00 +0000</pubDate>
<enclosure url="/planet.osm.torrent" type="application/x-bittorrent" length="5"/></item>
<item><title>a page</title><link>http://feed.example/page</link></item>
<item><title/><link>http://cdn.example/x/image%20one.torrent</link></item>
</channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>one</title>
<updated>2024-02-29T12:00:00Z</updated><link href="page"/>
<link rel="enclosure" type="application/x-bittorrent" href="get?id=1"/></entry></feed>"""
JSON_FEED = """{"version": "https://jsonfeed.org/version/1.1", "items": [
{"title": "one", "date_published": "2024-02-29T13:00:00+01:00", "attachments": [
{"url": "https://feed.example/1.torrent", "mime_type": "application/x-bittorrent"}]},
{"title": 5, "attachments": "none"}, 7]}"""
BOMB = """<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><rss><channel><item><title>&b;</title>
<link>http://a/b.torrent</link></item></channel></rss>"""
OUTSIDE = """<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<rss><channel><item><title>&x;</title><link>http://a/b.torrent</link></item></channel></rss>"""


def test_rss_atom_and_json_feeds_are_read():
    found = read_feed(RSS.encode(), URL)
    assert not found.is_whole
    one, two = found.offers.values()
    assert (one.key, one.name) == ("http://feed.example/planet.osm.torrent", "planet & more")
    assert one.published_at == 1630886460
    assert (two.name, two.published_at) == ("image one.torrent", None)
    for text in (ATOM, JSON_FEED):
        assert is_feed(text.encode())
        (offer,) = read_feed(text.encode(), URL).offers.values()
        assert offer.name == "one"
        assert offer.published_at == 1709208000
    assert [*read_feed(ATOM.encode(), URL).offers] == ["http://feed.example/feeds/get?id=1"]


@pytest.mark.parametrize(
    "text",
    [
        BOMB, OUTSIDE, "<rss><channel><item>", "<html><body></body></html>", "{", '{"items": 1}',
        "", '<?xml version="1.0" encoding="klingon"?><rss/>', "[" * 100_000, "\0" * 100,
    ],
)  # fmt: skip
def test_what_could_harm_and_what_is_no_feed_is_refused_in_one_line(text: str):
    with pytest.raises(FormatError) as caught:
        read_feed(text.encode(), URL)
    assert "\n" not in caught.value.message


def test_of_a_million_items_so_many_are_taken_and_the_rest_is_counted():
    item = "<item><title>x</title><link>http://a/{}.torrent</link></item>"
    items = "".join(item.format(number) for number in range(ITEMS_MAX + 500))
    began = time.process_time()
    found = read_feed(f"<rss><channel>{items}</channel></rss>".encode(), URL)
    assert (len(found.offers), found.left_out) == (ITEMS_MAX, 500)
    # In proportion: a million take a minute at most.
    assert time.process_time() - began < 5


def test_links_that_lead_nowhere_are_passed_over():
    links = [
        "javascript:alert(1).torrent",
        "file:///x.torrent",
        "http://[bad/x.torrent",
        "x" * 5000,
    ]
    items = "".join(f"<item><title>x</title><link>{one}</link></item>" for one in links)
    assert not read_feed(f"<rss><channel>{items}</channel></rss>".encode(), URL).offers


def test_a_feed_is_asked_again_only_for_what_is_new_and_its_torrents_from_near_it(tmp_path: Path):
    (tmp_path / "x").write_bytes(os.urandom(1000))
    torrent = create(tmp_path / "x", CreateOptions(trackers=(("http://t.example/announce",),)))
    ended = threading.Event()
    told: list[Listing] = []
    wrong: list[OutpourError] = []
    with serving() as remote:
        remote.headers["ETag"] = '"1"'
        remote.files["/feed"] = RSS.encode()
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
            assert "neither RSS nor Atom" in wrong[0].message
            # What is not near the feed must be public.
            source._near = frozenset()
            with pytest.raises(NetworkError, match="not one to be asked"):
                source.metainfo(offer)
        finally:
            ended.set()
            thread.join(10)
