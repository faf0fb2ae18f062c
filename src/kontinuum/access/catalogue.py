"""The behaviours that the decision carries out, and the rules for each: what docs/law/ is made of."""

from __future__ import annotations

from kontinuum.access.bars import CARE_BARS, PORTAL_BARS
from kontinuum.access.decide import CARE_GROUNDS, OPEN_GROUNDS, PORTAL_GROUNDS, UNCHECKED
from kontinuum.access.needs import ACTIVE_CHOICE, CARE_RELATION, CONSENT, OPENING
from kontinuum.access.rule import Rule
from kontinuum.access.vetoes import VETOES

RULES: tuple[Rule, ...] = (
    *OPEN_GROUNDS,
    CARE_RELATION,
    ACTIVE_CHOICE,
    CONSENT,
    OPENING,
    *VETOES,
    *CARE_GROUNDS,
    UNCHECKED,
    *CARE_BARS,
    *PORTAL_GROUNDS,
    *PORTAL_BARS,
)
"""Every rule object."""

BEHAVIOURS: dict[int, str] = {
    4: (
        "Protected identity: address, telephone, relatives, photo and listing are taken out of "
        "Patient and RelatedPerson for those without the right, by every way out of the gate, and no "
        "search tells them."
    ),
    6: (
        "Every access is made under one chosen assignment. What assignments come from (units, staff, their "
        "purposes) is written under an assignment for administration or by a system, never by care staff."
    ),
    7: (
        "A reader takes part in the patient's care, or has another need in the work. Without a care "
        "relation access is refused, or opened with a stated reason that is logged and reviewed."
    ),
    8: (
        "Of another unit at the same provider first only the existence of data is told; the content "
        "is shown after an active choice, which is logged."
    ),
    9: (
        "Inner block: the content stays readable at the blocked unit and is hidden from all others; "
        "that it exists may be told."
    ),
    10: (
        "A block is lifted with the patient's consent or in an emergency, for one unit, for the "
        "requester or all staff there, for seven days at most. It is never edited, only annulled."
    ),
    11: (
        "A block covers a unit or provider and a time interval, and may leave medication and alerts "
        "visible. What is not understood in a block is refused."
    ),
    12: "A guardian cannot block a child's data.",
    13: (
        "Data is offered to other providers only after the patient was informed, generally or in person: "
        "until then it does not exist for them. An objection is an outer block, with effect at once."
    ),
    14: (
        "Another provider's data is read with a care relation, significance for the care (an active "
        "choice) and consent, which has scope and period and is withdrawn with effect at once."
    ),
    15: (
        "An outer block is lifted only by the provider that holds it. In an emergency opening it is "
        "shown that blocked data exists and who holds it."
    ),
    16: "A patient who cannot consent: the way in which the attitude was clarified is documented.",
    17: (
        "Where blocks and consents cannot be checked the answer is no and says so, with the emergency path "
        "open: an opening then shows the own provider's documentation, marked in the log."
    ),
    27: (
        "Own access from 16, guardians until 13, nobody between but by a decision for the child, "
        "proxies within their scope; a deceased person's account is closed."
    ),
    28: (
        "An entry that is kept back (FHIR label NOPAT) is not shown on the patient's own pages; all else is."
    ),
    29: "The patient blocks, annuls, withdraws consent and appoints a proxy with a scope and an end.",
}
"""What each numbered behaviour is."""


def rules_of(number: int) -> list[Rule]:
    """The rule objects that carry out a behaviour."""
    return [rule for rule in RULES if number in rule.numbers]
