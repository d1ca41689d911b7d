"""The page of the tracker, the pages of its torrents, and what surrounds every answer."""

from __future__ import annotations

import gzip
import html
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from outpour.base.errors import SettingsError
from outpour.tracker.figures import Sample, TorrentRow
from outpour.web.contract import WebOptions
from outpour.web.limits import PAGE_ROWS_MAX

from .conftest import NOW, Answer, FakeView, Site

DATA_TYPES = ("application/json", "application/ld+json")


class Page(HTMLParser):
    """The tags and the text of a page, as a browser would see them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    def links(self) -> list[str]:
        return [given["href"] or "" for tag, given in self.tags if tag == "a" and "href" in given]


def is_harmless(script: dict[str, str | None]) -> bool:
    """Whether a script is a file of ours, or data that no browser runs."""
    return bool(script.get("src")) or script.get("type") in DATA_TYPES


def words(answer: Answer) -> str:
    return " ".join(Page(answer.text).words.split())


def test_the_classic_view_shows_every_column_of_the_article(
    view: FakeView, site: Site, tmp_path: Path
):
    infohash = view.publish(
        "big.iso", b"x" * 30000, tmp_path, complete=3, downloading=2, downloaded=1200
    )
    page = site.get("/classic")
    assert page.status == 200
    text = words(page)
    for heading in (
        "info hash", "torrent name", "size", "complete", "downloading", "downloaded", "transferred",
    ):  # fmt: skip
        assert heading in text
    for value in (infohash.hex(), "big.iso", "29.3 KiB", "1,200", "34.3 MiB"):
        assert value in text
    assert "1 torrent unique IPs/connections" in text
    assert "2/3" in text
    assert "1/2" in text
    assert "1,200/1,207" in text
    assert "tracker version: 9.8.7" in text
    assert "server time: 2026-11-18 11:06 UTC" in text
    assert "number of connected clients with the complete file" in text
    assert site.get("/index.html").body == site.get("/").body != page.body


def test_each_torrent_offers_its_file_its_magnet_link_and_its_content(
    view: FakeView, site: Site, tmp_path: Path
):
    infohash = view.publish("big.iso", b"x" * 100, tmp_path)
    links = Page(site.get("/").text).links()
    assert "/torrents/big.iso.torrent" in links
    assert view.torrents[infohash].magnet in links
    assert "/content/big.iso" in links
    assert site.get("/torrents/big.iso.torrent").body == view.metainfos[infohash]
    assert site.get("/content/big.iso").body == b"x" * 100


def test_a_torrent_known_by_its_infohash_alone_is_listed_without_downloads(
    view: FakeView, site: Site
):
    infohash = bytes(range(20))
    view.torrents[infohash] = TorrentRow(infohash=infohash, complete=5)
    page = site.get("/")
    assert "name not known" in words(page)
    assert not [link for link in Page(page.text).links() if link.startswith("/torrents/")]
    assert site.get(f"/torrent/{infohash.hex()}").status == 200


def test_an_empty_tracker_says_what_to_do(site: Site):
    text = words(site.get("/"))
    assert "not tracking any files yet" in text
    # What a visitor cannot do he is not told to do.
    assert "outpour publish" not in text
    assert "outpour track" not in text


@pytest.mark.parametrize("path", ["/", "/classic"])
def test_an_open_tracker_says_where_to_announce_and_another_does_not(
    view: FakeView, site: Site, start: Callable[..., Site], path: str
):
    options = WebOptions(public_url="http://tracker.example/", is_open=True, udp_port=6969)
    text = words(start(view, options).get(path))
    assert "http://tracker.example/announce" in text
    assert "udp://tracker.example:6969/announce" in text
    assert "/announce" not in words(site.get(path))


@pytest.mark.parametrize(
    ("query", "order"),
    [
        ("", "c b a"),
        ("?sort=complete", "b c a"),
        ("?sort=complete&order=asc", "a c b"),
        ("?sort=length", "c a b"),
        ("?sort=name&order=desc", "c b a"),
        ("?sort=nonsense&order=sideways&page=-4", "c b a"),
        ("?sort=name", "a b c"),
        ("?sort=published&order=asc", "a b c"),
        ("?q=B", "b"),
    ],
)
def test_sorting_and_filtering_work_without_scripts(
    view: FakeView, site: Site, query: str, order: str
):
    view.publish("a", b"x" * 20, complete=1)
    view.publish("b", b"x" * 10, complete=9)
    view.publish("c", b"x" * 30, complete=5)
    names = re.findall(r"<bdi>(.)</bdi>", site.get("/" + query).text)
    assert " ".join(names) == order


def test_a_filter_finds_a_torrent_by_its_infohash(view: FakeView, site: Site):
    view.publish("a", b"1")
    wanted = view.publish("b", b"2")
    assert re.findall(r"<bdi>(.)</bdi>", site.get(f"/?q={wanted.hex()[:12]}").text) == ["b"]


def test_many_torrents_are_cut_into_pages_that_lead_to_each_other(view: FakeView, site: Site):
    for number in range(PAGE_ROWS_MAX + 5):
        infohash = number.to_bytes(20, "big")
        view.torrents[infohash] = TorrentRow(infohash=infohash, name=f"t{number:04}")
    first = site.get("/")
    assert first.text.count('<tr role="row" data-infohash') == PAGE_ROWS_MAX
    (following,) = {link for link in Page(first.text).links() if "page=2" in link}
    second = site.get(following)
    assert second.text.count('<tr role="row" data-infohash') == 5
    assert "t0004" in second.text
    assert site.get("/?page=99").text.count('<tr role="row" data-infohash') == 5


def test_a_torrents_page_shows_files_trackers_and_history(
    view: FakeView, site: Site, tmp_path: Path
):
    infohash = view.publish("set", {"a/one.txt": b"1" * 5, "two.txt": b"2" * 2000}, tmp_path)
    view.samples[infohash] = tuple(Sample(NOW - 600 + at, at, 2, 0) for at in range(0, 600, 60))
    page = site.get(f"/torrent/{infohash.hex()}")
    text = words(page)
    assert infohash.hex() in text
    assert "http://127.0.0.1:6969/announce" in text
    assert "one.txt" in text
    assert "1.95 KiB" in text
    links = Page(page.text).links()
    assert "/content/set/a/one.txt" in links
    assert site.get("/content/set/a/one.txt").body == b"11111"
    assert 'role="img" aria-label="From 2026-11-17 11:06 UTC' in page.text
    assert site.get(f"/torrent/{infohash.hex().upper()}").status == 200


def test_a_torrent_of_very_many_files_has_a_page_of_bounded_length(view: FakeView, site: Site):
    infohash = view.publish("many", {f"d{n % 50}/{n}": b"" for n in range(5000)} | {"z": b"1"})
    page = site.get(f"/torrent/{infohash.hex()}")
    assert page.status == 200
    assert "3,001 more files are not shown" in words(page)


def test_folders_inside_folders_without_end_do_not_break_the_page(view: FakeView, site: Site):
    infohash = view.publish("deep", {"/".join(["d"] * 60) + "/file": b"1"})
    page = site.get(f"/torrent/{infohash.hex()}")
    assert page.status == 200
    assert "d/d/d/" in words(page)


def test_browsers_get_a_friendly_page_for_what_is_not_there_and_others_the_classic_line(site: Site):
    plain = site.get("/nowhere")
    assert plain.status == 404
    assert plain.headers["content-type"].startswith("text/plain")
    assert plain.text == "your file may exist elsewhere in the universe\nbut alas, not here\n"
    page = site.get("/nowhere", accept="text/html,*/*")
    assert page.status == 404
    assert "Not here" in words(page)
    assert site.get("/api/v1/nowhere").json["error"] == "Not Found"


@pytest.mark.parametrize("text", ["zz", "ab" * 19, "g" * 40, "ab" * 20, "%00", "ab" * 300])
def test_a_page_for_a_torrent_that_is_not_listed_is_not_found(site: Site, text: str):
    assert site.get(f"/torrent/{text}").status == 404


PATHS = (
    "/", "/torrents/x.torrent", "/content/", "/content/x", "/api/v1/torrents", "/api/v1/stats",
    "/api/v1/openapi.json", "/metrics", "/feed.xml", "/healthz", "/robots.txt", "/favicon.ico",
    "/static/page.css", "/static/page.js",
)  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_head_gives_the_headers_of_get_without_a_body(
    view: FakeView, site: Site, tmp_path: Path, path: str
):
    view.publish("x", b"content", tmp_path)
    whole, head = site.get(path), site.get(path, "HEAD")
    assert whole.status == head.status == 200
    assert head.body == b""
    assert whole.body
    kept = {"content-type", "content-length", "etag", "cache-control"}
    if path == "/metrics":
        # Its body tells the time used so far, so that no two are alike.
        kept -= {"content-length", "etag"}
    assert {name: head.headers.get(name) for name in kept} == {
        name: whole.headers.get(name) for name in kept
    }


@pytest.mark.parametrize("path", [*PATHS, "/nowhere", "/api/v1/nowhere"])
def test_every_answer_is_fenced_in_and_sets_no_cookie(
    view: FakeView, site: Site, tmp_path: Path, path: str
):
    view.publish("x", b"content", tmp_path)
    headers = site.get(path, accept="text/html").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src" in headers["content-security-policy"]
    assert "unsafe-inline" not in headers["content-security-policy"] or path == "/content/x"
    assert "script-src" not in headers["content-security-policy"]
    assert "set-cookie" not in headers
    assert "server" not in headers


def test_pages_hold_no_script_style_or_address_of_anyone_else(view: FakeView, site: Site):
    infohash = view.publish("x", {"a": b"1"})
    for path in ("/", f"/torrent/{infohash.hex()}", "/content/"):
        for tag, given in Page(site.get(path).text).tags:
            assert tag != "style"
            src = given.get("src")
            assert tag != "script" or is_harmless(given)
            assert tag != "script" or src is None or src.startswith("/static/")
            assert not any(name.startswith("on") or name == "style" for name in given)
            for name in ("src", "href", "action"):
                address = (given.get(name) or "").removeprefix(f"{site.url}/")
                assert not address.startswith(("http:", "https:", "//"))


def test_a_page_that_has_not_changed_is_not_sent_again(view: FakeView, site: Site):
    infohash = view.publish("x", b"1")
    tag = site.get("/").headers["etag"]
    again = site.get("/", if_none_match=f'"other", {tag}')
    assert again.status == 304
    assert again.body == b""
    site.on_loop(lambda: view.change(infohash, complete=77))
    assert site.get("/", if_none_match=tag).status == 200


@pytest.mark.parametrize("path", ["/", "/api/v1/torrents", "/metrics", "/static/page.css"])
def test_texts_are_compressed_for_who_accepts_it(view: FakeView, site: Site, path: str):
    view.publish("x", b"1")
    for number in range(9):
        view.publish(f"x{number}", b"1")
    packed = site.get(path, accept_encoding="br;q=0.5, gzip;q=0.8")
    assert packed.headers["content-encoding"] == "gzip"
    assert "accept-encoding" in packed.headers["vary"]
    whole = site.get(path, accept_encoding="gzip;q=0")
    assert "content-encoding" not in whole.headers
    if path != "/metrics":
        assert gzip.decompress(packed.body) == whole.body
    assert len(packed.body) < len(whole.body) / 2


def test_static_files_are_kept_for_ever_under_the_url_of_their_version(site: Site):
    url = re.search(r'href="(/static/page\.css\?v=[0-9a-f]+)"', site.get("/").text)
    assert url is not None
    assert "immutable" in site.get(url[1]).headers["cache-control"]
    assert "immutable" not in site.get("/static/page.css?v=old").headers["cache-control"]
    for name in ("..%2Fapp.py", "app.py", "page.css%00", "%2e%2e/app.py"):
        assert site.get(f"/static/{name}").status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_can_be_changed_over_http(site: Site, method: str):
    answer = site.get("/", method)
    assert answer.status == 405
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize(
    "host",
    [
        "evil.example\r\nx: y", "a/b", "user@host", "evil.example:99999999", "<b>", "", "a b",
        "evil.example/#", "[::1", "a" * 300,
    ],
)  # fmt: skip
def test_a_host_header_that_is_no_host_is_not_repeated(view: FakeView, site: Site, host: str):
    view.publish("x", b"1")
    request = f"GET /feed.xml HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    answer = site.raw(request.encode())
    status = answer.split(b" ", 2)[1]
    assert status in (b"200", b"400")
    if status == b"200" and "\r" not in host:
        assert f"<link>{site.url}/</link>".encode() in answer


def test_absolute_links_follow_the_host_that_was_asked(view: FakeView, site: Site):
    view.publish("x", b"1")
    assert (
        "<link>http://files.example:8080/</link>"
        in site.get("/feed.xml", host="files.example:8080").text
    )
    assert "<link>http://[::1]:80/</link>" in site.get("/feed.xml", host="[::1]:80").text


def test_a_public_url_stands_before_every_link_whatever_the_host_says(
    view: FakeView, start: Callable[..., Site], tmp_path: Path
):
    infohash = view.publish("x", b"content", tmp_path)
    site = start(view, WebOptions(public_url="https://files.example/torrents/"))
    assert "<link>https://files.example/torrents/</link>" in site.get("/feed.xml", host="evil").text
    (torrent,) = site.get("/api/v1/torrents", host="evil").json["torrents"]
    assert torrent["content_url"] == "https://files.example/torrents/content/x"
    links = Page(site.get("/").text).links()
    assert f"/torrents/torrent/{infohash.hex()}" in links
    # With the prefix, as a proxy passes it on, and without, as seen on the machine itself.
    for prefix in ("/torrents", ""):
        assert site.get(f"{prefix}/torrents/x.torrent").body == view.metainfos[infohash]
        assert site.get(f"{prefix}/content/x").body == b"content"
    assert site.get("/torrents").status == 200


@pytest.mark.parametrize(
    "url", ["files.example", "ftp://x/", "http://", "javascript:1", "http://["]
)
def test_a_public_url_that_is_none_is_refused_with_a_hint(url: str):
    with pytest.raises(SettingsError) as caught:
        WebOptions(public_url=url)
    assert caught.value.hint


HOSTILE = [
    b'<b>bold<script>alert("1")',
    b'"><img src=x onerror=alert(1)>',
    b"'; DROP TABLE torrents; --",
    "\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe".encode(),
    "\N{FIRST STRONG ISOLATE}\N{ZERO WIDTH SPACE}x".encode(),
    "ﷺ".encode() * 80,
    b"n" * 250,
    b"{{ 777 * 777 }}{% raw %}",
    b"a&amp;b;c%0d%0aX-Injected: 1",
    b"bytes \xff\xfe that are no UTF-8",
    "line\N{LINE SEPARATOR}separator".encode(),
    b"percent%2e%2e%2f",
    b"question?mark#hash&amp+plus",
]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_name_is_harmless_everywhere(
    view: FakeView, site: Site, tmp_path: Path, name: bytes
):
    infohash = view.publish(name, {"f<i>\N{RIGHT-TO-LEFT OVERRIDE}": b"content"}, tmp_path)
    view.change(infohash, comment="<script>\x00\x1b[2J</script>")
    paths = [
        "/", f"/torrent/{infohash.hex()}", "/content/", "/api/v1/torrents", "/feed.xml",
        f"/api/v1/torrents/{infohash.hex()}", "/metrics", "/?q=%3Cscript%3E%22",
        f"/torrents/{infohash.hex()}.torrent",
    ]  # fmt: skip
    for path in paths:
        answer = site.get(path)
        assert answer.status == 200, path
        assert "x-injected" not in answer.headers
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        page = Page(answer.text)
        assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in answer.text
        code = f"/torrent/{infohash.hex()}/qr.svg"
        assert {"b", "i"}.isdisjoint(tag for tag, _ in page.tags)
        assert {given.get("src") for tag, given in page.tags if tag == "img"} <= {code}
        assert all(is_harmless(given) for tag, given in page.tags if tag == "script")
        assert not any(key.startswith("on") for _, given in page.tags for key in given)
        assert "603729" not in html.unescape(page.words)
    for link in Page(site.get("/").text).links():
        if link.startswith(("/torrents/", "/content/", "/torrent/")):
            assert site.get(link).status in (200, 301), link


def test_rows_of_one_name_are_told_apart_in_their_urls(view: FakeView, site: Site, tmp_path: Path):
    old = view.publish("same", b"old", published_at=NOW - 5000)
    new = view.publish("same", b"new", tmp_path, published_at=NOW - 10)
    assert site.get("/torrents/same.torrent").body == view.metainfos[new]
    assert site.get(f"/torrents/same-{old.hex()[:8]}.torrent").body == view.metainfos[old]
    assert site.get("/content/same").body == b"new"
