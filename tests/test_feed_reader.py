"""Feeds of any program are read as what they name, and hostile ones end in one line."""

from __future__ import annotations

import json
import threading
import time
import tracemalloc
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from outpour.base.errors import FormatError, NetworkError
from outpour.client import Feed, fetch_feed, is_feed, read_feed
from outpour.web.feeds.atom import atom
from outpour.web.feeds.feed_item import Feed as Written
from outpour.web.feeds.feed_item import FeedItem
from outpour.web.feeds.json_feed import json_feed
from outpour.web.feeds.rss import rss

URL = "http://feeds.example.org/a/feed.xml"
HASH = "aa" * 20

RSS = b"""<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE rss PUBLIC "-//Netscape//DTD RSS 0.91//EN" "http://127.0.0.1:9/rss.dtd">
<rss version="2.0" xmlns:nyaa="https://x.example/ns"><channel><title>Relea\xdfes</title>
<item><title> One
 thing</title><link>/one.html</link><guid>one</guid>
<pubDate>Fri, 01 Dec 2017 00:00:00 +0000</pubDate>
<enclosure url="one.torrent?x=1&amp;y=2" length="99" type="application/x-bittorrent"/></item>
<item><title>Two</title><link>magnet:?xt=urn:btih:bb</link><guid>two</guid></item>
<item><title>Three</title><link>http://x.example/get/3.torrent</link></item>
<item><title>Four</title><nyaa:infoHash>AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA</nyaa:infoHash>
<guid>four</guid></item>
<item><title>Podcast</title><guid>five</guid><enclosure url="/a.mp3" type="audio/mpeg"/></item>
<item><title>One again</title><guid>one</guid><link>/again.torrent</link></item>
</channel></rss>"""


def written() -> Written:
    item = FeedItem(
        title="big & <small>", infohash=HASH, page="http://t.example/torrent/aa/",
        published_at=1_700_000_000, summary="1 GiB", length=1 << 30,
        torrent=("http://t.example/torrents/big.torrent", 123),
        magnet=f"magnet:?xt=urn:btih:{HASH}&dn=big", group=None,
    )  # fmt: skip
    return Written("All", "Everything", "http://t.example/", URL, "outpour", [item])


@pytest.mark.parametrize("write", [rss, atom, json_feed])
def test_a_feed_of_outpour_is_read_as_it_was_written(write):
    feed = read_feed(write(written()), URL)
    (entry,) = feed.entries
    assert is_feed(write(written()))
    assert (feed.title, entry.title, entry.key) == ("All", "big & <small>", f"urn:btih:{HASH}")
    assert entry.torrents == entry.sources == ("http://t.example/torrents/big.torrent",)
    assert entry.page == "http://t.example/torrent/aa/"
    assert entry.published_at == 1_700_000_000
    if write is not atom:
        assert entry.length == 1 << 30
        assert entry.magnet == f"magnet:?xt=urn:btih:{HASH}&dn=big"


def test_rss_of_others_names_torrents_in_enclosures_links_and_extensions():
    feed = read_feed(RSS, URL)
    assert [entry.key for entry in feed.entries] == [
        "one", "two", "http://x.example/get/3.torrent", "four"
    ]  # fmt: skip
    one, two, three, four = feed.entries
    assert (one.title, one.page) == ("One thing", "http://feeds.example.org/one.html")
    assert one.torrents == ("http://feeds.example.org/a/one.torrent?x=1&y=2",)
    assert (one.published_at, one.length) == (1512086400, None)
    assert two.sources == ("magnet:?xt=urn:btih:bb",)
    assert three.sources == ("http://x.example/get/3.torrent",)
    assert four.sources == (f"magnet:?xt=urn:btih:{HASH}",)
    assert (feed.title, feed.left_out, feed.is_cut) == ("Relea\xdfes", 1, False)


BROKEN = [
    b"", b" ", b"<", b"<p>not a feed</p>", b"<html></html>", b"{}", b'{"items": 3}', b"[" * 100_000,
    RSS[:-30], b"\xff\xfe<rss",
]  # fmt: skip


@pytest.mark.parametrize("body", BROKEN)
def test_what_is_no_whole_feed_is_refused_in_one_line(body: bytes):
    with pytest.raises(FormatError, match=f"^`{URL}`: [^\n]*$"):
        read_feed(body, URL)


def test_entities_that_multiply_are_refused():
    bomb = b'<!DOCTYPE r [<!ENTITY a "lol"><!ENTITY b "&a;&a;">]><rss><title>&b;</title></rss>'
    with pytest.raises(FormatError, match="entities"):
        read_feed(bomb, URL)


def test_a_local_file_that_a_feed_refers_to_is_not_read():
    spy = b'<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><rss><title>&a;</title></rss>'
    with pytest.raises(FormatError, match="entities"):
        read_feed(spy, URL)


def test_a_feed_of_a_million_entries_is_cut_at_the_limit_quickly_and_in_little_memory():
    item = b"<item><title>x</title><link>http://x.example/%d.torrent</link></item>"
    body = b"<rss><channel>" + b"".join(item % number for number in range(1_000_000))
    tracemalloc.start()
    before = time.process_time()
    feed = read_feed(body, URL, entries_max=2000)
    assert time.process_time() - before < 2
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()
    assert (len(feed.entries), feed.is_cut) == (2000, True)
    whole = json.dumps({"items": [{"id": str(i), "url": f"/{i}.torrent"} for i in range(3)]})
    assert read_feed(whole.encode(), URL, entries_max=2).is_cut


def test_nesting_text_and_urls_have_limits():
    with pytest.raises(FormatError, match="nested"):
        read_feed(b"<rss>" + b"<a>" * 1000, URL)
    long = b"<rss><channel><item><title>%s</title><link>/%s.torrent</link></item></channel></rss>"
    assert read_feed(long % (b"x" * 1_000_000, b"y" * 1_000_000), URL) == Feed("", (), 1)
    odd = b"<rss><channel><item><link>http://[x.torrent</link></item></channel></rss>"
    assert read_feed(odd, URL).entries == ()
    other = b"<rss><channel><item><link>file:///etc/x.torrent</link></item></channel></rss>"
    assert read_feed(other, URL).entries == ()


def test_a_feed_that_has_not_changed_is_not_sent_again():
    asked: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.headers.get("If-None-Match"))
            if self.path == "/gone":
                self.send_error(404)
                return
            self.send_response(304 if asked[-1] else 200)
            self.send_header("ETag", '"1"')
            body = b"" if asked[-1] else RSS
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    first = fetch_feed(f"{url}/feed")
    assert fetch_feed(f"{url}/feed", last=first) is first
    assert asked == [None, '"1"']
    with pytest.raises(NetworkError, match="404"):
        fetch_feed(f"{url}/gone")
    server.shutdown()
    server.server_close()
