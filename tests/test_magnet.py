import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpour.base.errors import MagnetError
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo

V1 = bytes(range(20))
V2 = bytes(range(32))
LINK = f"magnet:?xt=urn:btih:{V1.hex()}"

NAMES = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="/\\"),
    min_size=1,
    max_size=40,
).filter(lambda name: name not in {".", ".."} and not (len(name) == 2 and name[1] == ":"))
URLS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=40)
PORTS = st.integers(1, 65535)
RANGES = st.tuples(st.integers(0, 99), st.integers(1, 9)).map(lambda pair: (pair[0], sum(pair)))

MAGNETS = st.builds(
    Magnet,
    infohash_v1=st.binary(min_size=20, max_size=20),
    infohash_v2=st.none() | st.binary(min_size=32, max_size=32),
    name=st.none() | NAMES,
    trackers=st.lists(URLS, unique=True, max_size=3).map(tuple),
    web_seeds=st.lists(URLS, unique=True, max_size=3).map(tuple),
    peers=st.lists(
        st.tuples(st.sampled_from(["127.0.0.1", "::1", "peer.invalid"]), PORTS), unique=True
    ).map(tuple),
    length=st.none() | st.integers(0, 10**18 - 1),
    selected=st.lists(RANGES, unique=True, max_size=4).map(lambda r: tuple(sorted(r))),
    sources=st.lists(URLS, unique=True, max_size=2).map(tuple),
)


@given(MAGNETS)
def test_what_is_written_is_read_back(magnet):
    assert Magnet.parse(str(magnet)) == magnet
    assert str(magnet).isascii()


@given(st.text(max_size=60).map(lambda text: LINK + text) | st.text(max_size=60))
def test_no_text_fails_in_another_way(text):
    try:
        Magnet.parse(text)
    except MagnetError as error:
        assert str(error)  # noqa: PT017 - most endings leave a link


def test_an_infohash_in_base32_is_the_same_torrent():
    text = base64.b32encode(V1).decode()
    assert Magnet.parse(f"magnet:?xt=urn:btih:{text}").infohash == V1
    assert Magnet.parse(f"MAGNET:?xt=URN:BTIH:{text.lower()}").infohash == V1


def test_a_link_of_v2_gives_trackers_the_hash_cut_off():
    magnet = Magnet.parse(f"magnet:?xt=urn:btmh:1220{V2.hex()}")
    assert (magnet.infohash_v1, magnet.infohash_v2, magnet.infohash) == (None, V2, V2[:20])


def test_a_hybrid_has_both():
    magnet = Magnet.parse(f"{LINK}&xt=urn:btmh:1220{V2.hex()}&xt=urn:sha1:ABC")
    assert (magnet.infohash_v1, magnet.infohash_v2, magnet.infohash) == (V1, V2, V1)


def test_every_parameter_is_read():
    magnet = Magnet.parse(
        f"{LINK}&dn=a%20b+c&xl=42&tr=http%3A%2F%2Fa%2Fannounce%3Fk%3D1%262&tr.2=udp://b:1&tr=udp://b:1"
        "&ws=http://seed/&xs=http://x/t.torrent&x.pe=127.0.0.1:6881&x.pe=[::1]:1&so=0,2,4-6&foo=1"
    )
    assert magnet == Magnet(
        infohash_v1=V1,
        name="a b c",
        length=42,
        trackers=("http://a/announce?k=1&2", "udp://b:1"),
        web_seeds=("http://seed/",),
        sources=("http://x/t.torrent",),
        peers=(("127.0.0.1", 6881), ("::1", 1)),
        selected=((0, 1), (2, 3), (4, 7)),
    )
    assert magnet.tiers == (("http://a/announce?k=1&2",), ("udp://b:1",))


@pytest.mark.parametrize("part", ["xl=many", "x.pe=a", "x.pe=a:0", "x.pe=a:99999", "dn=.."])
def test_a_malformed_extra_is_skipped(part):
    assert Magnet.parse(f"{LINK}&{part}") == Magnet(infohash_v1=V1)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "not a magnet link"),
        ("http://127.0.0.1/", "not a magnet link"),
        ("magnet:?dn=x", "no `xt`"),
        ("magnet:?xt=urn:sha1:x", "names no torrent"),
        ("magnet:?xt=urn:btih:123", "not an infohash"),
        (f"magnet:?xt=urn:btih:{'g' * 40}", "not an infohash"),
        (f"magnet:?xt=urn:btih:{'1' * 32}", "not an infohash"),
        (f"magnet:?xt=urn:btih:{'A' * 26}======", "not an infohash"),
        (f"magnet:?xt=urn:btmh:1114{V1.hex()}", "not an infohash of v2"),
        (f"{LINK}&xt=urn:btih:{'0' * 40}", "names two torrents"),
        (f"{LINK}&so=x", "not a file index"),
        (f"{LINK}&so=5-2", "not a range"),
        (f"{LINK}&dn={'x' * 300_000}", "longer than"),
    ],
)
def test_what_is_no_link_to_a_torrent_is_refused(text, what):
    with pytest.raises(MagnetError, match=what):
        Magnet.parse(text)


def test_the_link_of_a_torrent_names_it(classic):
    magnet = Magnet.of(Metainfo.read(classic / "hello.torrent"))
    assert str(magnet) == (
        "magnet:?xt=urn:btih:e25d7c06d525617193e405c30a3c6a77b2e56510&dn=hello.txt&xl=12"
        "&tr=http://127.0.0.1:7001/announce"
    )
