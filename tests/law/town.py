"""The world of the matrix: one patient with marked data of every type at every unit, and who asks for it.

Unit B is blocked for all others but for medicines; what unit E has is hidden from other care providers, who
must not be told of it. Something at unit A is kept back from the patient. A guest of another care provider
has relation, consent and choice.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import httpx

from kontinuum.access.circumstances import Level
from kontinuum.access.vocabulary import INFORMATION_TYPES
from kontinuum.app.services import Services
from kontinuum.bulk import Runner
from kontinuum.fhir.json import dumps
from kontinuum.fhir.questionnaire.life import OFFERED
from kontinuum.fhir.questionnaire.use import CONTEXT_TYPES, VENUE
from kontinuum.identity import Proof
from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.principal import ActorKind, Principal, Purpose
from kontinuum.record import Done, Incoming, Written
from kontinuum.sweden import systems
from kontinuum.web.workspace.shaping.worklist import Worklist, content_of
from tests.law.cast import (
    ADMINISTRATOR,
    ADULT,
    COLLEAGUE,
    ELSEWHERE,
    GUARDIAN_ID,
    NOW,
    NURSE,
    OUTSIDE,
    PATIENT,
    PROTECTED,
    PROVIDER,
    SYSTEM_A,
    TREATING,
    UNIT_A,
    UNIT_B,
    UNIT_C,
    patient_of,
    people,
    someone,
    visit,
)
from tests.law.marked import TYPES, identity, mark, marked

UNIT_D, UNIT_E = f"{ELSEWHERE}-D", f"{PROVIDER}-E"
_AT_D = replace(someone("guest", UNIT_C).assignment, id=f"guest@{UNIT_D}", unit=UNIT_D, unit_name="Enhet D")
GUEST = replace(someone("guest", UNIT_C), assignment=_AT_D)
REVIEWER = someone("reviewer", UNIT_A, ActorKind.STAFF, Purpose.SUPERVISION)
PROXY = patient_of(GUARDIAN_ID)

WHO: dict[str, Principal | None] = {
    "treating doctor": TREATING,
    "nurse": NURSE,
    "colleague": COLLEAGUE,
    "guest": GUEST,
    "outsider": OUTSIDE,
    "administrator": ADMINISTRATOR,
    "reviewer": REVIEWER,
    "patient": PATIENT,
    "proxy": PROXY,
    "other patient": PROTECTED,
    "system": SYSTEM_A,
    "nobody": None,
}
"""Who asks. The nurse has a care relation and nothing more, the outsider none; nobody is not signed in."""

Mark = tuple[str, str]
"""A marked resource: its type, and where it is (`kept`: at unit A, kept back from the patient)."""

ADDRESS = "Kännedomsvägen 7"
"""What only those may see who may know who the patient is."""

HELD_BACK = ("Composition", "DocumentReference", "Observation")
PLACES = {"a": UNIT_A, "b": UNIT_B, "c": UNIT_C, "e": UNIT_E, "kept": UNIT_A}
MARKS: tuple[Mark, ...] = (
    *((name, where) for name in TYPES for where in ("a", "b", "c")),
    *((name, "e") for name in sorted(frozenset().union(*INFORMATION_TYPES.values()))),
    *((name, "kept") for name in HELD_BACK),
)
PANEL = "m-panel"
"""The id of a List at unit A that refers to everything."""

MEDICINES = INFORMATION_TYPES["medication"]

WORKLIST = "every-note"
"""The id of a worklist of unit A, offered to all: every note, whoever's."""


def _at(*places: str) -> frozenset[Mark]:
    return frozenset(one for one in MARKS if one[1] in places)


def _of(names: frozenset[str], *places: str) -> frozenset[Mark]:
    return frozenset(one for one in _at(*places) if one[0] in names)


NOTHING: frozenset[Mark] = frozenset()
MAY_EXPORT = ("system",)
"""Who may order an export in bulk: nobody who cares for patients, and no staff without the right to it."""

EXPECTED: dict[str, frozenset[Mark]] = {
    "treating doctor": _at("a", "kept", "c", "e") | _of(MEDICINES, "b"),
    "nurse": _at("a", "kept"),
    "colleague": _at("b"),
    "guest": _at("a", "kept", "c") | _of(MEDICINES, "b"),
    "outsider": NOTHING,
    "administrator": _at("a", "kept"),
    "reviewer": _at("a", "kept"),
    "patient": _at("a", "b", "c", "e"),
    "proxy": _of(MEDICINES, "a", "b", "c", "e"),
    "other patient": NOTHING,
    "system": _at("a", "b", "e", "kept"),
    "nobody": NOTHING,
}
"""What of the patient's data each sees, by whatever way."""

NOT_TOLD_OF: dict[str, frozenset[Mark]] = {
    "guest": _at("e"),
    "patient": _at("kept"),
    "proxy": frozenset(MARKS) - EXPECTED["proxy"],
    "other patient": frozenset(MARKS),
}
"""What must not even be told of: what an outer block covers, what is kept back, others' data."""

_MARK = re.compile(r"Kännetecken-([A-Za-z]+)-([a-z]+)-slut")


def marks_in(text: str) -> frozenset[Mark]:
    """The marks that an answer holds."""
    return frozenset((name, where) for name, where in _MARK.findall(text))


