"""A publisher's seeder connects to leechers on its own, wherever it may be reached itself."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.live.conftest import Start, get
from tests.live.publication import Publication
from tests.live.test_publish import ENTRIES
from tests.waiting import wait_for

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]


@pytest.fixture
def leecher() -> Iterator[socket.socket]:
    """Where a peer listens that says no more than that it wants data."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)
        yield listener


def was_called(leecher: socket.socket) -> bool:
    """Wait for a connection; what it says is encrypted."""
    connection, _ = leecher.accept()
    connection.close()
    return True


def forget_calls(leecher: socket.socket) -> None:
    with suppress(BlockingIOError):
        leecher.settimeout(0)
        while was_called(leecher):
            pass
    leecher.settimeout(60)


@pytest.mark.long
def test_a_leecher_is_called_as_it_comes_and_whenever_its_torrent_is_seeded_anew(
    start: Start, content: Path, leecher: socket.socket
):
    publication = Publication(start, content)
    publication.wait_published(*ENTRIES)
    infohash = bytes.fromhex(publication.row(ENTRIES[0])["infohash"])
    # It announces this once.
    get(
        f"{publication.url}announce?info_hash={quote(infohash)}&peer_id=-AA0000-000000000001"
        f"&port={leecher.getsockname()[1]}&uploaded=0&downloaded=0&left=9&event=started&numwant=0"
    )
    assert was_called(leecher)
    away = (content / ENTRIES[0]).rename(content.with_name("away"))
    wait_for(lambda: not publication.row(ENTRIES[0]), what="withdrawal")
    forget_calls(leecher)
    away.rename(content / ENTRIES[0])
    assert was_called(leecher)
    assert publication.process.stop() == 0
    forget_calls(leecher)
    publication.again()
    assert was_called(leecher)
