"""Notes that are begun at a contact, on its page and before it is closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from kontinuum.care.journal.fields import BASE
from kontinuum.care.journal.keeping import contact_of, moment_of, stored
from kontinuum.kernel.around import ContactPart, Remark
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Chart, SavedDraft

_BEGUN: Final = message("A note is begun and not finished.")


def begun(chart: Chart, contact: Mapping[str, Any], drafts: Sequence[SavedDraft]) -> tuple[Remark, ...]:
    """The person's own drafts for which the contact is chosen: nobody else may see what is in a draft.

    One that is written on as a note in the record is told as that note, which is not signed.
    """
    words = chart.translator
    return tuple(
        Remark(
            words.gettext(_BEGUN),
            words.moment(moment_of(one.updated)),
            f"{chart.path('journal', 'write')}?template={quote(one.template)}",
            missing=True,
        )
        for one in drafts
        if (fields := stored(one)) and contact_of(fields) == contact["id"] and BASE not in fields
    )


BEGUN_AT_CONTACT: Final = ContactPart(
    message("Begun, not finished"), 8, lambda chart, contact: (), lambda chart, contact, pages: (), begun
)
