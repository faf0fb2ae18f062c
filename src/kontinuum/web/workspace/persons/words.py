"""What the patient index's reasons are called for people in care."""

from __future__ import annotations

from typing import Final

from kontinuum.kernel.i18n import message
from kontinuum.record.persons.rules import Conflict, Likeness

LIKENESSES: Final = {
    Likeness.NUMBER: message("Same number"),
    Likeness.NAME_AND_BIRTH: message("Same name and date of birth"),
    Likeness.SOUND_AND_BIRTH: message("Similar name, same date of birth"),
    Likeness.SWAPPED_AND_BIRTH: message("Given name and family name swapped, same date of birth"),
    Likeness.NAME_AND_SLIP: message("Same name, and a date of birth that may be a slip"),
    Likeness.RESERVE: message("One has a reserve number, the other a real number, and the names are alike"),
    Likeness.CONTACT: message("Same address or telephone"),
}

CONFLICTS: Final = {
    Conflict.TWO_NUMBERS: message("Both have a personal identity number, and the numbers differ."),
    Conflict.OTHER_WAY: message("The one to be replaced has a personal identity number, the other has none."),
    Conflict.BIRTH_DATES: message("The dates of birth differ."),
    Conflict.SEX: message("The sex differs."),
    Conflict.NAMES: message("The names are not alike."),
    Conflict.DECEASED: message("One is deceased, the other is not."),
    Conflict.PROTECTION: message("The protected identity differs. After the link both are protected."),
}
"""What must be ticked before two records are linked."""
