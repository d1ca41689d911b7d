"""A real Prometheus reads the metrics; every query of the dashboard and the alerts finds some."""

from __future__ import annotations

import http.client
import json
import re
import socket
import struct
import subprocess
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.free_ports import free_port
from tests.live.conftest import BIN, Running, peer
from tests.waiting import wait_for

CONTRIB = ROOT / "contrib"
DASHBOARD = CONTRIB / "grafana/outpour.json"
TOKEN = "a-token-of-more-than-16-letters"
ALLOWED, OTHER = b"a" * 20, b"b" * 20
LABELS = re.compile(r"(outpour_\w+|process_\w+)(?:\{([^}]*)\})?")
GROUPED = re.compile(r"(?:by|on)\s*\(([^)]*)\)")
ADDED = {"job", "instance", "le"}
"""Labels that Prometheus gives, and that of buckets."""


def queries() -> list[str]:
    """What the dashboard asks, with the values that Grafana puts in."""
    board = json.loads(DASHBOARD.read_text())
    found = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    assert len(found) > 30
    return [query.replace("$__rate_interval", "1m").replace("$instance", ".*") for query in found]


def alerts() -> dict[str, str]:
    """The conditions of the alerts by name."""
    # The file is of a kind that needs no more of YAML than this.
    text = (CONTRIB / "prometheus/alerts.yml").read_text()
    rules = re.findall(r"- alert: (\w+)\n +expr: (?:>\n)?((?:.|\n)+?)\n +(?:for|labels):", text)
    return {name: " ".join(condition.split()) for name, condition in rules}


@dataclass
class Site:
    """A tracker that serves one torrent and refuses another, read by a Prometheus."""

    tracker: int
    metrics: int
    prometheus: int

    def metrics_text(self) -> str:
        return fetch(self.metrics, "/metrics").decode()

    def ask(self, path: str, **values: str) -> Any:
        target = f"{path}?{urllib.parse.urlencode(values)}" if values else path
        answer = json.loads(fetch(self.prometheus, f"/api/v1/{target}"))
        assert answer["status"] == "success", answer
        return answer["data"]

    def found(self, query: str) -> list[dict[str, Any]]:
        rows = self.ask("query", query=query)["result"]
        assert isinstance(rows, list)
        return rows


