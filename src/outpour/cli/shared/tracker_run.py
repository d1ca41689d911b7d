"""One run of a tracker from the command line, shared by `outpour track` and `bttrack`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from starlette.types import ASGIApp

from outpour.base.event import Event
from outpour.base.host_port import format_host_port
from outpour.base.priority import give_way
from outpour.cli.shared.printer import Printer
from outpour.cli.shared.waiting_lines import saying_so
from outpour.tracker.deeds import TrackerDeeds
from outpour.tracker.service import TrackerService
from outpour.tracker.settings import TrackerSettings
from outpour.tracker.state import dfile
from outpour.web.access import AccessRules
from outpour.web.admin.tracker_console import tracker_access, tracker_console
from outpour.web.api.tracker_administration import tracker_administration
from outpour.web.app import make_app
from outpour.web.contract import WebOptions
from outpour.web.index_override import IndexOverride
from outpour.web.logs.request_logs import RequestLogs
from outpour.web.metrics.metrics_server import MetricsServer
from outpour.web.serve_until_signal import serve
from outpour.web.visitors.folder_readme import FolderReadme

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


class TrackerRun:
    """A tracker that is started, told about and served.

    Args:
        printer: Where to talk.
        settings: What the operator chose.
        on_event: Told what happens.
        log_max: How many answered requests may wait to be written down; 0 for none.

    Raises:
        ReadError: The administrator's token cannot be read.
    """

    def __init__(
        self,
        printer: Printer,
        settings: TrackerSettings,
        *,
        on_event: Callable[[Event], None],
        log_max: int = 0,
    ) -> None:
        self._printer = printer
        self._settings = settings
        self.service = TrackerService(settings, on_event=on_event, log_max=log_max)
        self._access = tracker_access(self.service)

    def start(self) -> None:
        """Bind and begin to answer.

        Raises:
            OutpourError: An address, the set or the state cannot be used.
        """
        with saying_so(self._printer, "reading torrents, lists and state"):
            self.service.start()
        try:
            self._numbers = MetricsServer(self._settings.metrics_addresses)
            self._logs = RequestLogs(self._settings, self.service, self._printer.note)
        except BaseException:
            self.service.stop()
            raise

    def take_over(self, path: Path) -> None:
        """Take over the state of a classic tracker.

        Raises:
            ReadError: The file cannot be read; the tracker is stopped.
        """
        try:
            found = dfile.read(path)
        except BaseException:
            self.service.stop()
            raise
        self.service.dfile_contents().adopt(found)
        self._printer.talk(
            f"took over {len(found.completed)} counters from `{path}`"
            + (f", left out {found.skipped} bad entries" if found.skipped else "")
            + (f"; its peers cannot be read: {found.damage}" if found.damage else "")
        )

    def serve(
        self,
        *,
        redirect: str | None = None,
        wrap: Callable[[ASGIApp], ASGIApp] = lambda app: app,
        on_hangup: Callable[[], None] = lambda: None,
        is_classic: bool = False,
        alongside: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        """Serve until a signal ends it, and save.

        Args:
            redirect: Where `/` leads instead of the page.
            wrap: Put around the web side.
            on_hangup: Called on SIGHUP.
            is_classic: `/` is the page of the classic trackers.
            alongside: What else runs meanwhile.

        Raises:
            WriteError: Not all could be saved at the end.
        """
        settings = self._settings
        logs, numbers = self._logs, self._numbers
        try:
            front = self._front(redirect, is_classic=is_classic)
        except BaseException:
            # What was begun is to end as it would after a signal.
            self.service.stop()
            numbers.close()
            logs.close()
            raise

        def hang_up() -> None:
            logs.reopen()
            on_hangup()

        give_way()
        try:
            asyncio.run(
                serve(
                    self.service,
                    logs.wrap(wrap(front)),
                    on_ready=self._tell_addresses,
                    on_hangup=hang_up,
                    alongside=[*alongside, logs.run, lambda: numbers.run(self._app)],
                    trusted_proxies=settings.trusted_proxies,
                )
            )
        finally:
            numbers.close()
            logs.close()

    def _front(self, redirect: str | None, *, is_classic: bool) -> ASGIApp:
        """Make the web side.

        Raises:
            SettingsError: A setting of it is wrong.
        """
        settings, service = self._settings, self.service
        udp = service.udp_addresses
        options = WebOptions(
            site=settings.site,
            is_classic=is_classic,
            public_url=settings.public_url,
            trusted_proxies=settings.trusted_proxies,
            is_open=settings.open and settings.key_list is None,
            udp_port=udp[0][1] if udp else None,
        )
        deeds = TrackerDeeds(service)
        deeds.begin()
        self._app = make_app(
            service,
            options,
            beside=None if settings.allowed_dir is None else FolderReadme(settings.allowed_dir),
            administration=tracker_administration(service, self._access, deeds),
            console=tracker_console(service, self._access),
            rules=self._rules(),
            tell=service.tell,
        )
        return IndexOverride(self._app, redirect=redirect, favicon=settings.favicon)

    def _rules(self) -> AccessRules:
        return AccessRules(self._settings.levels, self.service.is_key, self._access)

    def _tell_addresses(self) -> None:
        for host, port in self.service.http_addresses:
            where = format_host_port(_ANY.get(host, host), port)
            everywhere = " (all interfaces)" if host in _ANY else ""
            self._printer.talk(f"tracker: http://{where}/announce{everywhere}")
        for host, port in self.service.udp_addresses:
            where = format_host_port(_ANY.get(host, host), port)
            everywhere = " (all interfaces)" if host in _ANY else ""
            self._printer.talk(f"tracker: udp://{where}/announce{everywhere}")
        for host, port in self._numbers.addresses:
            self._printer.talk(f"metrics: http://{format_host_port(host, port)}/metrics")
        if self._settings.levels["page"] != "off" and self.service.http_addresses:
            host, port = self.service.http_addresses[0]
            where = format_host_port(_ANY.get(host, host), port)
            self._printer.talk("page: ", ("bold", f"http://{where}/"))
        self._printer.flush()
