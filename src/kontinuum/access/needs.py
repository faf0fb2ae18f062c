"""What a ground of access needs: a care relation, an active choice, consent, an emergency opening."""

from __future__ import annotations

from kontinuum.access.circumstances import Circumstances
from kontinuum.access.decision import Facts, Question, Reason
from kontinuum.access.sql import Late, exists, in_force, mine_or_everybodys, of_patient, told
from kontinuum.kernel.sql import Fragment


class CareRelation:
    """Rule 7: whoever reads takes part in the patient's care (booking, visit and so on), or says why."""

    name = "care-relation"
    numbers: tuple[int, ...] = (7,)
    provision = "patientdatalagen (2008:355) 4:1"
    reason = Reason(
        "Your unit has no care relation with this patient. State why you need the record to open it.",
        "Din enhet har ingen vårdrelation med patienten. Ange varför du behöver journalen för att öppna den.",
    )

    def holds(self, question: Question, facts: Facts, circumstances: Circumstances) -> bool:
        """The unit of the assignment, or the person there, has a relation that is in force."""
        return circumstances.relation is not None

    def predicate(self, question: Question) -> Fragment:
        """A relation of the unit with the patient is in force."""
        unit, person = question.assignment.unit, question.actor.id
        if question.patient is not None:
            return told("law_relates", ("text", unit), ("text", person), ("bigint", Late.NOW))
        where = Fragment("x.unit = {}::text", (unit,))
        return exists(
            "care_relation",
            "x",
            of_patient(question, "x"),
            where,
            in_force(question, "x"),
            mine_or_everybodys(question, "x"),
        )


class ActiveChoice:
    """Rule 8: of another unit first only the existence of data; its content after an active choice."""

    name = "active-choice"
    numbers: tuple[int, ...] = (8,)
    provision = "patientdatalagen (2008:355) 4:1; HSLF-FS 2016:40 ch. 4"
    reason = Reason(
        "This is another unit's documentation. Choose that unit to read it; the choice is logged.",
        "Detta är en annan enhets dokumentation. Välj enheten för att läsa den; valet loggas.",
    )

    def holds(self, question: Question, facts: Facts, circumstances: Circumstances) -> bool:
        """The person has chosen the accountable unit, and the choice is in force."""
        return facts.unit in circumstances.chosen

    def predicate(self, question: Question) -> Fragment:
        """The person, at this unit, has chosen the accountable unit."""
        unit, person = question.assignment.unit, question.actor.id
        if question.patient is not None:
            chosen = told("law_chosen", ("text", unit), ("text", person), ("bigint", Late.NOW))
            return Fragment(f"a.unit = any({chosen.text}::text[])", chosen.values)
        return exists(
            "active_choice",
            "x",
            Fragment("x.target = a.unit"),
            of_patient(question, "x"),
            Fragment("x.person = {}::text and x.unit = {}::text", (person, unit)),
            in_force(question, "x"),
        )


class Consent:
    """Rules 14 and 16: the patient lets this provider read others' data, or could not be asked."""

    name = "consent"
    numbers: tuple[int, ...] = (14, 16)
    provision = "lag (2022:913) om sammanhållen vård- och omsorgsdokumentation, ch. 3"
    reason = Reason(
        "Another care provider is accountable for this. The patient's consent is needed to read it.",
        "En annan vårdgivare ansvarar för uppgiften. Patientens samtycke behövs för att läsa den.",
    )

    def holds(self, question: Question, facts: Facts, circumstances: Circumstances) -> bool:
        """A consent for this provider, unit and person is in force."""
        return circumstances.consented

    def predicate(self, question: Question) -> Fragment:
        """A consent for this provider, unit and person is in force."""
        provider, unit = question.assignment.provider, question.assignment.unit
        if question.patient is not None:
            place = (("text", provider), ("text", unit))
            return told("law_consents", *place, ("text", question.actor.id), ("bigint", Late.NOW))
        scope = Fragment("x.provider = {}::text and x.unit in ('', {}::text)", (provider, unit))
        return exists(
            "consent",
            "x",
            of_patient(question, "x"),
            scope,
            in_force(question, "x"),
            mine_or_everybodys(question, "x"),
        )


class Opening:
    """Rules 15 and 17: in an emergency the record is opened for a time, with a reason, and reviewed."""

    name = "emergency-opening"
    numbers: tuple[int, ...] = (15, 17)
    provision = "patientdatalagen (2008:355) 4:1; lag (2022:913) ch. 3"
    reason = Reason(
        "Opened in an emergency: danger to life or serious danger to health. It ends by itself and is "
        "reviewed.",
        "Öppnad i nödläge: fara för liv eller allvarlig fara för hälsa. Den upphör av sig själv och "
        "granskas.",
    )

    def holds(self, question: Question, facts: Facts, circumstances: Circumstances) -> bool:
        """The person has opened the record under this assignment's unit, and the time has not run out."""
        return circumstances.opened is not None

    def predicate(self, question: Question) -> Fragment:
        """An opening by the person at this unit is in force."""
        unit, person = question.assignment.unit, question.actor.id
        if question.patient is not None:
            return told("law_opened", ("text", unit), ("text", person), ("bigint", Late.NOW))
        return exists(
            "opening",
            "x",
            of_patient(question, "x"),
            Fragment("x.person = {}::text and x.unit = {}::text", (person, unit)),
            in_force(question, "x"),
        )


CARE_RELATION = CareRelation()
ACTIVE_CHOICE = ActiveChoice()
CONSENT = Consent()
OPENING = Opening()