def fetch(port: int, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()


def announce(port: int, infohash: bytes, left: int = 9, event: str = "started") -> None:
    fetch(
        port,
        f"/announce?info_hash={urllib.parse.quote(infohash)}&peer_id=-qB4650-{'x' * 12}&port=7000"
        f"&uploaded=0&downloaded=0&left={left}&event={event}",
    )


def announce_udp(port: int) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(60)
        client.connect(("127.0.0.1", port))
        client.send(struct.pack(">QII", 0x41727101980, 0, 7))
        connection_id = client.recv(16)[8:]
        rest = struct.pack(">QQQIIIiH", 0, 9, 0, 2, 0, 0, -1, 7001)
        client.send(
            connection_id + struct.pack(">II", 1, 8) + ALLOWED + b"-TR4060-xxxxxxxxxxxx" + rest
        )
        assert len(client.recv(2048)) >= 20


def ready(port: int, path: str, word: bytes) -> bool:
    try:
        return word in fetch(port, path)
    except OSError:
        return False


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    program = peer("prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    ports = Site(free_port(), free_port(), free_port())
    (folder / "allowed").write_text(f"{ALLOWED.hex()}\n")
    (folder / "token").write_text(TOKEN)
    common = [str(BIN / "outpour"), "track", "--allow-list", str(folder / "allowed")]
    tracker = Running([
        *common, "--listen", f"127.0.0.1:{ports.tracker}", "--state", str(folder / "one"),
        "--metrics-listen", f"127.0.0.1:{ports.metrics}", "--metrics", "token",
        "--admin-token-file", str(folder / "token"),
    ])  # fmt: skip
    scraper = None
    try:
        wait_for(lambda: ready(ports.tracker, "/healthz", b"ok"), what="tracker")
        scraper = Running([
            program, f"--config.file={configured(folder, ports)}",
            f"--web.listen-address=127.0.0.1:{ports.prometheus}",
            f"--storage.tsdb.path={folder / 'data'}",
        ])  # fmt: skip
        wait_for(lambda: ready(ports.prometheus, "/-/ready", b"is Ready"), what="prometheus")
        yield ports
    finally:
        if scraper is not None:
            scraper.stop()
        tracker.stop()


def configured(folder: Path, ports: Site) -> Path:
    """The example as it is, made quick, with the alerts, and a second job that shows the token."""
    text = (CONTRIB / "prometheus/prometheus.yml").read_text()
    text = text.replace(": 15s", ": 1s").replace("127.0.0.1:9469", f"127.0.0.1:{ports.metrics}")
    text += (
        "\n  - job_name: with-token\n    authorization:\n      type: Bearer\n"
        f"      credentials_file: {folder / 'token'}\n    static_configs:\n"
        f'      - targets: ["127.0.0.1:{ports.tracker}"]\n'
        "  - job_name: without-token\n    static_configs:\n"
        f'      - targets: ["127.0.0.1:{ports.tracker}"]\n'
    )
    (folder / "alerts.yml").write_text((CONTRIB / "prometheus/alerts.yml").read_text())
    (folder / "prometheus.yml").write_text(text)
    return folder / "prometheus.yml"


def test_promtool_finds_nothing_wrong_with_the_rules_and_the_example():
    for words in (("rules", "alerts.yml"), ("config", "prometheus.yml")):
        done = subprocess.run(
            [peer("promtool"), "check", words[0], CONTRIB / "prometheus" / words[1]],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_metrics_are_read_from_their_own_address_and_with_the_token_and_not_without(site: Site):
    def states() -> dict[str, str]:
        targets = site.ask("targets")["activeTargets"]
        return {one["labels"]["job"]: one["health"] for one in targets}

    expected = {"outpour": "up", "with-token": "up", "without-token": "down"}
    wait_for(lambda: states() == expected, what="targets", still=states)


def test_every_name_and_label_that_is_asked_for_is_in_the_metrics(site: Site):
    announce(site.tracker, ALLOWED)
    # What is counted for each client and network is counted once a second.
    wanted = {name for query in queries() for name, _ in LABELS.findall(query)}
    wait_for(
        lambda: wanted <= metric_names(site).keys(), what="metrics",
        still=lambda: wanted - metric_names(site).keys(),
    )  # fmt: skip
    names = metric_names(site)
    for query in [*queries(), *alerts().values()]:
        used = LABELS.findall(query)
        assert used or query.startswith("up"), query
        known = ADDED.union(*(names.get(name, set()) for name, _ in used))
        for name, matchers in used:
            assert name in names, f"{name} in {query}"
            for label in re.findall(r"(\w+)\s*[=!]", matchers):
                assert label in names[name] | ADDED, f"{label} of {name} in {query}"
        for labels in GROUPED.findall(query):
            for label in re.findall(r"\w+", labels):
                assert label in known, f"{label} in {query}"


def metric_names(site: Site) -> dict[str, set[str]]:
    """The names of the metrics that there are, and their labels."""
    names: dict[str, set[str]] = {}
    for line in site.metrics_text().splitlines():
        if not line.startswith("#"):
            name, _, labels = line.partition(" ")[0].partition("{")
            names.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    return names


def test_every_query_of_the_dashboard_finds_something(site: Site):
    missing = queries()

    def all_found() -> bool:
        # One torrent has a leecher alone, one is refused; all go on, as rates need a change.
        announce(site.tracker, ALLOWED)
        announce(site.tracker, OTHER)
        announce_udp(site.tracker)
        missing[:] = [query for query in missing if not site.found(query)]
        return not missing

    wait_for(all_found, what="answers", seconds=100, still=lambda: missing)


def test_the_alerts_are_loaded_and_fire_for_what_is_wrong(site: Site):
    (group,) = site.ask("rules")["groups"]
    assert {rule["name"] for rule in group["rules"]} == set(alerts())
    announce(site.tracker, ALLOWED)
    wait_for(
        lambda: all(r["health"] == "ok" for r in site.ask("rules")["groups"][0]["rules"]),
        what="evaluation",
    )

    def refused_share() -> float:
        announce(site.tracker, OTHER)
        condition = alerts()["OutpourAnnouncesRefused"].replace("> 0.5", "")
        # Both jobs read the one tracker.
        shares = [float(row["value"][1]) for row in site.found(condition)]
        return max((share for share in shares if share == share), default=0.0)

    wait_for(lambda: refused_share() > 0.5, what="refused announces", seconds=100)
    down = alerts()["OutpourDown"]
    refused = down.replace('job="outpour"', 'job="without-token"')
    wait_for(lambda: site.found(refused), what="a target that is down")
    # One that answered too late was down for that moment.
    wait_for(lambda: not site.found(down), what="a target that is up")
    without_seeder = alerts()["OutpourTorrentWithoutSeeder"]
    wait_for(lambda: site.found(without_seeder), what="a torrent without seeder", seconds=100)
