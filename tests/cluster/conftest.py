"""Servers, ways to them and trackers, which end with the test that asked for them."""

from __future__ import annotations

import pytest

from tests.cluster.gate import Gate
from tests.cluster.node import Node
from tests.cluster.redis_process import Server


@pytest.fixture
def server(tmp_path):
    one = Server(tmp_path / "server")
    yield one
    one.stop()


@pytest.fixture
def gate(server):
    one = Gate(server.port)
    yield one
    one.close()


@pytest.fixture
def node(tmp_path):
    """Start a tracker: `node("a", server.url)`."""
    started = []

    def start(name, *urls, **given):
        started.append(Node(tmp_path, name, *urls, **given))
        return started[-1]

    yield start
    for one in reversed(started):
        one.close()
    for one in started:
        assert one.fault is None, one.fault
