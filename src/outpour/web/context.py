"""What all handlers of one application share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import Response

from outpour.web.assets import Assets
from outpour.web.contract import View, WebOptions
from outpour.web.links import Links
from outpour.web.live_numbers import Live
from outpour.web.reply import reply
from outpour.web.url_names import UrlNames

if TYPE_CHECKING:
    from outpour.web.admin_api import Admin


@dataclass(frozen=True, slots=True)
class Context:
    """The parts of the application.

    Attributes:
        view: The service behind the pages.
        options: What the operator decided.
        url_names: The view's torrents by name.
        live: Who listens to changing numbers.
        assets: Styles, scripts and icons.
        templates: The pages.
        admin: What an administrator may do; None where nobody is one.
    """

    view: View
    options: WebOptions
    url_names: UrlNames
    live: Live
    assets: Assets
    templates: Environment
    admin: Admin | None = None

    def links(self, request: Request) -> Links:
        """The URLs for one request."""
        return Links.of(request.scope, self.options)

    async def page(
        self, request: Request, template: str, *, status: int = 200, **values: object
    ) -> Response:
        """Answer with a rendered page."""
        links = self.links(request)
        body = self.templates.get_template(template).render(
            context=self,
            links=links,
            asset=lambda name: links.at(f"/static/{name}", v=self.assets.version(name)),
            version=self.view.version,
            now=self.view.now(),
            **values,
        )
        return await reply(request, body, "text/html", status=status)


def context_of(request: Request) -> Context:
    """The context that a request came to."""
    context = request.app.state.context
    assert isinstance(context, Context)
    return context
