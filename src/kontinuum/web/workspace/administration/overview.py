"""The first page of administration: what there is, and what is worth a look today."""

from __future__ import annotations

from starlette.responses import Response

from kontinuum.web.workspace.administration.roles import roles_of
from kontinuum.web.workspace.administration.settings import deviating
from kontinuum.web.workspace.administration.shared import provider_of, today_of, units_of
from kontinuum.web.workspace.administration.units import tree
from kontinuum.web.workspace.pages import Page

_SHOWN = 8


async def show_overview(page: Page) -> Response:
    """Answer GET `/admin`."""
    branches = tree(await units_of(page), today_of(page))
    roles = [one for one in await roles_of(page, "PractitionerRole") if one.role.purpose is not None]
    holding = [one for one in roles if one.state == "held"]
    soon = sorted((one for one in holding if one.soon), key=lambda one: str(one.role.end))
    overlapping = [one for one in roles if one.overlaps]
    values = {
        "provider": provider_of(page),
        "open_units": len([one for one in branches if one.state == "open"]),
        "people": len({one.person_id for one in holding}),
        "holding": len(holding),
        "soon": soon[:_SHOWN],
        "soon_more": max(0, len(soon) - _SHOWN),
        "overlapping": overlapping[:_SHOWN],
        "overlapping_more": max(0, len(overlapping) - _SHOWN),
        "coming": [one for one in branches if one.state == "coming"],
        "deviating": await deviating(page),
    }
    return page.render("administration/overview.html", values)
