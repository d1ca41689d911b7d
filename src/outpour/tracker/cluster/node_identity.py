"""Which node this is: a number that stays with the counters, wherever they are copied to.

It is kept with them in the state file, and beside in what is remembered of the cluster, so that it
outlives the loss of either. A new number with old counters would count them twice.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import sqlite3
from pathlib import Path

from outpour.tracker.cluster.cluster_frame import NODE_BYTES
from outpour.tracker.cluster.cluster_memory import ClusterMemory
from outpour.tracker.settings import TrackerSettings

FACT = "cluster_node"
"""Its name among the numbers of the state file."""


def identity_of(state: Path | None, memory: ClusterMemory) -> bytes:
    """The 8 bytes of this node, before its state is opened; new ones for a new node."""
    number = _in_state(state)
    if number is not None:
        return number.to_bytes(NODE_BYTES, "big")
    known = memory.fact("node")
    if known is not None and len(known) == NODE_BYTES:
        return known
    # SQLite's numbers have a sign.
    return (secrets.randbits(62) + 1).to_bytes(NODE_BYTES, "big")


def name_of(settings: TrackerSettings) -> str:
    """What this node is called among the others."""
    return settings.node or f"{socket.gethostname()}:{settings.addresses[0].port}"


def _in_state(state: Path | None) -> int | None:
    if state is None or not state.is_file():
        return None
    # Whatever is wrong with the file is told by who opens it.
    with contextlib.suppress(sqlite3.Error, OSError, UnicodeDecodeError):
        uri = f"{state.absolute().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
            row = connection.execute("SELECT value FROM facts WHERE name = ?", (FACT,)).fetchone()
            if row and isinstance(row[0], int) and 0 < row[0] < 1 << 63:
                return int(row[0])
    return None
