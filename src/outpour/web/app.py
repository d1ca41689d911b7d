"""Puts the web side together: routes, shared parts, what surrounds every answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from jinja2 import BaseLoader, Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, compile_path

from outpour.base.event import Event
from outpour.base.units import format_size
from outpour.tracker.site_settings import SiteSettings
from outpour.web import (
    pages,
    text_format,
    torrent_files,
    web_seed,
)
from outpour.web.access import ROOM_OF, Access, AccessRules
from outpour.web.api.administration import Admin
from outpour.web.api.api_table import ENDPOINTS, ROOT
from outpour.web.api.problem import Problem, problem_response
from outpour.web.assets import Assets
from outpour.web.content import PublishedContent
from outpour.web.content_copy import KnownCopies, NoCopies, without_login
from outpour.web.context import Context, context_of
from outpour.web.contract import View, WebOptions
from outpour.web.cross_origin import CrossOrigin
from outpour.web.feeds import feed_reply
from outpour.web.feeds.sitemap import sitemap
from outpour.web.forwarded import Forwarded
from outpour.web.headers import Secured, Unprefixed
from outpour.web.limits import GROUPS_SHOWN
from outpour.web.live_numbers import Live
from outpour.web.metrics.metrics_reply import metrics
from outpour.web.mirror_list import MirrorRegistry, host_of
from outpour.web.page_thread import PageThread
from outpour.web.query import CLASSIC, LISTED
from outpour.web.rendered_pages import RenderedPages
from outpour.web.reply import NOT_HERE
from outpour.web.row_fragments import RowFragments
from outpour.web.selections import Selections
from outpour.web.swarm_charts import SwarmCharts
from outpour.web.themed_templates import ThemedTemplates
from outpour.web.torrent_facts import FactsKept
from outpour.web.torrents import torrent_documents, torrent_page
from outpour.web.torrents.archives_sent import ArchivesSent
from outpour.web.torrents.drawn_swarms import DrawnSwarms
from outpour.web.torrents.file_tree import shown_paths, tree_of
from outpour.web.torrents.shown_files import FilesKept
from outpour.web.url_names import UrlNames
from outpour.web.visitors import latest, list_page
from outpour.web.visitors.beside import Beside, NothingBeside
from outpour.web.visitors.level_line import is_level
from outpour.web.visitors.linked_line import linked
from outpour.web.visitors.newest_of_groups import Groups
from outpour.web.visitors.prose import prose
from outpour.web.visitors.theme_folder import check_templates, theme_loader

if TYPE_CHECKING:
    from outpour.web.admin.console import Console

Handler = Callable[[Request], Awaitable[Response]]

ROUTES = (
    # They are tried in this order, and no room is asked for as often as this one.
    ("/content/{path:path}", web_seed.content),
    ("/content", web_seed.content),
    ("/", list_page.index),
    ("/index.html", list_page.index),
    ("/classic", list_page.classic),
    ("/latest/{glob:path}", latest.latest),
    ("/torrent/{infohash}", torrent_page.torrent),
    ("/torrent/{infohash}/swarm", torrent_page.swarm),
    ("/torrent/{infohash}/qr.svg", torrent_page.code),
    ("/torrents/{name}", torrent_documents.named),
    ("/file", torrent_files.classic_file),
    ("/metrics", metrics),
    ("/feed.xml", feed_reply.rss_feed),
    ("/feed.atom", feed_reply.atom_feed),
    ("/feed.json", feed_reply.json_items),
    ("/sitemap.xml", sitemap),
    ("/healthz", pages.healthz),
    ("/robots.txt", pages.robots),
    ("/favicon.ico", pages.favicon),
    ("/static/{name}", pages.asset),
)

ROOMS = frozenset(path.split("/")[1] for path in (ROOT, "/admin", *dict(ROUTES)))
"""The first components of all paths."""


def make_app(
    view: View,
    options: WebOptions | None = None,
    *,
    beside: Beside | None = None,
    copies: KnownCopies | None = None,
    administration: Admin | None = None,
    console: Console | None = None,
    rules: AccessRules | None = None,
    mirrors: MirrorRegistry | None = None,
    tell: Callable[[Event], None] = lambda _: None,
) -> Starlette:
    """Make the application of a view.

    All its handlers run on the event loop that serves it, and call the view there.

    Args:
        view: What is shown.
        options: What the operator decided.
        beside: The files that belong to content; None where there are none.
        copies: What is known of copies on other servers; None where nobody looks at them.
        administration: What the administrator may do; None where nobody is one.
        console: What the operator's pages stand on; None where there are none.
        rules: Who may see what; all may see everything by default.
        mirrors: The mirrors of a publisher; None where none register.
        tell: Told what goes wrong with the pages, on the event loop.

    Raises:
        ReadError: Logo or theme cannot be read.
        SettingsError: They are no such thing.
    """
    options, rules = options or WebOptions(), rules or AccessRules()
    beside = beside or NothingBeside()
    live = Live(view, beside, listeners_max=options.event_clients_max)
    thread = PageThread()
    themed = _themed(options.site, is_operated=console is not None)
    url_names, facts = UrlNames(view, thread), FactsKept(view)
    context = Context(
        view=view,
        options=options,
        beside=beside,
        copies=copies or NoCopies(),
        url_names=url_names,
        facts=facts,
        files=FilesKept(view, beside, shown_paths),
        content=PublishedContent(view, url_names, facts, beside),
        archives=ArchivesSent(),
        drawings=DrawnSwarms(view, thread),
        live=live,
        assets=Assets.load(options.site),
        templates=themed,
        tell=tell,
        thread=thread,
        pages=RenderedPages(thread),
        selections=Selections(thread),
        charts=SwarmCharts(view),
        rows=RowFragments(themed, "row.html"),
        classic_rows=RowFragments(themed, "classic_row.html"),
        groups=Groups(thread),
        admin=administration,
        console=console,
        mirrors=mirrors,
    )

    if console is not None:
        from outpour.web.admin.now_page import looking

        console.begin(looking(context, console), thread)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await live.close()
        if console is not None:
            await console.watchers.close()
        await context.charts.close()
        context.content.close()
        thread.close()

    app = Starlette(
        routes=_routes(is_operated=console is not None),
        middleware=_surroundings(options, rules),
        exception_handlers={HTTPException: refuse, Exception: own_up},
        lifespan=lifespan,
    )
    # `/torrents/x/` is another name than `/torrents/x`, not a misspelling of it.
    app.router.redirect_slashes = False
    app.state.context = context
    return app


def _surroundings(options: WebOptions, rules: AccessRules) -> list[Middleware]:
    """What every request passes, from the outside in."""
    return [
        Middleware(Forwarded, trusted=options.trusted_proxies),
        Middleware(Secured),
        Middleware(Unprefixed, prefix=options.prefix, rooms=ROOMS, is_key=rules.is_key),
        Middleware(CrossOrigin, is_public=partial(_is_public, rules), methods=_changing),
        Middleware(Access, rules=rules, rooms=ROOMS),
    ]


def _themed(site: SiteSettings, *, is_operated: bool) -> ThemedTemplates:
    own = None if site.theme is None else templates(is_operated=is_operated)
    return ThemedTemplates(templates(site, is_operated=is_operated), own, site.theme)


SHARED = tuple(
    compile_path(ROOT + one.path)[0]
    for one in ENDPOINTS
    if one.method == "GET" and not one.is_admin
)
"""What pages of other sites may read of the API, where it is open to all; so they may content and
feeds."""


CHANGING = tuple(
    (compile_path(ROOT + one.path)[0], one.method) for one in ENDPOINTS if one.method != "GET"
)


def _changing(path: str) -> list[str]:
    return [method for pattern, method in CHANGING if pattern.match(path)]


def _is_public(rules: AccessRules, path: str) -> bool:
    if path.startswith(f"{ROOT}/"):
        is_shared = any(shared.match(path) for shared in SHARED)
    else:
        is_shared = ROOM_OF.get(path.split("/")[1]) in ("api", "content")
    return is_shared and rules.level(path) == "open"


def _routes(*, is_operated: bool) -> list[Route]:
    routes = [Route(path, endpoint, methods=["GET"]) for path, endpoint in ROUTES]
    by_path: dict[str, dict[str, Handler]] = {}
    for one in ENDPOINTS:
        by_path.setdefault(ROOT + one.path, {})[one.method] = one
    if is_operated:
        from outpour.web.admin.admin_routes import ADMIN_PAGES

        for path, method, endpoint in ADMIN_PAGES:
            by_path.setdefault(path, {})[method] = endpoint
    # One route a path: the first that has the path answers a wrong method with 405.
    return [
        *routes,
        *(
            Route(path, _by_method(handlers), methods=list(handlers))
            for path, handlers in by_path.items()
        ),
    ]


def _by_method(handlers: dict[str, Handler]) -> Handler:
    async def handle(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await handlers[method](request)

    return handle


def templates(site: SiteSettings | None = None, *, is_operated: bool = True) -> Environment:
    """The pages with their filters. A name that a page misspells is an error, not a gap.

    Args:
        site: What the publisher decided; None for the package's own.
        is_operated: The operator's pages are among them. They are a megabyte that a tracker without
            an administrator need not hold.

    Raises:
        ReadError: A theme's template cannot be read.
        SettingsError: It is none.
    """
    loader: BaseLoader = PackageLoader("outpour.web")
    theme = site.theme if site is not None else None
    environment = Environment(
        loader=loader if theme is None else theme_loader(theme, loader),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        # A theme is tried out; the package may be replaced by another version while it runs.
        auto_reload=theme is not None,
    )
    environment.globals.update(
        classic_columns=CLASSIC,
        columns=LISTED,
        groups_shown=GROUPS_SHOWN,
        is_level=is_level,
        prose=prose,
        tree_of=tree_of,
    )
    environment.filters.update(
        count=text_format.count,
        day=text_format.day,
        iso=text_format.iso,
        label=text_format.label,
        linked=linked,
        mirror_host=host_of,
        minute=text_format.minute,
        size=format_size,
        without_login=without_login,
    )
    if is_operated or theme is not None:
        from outpour.web.admin.admin_filters import FILTERS

        environment.filters.update(FILTERS)
    if theme is not None:
        check_templates(theme, environment)
    return environment


async def own_up(request: Request, error: Exception) -> Response:
    """Say that a fault is ours; what it is stands in the log."""
    del error
    if request.scope["path"].startswith("/api/"):
        return problem_response(Problem("broken", "this is a bug in outpour; its log says more"))
    return PlainTextResponse("this is a bug in outpour\n", 500)


async def refuse(request: Request, error: Exception) -> Response:
    """Say what went wrong: a page to browsers, a problem to programs, the classic line to others.

    Programs are those who ask below `/api/`.
    """
    assert isinstance(error, HTTPException)
    status, headers = error.status_code, error.headers
    if request.scope["path"].startswith("/api/"):
        return problem_response(error)
    if status == 404 and "text/html" in request.headers.get("accept", ""):
        return await context_of(request).page(request, "missing.html", {}, status=404)
    text = NOT_HERE if status == 404 else f"{error.detail}\n"
    return PlainTextResponse(text, status, headers)
