"""How prescriptions become a medication list. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from kontinuum.care.medication.model import Medication
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import ResourceVersion

ATC_GROUPS: Final = {
    "A": message("Alimentary tract and metabolism"),
    "B": message("Blood and blood-forming organs"),
    "C": message("Heart and circulation"),
    "D": message("Skin"),
    "G": message("Urogenital system and sex hormones"),
    "H": message("Systemic hormones"),
    "J": message("Infections"),
    "L": message("Tumours and immune system"),
    "M": message("Muscles, joints and bones"),
    "N": message("Nervous system"),
    "P": message("Parasites"),
    "R": message("Airways"),
    "S": message("Eyes and ears"),
    "V": message("Various"),
}
"""The anatomical main groups of the ATC classification."""


def newest_of_each(
    medication: Iterable[tuple[Medication, ResourceVersion]],
) -> list[tuple[Medication, ResourceVersion]]:
    """One line for each drug with the same name and dosage: the latest entry; in ATC order, then by name.

    Two entries of one drug with different dosages both stay: that they differ must be seen.
    """
    newest: dict[tuple[str, str, tuple[str | None, ...]], tuple[Medication, ResourceVersion]] = {}
    for one in medication:
        drug = one[0]
        key = (drug.concept.label, drug.status, tuple(dosage.text for dosage in drug.dosages))
        if key not in newest or drug.since > newest[key][0].since:
            newest[key] = one
    return sorted(newest.values(), key=lambda one: (one[0].atc or "~", one[0].concept.label))
