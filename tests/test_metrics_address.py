"""Metrics on an address of their own."""

from __future__ import annotations

import http.client
import re
import socket

from outpour.tracker.settings import TrackerSettings
from tests.trackers import Process


def test_metrics_with_an_address_of_their_own_are_nowhere_else_unless_they_are_asked_for():
    apart = TrackerSettings(metrics_listen=("127.0.0.1:9469",))
    assert apart.levels["metrics"] == "off"
    assert apart.levels["page"] == "open"
    both = TrackerSettings(metrics_listen=("127.0.0.1:9469",), metrics="open")
    assert both.levels["metrics"] == "open"


def get(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def test_the_address_answers_metrics_and_health_and_nothing_else(tmp_path):
    words = ("track", "--open", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0")
    process = Process((*words, "--state", tmp_path / "state", "--workers", "1"), tmp_path)
    try:
        process.until(lambda: "page:" in process.text)
        found = re.search(r"metrics: http://127\.0\.0\.1:(\d+)/metrics", process.text)
        assert found is not None, process.text
        port = int(found[1])
        assert [get(port, path) for path in ("/metrics", "/healthz")] == [200, 200]
        assert [get(port, path) for path in ("/", "/api/v1/stats", "/admin")] == [404] * 3
        assert process.get("/metrics")[0] == 404
        assert process.end() == 0
    finally:
        process.close()


def test_an_address_that_is_taken_is_told_with_the_setting_that_names_it(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        words = ("track", "--open", "--listen", "127.0.0.1:0", "--metrics-listen", where)
        process = Process((*words, "--state", tmp_path / "state"), tmp_path)
        try:
            assert process.popen.wait(60) == 7
            assert f"error: `{where}`: address already in use" in process.text
            assert "--metrics-listen" in process.text
        finally:
            process.close()
