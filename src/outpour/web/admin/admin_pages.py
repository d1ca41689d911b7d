"""The way into the operator's pages, and what all of them have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from outpour.web.access import KEY
from outpour.web.admin.admin_access import (
    Known,
    cookie_of,
    is_of_this_site,
)
from outpour.web.admin.console import Console
from outpour.web.admin.form import Form
from outpour.web.admin.wrong_tokens import TooSoonError
from outpour.web.context import Context, context_of

OFF = "the operator's pages are off: they need `admin_token_file`"
PAGES = (
    ("/admin", "Now"),
    ("/admin/refusals", "Refusals"),
    ("/admin/history", "History"),
    ("/admin/events", "Events"),
    ("/admin/torrents", "Torrents"),
    ("/admin/web-seeds", "Web seeds"),
    ("/admin/rules", "Rules"),
    ("/admin/keys", "Keys"),
    ("/admin/rates", "Rates"),
)
"""Path and name of what stands in the menu."""
HEADERS = {
    "cache-control": "no-store",
    # Without it a browser names no origin with a form, and nobody else needs to know these paths.
    "referrer-policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of an administrator.

    Attributes:
        request: Itself.
        known: Who it is.
        console: What the pages stand on.
    """

    request: Request
    known: Known
    console: Console

    @property
    def context(self) -> Context:
        """The parts of the application."""
        return context_of(self.request)

    async def page(
        self, template: str, values: Mapping[str, object], *, status: int = 200
    ) -> Response:
        """Answer with a page."""
        shown = {"known": self.known, "pages": PAGES, "here": self.request.scope["path"]}
        return await _page(self.request, template, {**shown, **values}, status)


Page = Callable[[Visit], Awaitable[Response]]
Handler = Callable[[Request], Awaitable[Response]]


def shown(page: Page) -> Handler:
    """Let administrators see a page, and send others to the login."""

    async def handle(request: Request) -> Response:
        console = console_of(request)
        try:
            known = console.access.known(request)
        except TooSoonError as error:
            return await _login_page(request, _wait(error), 429, error.wait_s)
        if known is None:
            return _to_login(request)
        return await page(Visit(request, known, console))

    return handle


def console_of(request: Request) -> Console:
    """The console of the application.

    Raises:
        HTTPException: There is none.
    """
    # The cookie is bound to the path without a key.
    request.scope.pop(KEY, None)
    console = context_of(request).console
    if console is None:
        raise HTTPException(404, OFF)
    return console


async def login_form(request: Request) -> Response:
    """`GET /admin/login`: where the token is asked for."""
    console_of(request)
    return await _login_page(request, "", 200)


async def log_in(request: Request) -> Response:
    """`POST /admin/login`: a session for who has the token."""
    access = console_of(request).access
    form = await Form.of(request)
    if not is_of_this_site(request):
        return await _login_page(request, "This form came from another site.", 403)
    try:
        is_right = access.is_token(form.text("token"), request)
    except TooSoonError as error:
        return await _login_page(request, _wait(error), 429, error.wait_s)
    if not is_right:
        return await _login_page(request, "That is not the administrator's token.", 401)
    secret = access.begin(form.text("token"), request)
    target = form.text("next")
    answer = redirect(request, target if target in dict(PAGES) else "/admin")
    answer.headers["set-cookie"] = cookie_of(request, context_of(request).options, secret)
    return answer


async def log_out(visit: Visit, form: Form) -> Response:
    """`POST /admin/logout`: end the session."""
    del form
    request = visit.request
    visit.console.access.sessions.end(visit.known.secret)
    answer = redirect(request, "/admin/login")
    answer.headers["set-cookie"] = cookie_of(request, visit.context.options, None)
    return answer


Change = Callable[[Visit, Form], Awaitable[Response]]


def changing(change: Change) -> Handler:
    """Let administrators send a form, if it is from a page of ours."""

    async def handle(visit: Visit) -> Response:
        form = await Form.of(visit.request)
        if not visit.known.may_change(visit.request, form):
            problem = "This form is not from a page of this session. Nothing was changed."
            return await visit.page("admin/refused.html", {"problem": problem}, status=403)
        return await change(visit, form)

    return shown(handle)


async def _login_page(
    request: Request, problem: str, status: int, wait_s: int | None = None
) -> Response:
    path = request.scope["path"]
    asked = request.query_params.get("next", "") if path == "/admin/login" else path
    answer = await _page(request, "admin/login.html", {"problem": problem, "next": asked}, status)
    if wait_s is not None:
        answer.headers["retry-after"] = str(wait_s)
    return answer


def _wait(error: TooSoonError) -> str:
    unit = "second" if error.wait_s == 1 else "seconds"
    return f"Too many wrong tokens came from your address. Try again in {error.wait_s} {unit}."


def _to_login(request: Request) -> Response:
    path = request.scope["path"]
    links = context_of(request).links(request)
    target = links.at("/admin/login", next="" if path == "/admin" else path)
    return RedirectResponse(target, 303, HEADERS)


def redirect(request: Request, path: str, **query: str) -> Response:
    """Lead to one of the pages."""
    return RedirectResponse(context_of(request).links(request).at(path, **query), 303, HEADERS)


async def _page(
    request: Request, template: str, values: Mapping[str, object], status: int
) -> Response:
    answer = await context_of(request).page(request, template, dict(values), status=status)
    answer.headers.update(HEADERS)
    return answer
