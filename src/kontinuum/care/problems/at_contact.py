"""The diagnoses of one contact, as its page shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from kontinuum.care.problems.form import query
from kontinuum.care.problems.model import read_conditions
from kontinuum.care.problems.writing import is_main
from kontinuum.kernel.around import ContactPart, Remark
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Chart, ResultPage

_MAIN: Final = message("Main diagnosis")
_OTHER: Final = message("Other diagnosis")
_NO_MAIN: Final = message("No main diagnosis is set.")


def queries(chart: Chart, contact: str) -> tuple[str, ...]:
    """The patient's conditions, among which are those of the contact."""
    return (query(chart),)


def remarks(chart: Chart, contact: Mapping[str, Any], pages: Sequence[ResultPage]) -> tuple[Remark, ...]:
    """The main diagnosis first; that there is none is missing."""
    words = chart.translator
    read = {one.id: one for one, _ in read_conditions(pages[0].matches) if one.stands}
    found: list[Remark] = []
    main = False
    for one in contact.get("diagnosis") or ():
        condition = read.get((one["condition"].get("reference") or "").rpartition("/")[2])
        if condition is not None:
            title = words.gettext(_MAIN if is_main(one) else _OTHER)
            main = main or is_main(one)
            parts = (condition.code.code(), title)
            address = f"{chart.path('problems', 'one')}?id={quote(condition.id, safe='')}"
            found.append(Remark(condition.code.label, " · ".join(filter(None, parts)), address))
    # A main diagnosis that the reader may not read is there all the same.
    if not main and not any(map(is_main, contact.get("diagnosis") or ())):
        where = f"{chart.path('problems', 'add')}?contact={quote(contact['id'], safe='')}"
        found.append(Remark(words.gettext(_NO_MAIN), address=where, missing=True))
    return tuple(found)


DIAGNOSES_OF_CONTACT: Final = ContactPart(message("Diagnoses"), 20, queries, remarks)
