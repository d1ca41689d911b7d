"""What docs/metrics.md says is counted, against what is."""

from __future__ import annotations

import re

from outpour.tracker.cluster.cluster_figures import ClusterFigures, ServerFigures
from outpour.web.metrics.cluster_metrics import cluster_metrics
from outpour.web.metrics.tracker_metrics import METRICS
from tests.conftest import ROOT
from tests.web.conftest import FakeView, Site

TRACKER_KEYS = [key for metric in METRICS for key in metric.keys]


def test_each_metric_stands_in_the_docs_with_its_labels_and_no_other(view: FakeView, site: Site):
    view.tracker_counters = dict.fromkeys(TRACKER_KEYS, 1)
    view.core.requests = [
        ("udp", "ipv4", request, reason, 1)
        for request, reason in (
            ("announce", None),
            ("scrape", None),
            ("connect", None),
            ("scrape", "key"),
        )
    ]
    view.core.times = [("udp", [(1, 1), (2, 1)], 1, 0.5)]
    view.publish("one", b"1")
    found: dict[str, set[str]] = {}
    text = site.get("/metrics").text
    histograms = re.findall(r"# TYPE (\w+) histogram", text)
    for line in text.splitlines():
        if not line.startswith("#"):
            name, _, labels = line.partition(" ")[0].partition("{")
            for one in histograms:
                name = one if name.startswith(one) else name
            found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    server = ServerFigures("redis://x", True, memory_bytes=1, memory_max_bytes=1)
    for family in cluster_metrics(ClusterFigures("x", True, servers=(server,))):
        found.setdefault(family.name, set()).update(*(labels for labels, *_ in family.values))
    told: dict[str, set[str]] = {}
    page = (ROOT / "docs/metrics.md").read_text()
    for names, labels in re.findall(
        r"^\| (`outpour_[^|]*|`process_[^|]*) \| ([^|]*) ?\|", page, re.MULTILINE
    ):
        for name in re.findall(r"\w+", names):
            told[name] = set(re.findall(r"\w+", labels))
    assert told == found


def test_each_reason_stands_in_the_docs():
    from outpour.tracker.core import bind
    from outpour.tracker.settings import TrackerSettings

    core = bind(TrackerSettings(listen=("127.0.0.1:0",), workers=1))
    reasons = {row[3] for row in core.request_counts()} - {None}
    core.stop()
    page = (ROOT / "docs/metrics.md").read_text()
    table = page.partition("| reason |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == reasons
