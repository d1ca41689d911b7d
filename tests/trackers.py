"""A tracker of its own process, for the tests of `outpour track` and `bttrack`."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
from urllib.parse import quote

from outpour.torrent import bencode
from tests.saved_counts import counts_in
from tests.waiting import wait_for

HELLO = bytes.fromhex("e25d7c06d525617193e405c30a3c6a77b2e56510")
BIG = bytes.fromhex("d436a9ec0bd2d9273fe0b0ce8fc52d51ff91278f")


class Process:
    """A tracker of its own process, with what it said."""

    code = "import sys; from outpour.cli import main; sys.exit(main())"

    def __init__(self, words, tmp_path, env=None):
        self.said = tmp_path / f"said-{time.monotonic_ns()}"
        self._stream = self.said.open("wb")
        self.popen = subprocess.Popen(
            [sys.executable, "-c", self.code, *map(str, words)],
            stdout=self._stream,
            stderr=self._stream,
            env=env,
        )

    @property
    def text(self):
        return self.said.read_text()

    def until(self, condition, what="ready"):
        def look():
            found = condition()
            assert found or self.popen.poll() is None, f"ended: {self.text}"
            return found

        return wait_for(look, what=what, still=lambda: self.text)

    @property
    def address(self):
        match = self.until(lambda: re.search(r"http://(\S+):(\d+)/", self.text))
        self.until(lambda: "page: " in self.text or "udp://" in self.text)
        return match[1], int(match[2])

    def get(self, path):
        host, port = self.address
        connection = http.client.HTTPConnection(host, port, timeout=60)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def announce(self, infohash, port, *, left=0, event=""):
        # A small number is a peer of its own, at a port that is given out.
        peer_id = f"{'A' * 17}{port:03}" if port < 1000 else "A" * 20
        port = port + 1000 if port < 1000 else port
        path = (
            f"/announce?info_hash={quote(infohash)}&peer_id={peer_id}&port={port}"
            f"&uploaded=0&downloaded=0&left={left}&compact=1"
        )
        return bencode.decode(
            self.get(path + (f"&event={event}" if event else ""))[1], strict=False
        )

    def download(self, infohash, port):
        self.announce(infohash, port, left=12, event="started")
        return self.announce(infohash, port, event="completed")

    def until_saved(self, state, infohash, count):
        """Wait until a counter is on disk; the deadline is below the minute of the snapshots."""
        with contextlib.closing(sqlite3.connect(state)) as other:
            self.until(lambda: counts_in(other).get(infohash, 0) == count)

    def torrents(self):
        return {
            torrent["infohash"]: torrent
            for torrent in json.loads(self.get("/api/v1/torrents")[1])["torrents"]
        }

    def end(self, number=signal.SIGTERM):
        self.popen.send_signal(number)
        # Whoever waits for its clients to hang up waits for ever.
        code = self.popen.wait(60)
        self._stream.close()
        return code

    def close(self):
        self.popen.kill()
        self.popen.wait(60)
        self._stream.close()
