"""The medication list on the overview."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from kontinuum.care.medication.model import Medication, is_prescription, read_medication
from kontinuum.care.medication.rules import (
    ATC_GROUPS,
    Standing,
    Validity,
    newest_of_each,
    renewable,
    standing,
    validity,
)
from kontinuum.kernel.i18n import local, message
from kontinuum.kernel.module import Chart, OverviewCard, Placement, ResourceVersion, ResultPage, View

_AT_MOST = 100
_ENDED_AT_MOST = 30
_LATELY = timedelta(days=365)
_HEADINGS_FROM = 7


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the medication list."""

    id: str
    prescription: bool
    label: str
    atc: str
    dosage: str
    reason: str
    since: str
    until: str
    on_hold: bool
    status_reason: str
    comment: str
    unit: str
    author: str
    prescribed: str
    valid_until: str
    validity: Validity
    standing: Standing
    renewable: bool
    dispensed: str


@dataclass(frozen=True, slots=True)
class Group:
    """Lines under one heading; an empty heading is not shown."""

    heading: str
    rows: tuple[Row, ...]


def queries(chart: Chart) -> tuple[str, ...]:
    """Prescriptions and statements in use, and those that ended lately."""
    patient = f"patient={chart.patient}"
    earliest = (local(chart.now) - _LATELY).date().isoformat()
    return (
        f"MedicationRequest?{patient}&status=active,on-hold&_sort=-authoredon&_count={_AT_MOST}",
        f"MedicationStatement?{patient}&status=active,intended,on-hold&_sort=-effective&_count={_AT_MOST}",
        f"MedicationRequest?{patient}&status=stopped,completed&authoredon=ge{earliest}"
        f"&_sort=-authoredon&_count={_ENDED_AT_MOST}",
    )


def view(chart: Chart, pages: Sequence[ResultPage]) -> View:
    """Regular drugs by ATC group, drugs taken when needed, and those that ended within a year."""
    today = local(chart.now).date().isoformat()
    open_ones = newest_of_each(read_medication([*pages[0].matches, *pages[1].matches]))
    over = [one for one in open_ones if standing(one[0], today) is Standing.ENDED]
    in_use = [one for one in open_ones if one not in over]
    regular = [one for one in in_use if not one[0].as_needed]
    as_needed = [one for one in in_use if one[0].as_needed]
    taken = {(medication.atc or medication.concept.label) for medication, _ in in_use}
    ended = [
        one
        for one in [*over, *newest_of_each(read_medication(pages[2].matches))]
        if (one[0].atc or one[0].concept.label) not in taken
    ]
    values = {
        "regular": _grouped(chart, regular),
        "as_needed": [row_of(chart, *one) for one in as_needed],
        "ended": [row_of(chart, *one) for one in ended],
        "total": len(in_use),
        "truncated": _AT_MOST if pages[0].next or pages[1].next else 0,
    }
    return View("medication/card.html", values)


def _grouped(chart: Chart, drugs: Sequence[tuple[Medication, ResourceVersion]]) -> tuple[Group, ...]:
    """Under headings by ATC main group when the list is long enough for headings to help."""
    if len(drugs) < _HEADINGS_FROM:
        return (Group("", tuple(row_of(chart, *one) for one in drugs)),) if drugs else ()
    by_group: dict[str, list[Row]] = {}
    for medication, entry in drugs:
        by_group.setdefault(medication.atc[:1], []).append(row_of(chart, medication, entry))
    unknown = message("Without ATC code")
    return tuple(
        Group(chart.translator.gettext(ATC_GROUPS.get(letter, unknown)), tuple(rows))
        for letter, rows in sorted(by_group.items(), key=lambda one: one[0] or "~")
    )


def row_of(chart: Chart, medication: Medication, entry: ResourceVersion) -> Row:
    """A drug as it is shown."""
    today = local(chart.now).date()
    author = medication.requester or medication.information_source
    return Row(
        id=medication.id,
        prescription=is_prescription(entry),
        label=medication.concept.label,
        atc=medication.atc,
        dosage=_lines(dosage.text or dosage.patient_instruction for dosage in medication.dosages),
        reason=medication.purpose,
        since=chart.translator.day(medication.since),
        until=chart.translator.day(medication.until),
        on_hold=medication.status == "on-hold",
        status_reason=medication.reasons_for_status,
        comment=_lines(note.text for note in medication.note),
        unit=chart.directory.unit(entry.unit),
        author=chart.directory.name(author.reference, author.display) if author else "",
        prescribed=chart.translator.day(medication.prescribed),
        valid_until=chart.translator.day(medication.valid_until),
        validity=validity(medication, today),
        standing=standing(medication, today.isoformat()),
        renewable=renewable(medication, entry, today.isoformat()),
        dispensed=_dispensed(chart, medication),
    )


def _dispensed(chart: Chart, medication: Medication) -> str:
    """How often it is dispensed and how much, whether it may be exchanged."""
    request = medication.dispense_request
    if request is None:
        return ""
    translator = chart.translator
    times = (request.number_of_repeats_allowed or 0) + 1
    parts = [translator.ngettext("dispensed %(num)d time", "dispensed %(num)d times", times) % {"num": times}]
    if request.quantity and request.quantity.value is not None:
        parts.append(f"{request.quantity.value} {request.quantity.unit or ''}".strip().replace(".", ","))
    if medication.substitution and medication.substitution.allowed_boolean is False:
        parts.append(translator.gettext("may not be exchanged"))
    return ", ".join(parts)


def _lines(texts: Iterable[str | None]) -> str:
    return "\n".join(text for text in texts if text)


MEDICATION_CARD = OverviewCard(
    anchor="medication",
    title=message("Medication"),
    placement=Placement.CARE,
    order=10,
    queries=queries,
    view=view,
)
