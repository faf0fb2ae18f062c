"""Allergies and alerts on the overview and in the patient banner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kontinuum.care.allergies.model import AllergyIntolerance, Flag, read_allergies, read_flags
from kontinuum.fhir.datatypes import Reference
from kontinuum.kernel.i18n import Translator, message
from kontinuum.kernel.module import (
    BannerNote,
    BannerNotes,
    Chart,
    OverviewCard,
    Placement,
    ResourceVersion,
    ResultPage,
    Tone,
    View,
)

_AT_MOST = 100
_ANCHOR = "alerts"


@dataclass(frozen=True, slots=True)
class Row:
    """One allergy or alert."""

    kind: str
    label: str
    detail: str
    severe: bool
    unconfirmed: bool
    since: str
    unit: str
    author: str
    recorded: str


def queries(chart: Chart) -> tuple[str, ...]:
    """The patient's allergies and alerts."""
    return (
        f"AllergyIntolerance?patient={chart.patient}&_count={_AT_MOST}",
        f"Flag?patient={chart.patient}&_count={_AT_MOST}",
    )


def view(chart: Chart, pages: Sequence[ResultPage]) -> View:
    """Allergies, alerts, and whether anybody has asked about allergies at all."""
    allergies = read_allergies(pages[0].matches)
    flags = read_flags(pages[1].matches)
    values = {
        "allergies": [_allergy_row(chart, *one) for one in allergies if not one[0].denies],
        "denials": [_allergy_row(chart, *one) for one in allergies if one[0].denies],
        "flags": [_flag_row(chart, *one) for one in flags],
        "truncated": _AT_MOST if any(page.next for page in pages) else 0,
    }
    return View("allergies/card.html", values)


def notes(chart: Chart, pages: Sequence[ResultPage]) -> tuple[BannerNote, ...]:
    """Each allergy and alert; that nothing is recorded about allergies is said as well."""
    gettext = chart.translator.gettext
    allergies = read_allergies(pages[0].matches)
    found = [allergy for allergy, _ in allergies if not allergy.denies]
    result = []
    for severe, tone in ((True, Tone.DANGER), (False, Tone.WARNING)):
        labels = ", ".join(allergy.code.label for allergy in found if allergy.severe is severe)
        if labels:
            title = gettext("Severe hypersensitivity") if severe else gettext("Hypersensitivity")
            result.append(BannerNote(tone, title, labels, _ANCHOR))
    if not found:
        known = gettext("none known") if allergies else gettext("no information")
        result.append(BannerNote(Tone.QUIET, gettext("Hypersensitivity"), known, _ANCHOR))
    for flag, _ in read_flags(pages[1].matches):
        result.append(BannerNote(Tone.WARNING, "", flag.code.label, _ANCHOR))
    return tuple(result)


def _allergy_row(chart: Chart, allergy: AllergyIntolerance, entry: ResourceVersion) -> Row:
    gettext = chart.translator.gettext
    kinds = {
        "medication": gettext("Medicine"),
        "food": gettext("Food"),
        "environment": gettext("Environment"),
        "biologic": gettext("Biological product"),
    }
    unconfirmed = allergy.verification_status is not None and allergy.verification_status.has("unconfirmed")
    return Row(
        kind=", ".join(kinds.get(category, category) for category in allergy.category),
        label=allergy.code.label,
        detail=allergy.manifestations,
        severe=allergy.severe,
        unconfirmed=unconfirmed,
        since=chart.translator.day(allergy.onset_date_time),
        unit=chart.directory.unit(entry.unit),
        author=_who(chart, allergy.recorder or allergy.asserter),
        recorded=chart.translator.day(allergy.recorded_date),
    )


def _flag_row(chart: Chart, flag: Flag, entry: ResourceVersion) -> Row:
    since = flag.period.start if flag.period else None
    return Row(
        kind=_kind(flag, chart.translator),
        label=flag.code.label,
        detail="",
        severe=False,
        unconfirmed=False,
        since="",
        unit=chart.directory.unit(entry.unit),
        author=_who(chart, flag.author),
        recorded=chart.translator.day(since),
    )


_KINDS: Final = {
    "diet": message("Diet"),
    "drug": message("Medicine"),
    "lab": message("Laboratory"),
    "admin": message("Administrative"),
    "contact": message("Contact"),
    "behavioral": message("Behaviour"),
    "research": message("Research"),
    "advance-directive": message("Decision on treatment"),
    "safety": message("Safety"),
    "clinical": message("Clinical"),
}
"""http://terminology.hl7.org/CodeSystem/flag-category"""


def _kind(flag: Flag, translator: Translator) -> str:
    """What kind of alert it is, in the words recorded or by HL7's category."""
    for category in flag.category:
        if category.text:
            return category.text
        if category.code() in _KINDS:
            return translator.gettext(_KINDS[category.code()])
    return translator.gettext("Alert")


def _who(chart: Chart, reference: Reference | None) -> str:
    return chart.directory.name(reference.reference, reference.display) if reference else ""


ALERTS_CARD = OverviewCard(
    anchor=_ANCHOR,
    title=message("Allergies and alerts"),
    placement=Placement.FINDINGS,
    order=10,
    queries=queries,
    view=view,
)
ALERTS_IN_BANNER = BannerNotes(queries=queries, notes=notes)
