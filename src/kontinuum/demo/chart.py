"""One patient's chart under construction: contacts, and what is written at each of them.

Stories call these methods in the words of care: a contact takes place, vitals are taken, samples answered,
a note written. Every resource is kept with the unit accountable for it, in an order in which each refers
only to what came before. What is measured at a contact can be named in its note, so that text and values
agree.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from kontinuum.demo import resources as fhir
from kontinuum.demo.people import Person, patient_resource, related_person_resource
from kontinuum.demo.region import Author, Region, Unit
from kontinuum.demo.tables import table
from kontinuum.demo.timeline import stamp
from kontinuum.demo.writing import Writer

Resource = dict[str, Any]

_PROFESSION_NOTES = {
    "doctor": "Läkaranteckning",
    "nurse": "Sjuksköterskeanteckning",
    "midwife": "Barnmorskeanteckning",
    "psychologist": "Psykologanteckning",
    "physiotherapist": "Fysioterapeutanteckning",
    "occupational-therapist": "Arbetsterapeutanteckning",
}


_ONE_OF = ("C09", "C07", "C10AA", "B01AF", "C08", "N06A")
"""ATC groups of which nobody takes two: ACE inhibitors and ARBs, beta blockers, statins, ..."""


@dataclass(slots=True)
class Contact:
    """A visit, admission or call: where, when, with whom; and what was measured, as text for its note."""

    unit: Unit
    start: datetime
    author: Author
    profession: str
    reference: str
    values: dict[str, str] = field(default_factory=dict)


class Chart:
    """A patient's record as it grows. `today`: the last day on which anything happens; that of death.

    Ids are numbered from `after`, so that what is added later to a chart that is there gets its own.
    """

    def __init__(self, person: Person, region: Region, rng: Random, today: date, *, after: int = 0) -> None:
        self.person = person
        self.region = region
        self.rng = rng
        self.today = person.deceased or today
        self._present = today
        self.subject = f"Patient/{person.id}"
        self.entries: list[tuple[Unit, Resource]] = []
        self.problems: dict[str, date] = {}
        self.traits: dict[str, Any] = {}
        """What stories agree on about the patient, such as body and kidney function."""
        self._treated: set[str] = set()
        self._drugs: list[str] = []
        self._writer = Writer(rng, person.sex)
        self._after = after
        self._counts: dict[str, int] = {}
        self._usual: dict[tuple[str, str], Author] = {}

    def open(self, unit: Unit) -> None:
        """Register patient and relatives; the home unit, or `unit` where there is none, is accountable."""
        home = self.person.home or unit
        self.entries.append((home, patient_resource(self.person)))
        if not self.person.protection:
            for number, relative in enumerate(self.person.relatives, start=1):
                self.entries.append((home, related_person_resource(self.person, relative, number)))

    def unit(self, key: str) -> Unit:
        """Look up a care unit."""
        return self.region.units[key]

    def author(self, unit: str, profession: str) -> Author:
        """Choose who acts: nearly always the same person of a profession at a unit (continuity of care)."""
        slot = (unit, profession)
        everyone = self.region.authors(unit, profession)
        usual = self._usual.setdefault(slot, self.rng.choice(everyone))
        return usual if self.rng.random() < 0.85 else self.rng.choice(everyone)

    def add(self, unit: Unit, kind: str, short: str, body: Resource) -> str:
        """Keep a resource of a type under the next id of its series; gives its reference."""
        number = self._counts[short] = self._counts.get(short, self._after) + 1
        identity = f"{self.person.id}-{short}-{number:06d}"
        self.entries.append((unit, {"resourceType": kind, "id": identity, **body}))
        return f"{kind}/{identity}"

    def contact(
        self,
        unit: str,
        start: datetime,
        title: str,
        reason: str,
        *,
        profession: str = "doctor",
        kind: str = "AMB",
        end: datetime | None = None,
    ) -> Contact:
        """Let a contact take place; an `IMP` contact without end goes on. Never after `today`."""
        if start.date() > self.today:
            message = f"contact on {start:%Y-%m-%d} lies after today, {self.today}"
            raise ValueError(message)
        place, author = self.unit(unit), self.author(unit, profession)
        ended = end or (start + timedelta(minutes=20 + 10 * self.rng.randrange(4)) if kind != "IMP" else None)
        period = {"start": stamp(start)} if ended is None else {"start": stamp(start), "end": stamp(ended)}
        encounter: Resource = {
            "status": "finished" if ended is not None else "in-progress",
            "class": fhir.encounter_class(kind),
            "type": [{"text": title}],
            "subject": fhir.reference(self.subject),
            "participant": [{"individual": fhir.reference(author.reference, author.display)}],
            "period": period,
            "reasonCode": [{"text": reason}],
            "location": [{"location": fhir.reference(place.location, place.name)}],
            "serviceProvider": fhir.reference(place.reference, place.name),
        }
        written = self.add(place, "Encounter", "enc", encounter)
        return Contact(place, start, author, profession, written, {"år": str(self.person.age(start.date()))})

    def note(
        self, contact: Contact, theme: str, *, kind: str = "note", at: datetime | None = None, **values: str
    ) -> str:
        """Write a note of a kind at a contact; unsigned now and then when only days old."""
        known = {**contact.values, **values}
        if self._drugs:
            known.setdefault("läkemedel", self.rng.choice(self._drugs))
        if self.problems.get("I48.9", date.max) <= contact.start.date():
            known.setdefault("cor", "Oregelbunden rytm, inga biljud.")
        title, texts = self._writer.write(theme, known)
        moment = at or contact.start + timedelta(minutes=15 + self.rng.randrange(45))
        fresh = (self._present - moment.date()).days <= 10
        chance = self.rng.random()
        status = "preliminary" if fresh and chance < 0.45 else "amended" if chance > 0.985 else "final"
        unit, author = contact.unit, fhir.reference(contact.author.reference, contact.author.display)
        document = "nurse" if kind == "note" and contact.profession == "nurse" else kind
        composition: Resource = {
            "status": status,
            "type": fhir.note_type(
                document, _PROFESSION_NOTES[contact.profession] if kind == "note" else title
            ),
            "subject": fhir.reference(self.subject),
            "encounter": fhir.reference(contact.reference),
            "date": stamp(moment),
            "author": [author],
            "title": title,
        }
        if status != "preliminary":
            signed = stamp(moment + timedelta(minutes=10 + self.rng.randrange(60 * 20)))
            composition["attester"] = [{"mode": "legal", "time": signed, "party": author}]
        composition["custodian"] = fhir.reference(unit.reference, unit.name)
        composition["section"] = fhir.sections(texts)
        return self.add(unit, "Composition", "note", composition)

    def labs(
        self, contact: Contact, title: str = "Klinisk kemi", *, at: datetime | None = None, **values: float
    ) -> None:
        """Answer samples given as keywords, see `samples`."""
        self.samples(contact, values, title, at=at)

    def samples(
        self,
        contact: Contact,
        values: Mapping[str, float],
        title: str = "Klinisk kemi",
        *,
        at: datetime | None = None,
    ) -> None:
        """Answer samples taken at a contact: an Observation each, and the DiagnosticReport that holds them.

        Keys are analyses of `data/laboratory.toml` with `_` for `-`.
        """
        taken = at or contact.start + timedelta(minutes=5)
        answered = stamp(taken + timedelta(minutes=50 + self.rng.randrange(240)))
        gotland = contact.unit.provider.key == "region-gotland"
        laboratory = self.unit("visby-medmott" if gotland else "laboratoriet")
        performer = [fhir.reference(laboratory.reference, laboratory.name)]
        results = []
        for name, value in values.items():
            results.append(
                self._observation(contact, name.replace("_", "-"), value, taken, answered, performer)
            )
        report = {
            "status": "final",
            "category": [fhir.hl7("v2-0074", "LAB")],
            "code": {"text": title},
            "subject": fhir.reference(self.subject),
            "encounter": fhir.reference(contact.reference),
            "effectiveDateTime": stamp(taken),
            "issued": answered,
            "performer": performer,
            "result": [fhir.reference(each) for each in results],
        }
        self.add(contact.unit, "DiagnosticReport", "rep", report)

    def measure(self, contact: Contact, *, at: datetime | None = None, **values: float) -> None:
        """Record vitals and scores taken by the one who meets the patient."""
        moment = at or contact.start + timedelta(minutes=5)
        performer = [fhir.reference(contact.author.reference, contact.author.display)]
        for name, value in values.items():
            self._observation(contact, name.replace("_", "-"), value, moment, None, performer)

    def _observation(
        self,
        contact: Contact,
        key: str,
        value: float,
        moment: datetime,
        issued: str | None,
        performer: list[Resource],
    ) -> str:
        amount = fhir.rounded(key, value)
        contact.values[key] = str(amount).replace(".", ",")
        observation: Resource = {
            "status": "final",
            **fhir.measured(key, amount, self.person.sex),
            "subject": fhir.reference(self.subject),
            "encounter": fhir.reference(contact.reference),
            "effectiveDateTime": stamp(moment),
            "performer": performer,
        }
        if issued:
            observation["issued"] = issued
        return self.add(contact.unit, "Observation", "obs", observation)

    def pressure(
        self, contact: Contact, systolic: float, diastolic: float, *, at: datetime | None = None
    ) -> None:
        """Record a blood pressure, rounded to whole mmHg."""
        upper, lower = round(systolic), round(diastolic)
        contact.values["bt"] = f"{upper}/{lower}"
        observation = {
            "status": "final",
            **fhir.blood_pressure(upper, lower),
            "subject": fhir.reference(self.subject),
            "encounter": fhir.reference(contact.reference),
            "effectiveDateTime": stamp(at or contact.start + timedelta(minutes=6)),
            "performer": [fhir.reference(contact.author.reference, contact.author.display)],
        }
        self.add(contact.unit, "Observation", "obs", observation)

    def diagnose(
        self, contact: Contact, code: str, *, ended: date | None = None, lasting: bool = True
    ) -> None:
        """Set a diagnosis: `lasting` ones go on the problem list, once; others belong to the contact only."""
        if lasting and code in self.problems:
            return
        active = lasting and ended is None
        condition: Resource = {
            "clinicalStatus": fhir.hl7("condition-clinical", "active" if active else "resolved"),
            "verificationStatus": fhir.hl7("condition-ver-status", "confirmed"),
            "category": [
                fhir.hl7("condition-category", "problem-list-item" if lasting else "encounter-diagnosis")
            ],
            "code": fhir.diagnosis(code),
            "subject": fhir.reference(self.subject),
            "encounter": fhir.reference(contact.reference),
            "onsetDateTime": contact.start.date().isoformat(),
        }
        if not active:
            resolved = ended or min(contact.start.date() + timedelta(days=14), self.today)
            condition["abatementDateTime"] = resolved.isoformat()
        condition["recordedDate"] = stamp(contact.start)
        condition["recorder"] = fhir.reference(contact.author.reference, contact.author.display)
        self.add(contact.unit, "Condition", "con", condition)
        if lasting:
            self.problems[code] = contact.start.date()

    def prescribe(
        self,
        contact: Contact,
        drug: str,
        *,
        until: date | None = None,
        dose: str | None = None,
        reason: str | None = None,
        renewals: bool = True,
    ) -> None:
        """Prescribe a drug from the contact on, renewed about yearly until `until` or today.

        The last prescription is active while treatment goes on. `reason`: ICD-10-SE code. Lasting treatment
        with a drug of a group that the patient already has (`_ONE_OF`) is not begun again.
        """
        group = _group(drug)
        if until is None:
            if group in self._treated:
                return
            self._treated.add(group)
            self._drugs.append(table("drugs")["drug"][drug]["name"])
        started = contact.start
        end = until or self.today
        prior: str | None = None
        while True:
            renewed = started + timedelta(days=350 + self.rng.randrange(30))
            last = not renewals or renewed.date() >= end
            going_on = last and (until is None or until > self.today) and self.person.deceased is None
            prior = self._prescription(
                contact, drug, started, end if last else renewed.date(), going_on, dose, reason, prior
            )
            if last:
                return
            started = renewed

    def _prescription(
        self,
        contact: Contact,
        drug: str,
        written: datetime,
        end: date,
        going_on: bool,
        dose: str | None,
        reason: str | None,
        prior: str | None,
    ) -> str:
        valid_to = written.date() + timedelta(days=365) if going_on else end
        request: Resource = {
            "status": "active" if going_on else "completed",
            "intent": "order",
            "category": [fhir.hl7("medicationrequest-category", "community")],
            "medicationCodeableConcept": fhir.drug_concept(drug),
            "subject": fhir.reference(self.subject),
            "authoredOn": stamp(written),
            "requester": fhir.reference(contact.author.reference, contact.author.display),
            "dosageInstruction": [fhir.dosage(drug, dose)],
            "dispenseRequest": {
                "validityPeriod": {"start": written.date().isoformat(), "end": valid_to.isoformat()},
                "numberOfRepeatsAllowed": 3,
            },
        }
        if prior is None:
            request["encounter"] = fhir.reference(contact.reference)
        else:
            request["priorPrescription"] = fhir.reference(prior)
        if reason:
            request["reasonCode"] = [fhir.diagnosis(reason)]
        return self.add(contact.unit, "MedicationRequest", "med", request)

    def give(self, contact: Contact, drug: str, moment: datetime, dose: str) -> None:
        """Give a drug on the ward."""
        administration = {
            "status": "completed",
            "medicationCodeableConcept": fhir.drug_concept(drug),
            "subject": fhir.reference(self.subject),
            "context": fhir.reference(contact.reference),
            "effectiveDateTime": stamp(moment),
            "performer": [{"actor": fhir.reference(contact.author.reference, contact.author.display)}],
            "dosage": {"text": dose, "dose": fhir.dose(dose)},
        }
        self.add(contact.unit, "MedicationAdministration", "adm", administration)

    def uses(self, contact: Contact, drug: str, dose: str | None = None) -> None:
        """Note a drug that the patient takes without prescription."""
        statement = {
            "status": "active",
            "medicationCodeableConcept": fhir.drug_concept(drug),
            "subject": fhir.reference(self.subject),
            "context": fhir.reference(contact.reference),
            "effectivePeriod": {"start": contact.start.date().isoformat()},
            "dateAsserted": stamp(contact.start),
            "informationSource": fhir.reference(self.subject),
            "dosage": [fhir.dosage(drug, dose)],
        }
        self.add(contact.unit, "MedicationStatement", "sta", statement)

    def batches(self) -> Iterator[tuple[Unit, list[Resource]]]:
        """Give the chart in groups of one accountable unit, which refer only to themselves and earlier ones.

        A group stays open to collect what its unit wrote until another unit's resource refers into it.
        """
        open_groups: dict[str, tuple[Unit, list[Resource]]] = {}
        owner: dict[str, str] = {}
        for unit, resource in self.entries:
            for target in references(resource):
                holder = owner.get(target)
                if holder is not None and holder != unit.key and holder in open_groups:
                    yield open_groups.pop(holder)
            open_groups.setdefault(unit.key, (unit, []))[1].append(resource)
            owner[f"{resource['resourceType']}/{resource['id']}"] = unit.key
        yield from open_groups.values()


def references(value: Any) -> Iterator[str]:
    """Find every literal reference in a resource."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key == "reference" and isinstance(part, str):
                yield part
            elif isinstance(part, dict | list):
                yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


def _group(drug: str) -> str:
    code: str = table("drugs")["drug"][drug]["atc"]
    return next((group for group in _ONE_OF if code.startswith(group)), code)
