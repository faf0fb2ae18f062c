"""Hypersensitivity and alerts on the overview and in the patient banner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kontinuum.care.allergies.kinds import CATEGORIES, KINDS, SEVERITIES
from kontinuum.care.allergies.model import AllergyIntolerance, Flag
from kontinuum.care.allergies.rules import Findings, findings
from kontinuum.fhir.datatypes import Reference
from kontinuum.kernel.i18n import Translator, local, message
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

ANCHOR: Final = "alerts"
_AT_MOST = 100


@dataclass(frozen=True, slots=True)
class Row:
    """One entry: hypersensitivity, a statement that none is known, or an alert; `type` is its resource's."""

    type: str
    id: str
    kind: str
    label: str
    code: str
    detail: str
    severity: str
    severe: bool
    denies: bool
    unconfirmed: bool
    refuted: bool
    in_error: bool
    since: str
    until: str
    unit: str
    author: str
    source: str
    recorded: str
    comment: str


def today_of(chart: Chart) -> str:
    """The day in Sweden."""
    return local(chart.now).date().isoformat()


def queries(chart: Chart) -> tuple[str, ...]:
    """The patient's allergies and alerts."""
    return (
        f"AllergyIntolerance?patient={chart.patient}&_count={_AT_MOST}",
        f"Flag?patient={chart.patient}&_count={_AT_MOST}",
    )


def read(chart: Chart, pages: Sequence[ResultPage]) -> Findings:
    """What the two searches found."""
    return findings(pages[0].matches, pages[1].matches, today_of(chart))


def view(chart: Chart, pages: Sequence[ResultPage]) -> View:
    """Allergies, alerts, and whether anybody has asked about allergies at all."""
    found = read(chart, pages)
    values = {
        "allergies": [row_of(chart, *one) for one in found.allergies],
        "denials": [row_of(chart, *one) for one in found.denials],
        "flags": [row_of(chart, *one) for one in found.flags],
        "ended": [row_of(chart, *one) for one in found.ended],
        "struck": [row_of(chart, *one) for one in found.struck],
        "contradicted": found.contradicted,
        "truncated": _AT_MOST if any(page.next for page in pages) else 0,
    }
    return View("allergies/card.html", values)


def notes(chart: Chart, pages: Sequence[ResultPage]) -> tuple[BannerNote, ...]:
    """Each allergy and alert; that nothing is recorded about allergies is said as well."""
    gettext = chart.translator.gettext
    found = read(chart, pages)
    result = []
    for severe, tone in ((True, Tone.DANGER), (False, Tone.WARNING)):
        labels = ", ".join(one.code.label for one, _ in found.allergies if one.severe is severe)
        if labels:
            title = gettext("Severe hypersensitivity") if severe else gettext("Hypersensitivity")
            result.append(BannerNote(tone, title, labels, ANCHOR))
    if not found.allergies:
        result.append(BannerNote(Tone.QUIET, gettext("Hypersensitivity"), _known(chart, found), ANCHOR))
    for flag, _ in found.flags:
        title = gettext(KINDS[flag.kind].title) if flag.kind else ""
        result.append(BannerNote(Tone.WARNING, title, flag.code.label, ANCHOR))
    return tuple(result)


def _known(chart: Chart, found: Findings) -> str:
    """Nobody has said anything, none is known and since when, or what it is that is not known."""
    gettext = chart.translator.gettext
    if not found.denials:
        return gettext("no information")
    said, _ = max(found.denials, key=lambda one: (one[0].scope == "any", one[0].recorded_date or ""))
    text = gettext("none known") if said.scope == "any" else said.code.label
    day = chart.translator.day(said.recorded_date)
    return f"{text} ({day})" if day else text


def row_of(chart: Chart, entry: AllergyIntolerance | Flag, stored: ResourceVersion) -> Row:
    """An entry as it is shown."""
    return _flag_row(chart, entry, stored) if isinstance(entry, Flag) else _allergy_row(chart, entry, stored)


def _allergy_row(chart: Chart, allergy: AllergyIntolerance, stored: ResourceVersion) -> Row:
    gettext = chart.translator.gettext
    known = [CATEGORIES[one] for one in allergy.category if one in CATEGORIES]
    asserter = allergy.asserter.reference if allergy.asserter else None
    severity = SEVERITIES[allergy.severity][2] if allergy.severity else ""
    return Row(
        type="AllergyIntolerance",
        id=allergy.id,
        kind=", ".join(map(gettext, known)),
        label=allergy.code.label,
        code=allergy.code.code(),
        detail=allergy.manifestations,
        severity=gettext(severity) if severity else gettext("severe") if allergy.severe else "",
        severe=allergy.severe,
        denies=allergy.denies,
        unconfirmed=allergy.unconfirmed,
        refuted=allergy.refuted,
        in_error=allergy.entered_in_error,
        since=chart.translator.day(allergy.onset_date_time),
        until="",
        unit=chart.directory.unit(stored.unit),
        author=_who(chart, allergy.recorder or allergy.asserter),
        source=gettext("according to the patient") if (asserter or "").startswith("Patient/") else "",
        recorded=chart.translator.day(allergy.recorded_date),
        comment="\n".join(note.text for note in allergy.note),
    )


def _flag_row(chart: Chart, flag: Flag, stored: ResourceVersion) -> Row:
    period = flag.period
    return Row(
        type="Flag",
        id=flag.id,
        kind=_kind(flag, chart.translator),
        label=flag.code.label,
        code=flag.code.code(),
        detail="",
        severity="",
        severe=False,
        denies=False,
        unconfirmed=False,
        refuted=False,
        in_error=flag.entered_in_error,
        since=chart.translator.day(period.start) if period else "",
        until=chart.translator.day(period.end) if period else "",
        unit=chart.directory.unit(stored.unit),
        author=_who(chart, flag.author),
        source="",
        recorded="",
        comment="",
    )


_CATEGORIES: Final = {
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
    """What kind of alert it is: ours, else in the words recorded, else by HL7's category."""
    if flag.kind:
        return translator.gettext(KINDS[flag.kind].title)
    for category in flag.category:
        if category.text:
            return category.text
        if category.code() in _CATEGORIES:
            return translator.gettext(_CATEGORIES[category.code()])
    return translator.gettext("Alert")


def _who(chart: Chart, reference: Reference | None) -> str:
    return chart.directory.name(reference.reference, reference.display) if reference else ""


ALERTS_CARD = OverviewCard(
    anchor=ANCHOR,
    title=message("Allergies and alerts"),
    placement=Placement.FINDINGS,
    order=10,
    queries=queries,
    view=view,
    always=True,
)
ALERTS_IN_BANNER = BannerNotes(queries=queries, notes=notes)
