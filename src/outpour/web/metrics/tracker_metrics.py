"""What the tracker's core counts, as Prometheus names it: each key once, in one table.

Requests are told in more detail, see `request_metrics`; their sums are in `IN_DETAIL`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from outpour.web.metrics.prometheus_text import Labels

IN_DETAIL = ("announces_", "scrapes_", "connects_", "refused_")
"""Beginnings of keys that are sums of `_core.Tracker.request_counts`."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of the core.

    Attributes:
        name: As Prometheus has it; a counter's ends in `_total`.
        kind: `counter`, which never falls while the process runs, or `gauge`.
        help: One sentence.
        keys: Keys of `_core.Tracker.counters`, each with its labels.
    """

    name: str
    kind: str
    help: str
    keys: Mapping[str, Labels]


def _counter(name: str, text: str, **keys: Labels) -> Metric:
    return Metric(f"outpour_tracker_{name}_total", "counter", text, keys)


def _gauge(name: str, text: str, **keys: Labels) -> Metric:
    return Metric(f"outpour_tracker_{name}", "gauge", text, keys)


_HTTP, _UDP = {"protocol": "http"}, {"protocol": "udp"}

METRICS: tuple[Metric, ...] = (
    _counter("errors", "Requests answered with an error.", errors_http=_HTTP, errors_udp=_UDP),
    _counter("dropped", "Packets left unanswered.", dropped_udp=_UDP),
    _counter("unsent", "Answers that the send buffer had no room for.", unsent_udp=_UDP),
    _counter(
        "unlogged",
        "Requests that a log had no room for.",
        unlogged={"log": "access"},
        unlogged_refusals={"log": "refusals"},
    ),
    _counter("connections", "Connections accepted.", connections_http=_HTTP),
    _counter(
        "timed_out", "Connections closed for not sending or taking in time.", timed_out_http=_HTTP
    ),
    _counter("evicted", "Connections closed to make room for others.", evicted_http=_HTTP),
    _counter("handed_over", "Connections handed over to the web side.", handed_over={}),
    _counter("handed_back", "Connections that came back from the web side.", handed_back={}),
    _counter(
        "not_handed_over", "Connections turned away as too many visitors wait.", not_handed_over={}
    ),
    _counter("nat_checks", "Peers that the tracker tried to reach.", nat_checks={}),
    _counter("nat_failures", "Peers that it tried and did not reach.", nat_failures={}),
    _counter("expired", "Peers dropped because they were silent.", expired={}),
    _counter("received_bytes", "Bytes read from sockets.", bytes_in_http=_HTTP, bytes_in_udp=_UDP),
    _counter("sent_bytes", "Bytes written to sockets.", bytes_out_http=_HTTP, bytes_out_udp=_UDP),
    _gauge(
        "peers",
        "Peers of all swarms.",
        peers_v4={"family": "ipv4"},
        peers_v6={"family": "ipv6"},
    ),
    _gauge("seeders", "Peers that are complete.", seeders={}),
    _gauge("torrents", "Torrents with a swarm.", torrents={}),
    Metric(
        "outpour_state_unsaved_counters",
        "gauge",
        "Counters of completed downloads that are not on disk yet.",
        {"unsaved": {}},
    ),
    _gauge("store_bytes", "Memory that the swarms take.", store_bytes={}),
)
