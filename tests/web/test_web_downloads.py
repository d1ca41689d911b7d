"""The .torrent files, by name and by infohash."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, unquote

import pytest

from outpour.web.disposition import disposition

from .conftest import NOW, FakeView, Site


def test_a_torrent_is_found_by_raw_bytes_and_by_digits(view: FakeView, site: Site):
    infohash = view.publish("x", b"1")
    escaped = "".join(f"%{byte:02X}" for byte in infohash)
    for text in (escaped, quote(infohash), infohash.hex(), infohash.hex().upper()):
        answer = site.get(f"/file?info_hash={text}")
        assert answer.status == 200
        assert answer.body == view.metainfos[infohash]
        assert answer.headers["content-type"] == "application/x-bittorrent"
        assert answer.headers["content-disposition"] == 'attachment; filename="x.torrent"'


def test_a_plus_in_the_query_is_a_space_as_it_always_was(view: FakeView, site: Site):
    for number in range(2000):
        infohash = view.publish(f"x{number}", b"1")
        if b" " in infohash:
            break
    else:
        raise AssertionError("no infohash with the byte of a space")
    text = quote(infohash, safe="").replace("%20", "+")
    assert site.get(f"/file?info_hash={text}").body == view.metainfos[infohash]


@pytest.mark.parametrize(
    "query", ["", "?", "?info_hash=", "?info_hash=%00", "?hash=x", f"?info_hash={'00' * 20}", "?%"]
)
def test_a_file_that_is_not_tracked_is_not_here(site: Site, query: str):
    answer = site.get(f"/file{query}")
    assert answer.status == 404
    assert answer.text.startswith("your file may exist elsewhere in the universe")


def test_a_torrent_that_the_visitor_has_is_not_sent_again(view: FakeView, site: Site):
    view.publish("x", b"1", published_at=NOW)
    first = site.get("/torrents/x.torrent")
    assert first.headers["last-modified"] == "Wed, 18 Nov 2026 11:06:40 GMT"
    assert site.get("/torrents/x.torrent", if_none_match=first.headers["etag"]).status == 304
    modified = first.headers["last-modified"]
    assert site.get("/torrents/x.torrent", if_modified_since=modified).status == 304
    earlier = "Wed, 18 Nov 2026 11:06:39 GMT"
    assert site.get("/torrents/x.torrent", if_modified_since=earlier).status == 200
    assert site.get("/torrents/x.torrent", if_modified_since="soon").status == 200


def test_a_name_beyond_ascii_arrives_whole(view: FakeView, site: Site):
    name = "日本 „ä“ \U0001f30a"
    infohash = view.publish(name, b"1")
    answer = site.get(f"/torrents/{quote(name)}.torrent")
    assert answer.body == view.metainfos[infohash]
    field = answer.headers["content-disposition"]
    assert field.isascii()
    assert unquote(field.partition("filename*=UTF-8''")[2]) == f"{name}.torrent"


def test_a_name_with_bytes_that_are_no_utf8_has_a_working_url(view: FakeView, site: Site):
    infohash = view.publish(b"caf\xe9", b"1")
    assert site.get("/torrents/caf%E9.torrent").body == view.metainfos[infohash]


@pytest.mark.parametrize(
    "path", ["", "x", ".torrent", "..%2fx.torrent", "a/b.torrent", "x.torrent/", "%00.torrent"]
)
def test_other_names_are_not_here(view: FakeView, site: Site, path: str, tmp_path: Path):
    view.publish("x", b"1", tmp_path)
    assert site.get(f"/torrents/{path}").status == 404


@pytest.mark.parametrize(
    "name",
    ['quo"te', "back\\slash", "new\r\nline", "semi;colon", "x" * 300, "é" * 300, "%41", "\x7f"],
)
def test_no_name_breaks_out_of_its_header(name: str):
    field = disposition(name)
    assert field.isascii()
    assert field.isprintable()
    kind, _, rest = field.partition("; ")
    assert kind == "attachment"
    plain = rest.removeprefix('filename="').partition('"')[0]
    assert len(plain) <= 200
    assert set(plain).isdisjoint('"\\%')
