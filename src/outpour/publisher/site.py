"""The web side of a publication: put together, and served with its tracker until a signal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack

from starlette.applications import Starlette

from outpour.base.event import Event
from outpour.publisher.public_urls import PublicUrls
from outpour.publisher.publish_events import Noted, Serving
from outpour.publisher.published_beside import PublishedBeside
from outpour.publisher.published_view import PublishedView
from outpour.tracker.service import TrackerService
from outpour.web.access import AccessRules
from outpour.web.admin.mirrors_panel import mirrors_panel
from outpour.web.admin.tracker_console import tracker_access, tracker_console
from outpour.web.api.administration import Deeds
from outpour.web.api.tracker_administration import tracker_administration
from outpour.web.app import make_app
from outpour.web.content_copy import KnownCopies
from outpour.web.contract import WebOptions
from outpour.web.logs.request_logs import RequestLogs
from outpour.web.metrics.metrics_server import MetricsServer
from outpour.web.mirror_list import MirrorRegistry
from outpour.web.serve_until_signal import serve


class Site:
    """The web side of a publication.

    Args:
        tracker: Started; it is stopped when the site has ended.
        app: Answers requests.
        tell: Told of logs that cannot be written.
        stack: Closes what was opened.
    """

    def __init__(
        self,
        tracker: TrackerService,
        app: Starlette,
        tell: Callable[[Event], None],
        stack: ExitStack,
    ) -> None:
        self._tracker = tracker
        self._app = app
        self._tell = tell
        self._numbers = MetricsServer(tracker.settings.metrics_addresses)
        stack.callback(self._numbers.close)
        self._logs = RequestLogs(tracker.settings, tracker, lambda text: tell(Noted(text)))

    async def serve(
        self, ready: Serving, urls: PublicUrls, works: Sequence[Callable[[], Awaitable[None]]]
    ) -> None:
        """Serve until a signal.

        Args:
            ready: Told once everything is served.
            urls: Whose doubt is told then.
            works: What else runs meanwhile.
        """

        def tell_ready() -> None:
            self._tell(ready)
            if urls.doubt is not None:
                self._tell(Noted(urls.doubt))

        try:
            await serve(
                self._tracker,
                self._logs.wrap(self._app),
                on_ready=tell_ready,
                on_hangup=self._logs.reopen,
                alongside=[*works, self._logs.run, lambda: self._numbers.run(self._app)],
                trusted_proxies=self._tracker.settings.trusted_proxies,
            )
        finally:
            self._logs.close()


def site_app(
    name: str,
    tracker: TrackerService,
    view: PublishedView,
    beside: PublishedBeside,
    deeds: Deeds,
    copies: KnownCopies | None = None,
    mirrors: MirrorRegistry | None = None,
) -> Starlette:
    """Put the application together; `name` is its title where the settings have none."""
    settings = tracker.settings
    access = tracker_access(tracker)
    console = tracker_console(tracker, access)
    if console is not None and mirrors is not None:
        known = mirrors
        console.also_show(lambda: mirrors_panel(known.listed(), tracker.now()))
    web = WebOptions(
        site=settings.site,
        name=name,
        public_url=settings.public_url,
        trusted_proxies=settings.trusted_proxies,
    )
    return make_app(
        view,
        web,
        beside=beside,
        administration=tracker_administration(tracker, access, deeds),
        console=console,
        rules=AccessRules(settings.levels, tracker.is_key, access),
        copies=copies,
        mirrors=mirrors,
        tell=tracker.tell,
    )
