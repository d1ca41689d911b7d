"""Ports for what has to be told one: a server that restarts, or one that cannot take port 0."""

from __future__ import annotations

import os
import random
import socket
from itertools import cycle, islice

# Below those that the system gives to whoever asks for any, so that no connection of another
# process takes one while a server restarts.
SERVER_PORTS = range(10_000, 32_000)

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
# Workers beside each other have ports of their own, and none is given twice before all were.
_mine = SERVER_PORTS[_worker::_workers]
_begin = random.SystemRandom().randrange(len(_mine))
_next = islice(cycle(_mine), _begin, None)


def free_port() -> int:
    """Find a port that is free for TCP and UDP on 127.0.0.1, and stays so until it is used."""
    for port in islice(_next, 200):
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port")
