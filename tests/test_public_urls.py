"""The addresses that a publisher writes into torrents, and those it lists its seeder with."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from outpour.base.errors import UsageError
from outpour.publisher.public_urls import PublicUrls, public_urls
from outpour.publisher.publish_options import PublishOptions
from outpour.publisher.self_listing import peer_addresses

BOTH = ("0.0.0.0", "::")
OPTIONS = PublishOptions((Path("/content"),))
PROGRAM = """
from outpour.publisher.public_urls import public_urls
urls = public_urls(None, {listening!r}, 6969, has_udp=True)
print(urls.base, urls.udp, urls.doubt, sep="\\n")
"""


def in_a_network(*commands: str, listening: tuple[str, ...] = BOTH) -> list[str]:
    """Derive the addresses on a machine whose interfaces are these."""
    setup = "; ".join(["set -e", "ip link set lo up", *commands])
    script = f'{setup}; exec "$0" -c "$1"'
    words = ["unshare", "--net", "--map-root-user", "sh", "-c", script, sys.executable]
    program = PROGRAM.format(listening=listening)
    probe = subprocess.run([*words[:3], "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip("no network namespaces here")
    done = subprocess.run([*words, program], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return done.stdout.splitlines()


def test_without_a_default_route_the_address_of_an_interface_is_named():
    base, udp, doubt = in_a_network("ip addr add 10.9.8.7/24 dev lo")
    assert base == "http://10.9.8.7:6969"
    assert udp == "udp://10.9.8.7:6969/announce"
    assert "only its own network reaches" in doubt


def test_on_a_host_with_ipv6_alone_its_address_is_named():
    base, udp, doubt = in_a_network("ip -6 addr add 2a00:1450::5/64 dev lo nodad")
    assert base == "http://[2a00:1450::5]:6969"
    assert udp == "udp://[2a00:1450::5]:6969/announce"
    assert doubt == "None"


def test_a_machine_without_any_address_says_that_nobody_else_reaches_it():
    base, _, doubt = in_a_network()
    assert base == "http://127.0.0.1:6969"
    assert "no other address" in doubt
    assert "--url" in doubt


def test_ipv4_comes_first_where_both_families_are_there():
    base, _, _ = in_a_network(
        "ip -6 addr add 2a00:1450::5/64 dev lo nodad", "ip addr add 10.9.8.7/24 dev lo"
    )
    assert base == "http://10.9.8.7:6969"
    base, _, _ = in_a_network(
        "ip -6 addr add 2a00:1450::5/64 dev lo nodad", "ip addr add 10.9.8.7/24 dev lo",
        listening=("::",),
    )  # fmt: skip
    assert base == "http://[2a00:1450::5]:6969"


def test_who_listens_on_loopback_is_told_that_others_cannot_come():
    urls = public_urls(None, ("127.0.0.1",), 6969, has_udp=True)
    assert urls.base == "http://127.0.0.1:6969"
    assert "only this machine reaches" in str(urls.doubt)


def test_a_tracker_without_udp_is_not_named_over_udp():
    for given in (None, "http://example.org:6969"):
        assert public_urls(given, ("127.0.0.1",), 6969, has_udp=False).udp is None
    assert public_urls("http://example.org", BOTH, 6969, has_udp=True).udp == (
        "udp://example.org:6969/announce"
    )
    # A proxy at a port of its own takes HTTP alone.
    assert public_urls("http://example.org:8080", BOTH, 6969, has_udp=True).udp == (
        "udp://example.org:6969/announce"
    )
    assert public_urls("http://example.org/files", BOTH, 6969, has_udp=True).udp is None


def test_a_folder_of_one_file_has_the_url_of_the_file_too():
    urls = PublicUrls("http://example.org", None)
    assert urls.web_seeds("name", None) == ("http://example.org/content/name",)
    assert urls.web_seeds("ö x", [("a", "b?")]) == (
        "http://example.org/content/",
        "http://example.org/content/%C3%B6%20x/a/b%3F",
    )
    assert urls.web_seeds("name", [("a",), ("b",)]) == ("http://example.org/content/",)


def test_the_seeder_is_listed_at_what_was_given_or_at_the_public_url_or_at_its_own_address():
    own = PublicUrls("http://192.0.2.1:6969", "udp://192.0.2.1:6969/announce")

    def listed(options: PublishOptions, urls: PublicUrls = own) -> tuple[tuple[str, int], ...]:
        return peer_addresses(options, urls, ("192.0.2.1", "2001:db8::7"), 6881)

    given = replace(OPTIONS, peer_addresses=("2001:db8::9", "203.0.113.7", "203.0.113.8:51413"))
    assert listed(given) == (
        ("203.0.113.7", 6881), ("203.0.113.8", 51413), ("2001:db8::9", 6881),
    )  # fmt: skip
    assert listed(OPTIONS) == (("192.0.2.1", 6881), ("2001:db8::7", 6881))
    public = replace(OPTIONS, url="http://203.0.113.7:6969")
    assert listed(public) == (("203.0.113.7", 6881),)
    # Behind a proxy the host of the URL is that of the proxy.
    proxied = PublicUrls("https://203.0.113.7", None)
    behind = replace(OPTIONS, url="https://203.0.113.7")
    assert listed(behind, proxied) == (("192.0.2.1", 6881), ("2001:db8::7", 6881))
    # A host name that means loopback, as on many machines their own does, reaches nobody.
    named = replace(OPTIONS, url="http://localhost:6969")
    assert listed(named) == (("192.0.2.1", 6881), ("2001:db8::7", 6881))


@pytest.mark.parametrize("text", ["", "nowhere.invalid", "203.0.113.7:0", "203.0.113.7:70000"])
def test_an_address_of_no_peer_is_refused_with_a_hint(text: str):
    with pytest.raises(UsageError) as caught:
        peer_addresses(
            replace(OPTIONS, peer_addresses=(text,)), PublicUrls("", None), ("127.0.0.1",), 6881
        )
    assert caught.value.hint
