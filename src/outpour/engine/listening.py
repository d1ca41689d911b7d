"""How a new session begins: what its rates hold for, and what is said when no port is free."""

from __future__ import annotations

from outpour.base.errors import NetworkError
from outpour.engine.binding import lt
from outpour.engine.engine_events import ListenFailed

GLOBAL_CLASS = 1 << 0
"""Bit of the peer class that the global rate limits apply to."""


def limit_all_peers(session: lt.session) -> None:
    """Have the rate limits hold for every peer.

    libtorrent has the local network in a class of its own without limits, and a limit that holds
    for some peers only is a surprise.
    """
    everyone = lt.ip_filter()
    everyone.add_rule("0.0.0.0", "255.255.255.255", GLOBAL_CLASS)  # noqa: S104
    everyone.add_rule("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", GLOBAL_CLASS)
    session.set_peer_class_filter(everyone)


def cannot_listen(failure: ListenFailed) -> NetworkError:
    """Build the error of an address that cannot be listened on."""
    return NetworkError(
        f"`{failure.address}`: cannot listen: {failure.message}",
        hint="choose another port, or 0 to let the system choose",
    )