def reference(mark: Mark) -> str:
    """The reference of a marked resource."""
    return f"{mark[0]}/{identity(*mark)}"


@dataclass
class Town:
    """The services, a client of the application over them, and each one's token and session.

    `runner` carries out what is ordered in bulk.
    """

    services: Services
    client: httpx.AsyncClient
    runner: Runner
    tokens: dict[str, str] = field(default_factory=dict)

    async def fhir(self, who: str, method: str, path: str, **more: Any) -> httpx.Response:
        """A request to the API."""
        token = self.tokens.get(who)
        headers = {**more.pop("headers", {}), **({"Authorization": f"Bearer {token}"} if token else {})}
        return await self.client.request(method, f"/fhir{path}", headers=headers, **more)

    async def signed_in(self, who: str) -> tuple[str, str]:
        """A new session: the cookie, and the token of its forms. Both are empty for nobody."""
        principal = WHO[who]
        if principal is None:
            return "", ""
        made = replace(principal, client="browser")
        cookie, session = await self.services.identity.sessions.start(made, Proof("demo"), "test")
        return cookie, session.csrf


async def settle(services: Services, client: httpx.AsyncClient, runner: Runner) -> Town:
    """Write everything, and let everybody do what `EXPECTED` builds on."""
    town = Town(services, client, runner)
    home = [{"line": [ADDRESS], "city": "Stockholm"}]
    persons = [one | {"address": home} if one["id"] == ADULT else one for one in people()]
    await _write(services, UNIT_A, *persons, visit(ADULT, UNIT_A))
    for where, unit in PLACES.items():
        await _write(services, unit, *(_body(mark) for mark in MARKS if mark[1] == where), _file(where))
    members = [{"item": {"reference": reference(mark)}} for mark in MARKS]
    panel = {name: value for name, value in marked("List", ADULT, "a").items() if name != "text"}
    await _write(services, UNIT_A, panel | {"id": PANEL, "entry": members})
    await _write(services, UNIT_A, _worklist())
    later = to_micros(NOW + timedelta(days=30))
    laws = {name: services.gate.record(who).law for name, who in WHO.items() if who is not None}
    acts = [
        await laws["treating doctor"].consent(ADULT, later),
        await laws["treating doctor"].choose(ADULT, [UNIT_B, UNIT_C, UNIT_E]),
        await laws["colleague"].relate(ADULT, "Konsult"),
        await laws["guest"].relate(ADULT, "Second opinion"),
        await laws["guest"].consent(ADULT, later),
        await laws["guest"].choose(ADULT, [UNIT_A, UNIT_B, UNIT_C, UNIT_E]),
        await laws["patient"].block(ADULT, Level.INNER, UNIT_B, PROVIDER, kept=["medication"]),
        await laws["patient"].block(ADULT, Level.OUTER, UNIT_E, PROVIDER),
        await laws["patient"].appoint(ADULT, GUARDIAN_ID, later, groups=["medication"], provider=PROVIDER),
    ]
    assert all(isinstance(act, Done) for act in acts), acts
    for name, who in WHO.items():
        if who is not None:
            town.tokens[name] = await services.identity.mint_token(who, timedelta(hours=1))
    return town


def _worklist() -> dict[str, Any]:
    wanted = content_of(Worklist("notes", own_unit=False, columns=("what", "when", "by", "unit")))
    context = {
        "code": {"system": CONTEXT_TYPES, "code": VENUE},
        "valueCodeableConcept": {"coding": [{"system": systems.HSA_ID, "code": UNIT_A}]},
    }
    return {
        "resourceType": "Library",
        "id": WORKLIST,
        "extension": [{"url": OFFERED, "valueBoolean": True}],
        "title": "Alla anteckningar",
        "status": "active",
        "type": {"coding": [{"system": "urn:kontinuum:codes:library", "code": "worklist"}]},
        "useContext": [context],
        "content": [{"contentType": "application/json", "data": b64encode(dumps(wanted)).decode()}],
    }


def _body(mark: Mark) -> dict[str, Any]:
    resource = marked(mark[0], ADULT, mark[1])
    if mark[0] == "DocumentReference":
        attachment = {"contentType": "application/pdf", "url": f"Binary/{identity(*mark)}"}
        resource |= {"status": "current", "content": [{"attachment": attachment}]}
    if mark[1] == "kept":
        label = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "NOPAT"}
        resource["meta"] = {"security": [label]}
    return resource


def _file(where: str) -> dict[str, Any]:
    """The content of the DocumentReference at a place, with its mark."""
    document = _body(("DocumentReference", where))
    return {
        "resourceType": "Binary",
        "id": document["id"],
        **({"meta": document["meta"]} if "meta" in document else {}),
        "contentType": "application/pdf",
        "securityContext": {"reference": f"Patient/{ADULT}"},
        "data": b64encode(mark("DocumentReference", where).encode()).decode(),
    }


async def _write(services: Services, unit: str, *resources: dict[str, Any]) -> None:
    loader = someone("loader", unit, ActorKind.SYSTEM, Purpose.SYSTEM)
    owner = PROVIDER if unit == UNIT_E else loader.assignment.provider
    record = services.gate.record(replace(loader, assignment=replace(loader.assignment, provider=owner)))
    for result in await record.take_in([Incoming(resource) for resource in resources]):
        assert isinstance(result, Written), result
