"""What is known to be dangerous to the patient, what is over, and what contradicts itself. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kontinuum.care.allergies.model import (
    Alert,
    Allergy,
    AllergyIntolerance,
    read_allergies,
    read_flags,
)
from kontinuum.kernel.module import ResourceVersion


@dataclass(frozen=True, slots=True)
class Findings:
    """A patient's hypersensitivity and alerts.

    `denials` are the statements that none is known; `ended` is what has held and does not any more, `struck`
    what was entered in error.
    """

    allergies: list[Allergy]
    denials: list[Allergy]
    flags: list[Alert]
    ended: list[Allergy | Alert]
    struck: list[Allergy | Alert]

    def denied_by(self, allergy: AllergyIntolerance) -> list[Allergy]:
        """The statements that none is known which an allergy contradicts."""
        return [one for one in self.denials if allergy.contradicts(one[0])]

    @property
    def contradicted(self) -> bool:
        """Whether somebody says that none is known, and somebody else that one is."""
        return any(self.denied_by(one) for one, _ in self.allergies)

    def find(self, identity: str) -> Allergy | Alert | None:
        """An entry by its id."""
        everything: list[Allergy | Alert] = [
            *self.allergies,
            *self.denials,
            *self.flags,
            *self.ended,
            *self.struck,
        ]
        return next((one for one in everything if one[0].id == identity), None)


def findings(allergies: Iterable[ResourceVersion], flags: Iterable[ResourceVersion], today: str) -> Findings:
    """What stands, what is over and what is struck; `today` is a date such as 2026-03-01."""
    read, alerts = read_allergies(allergies), read_flags(flags)
    standing = [one for one in read if one[0].standing]
    in_force = [one for one in alerts if one[0].in_force(today)]
    past: list[Allergy | Alert] = [
        *(one for one in read if not one[0].standing),
        *(one for one in alerts if not one[0].in_force(today)),
    ]
    return Findings(
        [one for one in standing if not one[0].denies],
        [one for one in standing if one[0].denies],
        in_force,
        [one for one in past if not one[0].entered_in_error],
        [one for one in past if one[0].entered_in_error],
    )
