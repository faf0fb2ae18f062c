"""What was checked, in words: what speaks against a prescription, and what was not looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kontinuum.care.medication.checks import Checked, Finding, Kind, Unchecked
from kontinuum.kernel.around import Advice
from kontinuum.kernel.i18n import Translator, message

_FOUND: Final = {
    Kind.SEVERE: message("Severe hypersensitivity: %(what)s"),
    Kind.SENSITIVE: message("Hypersensitivity: %(what)s"),
    Kind.TWICE: message("The patient already has the same substance: %(what)s"),
    Kind.DOSE: message("Above the usual highest dose of a day, %(what)s"),
    Kind.RELATED: message("Of the same group as the hypersensitivity %(what)s"),
    Kind.SAME_GROUP: message("The patient already has a drug of the same group: %(what)s"),
}
_UNCHECKED: Final = {
    Unchecked.INTERACTIONS: message("interactions (no source is connected)"),
    Unchecked.KIDNEY: message("kidney function"),
    Unchecked.PREGNANCY: message("pregnancy and breast-feeding"),
    Unchecked.MORE: message("everything: there is more in the record than was read"),
    Unchecked.NO_CODE: message("by ATC code: the drug has none and is compared by its name alone"),
    Unchecked.NOT_COMPARED: message("the hypersensitivity %(what)s, which has no code in common"),
    Unchecked.NO_MAXIMUM: message("highest dose (none is stated for the drug)"),
    Unchecked.CHILD: message("dose for age (what is stated holds for adults)"),
    Unchecked.NO_NUMBERS: message("highest dose (the dosage is not in numbers)"),
}
_QUIET: Final = "info"

ALL_THE_SAME: Final = "Förskrivet trots svår överkänslighet: %s. Skäl: %s"
"""What is kept of the reason to prescribe all the same; in the language of the record."""


@dataclass(frozen=True, slots=True)
class Warned:
    """One line: how loud it is (`critical`, `warning` or `info`), the words, and which service said it."""

    tone: str
    text: str
    service: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What a page says of a check: the loudest first. `unchecked` is never empty."""

    warnings: tuple[Warned, ...]
    unchecked: tuple[str, ...]
    allergies: int
    drugs: int
    stops: bool


def told(translator: Translator, checked: Checked, advice: Sequence[Advice] = ()) -> Told:
    """A check, and what services of others said, in words."""
    gettext = translator.gettext
    warnings = [
        Warned(_tone(one), gettext(_FOUND[one.kind]) % {"what": one.what}) for one in checked.findings
    ]
    warnings += [Warned(tone, text, one.service) for one in advice for tone, text in one.cards]
    tones = ("critical", "warning", _QUIET)
    warnings.sort(key=lambda one: tones.index(one.tone))
    unchecked = [gettext(_UNCHECKED[kind]) % {"what": what} for kind, what in checked.unchecked]
    unchecked += [f"{one.service}: {one.fault}" for one in advice if one.fault]
    return Told(tuple(warnings), tuple(unchecked), checked.allergies, checked.drugs, bool(checked.stops))


def _tone(finding: Finding) -> str:
    if finding.stops:
        return "critical"
    return _QUIET if finding.kind is Kind.SAME_GROUP else "warning"


def kept(checked: Checked, reason: str) -> str:
    """What stands in the record of a reason to prescribe all the same; empty where nothing stopped it."""
    if not checked.stops:
        return ""
    return ALL_THE_SAME % (", ".join(one.what for one in checked.stops), reason)
