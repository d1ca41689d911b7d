"""Requests by what became of them, how long answers take, and which clients ask.

However many names strangers make up, the labels are those of fixed tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from outpour.tracker.usage_figures import Latency, RequestCount
from outpour.tracker.views.usage_book import UsageBook
from outpour.web.metrics.prometheus_text import Family, Labels

PREFIX = "outpour_tracker_"
BY_RESULT = (
    ("announce", "announces", "Announces by what became of them: `answered` or `refused`."),
    ("scrape", "scrapes", "Scrapes by what became of them: `answered` or `refused`."),
)


def request_metrics(usage: UsageBook) -> tuple[Family, ...]:
    """Take the numbers of this moment; to be called where the tracker is."""
    counts = usage.request_counts()
    names, agents = usage.client_names(), usage.agent_names()
    return (
        *_by_result(counts),
        _connects(counts),
        _refused(counts),
        _latencies(usage.latencies()),
        _clients("client", "peer id", names),
        _clients("agent", "`User-Agent`, over HTTP", agents),
    )


def _by_result(counts: Iterable[RequestCount]) -> Iterator[Family]:
    for request, name, text in BY_RESULT:
        sums: dict[tuple[str, str, str], int] = {}
        for row in counts:
            if row.request == request:
                result = "answered" if row.reason is None else "refused"
                key = row.protocol, row.family, result
                sums[key] = sums.get(key, 0) + row.count
        values = tuple(
            ({"protocol": protocol, "family": family, "result": result}, count)
            for (protocol, family, result), count in sums.items()
        )
        yield Family(f"{PREFIX}{name}_total", "counter", text, values)


def _connects(counts: Iterable[RequestCount]) -> Family:
    values = tuple(
        ({"protocol": row.protocol, "family": row.family}, row.count)
        for row in counts
        if row.request == "connect"
    )
    return Family(
        f"{PREFIX}connects_total", "counter", "Connection ids given out (BEP 15).", values
    )


def _refused(counts: Iterable[RequestCount]) -> Family:
    values = tuple(
        (
            {
                "protocol": row.protocol,
                "family": row.family,
                "request": row.request,
                "reason": row.reason,
            },
            row.count,
        )
        for row in counts
        if row.reason is not None
    )
    return Family(
        f"{PREFIX}refused_total", "counter", "Requests refused, by what stood against them.", values
    )


def _latencies(latencies: Iterable[Latency]) -> Family:
    values: list[tuple[Labels, float, str]] = []
    for one in latencies:
        labels = {"protocol": one.protocol}
        below = 0
        for bound, count in one.buckets:
            below += count
            values.append(({**labels, "le": repr(bound)}, below, "_bucket"))
        values.append(({**labels, "le": "+Inf"}, one.count, "_bucket"))
        values.append((labels, round(one.sum_s, 9), "_sum"))
        values.append((labels, one.count, "_count"))
    return Family(
        f"{PREFIX}answer_seconds",
        "histogram",
        "Time from a batch of requests being read to its answers being handed to the system, of "
        "each request in one batch of 16.",
        tuple(values),
    )


def _clients(label: str, by: str, names: Mapping[str, int]) -> Family:
    # The first announce of a client is a step up from nothing, and seen as such.
    found = {"other": 0, **names}
    values = tuple(({label: name}, count) for name, count in sorted(found.items()))
    text = f"Announces answered, by the client as told from its {by}; estimated from samples."
    return Family(f"{PREFIX}{label}_announces_total", "counter", text, values)
