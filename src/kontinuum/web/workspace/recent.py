"""The patients a person opened last, for the start page.

Kept in a cookie that scripts cannot read, as ids only and bound to the person: on a shared workstation
the next person does not see them. What they are called is read through the gate each time.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from kontinuum.kernel.ids import is_id
from kontinuum.web.workspace.pages import read_cookie, set_cookie

if TYPE_CHECKING:
    from kontinuum.web.workspace.pages import Page

RECENT_COOKIE: Final = "kontinuum_recent"
AT_MOST: Final = 8


def recently_opened(page: Page) -> list[str]:
    """Ids of the patients this person opened last in this browser, the latest first."""
    owner, _, listed = read_cookie(page.request, RECENT_COOKIE).partition("/")
    if owner != _owner(page):
        return []
    return [one for one in listed.split("/") if is_id(one)][:AT_MOST]


def remember_opened(page: Page, response: Response, patient: str) -> None:
    """Put a patient first in the list."""
    others = [one for one in recently_opened(page) if one != patient]
    value = "/".join((_owner(page), patient, *others[: AT_MOST - 1]))
    set_cookie(page.request, response, RECENT_COOKIE, value)


def _owner(page: Page) -> str:
    return hashlib.sha256(page.session.principal.actor.id.encode()).hexdigest()[:12]
