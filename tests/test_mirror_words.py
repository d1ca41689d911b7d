"""What strangers tell of torrents: bounded, compared in one go, and kept over restarts."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from outpour.base.errors import OutpourError
from outpour.base.http_route import DIRECT
from outpour.client.answers import ListedTorrent
from outpour.mirror.grace import Grace
from outpour.mirror.holdings import Held, Holdings
from outpour.mirror.listing_comparison import Comparison, Sides, compare
from outpour.mirror.offer import Listing, Offer
from outpour.mirror.publisher_source import (
    LINE_MAX,
    TEXT_MAX,
    TOLD_FIELDS,
    PublisherSource,
    _offers,
)
from outpour.mirror.told_table import ToldWords
from outpour.mirror.wishes import Wishes
from tests.remote_server import serving

KEY = "ab" * 20
DIGEST = "c1" * 32


def told_by(answer: object, file_count: int) -> ToldWords:
    with serving() as remote:
        fields = "%2C".join(("infohash", *TOLD_FIELDS))
        path = f"/api/v1/torrents/{KEY}?fields={fields}"
        remote.files = {path: json.dumps(answer).encode()}
        return PublisherSource(f"{remote.url}/", DIRECT).told(bytes.fromhex(KEY), file_count)


def detail(**more: Any) -> dict[str, Any]:
    return {"infohash": KEY, "about_tag": "t", **more}


def files(*digests: object) -> list[dict[str, Any]]:
    return [{"path": ["x"], "length": 1, "url": None, "sha256": one} for one in digests]


def test_of_what_a_publisher_tells_no_more_is_taken_than_a_catalogue_has():
    text = "x" * 1_000_000
    told = told_by(
        detail(description=text, description_from="catalogue", files=files(DIGEST, None)), 2
    )
    assert told.description is not None
    assert len(told.description) == TEXT_MAX
    assert told.checksums == bytes.fromhex(DIGEST) + bytes(32)
    # What stands in a file comes as that file.
    told = told_by(detail(description="y", description_from="file", files=None), 1)
    assert (told.description, told.checksums) == (None, b"")


@pytest.mark.parametrize("digest", ["z" * 64, "ab", "c1" * 31 + " c1", None])
def test_what_is_no_checksum_is_none(digest: str | None):
    assert told_by(detail(files=files(digest)), 1).checksums == b""


def test_checksums_of_other_files_than_the_torrents_are_left_out():
    assert told_by(detail(files=files(DIGEST, DIGEST)), 1).checksums == b""


@pytest.mark.parametrize("answer", [[], {"infohash": KEY, "files": 5}, detail(description=7)])
def test_garbage_is_told_in_one_line(answer: object):
    with pytest.raises(OutpourError) as caught:
        told_by(answer, 1)
    assert "\n" not in caught.value.message
    assert "HTTP 404" not in caught.value.message


def test_a_long_licence_or_group_of_a_list_is_cut():
    row = {"infohash": KEY, "name": "x", "licence": "l" * 999, "group": "g" * 999}
    (offer,) = _offers([ListedTorrent.of(row)])
    assert offer.licence is not None
    assert len(offer.licence) == LINE_MAX
    assert offer.group is not None
    assert len(offer.group) == LINE_MAX


HELD = Held(bytes(20), "k0", "name", "", 5, 100, b"f", None, "t")
OTHER = replace(HELD, infohash=bytes([1]) * 20, key="k1", name="other")


def compared(
    offers: list[Offer], grace: Grace | None = None, *, is_whole: bool = True
) -> Comparison:
    sides = Sides(
        {"k0": Offer("k0", "name"), "k1": Offer("k1", "other")}, (HELD, OTHER),
        {"k0": HELD.infohash, "k1": OTHER.infohash}, Wishes(), grace or Grace(9), True,
        lambda _, offer: offer.about_tag is not None,
    )  # fmt: skip
    listing = Listing({one.key: one for one in offers}, is_whole)
    return compare(listing, sides, is_again=False)


def test_a_listing_is_compared_with_what_is_held():
    same = Offer("k0", "name", 5, 100)
    assert compared([same, Offer("k1", "other", 5, 100)]).told == []
    for other in (
        replace(same, licence="MIT"), replace(same, group="g"), replace(same, published_at=7),
        replace(same, about_tag="a"),
    ):  # fmt: skip
        assert compared([other]).told == [(HELD.infohash, other)]
    # Where no date is told, that of the .torrent stays.
    assert compared([replace(same, published_at=None)]).told == []
    assert compared([same]).missing == [OTHER]
    assert compared([same], is_whole=False).missing == []
    grace = Grace(9)
    grace.begin(HELD.infohash)
    grace.begin(OTHER.infohash)
    found = compared([same], grace)
    assert (found.missing, found.back) == ([], [HELD])
    assert [*found.chosen] == [*found.listed] == ["k0"]


def test_what_is_told_outlives_a_restart_and_goes_with_its_torrent(tmp_path: Path):
    holdings = Holdings(tmp_path)
    holdings.put([replace(HELD, group="a/b", licence="MIT"), OTHER])
    holdings.told.put(HELD.infohash, ToldWords("t", "Text.", bytes([7]) * 64))
    holdings.told.put(OTHER.infohash, ToldWords("u", None, bytes([8]) * 32))
    holdings.close()
    holdings = Holdings(tmp_path)
    assert {(one.group, one.licence) for one in holdings.all()} == {("a/b", "MIT"), (None, None)}
    told = holdings.told
    assert (told.tag(HELD.infohash), told.text_tag(HELD.infohash)) == ("t", "t")
    assert (told.text(HELD.infohash), told.sha256(HELD.infohash)) == ("Text.", None)
    assert told.checksums(HELD.infohash) == [bytes([7]) * 32] * 2
    assert (told.text_tag(OTHER.infohash), told.sha256(OTHER.infohash)) == (None, bytes([8]) * 32)
    before = told.revision
    holdings.end(HELD.infohash)
    assert told.revision > before
    assert (told.tag(HELD.infohash), told.text(HELD.infohash)) == (None, None)
    holdings.close()


def test_holdings_of_an_earlier_outpour_are_taken_over(tmp_path: Path):
    Holdings(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "mirror.sqlite")) as old, old:
        for column in ("licence", "listed_in"):
            old.execute(f"ALTER TABLE held DROP COLUMN {column}")
        old.execute("DROP TABLE told")
        row = (bytes(20), "k", b"n", "gröup".encode(), 1)
        old.execute(
            "INSERT INTO held (infohash, key, name, folder, length) VALUES (?, ?, ?, ?, ?)", row
        )
    holdings = Holdings(tmp_path)
    (held,) = holdings.all()
    assert (held.group, held.folder, held.licence) == ("gröup", "gröup", None)
    assert holdings.told.tag(bytes(20)) is None
    holdings.close()
