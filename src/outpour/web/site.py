"""What all handlers of one application share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import Response

from outpour.web.assets import Assets
from outpour.web.catalog import Catalog
from outpour.web.links import Links
from outpour.web.live import Live
from outpour.web.reply import reply
from outpour.web.view import View, WebOptions

if TYPE_CHECKING:
    from outpour.web.admin import Admin


@dataclass(frozen=True, slots=True)
class Site:
    """The parts of the application.

    Attributes:
        view: The service behind the pages.
        options: What the operator decided.
        catalog: The view's torrents by name.
        live: Who listens to changing numbers.
        assets: Styles, scripts and icons.
        templates: The pages.
        admin: What an administrator may do; None where nobody is one.
    """

    view: View
    options: WebOptions
    catalog: Catalog
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
            site=self,
            links=links,
            asset=lambda name: links.at(f"/static/{name}", v=self.assets.version(name)),
            version=self.view.version,
            now=self.view.now(),
            **values,
        )
        return await reply(request, body, "text/html", status=status)


def site_of(request: Request) -> Site:
    """The site that a request came to."""
    site = request.app.state.site
    assert isinstance(site, Site)
    return site
