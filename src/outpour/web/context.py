"""What all handlers of one application share."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from outpour.base.event import Event
from outpour.web import text_format
from outpour.web.assets import Assets
from outpour.web.content import PublishedContent
from outpour.web.content_copy import ContentCopy, KnownCopies, copies_of
from outpour.web.contract import View, WebOptions
from outpour.web.links import Links
from outpour.web.live_numbers import Live
from outpour.web.mirror_list import MirrorRegistry
from outpour.web.page_thread import PageThread
from outpour.web.rendered_pages import Rendered, RenderedPages
from outpour.web.reply import reply, weak_tag
from outpour.web.row_fragments import RowFragments
from outpour.web.selections import Selections
from outpour.web.swarm_charts import SwarmCharts
from outpour.web.themed_templates import ThemedTemplates
from outpour.web.torrent_facts import FactsKept
from outpour.web.torrents.archives_sent import ArchivesSent
from outpour.web.torrents.drawn_swarms import DrawnSwarms
from outpour.web.torrents.shown_files import FilesKept
from outpour.web.url_names import UrlNames
from outpour.web.visitors.beside import Beside
from outpour.web.visitors.newest_of_groups import Groups

if TYPE_CHECKING:
    from outpour.web.admin.console import Console
    from outpour.web.api.administration import Admin


@dataclass(frozen=True, slots=True)
class Clock:
    """The server time of a page, to the minute."""

    iso: str
    minute: str


# Nobody can write it into a name, so nothing but the time of the page is taken for it.
_UNSET = Clock(f"iso-{secrets.token_hex(16)}", f"minute-{secrets.token_hex(16)}")


@dataclass(frozen=True, slots=True)
class Context:
    """The parts of the application.

    Attributes:
        view: The service behind the pages.
        options: What the operator decided.
        beside: The files that belong to content.
        copies: What is known of copies on other servers.
        url_names: The view's torrents by name.
        facts: What is known of a torrent beside its row.
        files: What is known of a torrent's files beside its metainfo.
        content: The files themselves.
        drawings: Drawings of swarms on their pages.
        archives: Counts the archives of folders that are being sent.
        live: Who listens to changing numbers.
        assets: Styles, scripts and icons.
        templates: The pages.
        tell: Told what goes wrong with them.
        thread: Where pages are put together.
        pages: Pages as they were put together last.
        selections: Rows in the orders that were asked for.
        charts: Drawings of histories.
        rows: Rows of the page.
        classic_rows: Rows of the classic page.
        groups: The groups of all torrents.
        admin: What an administrator may do; None where nobody is one.
        console: What the operator's pages stand on; None where there are none.
        mirrors: The mirrors of a publisher; None where none register.
    """

    view: View
    options: WebOptions
    beside: Beside
    copies: KnownCopies
    url_names: UrlNames
    facts: FactsKept
    files: FilesKept
    content: PublishedContent
    archives: ArchivesSent
    drawings: DrawnSwarms
    live: Live
    assets: Assets
    templates: ThemedTemplates
    tell: Callable[[Event], None]
    thread: PageThread
    pages: RenderedPages
    selections: Selections
    charts: SwarmCharts
    rows: RowFragments
    classic_rows: RowFragments
    groups: Groups
    admin: Admin | None = None
    console: Console | None = None
    mirrors: MirrorRegistry | None = None

    def links(self, request: Request) -> Links:
        """The URLs for one request."""
        return Links.of(request.scope, self.options)

    def copies_of(
        self, links: Links, infohash: bytes, named: Sequence[str]
    ) -> tuple[ContentCopy, ...]:
        """The copies of a torrent on other servers, `named` among them: its web seeds."""
        own = links.absolute(links.content(()))
        return copies_of(self.copies, infohash, named, own)

    async def page(
        self,
        request: Request,
        template: str,
        values: dict[str, object],
        *,
        key: Hashable = None,
        status: int = 200,
    ) -> Response:
        """Answer with a rendered page.

        Args:
            request: What is answered.
            template: Of the page.
            values: What it shows, in values that can be compared.
            key: Which page of the template, where it is to be kept until its values change.
            status: Of the answer.
        """
        links = self.links(request)
        minute = int(self.view.now()) // 60

        def render() -> Rendered:
            return self._rendered(template, links, minute * 60, values)

        if key is None:
            page = await self.thread.run(render)
        else:
            page = await self.pages.get((template, links, key), (minute, values), render)
        for failure in self.templates.take_failures():
            self.tell(failure)
        return await reply(
            request,
            page.raw,
            "text/html",
            status=status,
            packed=page.packed,
            headers={"etag": page.tag} if status == 200 else None,
        )

    def _text(self, template: str, links: Links, values: dict[str, object]) -> str:
        given = {
            "context": self,
            "links": links,
            "asset": lambda name: links.at(f"/static/{name}", v=self.assets.version(name)),
            "version": self.view.version,
            "clock": _UNSET,
            **values,
        }
        return self.templates.render(template, given)

    def _rendered(
        self, template: str, links: Links, now: int, values: dict[str, object]
    ) -> Rendered:
        text = self._text(template, links, values)
        # A page of another minute is no other page: who has it need not fetch it again.
        tag = weak_tag(_with_clock(text, Clock("", "")).encode("utf-8", "replace"))
        clock = Clock(text_format.iso(now), text_format.minute(now))
        return Rendered.of(_with_clock(text, clock), tag)


def _with_clock(text: str, clock: Clock) -> str:
    return text.replace(_UNSET.iso, clock.iso).replace(_UNSET.minute, clock.minute)


def context_of(request: Request) -> Context:
    """The context that a request came to."""
    context = request.app.state.context
    assert isinstance(context, Context)
    return context
