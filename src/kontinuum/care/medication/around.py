"""What the pages of prescriptions stand in: drugs, hypersensitivities, problems, the patient's age."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from kontinuum.care.medication.checks import Asked, Checked, Known, check
from kontinuum.care.medication.model import (
    Problem,
    Review,
    is_prescription,
    read_birth_date,
    read_medication,
    read_problems,
    read_review,
)
from kontinuum.care.medication.rules import Read, Standing, renewable, standing
from kontinuum.kernel.i18n import local
from kontinuum.kernel.module import ActionRequest, Chart, PageRequest, ResourceVersion, ResultPage

ENDED_AT_MOST: Final = 100
_AT_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Around:
    """What is known of the patient.

    `whole` says that nothing of what goes on was left out for its number, `earlier` that more has ended.
    """

    drugs: list[Read]
    allergies: Sequence[ResourceVersion]
    problems: list[Problem]
    born: str
    review: tuple[Review, ResourceVersion] | None
    today: date
    whole: bool
    earlier: bool

    def of(self, place: Standing) -> list[Read]:
        """The drugs that are taken, are to be, or were."""
        return [one for one in self.drugs if standing(one[0], self.today.isoformat()) is place]

    def prescription(self, identity: str) -> Read | None:
        """A prescription by its id."""
        return next((one for one in self.drugs if one[0].id == identity and is_prescription(one[1])), None)

    def renewable(self, provider: str = "") -> list[Read]:
        """The prescriptions that can be renewed, those of the care provider first."""
        day = self.today.isoformat()
        found = [one for one in self.drugs if renewable(*one, day)]
        return sorted(found, key=lambda one: one[1].provider != provider)

    def problem(self, identity: str) -> Problem | None:
        """A problem by its id."""
        return next((one for one in self.problems if one.id == identity), None)

    def check(self, asked: Asked, but: Collection[str] = ()) -> Checked:
        """What speaks against a drug; `but` are the prescriptions that it replaces."""
        taken = [entry for one, entry in (*self.of(Standing.CURRENT), *self.of(Standing.PLANNED))]
        others = [entry for entry in taken if not (is_prescription(entry) and entry.id in but)]
        return check(asked, Known(self.allergies, others, self.born, self.today, self.whole))


def queries(chart: Chart) -> tuple[str, ...]:
    """What `read` reads."""
    whose = f"patient={chart.patient}"
    return (
        f"MedicationRequest?{whose}&status=active,on-hold&_sort=-authoredon&_count={_AT_MOST}",
        f"MedicationRequest?{whose}&status=stopped,completed&_sort=-authoredon&_count={ENDED_AT_MOST}",
        f"MedicationStatement?{whose}&_sort=-effective&_count={_AT_MOST}",
        f"AllergyIntolerance?{whose}&_count={_AT_MOST}",
        f"Condition?{whose}&_sort=-recorded-date&_count={_AT_MOST}",
        f"List?{whose}&code=medications&_sort=-date&_count=5",
        f"Patient?_id={chart.patient}",
    )


def read(chart: Chart, pages: Sequence[ResultPage]) -> Around:
    """What the searches found."""
    requests, ended, statements, allergies, conditions, lists, patients = pages
    return Around(
        read_medication([*requests.matches, *ended.matches, *statements.matches]),
        allergies.matches,
        read_problems(conditions.matches),
        read_birth_date(patients.matches),
        read_review(lists.matches),
        local(chart.now).date(),
        not any(page.next for page in (requests, statements, allergies)),
        ended.next is not None,
    )


async def around(request: PageRequest | ActionRequest) -> Around:
    """Read what a page stands in."""
    return read(request.chart, await request.record.find_many(queries(request.chart)))
