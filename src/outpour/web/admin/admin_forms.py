"""Pages with forms that change something: what they show beside the page, and where they lead."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from starlette.exceptions import HTTPException
from starlette.responses import Response

from outpour.base.errors import FormatError, OutpourError, UsageError
from outpour.web.admin.admin_pages import Handler, Visit, changing, redirect, shown
from outpour.web.admin.form import Form
from outpour.web.admin.notices import Notice
from outpour.web.api.administration import Admin

Values = Mapping[str, object]
Show = Callable[[Visit], Awaitable[Values]]
Do = Callable[[Visit, Form], Awaitable[Notice]]


def admin_of(visit: Visit) -> Admin:
    """What may be done here.

    Raises:
        HTTPException: Nothing.
    """
    admin = visit.context.admin
    if admin is None:
        raise HTTPException(404, "nothing can be changed here")
    return admin


class FormPage:
    """A page with forms.

    Args:
        path: Of the page.
        template: Of the page.
        show: Gathers what it shows.
    """

    def __init__(self, path: str, template: str, show: Show) -> None:
        self.path = path
        self._template = template
        self._show = show

    def page(self) -> Handler:
        """Answer with the page."""

        async def handle(visit: Visit) -> Response:
            notice = visit.console.notices.take(visit.request.query_params.get("said", ""))
            return await self._answer(visit, Form(), notice=notice)

        return shown(handle)

    def doing(self, do: Do) -> Handler:
        """Do what a form asks for, and lead back to the page; or show it again with the fault."""

        async def handle(visit: Visit, form: Form) -> Response:
            try:
                notice = await do(visit, form)
            except ValueError as error:
                return await self._answer(visit, form, problem=f"{error}", status=400)
            except (UsageError, FormatError) as error:
                return await self._answer(visit, form, problem=error.message, status=409)
            except OutpourError as error:
                return await self._answer(visit, form, problem=error.message, status=503)
            back = form.text("back")
            target = back if back in ("/admin/refusals", "/admin/torrents") else self.path
            return redirect(visit.request, target, said=visit.console.notices.leave(notice))

        return changing(handle)

    async def _answer(
        self,
        visit: Visit,
        form: Form,
        *,
        notice: Notice | None = None,
        problem: str = "",
        status: int = 200,
    ) -> Response:
        values = {
            **(await self._show(visit)),
            "form": form,
            "notice": notice,
            "problem": problem,
            "here": self.path,
        }
        return await visit.page(self._template, values, status=status)
