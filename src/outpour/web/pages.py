"""The pages that people look at, and the small files that their browsers ask for."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from outpour.web.assets import Assets
from outpour.web.context import context_of
from outpour.web.reply import reply

IMMUTABLE = "public, max-age=31536000, immutable"


async def healthz(request: Request) -> Response:
    """`/healthz`: the event loop answers, and so do the threads that answer announces.

    A node of a cluster is not healthy before it holds what the others hold.
    """
    view = context_of(request).view
    fault = view.fault() or view.unready()
    return PlainTextResponse(
        "ok\n" if fault is None else f"{fault}\n",
        status_code=200 if fault is None else 503,
        headers={"cache-control": "no-store"},
    )


async def robots(request: Request) -> Response:
    """`/robots.txt`: pages may be indexed, content need not be fetched for that."""
    context, links = context_of(request), context_of(request).links(request)
    prefix = context.options.prefix
    closed = ("announce", "scrape", "api/", "content/", "file", "metrics")
    lines = ["User-agent: *", *(f"Disallow: {prefix}/{path}" for path in closed)]
    lines.append(f"Sitemap: {links.absolute(links.at('/sitemap.xml'))}")
    return await reply(request, "\n".join(lines) + "\n", "text/plain", cache="max-age=3600")


async def favicon(request: Request) -> Response:
    """`/favicon.ico`."""
    context = context_of(request)
    body = context.assets.files["favicon.ico"]
    return await reply(request, body, "image/x-icon", cache="max-age=86400")


async def asset(request: Request) -> Response:
    """`/static/NAME`: a style, script or icon; for ever if the URL says which version."""
    context = context_of(request)
    name = request.path_params["name"]
    body = context.assets.files.get(name)
    if body is None:
        raise HTTPException(404)
    is_versioned = request.query_params.get("v") == context.assets.version(name)
    cache = IMMUTABLE if is_versioned else "no-cache"
    packed = context.assets.packed(name)
    return await reply(request, body, Assets.media_type(name), cache=cache, packed=packed)
