"""What our services read for a question: here through the gate, or at the server of who asks.

What may lack something is marked by a link to more, so that no answer takes it for the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import httpx

from kontinuum.access.scopes import data_scopes
from kontinuum.fhir import json
from kontinuum.identity.oidc.network import exchange
from kontinuum.identity.oidc.outcome import Refused
from kontinuum.kernel.principal import ActorKind, Principal, Purpose
from kontinuum.record import Record, Refusal

_SECONDS: Final = 5.0
_MORE: Final = [{"relation": "next"}]


async def from_record(record: Record, patient: str, wanted: Mapping[str, str]) -> dict[str, Any] | str:
    """What the gate shows of some reads and searches by name, or why nothing may be said of the patient.

    Who sees nothing of a patient finds nothing: that must not look like a record without warnings.
    """
    known = await record.read("Patient", patient)
    if isinstance(known, Refusal):
        return "The token may not see this patient."
    access, principal = await record.access(patient), record.principal
    in_care = principal.actor.kind is ActorKind.STAFF and principal.purpose is Purpose.CARE
    if in_care and not access.related:
        return "There is no care relation to this patient."
    whole = in_care and not access.withheld and not _narrowed(principal)
    found: dict[str, Any] = {}
    for name, query in wanted.items():
        if "?" not in query:
            read = await record.read(*query.split("/", 1))
            if not isinstance(read, Refusal) and read.body is not None:
                found[name] = json.loads(read.body)
            continue
        page = await record.find(query)
        if not isinstance(page, Refusal):
            entries = [{"resource": json.loads(one.body)} for one in page.matches if one.body is not None]
            link = [] if whole and page.next is None else _MORE
            found[name] = {"resourceType": "Bundle", "entry": entries, "link": link}
    return found


def _narrowed(principal: Principal) -> bool:
    """Whether an app's scopes leave out something of the types that they permit."""
    return principal.app is not None and any(scope.criteria for scope in data_scopes(principal.app))


async def from_elsewhere(server: str, token: str | None, wanted: Mapping[str, str]) -> dict[str, Any]:
    """What another server answers to some reads and searches; what it does not answer lacks."""
    headers = {"accept": "application/fhir+json"} | ({"authorization": f"Bearer {token}"} if token else {})
    found = {}
    async with httpx.AsyncClient(timeout=_SECONDS, follow_redirects=False) as client:
        for name, query in wanted.items():
            answer = await exchange(client, "GET", f"{server}/{query}", headers=headers)
            if not isinstance(answer, Refused) and answer[0] == 200:
                found[name] = answer[1]
    return found
