"""Who writes together: another window of one's own, and others who write on the same note."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import JSONResponse, Response

from kontinuum.kernel.i18n import message
from kontinuum.record.outcome import Refusal
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.work.colleagues import names

_SOMEBODY: Final = message("A colleague")


async def show(page: Page) -> Response:
    """Answer GET `/patient/{patient}/together?template=…`: versions of draft and note, and names of others.

    A window that is open asks again and again by itself, so it is no use of the session.
    """
    record: Any = page.services.record(page.session.principal)
    template = page.request.query_params.get("template", "")
    found = await record.together(page.request.path_params["patient"], template)
    if isinstance(found, Refusal):
        return page.problem(found.kind.value, found.in_words(page.translator))
    called = await names(page, set(found.others))
    others = [called.get(one) or page.translator.gettext(_SOMEBODY) for one in found.others]
    told = {"version": found.version, "note": found.note, "others": others}
    return JSONResponse(told, headers={"cache-control": "no-store"})
