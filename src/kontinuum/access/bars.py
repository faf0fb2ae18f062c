"""What stops access whatever the ground: blocks, what is kept back from the patient, a closed account."""

from __future__ import annotations

from collections.abc import Sequence

from kontinuum.access.circumstances import Block, Circumstances, Level
from kontinuum.access.decision import Facts, Question, Reason
from kontinuum.access.kept_back import MARK, NO_PATIENT
from kontinuum.access.sql import (
    NOTHING,
    Late,
    all_of,
    any_of,
    exists,
    none_of,
    of_patient,
    told,
)
from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.sql import Fragment

KEPT_BACK_MARK = MARK
"""The code of FHIR's security label for what the patient must not see yet, as it stands in a stored body.

http://terminology.hl7.org/CodeSystem/v3-ActCode NOPAT. Bodies are written by this server, so the form is
fixed.
"""


_LABELLED = (
    "select 1"
    " from jsonb_array_elements(convert_from(r.body, 'UTF8')::jsonb -> 'meta' -> 'security') as l(label)"
    " where label ->> 'code' = {} and coalesce((select (part ->> 'valueInstant')::timestamptz"
    " from jsonb_path_query(label, '$.extension[*].extension[*]') as p(part)"
    " where part ->> 'url' = 'until' limit 1), 'infinity') > {}"
)
"""A label on the whole entry that has not ended; labels on its headings are taken out of it elsewhere."""


def covers(block: Block, facts: Facts) -> bool:
    """Whether a block that is not lifted covers a resource, wherever it is read."""
    return (
        block.provider == facts.provider
        and block.unit in ("", facts.unit)
        and block.low <= facts.sort < block.high
        and facts.type not in block.kept
        and not block.lifted
    )


def _covered(question: Question, bars: Sequence[InnerBlock | OuterBlock]) -> Fragment:
    """A block of one of the levels covers `r` and is not lifted for the one who asks, who stands elsewhere.

    Nearly nobody has a block: that is found out for the first row from elsewhere, and then none is looked at
    for it.
    """
    if question.patient is None:
        blocked = exists("block", "b", of_patient(question, "b"))
    else:
        blocked = told("law_blocks")
    elsewhere = any_of(*(bar.elsewhere(question) for bar in bars))
    covered = any_of(*(all_of(bar.elsewhere(question), _covers(question, bar)) for bar in bars))
    return all_of(elsewhere, blocked, covered)


def _covers(question: Question, bar: InnerBlock | OuterBlock) -> Fragment:
    """A block of a level covers `r` and is not lifted for the one who asks."""
    return Fragment(
        "law_covers({}::text, r.bucket, r.patient, a.provider, a.unit, r.sort, r.type,"
        " {}::text, {}::text, {}::bigint)",
        (bar.level.value, question.assignment.unit, question.actor.id, Late.NOW),
    )


class InnerBlock:
    """Rules 9, 10 and 11: data of a blocked unit is hidden from every other unit, save what the block keeps.

    Other care providers count as other units: who hides a clinic from the own region hides it from them too.
    """

    name = "inner-block"
    level = Level.INNER
    numbers: tuple[int, ...] = (9, 10, 11)
    provision = "patientdatalagen (2008:355) 4:4"
    reason = Reason(
        "The patient has blocked this unit's documentation for other units. With the patient's consent, "
        "or in an "
        "emergency, the block can be lifted for at most seven days.",
        "Patienten har spärrat enhetens dokumentation för andra enheter. Med patientens samtycke, eller i "
        "nödläge, kan spärren hävas i högst sju dagar.",
    )
    hidden = False

    def holds(self, question: Question, facts: Facts, circumstances: Circumstances) -> bool:
        """A block on another unit than the reader's covers the resource."""
        own = facts.unit == question.assignment.unit and facts.provider == question.assignment.provider
        return not own and any(
            block.level is Level.INNER and covers(block, facts) for block in circumstances.blocks
        )

    def elsewhere(self, question: Question) -> Fragment:
        """The resource is another unit's."""
        assignment = question.assignment
        return Fragment(
            "(a.unit <> {}::text or a.provider <> {}::text)", (assignment.unit, assignment.provider)
        )

    def predicate(self, question: Question) -> Fragment:
        """A block on another unit than the reader's covers the resource."""
        return _covered(question, [self])


