"""From the texts of a form to values of the directory, with every mistake told beside its field.

The rules are those of files (`organisation.files`): a form is a row with one kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from kontinuum.kernel.i18n import Translator, message
from kontinuum.organisation.files import COLUMNS, NEEDED, Fault, read_row
from kontinuum.organisation.model import Kind, Record

_HINTS = {
    "hsa_id": message(
        "An HSA-id is SE, ten digits, a hyphen, and letters and digits, such as SE2321000016-1AB2."
    ),
    "personal_number": message("This is no personal identity number: look for a slip."),
    "organisation_number": message("This is no organisation number: look for a slip."),
    "prescriber_code": message("A prescriber code has seven digits."),
    "position": message("A position code has six digits."),
    "from": message("Write the day as 2026-03-31."),
    "until": message("Write the day as 2026-03-31; it cannot lie before the first day."),
}
_NEEDED = message("This is needed.")
_UNKNOWN = message("This choice is not known: choose again.")


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a field."""

    field: str
    text: str


def understand(
    kind: Kind, fields: Mapping[str, str], today: date, translator: Translator
) -> Record | Mistake:
    """The value that a form means, or what is wrong with it."""
    given = {name: fields[name] for name in COLUMNS[kind] if fields.get(name)}
    for name in NEEDED[kind]:
        if name not in given:
            return Mistake(name, translator.gettext(_NEEDED))
    found = read_row(kind, given, today)
    if isinstance(found, Fault):
        return Mistake(found.column, translator.gettext(_HINTS.get(found.column, _UNKNOWN)))
    return found
