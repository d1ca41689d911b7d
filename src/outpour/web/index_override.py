"""What an operator puts in front of the pages: another page, or an icon of one's own."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from outpour.base.errors import ReadError, SettingsError, reason

INDEX = ("/", "/index.html")
FAVICON_BYTES_MAX = 1 << 20


class IndexOverride:
    """An ASGI application around another.

    Args:
        app: Answers everything else.
        redirect: URL to which the index leads instead.
        favicon: Image file to serve as `/favicon.ico`.

    Raises:
        ReadError: The image cannot be read.
        SettingsError: It is too large to be an icon.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        redirect: str | None = None,
        favicon: Path | None = None,
    ) -> None:
        self._app = app
        self._answers: dict[str, Response] = {}
        if redirect:
            self._answers = {path: RedirectResponse(redirect, 302) for path in INDEX}
        if favicon is not None:
            self._answers["/favicon.ico"] = _icon(favicon)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the application answer."""
        answer = None
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            answer = self._answers.get(scope["path"])
        await (answer or self._app)(scope, receive, send)


def _icon(path: Path) -> Response:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ReadError(f"`{path}`: {reason(error)}") from error
    if len(content) > FAVICON_BYTES_MAX:
        raise SettingsError(f"`{path}`: over {FAVICON_BYTES_MAX} bytes, too large for an icon")
    kind = mimetypes.guess_type(path.name)[0] or "image/x-icon"
    return Response(content, media_type=kind, headers={"cache-control": "max-age=86400"})
