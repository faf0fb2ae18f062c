"""What stops an access whatever the ground: of the directory, of tools, of others' Subscriptions."""

from __future__ import annotations

from kontinuum.access.circumstances import Circumstances
from kontinuum.access.decision import Facts, Question, Reason
from kontinuum.access.sql import EVERYTHING, NOTHING, all_of
from kontinuum.access.subscribers import OthersSubscription
from kontinuum.access.tools import StaffTools
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.kernel.principal import Purpose
from kontinuum.kernel.sql import Fragment

DIRECTORY_TYPES = frozenset(
    {
        "HealthcareService",
        "Location",
        "Organization",
        "OrganizationAffiliation",
        "Practitioner",
        "PractitionerRole",
    }
)
"""Types that say who works where, for what purpose and with which rights."""

_CODES = sorted(TYPE_CODES[name] for name in DIRECTORY_TYPES)


class Directory:
    """Rule 6: assignments are given, not taken: care staff do not write what their own access comes from."""

    name = "directory"
    numbers: tuple[int, ...] = (6,)
    provision = "patientdatalagen (2008:355) 4:2; HSLF-FS 2016:40 ch. 4"
    hidden = False
    reason = Reason(
        "Units, staff and their assignments are kept up by those whose assignment is administration, or by a "
        "system made for it.",
        "Enheter, personal och uppdrag hålls aktuella av den som har ett uppdrag för administration, eller "
        "av ett system som är till för det.",
    )

    def holds(self, question: Question, facts: Facts, circumstances: Circumstances) -> bool:
        """A write of the directory by somebody who does not administer it."""
        return facts.type in DIRECTORY_TYPES and not _administers(question)

    def predicate(self, question: Question) -> Fragment:
        """Rows of the directory's types, for writes by somebody who does not administer it."""
        if _administers(question):
            return NOTHING
        if question.type is not None:
            return EVERYTHING if question.type in DIRECTORY_TYPES else NOTHING
        return Fragment("r.type = any({}::smallint[])", (_CODES,))


class ForeignDirectory:
    """Rule 6: each care provider keeps up its own directory, and gives assignments at its own units only.

    A person's HSA-id is issued by whoever employs: another provider's people are registered there. A system's
    word about another provider is written, and believed at sign-in only where the installation trusts it for
    all (docs/sign-in.md, `directory`).
    """

    name = "foreign-directory"
    numbers: tuple[int, ...] = (6,)
    provision = "patientdatalagen (2008:355) 4:2; HSLF-FS 2016:40 ch. 4"
    hidden = False
    reason = Reason(
        "Another care provider is accountable for this unit, person or assignment: its own administration "
        "keeps it up.",
        "En annan vårdgivare ansvarar för enheten, personen eller uppdraget och håller det aktuellt genom "
        "sin egen administration.",
    )

    def holds(self, question: Question, facts: Facts, circumstances: Circumstances) -> bool:
        """A write of another provider's entry, of an assignment there, or of a person with its HSA-id."""
        if question.reads or facts.type not in DIRECTORY_TYPES:
            return False
        own = question.assignment.provider
        gives_elsewhere = facts.place not in (None, own) and not question.is_system
        return facts.provider != own or gives_elsewhere

    def predicate(self, question: Question) -> Fragment:
        """Rows of the directory's types for which another provider is accountable, for writes."""
        if question.reads or (question.type is not None and question.type not in DIRECTORY_TYPES):
            return NOTHING
        foreign = Fragment("a.provider <> {}::text", (question.assignment.provider,))
        typed = Fragment("r.type = any({}::smallint[])", (_CODES,))
        return foreign if question.type is not None else all_of(typed, foreign)


def _administers(question: Question) -> bool:
    """Whether the veto does not concern a question: it reads, or comes from who keeps up the directory."""
    administrator = question.is_staff and question.principal.purpose is Purpose.ADMINISTRATION
    return question.reads or question.is_system or administrator


VETOES = (Directory(), ForeignDirectory(), OthersSubscription(), StaffTools())
"""Every veto; none depends on circumstances. Of what a `hidden` one stops a reader is told nothing."""
