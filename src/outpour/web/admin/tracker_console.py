"""The operator's pages of a tracker, put together, and who may see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outpour.tracker.lists.admin_token import Token
from outpour.tracker.service import TrackerService
from outpour.web.admin.admin_access import AdminAccess

if TYPE_CHECKING:
    from outpour.web.admin.console import Console


def tracker_access(service: TrackerService) -> AdminAccess | None:
    """What knows the administrators of a tracker; None where its settings name no token.

    Raises:
        ReadError: The token cannot be read.
    """
    file = service.settings.admin_token_file
    return None if file is None else AdminAccess(Token(file), service.tell)


def tracker_console(service: TrackerService, access: AdminAccess | None) -> Console | None:
    """What the pages of a started tracker stand on; None where nobody is an administrator."""
    if access is None:
        return None
    from outpour.web.admin.cluster_panel import nodes_panel, servers_panel
    from outpour.web.admin.console import Console
    from outpour.web.admin.latency_panel import latency_panel
    from outpour.web.admin.networks_panel import networks_panel

    console = Console(access, service.operation, service.usage)
    console.also_show(latency_panel(service.usage.lately))
    if service.settings.show_networks:
        console.also_show(networks_panel(service.rows, service.peers))
    if service.cluster is not None:
        console.also_show(nodes_panel(service.cluster_figures))
        console.also_show(servers_panel(service.cluster_figures))
    return console
