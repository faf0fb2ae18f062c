"""What a note is written in: the patient, the writer, the contact it belongs to, and earlier measurements.

They are what `%patient`, `%user` and `%encounter` mean in a template's expressions
(https://hl7.org/fhir/uv/sdc/StructureDefinition-sdc-questionnaire-launchContext.html).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import parse_qsl, quote

from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.fhirpath import FHIRPathError
from kontinuum.fhir.questionnaire import Context, Form
from kontinuum.fhir.questionnaire.drawing import asked_always, queries, resolved
from kontinuum.fhir.questionnaire.items import Formula
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.ids import is_id
from kontinuum.kernel.module import Chart, RecordReader
from kontinuum.kernel.principal import Principal
from kontinuum.record.outcome import Refusal
from kontinuum.record.searching import parse_url

_LATEST: Final = 15
_OVER: Final = frozenset({"finished", "cancelled", "entered-in-error"})
_NEVER_TOOK_PLACE: Final = frozenset({"cancelled", "entered-in-error"})
_CONTACT: Final = message("Contact")
_ONGOING: Final = message("ongoing")
_NOT_OF_PATIENT: Final = message("The query must name the patient: patient={{%patient.id}}.")


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact to choose; `usual` when a note that is begun now most likely belongs to it."""

    id: str
    label: str
    resource: Mapping[str, Any]
    usual: bool


@dataclass(frozen=True, slots=True)
class Moment:
    """A clock in Swedish time, so that today() is the day on the wall."""

    chart: Chart

    def now(self) -> Any:
        """The present, in Swedish time."""
        return local(self.chart.now)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What was read for a note; `contacts` the latest first.

    `drawn` is what the form's own queries found, by name; `undrawn` why others of them were not carried out.
    """

    chart: Chart
    patient: Mapping[str, Any] | None
    user: Mapping[str, Any]
    observations: Sequence[Mapping[str, Any]]
    contacts: tuple[Contact, ...]
    drawn: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    undrawn: Mapping[str, str] = field(default_factory=dict)

    @property
    def usual(self) -> str:
        """The contact that a new note belongs to unless another is chosen; empty for none."""
        return next((one.id for one in self.contacts if one.usual), "")

    def knows(self, contact: str) -> bool:
        """Whether a contact is one of this patient's; no contact at all is known too."""
        return not contact or any(one.id == contact for one in self.contacts)

    def context(self, contact: str) -> Context:
        """The context of a form that is filled in at a contact."""
        variables: dict[str, Any] = {"user": self.user, **self.drawn}
        if self.patient is not None:
            variables["patient"] = self.patient
        found = next((one for one in self.contacts if one.id == contact), None)
        if found is not None:
            variables["encounter"] = found.resource
        return Context(variables, Moment(self.chart), self.observations)


async def surroundings(
    record: RecordReader,
    chart: Chart,
    form: Form,
    principal: Principal,
    contact: str = "",
    *,
    beginning: bool = False,
) -> Surroundings:
    """Read what a form needs of this patient; `contact` is found also when it is an old one.

    Queries for what a form begins with are asked only when it is `beginning`.
    """
    asked = [
        f"Patient?_id={chart.patient}",
        f"Encounter?patient={chart.patient}&_sort=-date&_count={_LATEST}",
    ]
    if is_id(contact):
        asked.append(f"Encounter?patient={chart.patient}&_id={contact}")
    measured = _measured(form)
    if measured:
        asked.append(f"Observation?patient={chart.patient}&combo-code={measured}&_sort=-date&_count=200")
    pages = await record.find_many(asked)
    read = [[(fhir_json.loads(one.body), one.unit) for one in page.matches if one.body] for page in pages]
    observations = [resource for resource, _ in read.pop()] if measured else []
    found: dict[str, Contact] = {}
    for resource, unit in (pair for page in read[1:] for pair in page):
        if resource["status"] not in _NEVER_TOOK_PLACE:
            own = unit == principal.assignment.unit
            found.setdefault(resource["id"], _contact(chart, resource, own=own))
    patient = read[0][0][0] if read[0] else None
    made = Surroundings(chart, patient, _user(principal), observations, tuple(found.values()))
    wanted = [one for name, one in queries(form).items() if beginning or name in asked_always(form)]
    return await _with_drawn(record, made, wanted, contact or made.usual) if wanted else made


async def _with_drawn(
    record: RecordReader, made: Surroundings, wanted: Sequence[Formula], contact: str
) -> Surroundings:
    """What the form's queries find in this patient's record, as far as the writer may read it."""
    gettext, variables = made.chart.translator.gettext, made.context(contact).variables
    urls: dict[str, str] = {}
    undrawn: dict[str, str] = {}
    for formula in wanted:
        name = formula.name or ""
        try:
            url = resolved(formula.query or "", variables)
        except FHIRPathError as error:
            undrawn[name] = error.message
            continue
        parsed = parse_url(url)
        named = [value for key, value in parse_qsl(url.partition("?")[2]) if key == "patient"]
        if isinstance(parsed, Refusal):
            undrawn[name] = " ".join(parsed.in_words(made.chart.translator))
        elif named != [made.chart.patient]:
            undrawn[name] = gettext(_NOT_OF_PATIENT)
        else:
            urls[name] = url
    pages = await record.find_many(list(urls.values())) if urls else ()
    drawn = {
        name: [fhir_json.loads(one.body) for one in page.matches if one.body]
        for name, page in zip(urls, pages, strict=True)
    }
    return replace(made, drawn=drawn, undrawn=undrawn)


def _measured(form: Form) -> str:
    """The codes of the measurements that answers may be taken from, as a search has them."""
    wanted = (code for item in form.items.values() if item.link_period is not None for code in item.code)
    codes = dict.fromkeys(f"{one.get('system', '')}|{one.get('code', '')}" for one in wanted)
    return ",".join(quote(one, safe="|") for one in codes)


def _contact(chart: Chart, resource: dict[str, Any], *, own: bool) -> Contact:
    gettext = chart.translator.gettext
    ongoing = resource["status"] not in (*_OVER, "planned") and not resource.get("period", {}).get("end")
    named = [*resource.get("type", ()), resource.get("serviceType", {})]
    kind = next((text for one in named if (text := one.get("text"))), "")
    kind = kind or resource.get("class", {}).get("display") or gettext(_CONTACT)
    place = resource.get("serviceProvider", {}).get("display", "")
    when = chart.translator.moment(resource.get("period", {}).get("start"))
    parts = [when, kind, place, gettext(_ONGOING) if ongoing else ""]
    return Contact(resource["id"], " · ".join(part for part in parts if part), resource, ongoing and own)


def _user(principal: Principal) -> dict[str, Any]:
    """The writer as a Practitioner: who is signed in, as the sign-in knows the person."""
    actor = principal.actor
    identity = (actor.reference or "").partition("/")[2] or actor.id
    return {"resourceType": "Practitioner", "id": identity, "name": [{"text": actor.name}]}
