"""URLs that nobody can ask for are told so before anybody is asked."""

from __future__ import annotations

import time

import pytest

from outpour.base.errors import NetworkError, UsageError
from outpour.base.http_fetch import fetch
from outpour.base.web_url import check_place, check_web_url
from outpour.publisher.copy_base import CopyBase
from outpour.publisher.public_urls import public_urls
from tests.remote_server import Remote, serving


@pytest.fixture
def remote():
    with serving() as made:
        yield made


@pytest.mark.parametrize(
    "url",
    ["http://h/x", "HTTPS://h:65535/", "http://[::1]:80/a%20b?c=d#e", "http://h/~a(b)'c;d=e,f$g"],
)
def test_what_can_be_asked_for_passes(url: str):
    check_web_url(url)


@pytest.mark.parametrize(
    ("url", "text", "hint"),
    [
        ("ftp://h/x", "neither", ""),
        ("http://", "names no host", "in full"),
        ("http://[::1/x", "not a URL", "in full"),
        ("http://h:99999/x", "no port", "from 1 to 65535"),
        ("http://h:0/x", "no port", "from 1 to 65535"),
        ("http://h:x/", "no port", "from 1 to 65535"),
        ("http://h/a b/%20/\u00fc", "no URL may", "`http://h/a%20b/%20/%C3%BC`"),
        ("http://h/a\nb", "no URL may", "`http://h/a%0Ab`"),
        ("http://b\u00fccher/x", "no URL may", "xn--"),
        ("http://me:secret@h/x", "has a login", "--header"),
    ],
)
def test_what_cannot_is_told_with_what_to_write_instead(url: str, text: str, hint: str):
    with pytest.raises(UsageError) as caught:
        check_web_url(url)
    message = caught.value.message
    assert text in message
    assert hint in (caught.value.hint or "")
    assert "secret" not in message
    assert "\n" not in message
    with pytest.raises(UsageError):
        fetch(url)


@pytest.mark.parametrize("url", ["udp://[::1:6969", "udp://h:70000/announce", "http://:80/"])
def test_an_announce_url_names_a_host_and_a_port_that_there_is(url: str):
    with pytest.raises(UsageError):
        check_place(url)
    check_place("udp://h:6969/announce")


@pytest.mark.parametrize(
    ("command", "code"),
    [(("mirror", "http://[::1"), 2), (("create", "http://[::1"), 2),
     (("download", "http://h:99999/x"), 2), (("download", "http://me:pw@h/x"), 2),
     (("announce", "--tracker", "http://[::1/announce", "ab" * 20), 2),
     (("scrape", "--tracker", "http://[::1/announce", "ab" * 20), 2)],
)  # fmt: skip
def test_a_url_that_was_typed_wrong_is_a_mistake_of_two_lines(run, command, code, tmp_path):
    is_query = command[0] in ("announce", "scrape")
    done = run(*command, *(() if is_query else ("-o", str(tmp_path))))
    assert done.code == code
    assert [line.split(":")[0] for line in done.err.splitlines()] == ["error", "hint"]


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("", "it redirects, and does not say where"),
        ("ftp://h/x", "it redirects to `ftp:`, which is not fetched"),
        ("http://127.0.0.1:99999/x", "no port"),
        ("http://me:secret@127.0.0.1/x", "it redirects to `http://127.0.0.1/x`: has a login"),
    ],
)
def test_a_redirect_that_leads_nowhere_says_why(remote: Remote, place: str, text: str):
    remote.redirects["/x"] = place
    with pytest.raises(NetworkError, match=text) as refused:
        fetch(f"{remote.url}/x")
    assert "secret" not in refused.value.message


def test_blanks_around_where_a_redirect_leads_are_none_of_it(remote: Remote):
    remote.redirects["/x"] = "  /y  "
    remote.files["/y"] = b"there"
    assert fetch(f"{remote.url}/x").body == b"there"


def test_a_server_without_tls_is_told_to_be_so(remote: Remote):
    with pytest.raises(NetworkError, match="it speaks no TLS"):
        fetch(f"{remote.url.replace('http', 'https')}/x")


@pytest.mark.parametrize("url", ["http://[::1", "http://h:99999/", "http://", "http://a b/"])
def test_addresses_and_copies_of_a_publisher_are_some_that_there_may_be(url: str):
    with pytest.raises(UsageError, match="not the address of a page"):
        public_urls(url, ["127.0.0.1"], 80, has_udp=False)
    with pytest.raises(UsageError):
        CopyBase(url)
    CopyBase("https://cdn.example.org/{path}")


def feed(entries: int) -> bytes:
    items = (
        f"<item><title>{n}</title><enclosure url='http://127.0.0.1:1/{n}.torrent' "
        "type='application/x-bittorrent'/></item>"
        for n in range(entries)
    )
    return f"<rss version='2.0'><channel>{''.join(items)}</channel></rss>".encode()


def test_of_a_feed_of_torrents_that_are_gone_some_are_told_one_by_one(
    run, remote: Remote, tmp_path
):
    remote.files["/feed"] = feed(50)
    done = run("download", f"{remote.url}/feed", "-o", str(tmp_path), "--no-state")
    assert done.code == 7
    lines = [line for line in done.err.splitlines() if "connection refused" in line]
    assert len(lines) == 9
    assert "42 more cannot be had, such as `http://127.0.0.1:1/49.torrent`" in lines[-1]


def test_a_deadline_holds_while_a_long_feed_is_gone_through(run, remote: Remote, tmp_path):
    remote.files["/feed"] = feed(90_000)
    began = time.monotonic()
    words = ("-o", str(tmp_path), "--no-state", "--deadline", "0.5")
    done = run("download", f"{remote.url}/feed", *words)
    assert done.code == 7
    assert "not fetched before the deadline" in done.err
    # Without one it is some minutes.
    assert time.monotonic() - began < 60
