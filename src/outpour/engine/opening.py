"""Opens a session of libtorrent, and says why it cannot listen."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from typing import Any

from outpour.base.errors import NetworkError
from outpour.engine.alerts import alert_mask
from outpour.engine.binding import lt
from outpour.engine.engine_events import ListenFailed
from outpour.engine.engine_settings import EngineSettings, settings_pack
from outpour.engine.source_address import check_interface

GLOBAL_CLASS = 1 << 0
"""Bit of the peer class that the global rate limits apply to."""


def open_session(settings: EngineSettings) -> lt.session:
    """Start a session; which addresses it listens on, it tells by alerts.

    Raises:
        NetworkError: The machine has no such interface.
    """
    if settings.interface is not None:
        check_interface(settings.interface)
    if settings.ca_file is not None:
        # libtorrent has no setting for it, and its TLS reads this.
        os.environ["SSL_CERT_FILE"] = str(settings.ca_file.absolute())
    params = lt.session_params()
    pack: Any = settings_pack(settings, alert_mask=alert_mask(own_content=settings.own_content))
    params.settings = pack
    session = lt.session(params)
    _limit_all_peers(session)
    if settings.blocked:
        block(session, settings.blocked)
    return session


def block(session: lt.session, ranges: Iterable[tuple[str, str]]) -> None:
    """Have a session have nothing to do with addresses, and with those alone."""
    blocked = lt.ip_filter()
    for first, last in ranges:
        blocked.add_rule(first, last, 1)
    session.set_ip_filter(blocked)


def _limit_all_peers(session: lt.session) -> None:
    # libtorrent has the local network in a class of its own without limits, and a limit that holds
    # for some peers only is a surprise.
    everyone = lt.ip_filter()
    everyone.add_rule("0.0.0.0", "255.255.255.255", GLOBAL_CLASS)  # noqa: S104
    everyone.add_rule("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", GLOBAL_CLASS)
    session.set_peer_class_filter(everyone)


def cannot_listen(failure: ListenFailed) -> NetworkError:
    """Build the error of an address that cannot be listened on."""
    hint = "choose another port, or 0 to let the system choose"
    if os.strerror(errno.EADDRNOTAVAIL).lower() in failure.message.lower():
        hint = "no interface of this machine has that address; `--bind` names one that has"
    if os.strerror(errno.EINVAL).lower() in failure.message.lower():
        hint = "a link-local address needs its interface, as in `fe80::1%eth0`"
    return NetworkError(f"`{failure.address}`: cannot listen: {failure.message}", hint=hint)
