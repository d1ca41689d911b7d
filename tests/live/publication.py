"""A running `outpour publish`, and what its page and tracker tell."""

from __future__ import annotations

import socket
import urllib.error
from pathlib import Path
from typing import Any
from urllib.parse import quote

from outpour.torrent import bencode
from tests.free_ports import free_port
from tests.live.conftest import Running, Start, get, get_json
from tests.waiting import wait_for


class Publication:
    """A running `outpour publish` and what its page offers."""

    def __init__(
        self, start: Start, content: Path | None, *flags: str, port: int = 0,
        host: str = "127.0.0.1",
    ) -> None:  # fmt: skip
        self._start = start
        self._content = () if content is None else (content,)
        self._flags = flags
        self.host = host
        self.port = port or free_port()
        self.peer_port = free_port()
        self.process = self._begin()

    def _begin(self) -> Running:
        process = self._start(
            "outpour", "publish", *self._content, "--listen", f"{self.host}:{self.port}",
            "--peer-port", str(self.peer_port), *self._flags,
        )  # fmt: skip
        process.line_with("serving", seconds=60)
        return process

    def again(self) -> Running:
        self.process = self._begin()
        return self.process

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/"

    def torrents(self) -> list[dict[str, Any]]:
        rows = get_json(f"{self.url}api/v1/torrents")["torrents"]
        assert isinstance(rows, list)
        return rows

    def row(self, name: str) -> dict[str, Any]:
        return next((row for row in self.torrents() if row["name"] == name), {})

    def wait_published(self, *names: str) -> None:
        wait_for(
            lambda: {row["name"] for row in self.torrents()} >= set(names),
            what=f"{names} on the page",
        )

    def torrent_file(self, name: str, folder: Path) -> Path:
        target = folder / f"{name}.torrent"
        target.write_bytes(get(f"{self.url}torrents/{quote(name)}.torrent"))
        return target


def status(url: str) -> int:
    try:
        get(url)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    return 200


def has_seed(publication: Publication, name: str) -> bool:
    return bool(publication.row(name).get("complete") == 1)


def answer_to(port: int, infohash: str, path: str = "/announce") -> dict[bytes, bencode.Value]:
    """What a tracker answers a leecher on loopback."""
    raw = quote(bytes.fromhex(infohash))
    query = f"info_hash={raw}&peer_id=-XX0000-abcdefghijkl&port=9&left=1&event=started"
    answer = bencode.decode(get(f"http://127.0.0.1:{port}{path}?{query}"))
    assert isinstance(answer, dict)
    return answer


def announced(port: int, infohash: str, path: str = "/announce") -> list[tuple[str, int]]:
    """The peers that a tracker gives to a leecher: none where it does not track the torrent."""
    answer = answer_to(port, infohash, path)
    peers = answer.get(b"peers", b"")
    assert isinstance(peers, bytes)
    pairs = [peers[at : at + 6] for at in range(0, len(peers), 6)]
    return [(socket.inet_ntoa(pair[:4]), int.from_bytes(pair[4:], "big")) for pair in pairs]
