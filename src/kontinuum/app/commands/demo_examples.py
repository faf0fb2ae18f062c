"""What people have done in a new demo region, so that every page has something to show.

Done through the gate by the region's own staff and patients, and logged as everything is: a correction, a
dissent, headings kept back, a block, a consent, an emergency opening that waits for its review, a reserve
number linked to the person it was given to.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final, TypeVar

from kontinuum.access.circumstances import Level
from kontinuum.access.kept_back import Kind
from kontinuum.app.commands import demo_phrases, demo_templates
from kontinuum.app.services import Services
from kontinuum.demo import personas
from kontinuum.fhir import json
from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.principal import Principal
from kontinuum.record import Record, Refusal, SearchPage, Stored
from kontinuum.record.keeping_back import Place
from kontinuum.web.workspace.entries.parts import Part, parts_of, with_texts

T = TypeVar("T")

_ACT_REASON: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"

CORRECTED: Final = "p-0001"
DISPUTED: Final = "p-0002"
BLOCKED: Final = "p-0004"
LINKED: Final = "p-0044"
OPENED: Final = "p-0025"


async def make(services: Services) -> None:
    """Do all of it; the whole cast must be there."""
    await _correct(services)
    await _dispute(services)
    await _speak(services)
    await _decide(services)
    done(await _record(services, "Per Lindgren").law.open(OPENED, "Medvetslös på akuten, ingen anhörig nås."))
    await _link(services)
    await demo_phrases.make(services)
    await demo_templates.make(services)


def done(result: T | Refusal) -> T:
    """What was done. The region is ours: a refusal is a fault of the program."""
    if isinstance(result, Refusal):
        raise RuntimeError(f"the demo region's examples are refused: {result.issues}")
    return result


async def _correct(services: Services) -> None:
    """A doctor corrects a note of the fullest chart, and notes at another what the patient says."""
    record = _record(services, "Anna Berglund")
    wrong, disputed = (await _notes(record, CORRECTED))[5:7]
    resource, parts = _read(services, wrong)
    text = f"{parts[-1].text} Kontroll om tre månader, inte sex."
    corrected = with_texts(resource, {parts[-1].path: text})
    done(await record.text.correct(corrected, "Fel intervall angavs vid dikteringen.", version=wrong.version))
    said = "Jag har aldrig sagt att jag glömt mina mediciner. Det var min syster som undrade."
    done(await record.text.dissent("Composition", disputed.id, said))


async def _dispute(services: Services) -> None:
    """A patient holds a note to be wrong, and does not see two headings yet; one of them for good reason."""
    record, own = _record(services, "Anna Berglund"), _record(services, "Hassan Haddad")
    disputed, early, violence = (await _notes(record, DISPUTED))[:3]
    for note, kind, reason in (
        (early, Kind.EARLY_HYPOTHESIS, "Utredning pågår. Tas upp med patienten vid nästa besök."),
        (violence, Kind.VIOLENCE, "Uppgift som kan utsätta patienten för fara om den läses hemma."),
    ):
        place = Place("Composition", note.id, note.version, _read(services, note)[1][-1].path)
        done(await record.text.keep_back(place, kind, reason))
    text = "Jag mätte blodsockret varje dag den veckan. Det står att jag inte gjorde det."
    done(await own.text.dissent("Composition", disputed.id, text))


async def _speak(services: Services) -> None:
    """A patient says in her own words how she understood a visit; it stands beside the midwife's note."""
    midwife, own = _record(services, "Sofia Åkerström"), _record(services, "Sara Norén")
    note = (await _notes(midwife, BLOCKED))[0]
    text = (
        "Tack för samtalet. Jag har förstått att jag ska ringa om barnet rör sig mindre än vanligt, "
        "och att nästa blodprov tas om två veckor. Jag glömde fråga om jag kan fortsätta att simma."
    )
    done(await own.text.write_words("Composition", note.id, text))


async def _decide(services: Services) -> None:
    """A patient blocks a unit, and has let her midwife's care provider read what others have written."""
    midwife, own = _record(services, "Sofia Åkerström"), _record(services, "Sara Norén")
    until = to_micros(services.clock.now() + timedelta(days=180))
    done(await midwife.law.consent(BLOCKED, until))
    ward = midwife.principal.assignment
    kept = ("medication", "alerts")
    done(await own.law.block(BLOCKED, Level.INNER, ward.unit, ward.provider, kept=kept))


async def _link(services: Services) -> None:
    """Somebody who came without papers got a reserve number, and turned out to be known."""
    record = _record(services, "Anna Berglund")
    system, number = done(await record.persons.draw_reserve_number())
    unknown = {
        "resourceType": "Patient",
        "meta": {"security": [{"system": _ACT_REASON, "code": "HTEST"}]},
        "identifier": [{"use": "temp", "system": system, "value": number}],
        "name": [{"family": "Okänd"}],
        "gender": "male",
    }
    made = done(await record.create(unknown)).stored.id
    against = done(await record.persons.compare(made, LINKED))
    reason = "Visade legitimation när han kom tillbaka med sin plånbok."
    done(await record.persons.link(made, LINKED, reason=reason, confirmed=[str(each) for each in against]))


async def _notes(record: Record, patient: str) -> list[Stored]:
    """The notes that the reader's own unit has signed, the latest first."""
    found = await record.find(f"Composition?patient={patient}&status=final&_sort=-date&_count=50")
    assert isinstance(found, SearchPage)
    return [one for one in found.matches if one.unit == record.principal.assignment.unit]


def _read(services: Services, note: Stored) -> tuple[dict[str, Any], tuple[Part, ...]]:
    resource = json.loads(note.body or b"{}")
    return resource, parts_of(resource, services.clock.now())


def _record(services: Services, name: str) -> Record:
    """The record as somebody of the cast sees it, under the first assignment."""
    persona = next(one for one in personas() if one.actor.name == name)
    return services.gate.record(Principal(persona.actor, persona.assignments[0], "kontinuum demo"))
