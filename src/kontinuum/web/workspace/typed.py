"""What a form brought when it could not be taken: given back as text, because it is kept nowhere else."""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from starlette.datastructures import FormData
from starlette.requests import Request

from kontinuum.kernel.i18n import Translator, message

MOST_FIELDS: Final = 5_000
"""So many fields may a form have: a large template, and a list of marked rows."""

_LABELS: Final = {
    "reason": message("Reason"),
    "comment": message("Comment"),
    "note": message("Note"),
    "text": message("Text"),
    "words": message("Text"),
    "dissent": message("Dissent"),
    "problem": message("Need, problem or risk"),
    "goal": message("Goal"),
    "reaction": message("How it shows"),
    "onset": message("Since"),
    "since": message("Since"),
    "start": message("Since"),
    "until": message("Until and including"),
    "end": message("To and with"),
    "due": message("At the latest"),
    "when": message("Day and time"),
    "day": message("Ended on"),
    "at": message("Time"),
    "times": message("At"),
    "action": message("Action"),
    "device": message("Device"),
    "attitude": message("How the attitude was clarified"),
    "word": message("Word to who asked"),
    "name": message("Name"),
    "number": message("Number"),
    "given": message("Given names"),
    "family": message("Family name"),
    "line": message("Street address"),
    "city": message("Town"),
    "phone": message("Telephone"),
    "mobile": message("Mobile"),
    "email": message("E-mail"),
    "on": message("Date of death"),
    "title": message("Title"),
    "description": message("Description"),
}
"""What fields are called on the page, by their names; a mark parts the name from which of many it is."""

_OTHER: Final = message("Another field")
_MARKS: Final = re.compile(r"[-:/~.]")

_OF_THE_PROGRAM: Final = frozenset(
    (
        *(
            "csrf",
            "patient",
            "id",
            "token",
            "of",
            "version",
            "before",
            "template",
            "draft",
            "opened",
            "unfilled",
            "kept",
            "form",
            "fields",
            "turn",
            "window",
        ),
        *(
            "do",
            "q",
            "page",
            "next",
            "from",
            "beside",
            "viewport",
            "refused",
            "code",
            "choice",
            "free",
            "item",
            "step",
        ),
        *("actor", "assignment", "session", "was", "event", "contact", "encounter", "booking", "slot"),
        *("heading", "interval", "kind", "outcome", "minutes", "back", "unit", "how", "scope", "lasts"),
    )
)
"""Fields in which nobody types."""


class Typed(NamedTuple):
    """A field of a form: what it is called, and what stood in it."""

    label: str
    text: str


async def form_of(request: Request) -> FormData:
    """The form of a request; the limit of the first who reads it holds for all."""
    return await request.form(max_fields=MOST_FIELDS)


async def typed(request: Request, translator: Translator) -> tuple[Typed, ...]:
    """Everything that was typed in a form, in its order; a browser's own line ends are line feeds again."""
    if request.method != "POST":
        return ()
    found = (await form_of(request)).multi_items()
    return tuple(
        Typed(translator.gettext(_LABELS.get(_MARKS.split(name)[0], _OTHER)), value.replace("\r\n", "\n"))
        for name, value in found
        if isinstance(value, str) and value.strip() and name not in _OF_THE_PROGRAM and name[0:1] != "~"
    )


def own_form(request: Request) -> bool:
    """Whether a form was sent by a page of this site, as the browser says.

    https://fetch.spec.whatwg.org/#origin-header

    Without a session there is no token to tell it by, and what another site made up is not shown.
    """
    return urlsplit(request.headers.get("origin", "")).netloc == request.url.netloc
