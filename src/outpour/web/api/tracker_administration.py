"""What the administrator of a tracker may do by the API, put together."""

from __future__ import annotations

import time

from outpour.tracker.lists.keys_in_force import Keyring
from outpour.tracker.service import TrackerService
from outpour.web.admin.admin_access import AdminAccess
from outpour.web.api.administration import Admin, Deeds
from outpour.web.api.who_asks import AccessAsks


def tracker_administration(
    service: TrackerService, access: AdminAccess | None, deeds: Deeds
) -> Admin | None:
    """What may be done to a started tracker; None where nobody is an administrator.

    Args:
        service: The tracker.
        access: Knows its administrators.
        deeds: What else than lists and keys they may change.
    """
    if access is None:
        return None
    keys = service.settings.key_list
    return Admin(
        AccessAsks(access),
        Keyring(keys, service.refresh, time.time) if keys else None,
        service.ruling,
        deeds,
    )