class OuterBlock:
    """Rules 13 and 15: data that the patient has blocked for other care providers does not exist for them."""

    name = "outer-block"
    level = Level.OUTER
    numbers: tuple[int, ...] = (13, 15)
    provision = "lag (2022:913) om sammanhållen vård- och omsorgsdokumentation, ch. 2"
    reason = Reason(
        "The patient has blocked this for other care providers. Only the provider that holds it can lift "
        "the block.",
        "Patienten har spärrat detta för andra vårdgivare. Bara den vårdgivare som har uppgiften kan häva "
        "spärren.",
    )
    hidden = True

    def holds(self, question: Question, facts: Facts, circumstances: Circumstances) -> bool:
        """A block on another provider's data covers the resource."""
        return facts.provider != question.assignment.provider and any(
            block.level is Level.OUTER and covers(block, facts) for block in circumstances.blocks
        )

    def elsewhere(self, question: Question) -> Fragment:
        """The resource is another provider's."""
        return Fragment("a.provider <> {}::text", (question.assignment.provider,))

    def predicate(self, question: Question) -> Fragment:
        """A block on another provider's data covers the resource."""
        return _covered(question, [self])


class NotOffered:
    """Rule 13: data of a provider that has not told the patient of it is not offered to other providers.

    General information to everybody counts, from the day that the provider's setting names; else the patient
    is told, and that is noted.
    """

    name = "not-offered"
    numbers: tuple[int, ...] = (13,)
    provision = "lag (2022:913) om sammanhållen vård- och omsorgsdokumentation, ch. 2"
    reason = Reason(
        "The patient has not been told that this is offered to other care providers, so it is not offered.",
        "Patienten har inte informerats om att uppgifterna görs tillgängliga för andra vårdgivare, så de "
        "görs inte tillgängliga.",
    )
    hidden = True

    def holds(self, question: Question, facts: Facts, circumstances: Circumstances) -> bool:
        """Another provider is accountable, which informs neither generally nor has told this patient."""
        elsewhere = facts.provider != question.assignment.provider
        return elsewhere and facts.provider in circumstances.unoffered

    def predicate(self, question: Question) -> Fragment:
        """Another provider is accountable, which informs neither generally nor has told this patient."""
        elsewhere = Fragment("a.provider <> {}::text", (question.assignment.provider,))
        # Worked out once for the whole search, and empty nearly everywhere.
        telling = Fragment("a.provider = any((select law_telling({}::bigint))::text[])", (Late.NOW,))
        noted = Fragment("law_told(r.bucket, r.patient, a.provider, {}::bigint)", (Late.NOW,))
        return all_of(elsewhere, telling, none_of(noted))


class KeptBack:
    """Rule 28: an entry marked as not for the patient yet is not shown on the patient's own pages."""

    name = "kept-back"
    numbers: tuple[int, ...] = (28,)
    provision = "offentlighets- och sekretesslagen (2009:400) 25:6-7; patientdatalagen (2008:355) 5:5"
    reason = Reason(
        "This entry is not shown here. Ask the unit that cares for you.",
        "Anteckningen visas inte här. Fråga den enhet som vårdar dig.",
    )
    hidden = True

    def holds(self, question: Question, facts: Facts, circumstances: Circumstances) -> bool:
        """The entry carries the label."""
        return facts.kept_back

    def predicate(self, question: Question) -> Fragment:
        """The entry carries the label."""
        return Fragment(
            f"case when position({{}}::bytea in r.body) > 0 then exists ({_LABELLED}) else false end",
            (KEPT_BACK_MARK, NO_PATIENT, from_micros(question.now)),
        )


class ClosedAccount:
    """Rule 27: the account of a deceased person is closed, for guardians and proxies as well."""

    name = "closed-account"
    numbers: tuple[int, ...] = (27,)
    provision = "patientdatalagen (2008:355) 5:5"
    reason = Reason(
        "The account is closed. Relatives turn to the care provider.",
        "Kontot är avslutat. Närstående vänder sig till vårdgivaren.",
    )
    hidden = False

    def holds(self, question: Question, facts: Facts, circumstances: Circumstances) -> bool:
        """The patient is recorded as deceased."""
        return circumstances.deceased

    def predicate(self, question: Question) -> Fragment:
        """The patient is recorded as deceased."""
        return exists("person_fact", "x", of_patient(question, "x"), Fragment("x.deceased"))


Bar = InnerBlock | OuterBlock | NotOffered | KeptBack | ClosedAccount

CARE_BARS: tuple[Bar, ...] = (OuterBlock(), NotOffered(), InnerBlock())
"""What stops staff."""

PORTAL_BARS: tuple[Bar, ...] = (ClosedAccount(), KeptBack())
"""What stops the patient, and who acts for the patient."""


def stopping(
    bars: tuple[Bar, ...], question: Question, facts: Facts, circumstances: Circumstances
) -> Bar | None:
    """The first bar that holds."""
    return next((bar for bar in bars if bar.holds(question, facts, circumstances)), None)


def any_bar(bars: tuple[Bar, ...], question: Question) -> Fragment:
    """The resources that some bar stops."""
    blocks = [bar for bar in bars if isinstance(bar, InnerBlock | OuterBlock)]
    others = [bar.predicate(question) for bar in bars if not isinstance(bar, InnerBlock | OuterBlock)]
    return any_of(_covered(question, blocks) if blocks else NOTHING, *others)
