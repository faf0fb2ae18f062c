"""`/my-data`: everything in the record about who is signed in, to keep or to take elsewhere.

Regulation (EU) 2016/679 art. 15 and 20: a copy in a common machine-readable form, a FHIR Bundle of the
current versions, byte for byte. What is kept back (rule 28) is left out, as on every page.
"""

from __future__ import annotations

from http import HTTPStatus

from starlette.responses import Response

from kontinuum.fhir import json
from kontinuum.kernel.clock import instant, to_micros
from kontinuum.kernel.i18n import local
from kontinuum.kernel.principal import ActorKind
from kontinuum.record.outcome import Refusal
from kontinuum.web.workspace.pages import Page


async def show_own_data(page: Page) -> Response:
    """Answer GET `/my-data`: a file."""
    found = await page.services.record(page.session.principal).own_export()
    if isinstance(found, Refusal):
        if page.session.principal.actor.kind is not ActorKind.PATIENT:
            reason = page.translator.gettext("This page is for patients.")
            return page.problem(HTTPStatus.FORBIDDEN, [reason], found.provision)
        return page.refuse(found)
    now = page.services.clock.now()
    head = {"resourceType": "Bundle", "type": "collection", "timestamp": instant(to_micros(now))}
    entries = b",".join(b'{"resource":' + one.body + b"}" for one in found)
    body = json.dumps(head)[:-1] + (b',"entry":[' + entries + b"]" if found else b"") + b"}"
    name = page.translator.gettext("my-data")
    headers = {
        "content-disposition": f'attachment; filename="{name}-{local(now).date().isoformat()}.json"',
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    }
    return Response(body, media_type="application/fhir+json", headers=headers)
