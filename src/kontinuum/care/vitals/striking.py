"""A whole set that was entered in error: on the wrong patient, or of another time. It is struck out at once.

Value by value would leave what its score asked for: with a part missing nothing is taken back (responding).
Here the set was never this patient's, so that what it asked for goes, and what it had closed is asked again.
"""

from __future__ import annotations

from kontinuum.care.vitals import reading, responding
from kontinuum.care.vitals.around import CHANGED, WHY, around
from kontinuum.care.vitals.correcting import NONE, find, members, page_of, reasons, scores_of, seen, set_of
from kontinuum.kernel.i18n import local
from kontinuum.kernel.module import ActionRequest, Moved, NotFound, Told, View


async def strike(request: ActionRequest) -> View | NotFound | Moved | Told:
    """Answer `vitals/strike`: every value of a set is entered in error, in one transaction."""
    found = await find(request, next(iter(request.fields.get("id", ())), ""))
    every = await members(request, found) if found is not None else []
    if found is None or found.wrong or not every:
        return NotFound(NONE)
    reason = next(iter(request.fields.get("reason", ())), "")
    gettext = request.chart.translator.gettext
    if not reason.strip():
        return await page_of(request, found, alert=gettext(WHY))
    if seen(every) != next(iter(request.fields.get("seen", ())), ""):
        return await page_of(request, found, alert=gettext(CHANGED))
    known = {one.id for one in every}
    struck = [*every, *(one for one in await scores_of(request, every) if one.id not in known)]
    there = await around(request.record, request.chart, request.principal)
    later = any(one.is_score and not one.wrong and one.at > found.at for one in there.readings)
    written = local(request.chart.now).isoformat(timespec="seconds")
    identity = set_of(found)
    asks, versions = responding.struck(
        await responding.of_set(request, identity),
        () if later else await responding.closed_by(request, identity),
        request.principal.signature,
        written,
    )
    versions |= {f"Observation/{one.id}": one.version for one in struck}
    writes = [{**one.body, "status": reading.ERROR} for one in struck]
    refused = await request.writer.correct_together([*writes, *asks], reason, versions)
    if refused is not None:
        return await page_of(request, found, alert=reasons(refused, gettext(CHANGED)))
    return Moved(request.chart.path("vitals", "flowsheet"))
