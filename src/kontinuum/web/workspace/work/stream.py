"""How much waits, told live: a stream of events for a browser session (WHATWG HTML, server-sent events).

Each event is the whole answer, so that one who missed some has missed nothing. Its id is what it says: who
comes again with the last one is only told that it still holds. Numbers alone are told, as the law has them
for who looks; whether that one may still look is asked before every event. While nothing happens the stream
holds no connection to the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from starlette.responses import JSONResponse, Response, StreamingResponse

from kontinuum.fhir import json
from kontinuum.kernel.numbers import whole
from kontinuum.record.waiting import Counts
from kontinuum.web.workspace.events import Event, tell
from kontinuum.web.workspace.pages import SESSION_COOKIE, Page, read_cookie

BEAT: Final = 20.0
"""After how many seconds without an event the line is shown to be there, and the session is looked at."""
ANEW: Final = 15
"""After how many beats is counted anew though no change is known: days pass, drafts are begun."""
APART: Final = 2.0
"""How many seconds lie at least between two countings for one stream."""
RETRY: Final = 5_000
"""After how many milliseconds a browser comes again whose line broke."""

_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}


async def count(page: Page) -> Response:
    """Answer GET `/inbox/count`: how much waits, as JSON or, to who accepts a stream, as one.

    With `since` (microseconds) how much of it was written after that, of the unit with `of=unit`. A page
    names its `session`, and is told nothing of another's: 204.
    """
    if page.request.query_params.get("session", str(page.session.id)) != str(page.session.id):
        return Response(status_code=204, headers={"cache-control": "no-store"})
    if "text/event-stream" in page.request.headers.get("accept", ""):
        return StreamingResponse(_events(page), media_type="text/event-stream", headers=_HEADERS)
    work = page.services.record(page.session.principal).work
    since = page.request.query_params.get("since", "")
    if whole(since, -1) >= 0:
        of_unit = page.request.query_params.get("of") == "unit"
        told = {"newer": await work.newer(whole(since), of_unit=of_unit)}
    else:
        told = _values(await work.counts())
    return JSONResponse(told, headers={"cache-control": "no-store"})


async def _events(page: Page) -> AsyncIterator[str]:
    live = page.services.application.live
    said = page.request.headers.get("last-event-id", "")
    yield f"retry: {RETRY}\n\n"
    with live.looking(page.session.id, page.session.principal) as looker:
        beats = 0
        while await _may_look(page) and not live.closed:
            if looker.stale or beats == ANEW:
                looker.stale, beats = False, 0
                counts = await page.services.record(looker.principal).work.counts()
                yield (
                    _event("same", {}, said)
                    if counts.mark == said
                    else _event("work", _values(counts), counts.mark)
                )
                said = counts.mark
                await asyncio.sleep(APART)
            else:
                beats += 1
                yield _event("here", {}, said)
            await looker.wait(BEAT)
    yield _event("end", {}, "")


def _event(name: str, values: dict[str, int], identity: str) -> str:
    return f"id: {identity}\nevent: {name}\ndata: {json.dumps(values).decode()}\n\n"


def _values(counts: Counts) -> dict[str, int]:
    return {"own": counts.own, "unit": counts.unit}


async def _may_look(page: Page) -> bool:
    """Whether the session is still open, unlocked and under the same assignment. Looking is not using it."""
    session = await page.services.session(read_cookie(page.request, SESSION_COOKIE), touch=False)
    if session is not None and session.just_locked:
        await tell(page.services, Event.LOCK, session, "idle")
    return session is not None and not session.locked and session.principal == page.session.principal
