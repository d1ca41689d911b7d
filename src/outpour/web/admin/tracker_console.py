"""The operator's pages of a tracker, put together."""

from __future__ import annotations

from outpour.tracker.service import TrackerService
from outpour.web.admin.admin_access import AdminAccess
from outpour.web.admin.console import Console
from outpour.web.admin.networks_panel import networks_panel


def tracker_console(service: TrackerService, access: AdminAccess | None) -> Console | None:
    """What the pages of a started tracker stand on; None where nobody is an administrator."""
    if access is None:
        return None
    console = Console(access, service.operation, service.usage)
    if service.settings.show_networks:
        console.also_show(networks_panel(service.rows, service.peers))
    return console
