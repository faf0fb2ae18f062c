"""How conditions become a problem list. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kontinuum.care.problems.model import Condition
from kontinuum.kernel.module import ResourceVersion


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem: every registration of the same code, the latest of which speaks for it."""

    latest: Condition
    entry: ResourceVersion
    since: str
    registrations: int


@dataclass(frozen=True, slots=True)
class Problems:
    """The problem list: what is, what was, and what is struck since it was never so."""

    current: list[Problem]
    earlier: list[Problem]
    struck: list[Problem]

    def named(self, key: str) -> Problem | None:
        """The current problem of a code or of words."""
        return next((one for one in self.current if one.latest.key == key), None)


Read = tuple[Condition, ResourceVersion]


def group(conditions: Iterable[Read]) -> list[Problem]:
    """One problem a code, the latest begun first. A diagnosis set at forty visits is one problem."""
    by_code: dict[str, list[Read]] = {}
    for condition, entry in conditions:
        by_code.setdefault(condition.key, []).append((condition, entry))
    problems = []
    for registrations in by_code.values():
        latest, entry = max(registrations, key=lambda one: one[0].recorded_date or one[0].onset)
        since = min((one.onset for one, _ in registrations if one.onset), default="")
        problems.append(Problem(latest, entry, since, len(registrations)))
    return sorted(problems, key=lambda problem: problem.since, reverse=True)


def split(conditions: Iterable[Read]) -> Problems:
    """Current problems, earlier ones of which no registration is current, and each that is struck."""
    everything = list(conditions)
    standing = [one for one in everything if one[0].stands]
    current = group(one for one in standing if one[0].active)
    codes = {problem.latest.key for problem in current}
    earlier = group(one for one in standing if not one[0].active)
    struck = [Problem(one, entry, one.onset, 1) for one, entry in everything if not one.stands]
    return Problems(current, [one for one in earlier if one.latest.key not in codes], struck)
