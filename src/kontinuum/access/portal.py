"""The grounds on which patients, their guardians and their proxies read on the patient's own pages."""

from __future__ import annotations

from collections.abc import Collection

from kontinuum.access.circumstances import Circumstances, Kind
from kontinuum.access.decision import Facts, Question, Reason
from kontinuum.access.sql import NOTHING, all_of, any_of, exists, in_force, of_patient
from kontinuum.kernel.sql import Fragment

OWN_ACCESS_FROM = 16
GUARDIANS_UNTIL = 13
_YEAR = 10_000  # in the numbers yyyymmdd


def reached(years: int, born: Collection[int], today: int) -> bool:
    """Whether an age is reached by every birthday that is known; if none is, that cannot be said."""
    return bool(born) and all(each + years * _YEAR <= today for each in born)


def _below(years: int, born: Collection[int], today: int) -> bool:
    """Whether an age is not reached by any birthday that is known; if none is, that cannot be said."""
    return bool(born) and not any(each + years * _YEAR <= today for each in born)


def decides(circumstances: Circumstances, today: int) -> bool:
    """Whether a patient decides online on blocks, consents and proxies: while alive, and from sixteen."""
    return not circumstances.deceased and reached(OWN_ACCESS_FROM, circumstances.born, today)


def _born(question: Question, condition: str, years: int) -> Fragment:
    """Every known birthday of the patient beside that of somebody who reaches an age today."""
    about = of_patient(question, "x")
    return Fragment(
        f"coalesce((select bool_and(x.born {condition} {{}}::integer) from person_fact x"
        f" where {about.text}), false)",
        (question.today - years * _YEAR, *about.values),
    )


def _acts(question: Question, kind: Kind, scope: Fragment | None = None) -> Fragment:
    return exists(
        "representative",
        "x",
        of_patient(question, "x"),
        Fragment("x.person = {}::text and x.kind = {}::text", (question.actor.id, kind.value)),
        in_force(question, "x"),
        *([scope] if scope else []),
    )


class OwnRecord:
    """Rules 27 and 29: the patient reads the own record, from the age of sixteen."""

    name = "own-record"
    numbers: tuple[int, ...] = (27, 29)
    provision = "patientdatalagen (2008:355) 5:5"
    reason = Reason(
        "A patient reads the own record from the age of 16, and changes it through the functions made for "
        "that.",
        "En patient läser sin egen journal från 16 års ålder, och ändrar den genom de funktioner som "
        "finns för det.",
    )

    def holds(self, question: Question, facts: Facts, circumstances: Circumstances) -> bool:
        """The patient's own, also under another Patient that is the same person; old enough."""
        return (
            question.reads_online
            and (facts.patient == question.actor.id or circumstances.own)
            and reached(OWN_ACCESS_FROM, circumstances.born, question.today)
        )

    def predicate(self, question: Question) -> Fragment:
        """Rows filed under the patient, or under another Patient that is the same person."""
        if not question.reads_online:
            return NOTHING
        me = (question.actor.id,)
        linked = exists("person_fact", "s", of_patient(question, "s"), Fragment("s.origin = {}::text", me))
        own = any_of(Fragment("r.patient = {}::text", me), linked)
        return all_of(own, _born(question, "<=", OWN_ACCESS_FROM))


class GuardianOfChild:
    """Rule 27: a guardian reads the record of a child under thirteen."""

    name = "guardian"
    numbers: tuple[int, ...] = (27,)
    provision = "föräldrabalken (1949:381) 6:11; patientdatalagen (2008:355) 5:5"
    reason = Reason(
        "A guardian reads the record of a child under 13.",
        "En vårdnadshavare läser journalen för barn under 13 år.",
    )

    def holds(self, question: Question, facts: Facts, circumstances: Circumstances) -> bool:
        """A guardianship is in force and the child is known to be under thirteen."""
        guardian = any(each.kind is Kind.GUARDIAN for each in circumstances.representations)
        young = _below(GUARDIANS_UNTIL, circumstances.born, question.today)
        return question.reads_online and facts.patient is not None and guardian and young

    def predicate(self, question: Question) -> Fragment:
        """Rows of children under thirteen whose guardian asks."""
        if not question.reads_online:
            return NOTHING
        return all_of(_acts(question, Kind.GUARDIAN), _born(question, ">", GUARDIANS_UNTIL))


class DecisionForChild:
    """Rule 27: for a child under sixteen a decision may open the record, to the child or to a guardian."""

    name = "decision-for-child"
    numbers: tuple[int, ...] = (27,)
    provision = "föräldrabalken (1949:381) 6:11; patientdatalagen (2008:355) 5:5"
    reason = Reason(
        "Between 13 and 15 nobody reads the record online, unless it is decided for the child.",
        "Mellan 13 och 15 år läser ingen journalen på nätet, om det inte är beslutat för barnet.",
    )

    def holds(self, question: Question, facts: Facts, circumstances: Circumstances) -> bool:
        """A decision for the one who asks is in force, and the child is known to be under sixteen."""
        decided = any(each.kind is Kind.DECISION for each in circumstances.representations)
        young = _below(OWN_ACCESS_FROM, circumstances.born, question.today)
        return question.reads_online and facts.patient is not None and decided and young

    def predicate(self, question: Question) -> Fragment:
        """Rows of children under sixteen for whom it is decided."""
        if not question.reads_online:
            return NOTHING
        return all_of(_acts(question, Kind.DECISION), _born(question, ">", OWN_ACCESS_FROM))


class Proxy:
    """Rules 27 and 29: somebody whom an adult patient has appointed, with a scope and an end."""

    name = "proxy"
    numbers: tuple[int, ...] = (27, 29)
    provision = "patientdatalagen (2008:355) 5:5"
    reason = Reason(
        "A proxy reads what the patient has included, until the day that the patient has set.",
        "Ett ombud läser det som patienten har valt, till den dag som patienten har bestämt.",
    )

    def holds(self, question: Question, facts: Facts, circumstances: Circumstances) -> bool:
        """An appointment is in force whose scope has the type, by a patient of sixteen or more."""
        included = any(
            each.kind is Kind.PROXY and (not each.types or facts.type in each.types)
            for each in circumstances.representations
        )
        adult = reached(OWN_ACCESS_FROM, circumstances.born, question.today)
        return question.reads_online and facts.patient is not None and included and adult

    def predicate(self, question: Question) -> Fragment:
        """Rows of patients who have appointed the one who asks, within the scope."""
        if not question.reads_online:
            return NOTHING
        scope = Fragment("(cardinality(x.kept) = 0 or r.type = any(x.kept))")
        return all_of(_acts(question, Kind.PROXY, scope), _born(question, "<=", OWN_ACCESS_FROM))
