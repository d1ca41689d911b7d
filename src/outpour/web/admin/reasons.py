"""Why requests are refused, in the words of the operator's pages: each reason once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PREFIX = "refused_"
"""Of the names that the core counts refusals under."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a request is refused.

    Attributes:
        key: As the core calls it.
        label: In a table.
        because: After "because".
        remedy: What an operator does about it.
        kinds: Of events that may be the cause.
    """

    key: str
    label: str
    because: str
    remedy: str
    kinds: tuple[str, ...]


_ALL = (
    Reason(
        "torrent",
        "torrent not tracked",
        "the torrent is not tracked",
        "Peers ask for torrents that are not, or no longer, in the allowed set. Put the .torrent "
        "back into the folder or the infohash into the list, or allow it here.",
        ("torrents", "lists", "administrator"),
    ),
    Reason(
        "key",
        "no valid key",
        "no valid key came with them",
        "Their key was revoked, has expired, or never was one. Give them a new one.",
        ("lists", "administrator"),
    ),
    Reason(
        "client",
        "client turned away",
        "their client is turned away",
        "The beginning of their peer id is in `denied_clients` or the list of clients.",
        ("lists", "administrator"),
    ),
    Reason(
        "address",
        "address turned away",
        "their address is turned away",
        "The address is in a list of those turned away, or not in the list of those admitted.",
        ("lists", "administrator"),
    ),
    Reason(
        "rate",
        "too many requests",
        "their address asks too often",
        "`requests_per_address_per_s` is the limit. Behind a proxy that is not trusted, all who "
        "come through it count as one.",
        ("administrator", "network"),
    ),
    Reason(
        "full",
        "no room",
        "there is no room for more",
        "A limit such as `torrents_max`, `peers_max` or `peers_per_address_max` is reached.",
        ("administrator", "state"),
    ),
    Reason(
        "malformed",
        "malformed",
        "they cannot be understood",
        "Programs that are no BitTorrent clients, or broken ones, ask here.",
        ("network",),
    ),
    Reason(
        "connection_id",
        "stale connection id",
        "their UDP connection id is not good any more",
        "Clients ask for a new one and come back; many at once after a restart are no fault.",
        ("state", "administrator"),
    ),
    Reason(
        "full_scrape",
        "scrape of all torrents",
        "they ask for all torrents at once",
        "`full_scrape` lets everybody ask for all.",
        ("administrator",),
    ),
)
REASONS: Mapping[str, Reason] = {reason.key: reason for reason in _ALL}


def reason_of(key: str) -> Reason:
    """The words for a reason, also for one that has none yet."""
    known = REASONS.get(key)
    words = key.replace("_", " ")
    return known or Reason(key, words, f"of “{words}”", "", ())


def refused_by_reason(counts: Mapping[str, float]) -> dict[str, float]:
    """How many were refused by each reason, in the order of the table."""
    found = {
        name.removeprefix(PREFIX): count
        for name, count in counts.items()
        if name.startswith(PREFIX) and count
    }
    known = [key for key in REASONS if key in found]
    return {key: found[key] for key in (*known, *sorted(found.keys() - REASONS.keys()))}


def refused(counts: Mapping[str, float]) -> float:
    """How many were refused."""
    return sum(count for name, count in counts.items() if name.startswith(PREFIX))
