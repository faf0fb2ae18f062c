"""Notes: what was written about the patient, by whom, signed or not."""

from __future__ import annotations

from kontinuum.care.notes.contact import NOTES_OF_CONTACT, UNSIGNED_ON_BOARD
from kontinuum.care.notes.views import NOTES_CARD, OLDER_NOTES
from kontinuum.care.notes.words import WORDS_OF_CONTACT, WORDS_ON_BOARD
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Module

MODULE = Module(
    name="notes",
    title=message("Notes"),
    package=__name__,
    cards=(NOTES_CARD,),
    routes=(OLDER_NOTES,),
    board=(UNSIGNED_ON_BOARD, WORDS_ON_BOARD),
    contact_parts=(WORDS_OF_CONTACT, NOTES_OF_CONTACT),
)
