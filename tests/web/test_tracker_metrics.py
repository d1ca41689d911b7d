"""The table of what the core counts, held against the core."""

from __future__ import annotations

from collections import Counter

from outpour.tracker.core import bind
from outpour.tracker.settings import TrackerSettings
from outpour.web.metrics.tracker_metrics import IN_DETAIL, METRICS

FALLING = {"peers_v4", "peers_v6", "seeders", "torrents", "store_bytes", "unsaved"}
"""What becomes less when peers leave, or are saved."""


def counted() -> set[str]:
    core = bind(TrackerSettings(listen=("127.0.0.1:0",), workers=1))
    try:
        return {key for key in core.counters() if not key.startswith(IN_DETAIL)}
    finally:
        core.stop()


def test_the_table_names_every_key_of_the_core_once_and_no_other():
    keys = Counter(key for metric in METRICS for key in metric.keys)
    assert set(keys) == {*counted(), "unsaved"}
    assert set(keys.values()) == {1}


def test_what_can_fall_is_a_gauge_and_what_cannot_is_a_counter_with_its_ending():
    for metric in METRICS:
        can_fall = metric.keys.keys() <= FALLING
        assert metric.kind == ("gauge" if can_fall else "counter"), metric.name
        assert metric.name.endswith("_total") != can_fall, metric.name
        assert can_fall or not metric.keys.keys() & FALLING


def test_each_metric_has_a_sentence_and_its_values_have_labels_that_tell_them_apart():
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert metric.help.endswith(".")
        labels = [tuple(values.items()) for values in metric.keys.values()]
        assert len(set(labels)) == len(labels)
