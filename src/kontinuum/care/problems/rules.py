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


def group(conditions: Iterable[tuple[Condition, ResourceVersion]]) -> list[Problem]:
    """One problem a code, the latest begun first. A diagnosis set at forty visits is one problem."""
    by_code: dict[str, list[tuple[Condition, ResourceVersion]]] = {}
    for condition, entry in conditions:
        by_code.setdefault(condition.code.code() or condition.code.label, []).append((condition, entry))
    problems = []
    for registrations in by_code.values():
        latest, entry = max(registrations, key=lambda one: one[0].recorded_date or one[0].onset)
        since = min((one.onset for one, _ in registrations if one.onset), default="")
        problems.append(Problem(latest, entry, since, len(registrations)))
    return sorted(problems, key=lambda problem: problem.since, reverse=True)


def split(problems: Iterable[tuple[Condition, ResourceVersion]]) -> tuple[list[Problem], list[Problem]]:
    """Current problems, and earlier ones of which no registration is current."""
    everything = list(problems)
    current = group(one for one in everything if one[0].active)
    codes = {problem.latest.code.code() or problem.latest.code.label for problem in current}
    earlier = group(one for one in everything if not one[0].active)
    return current, [one for one in earlier if (one.latest.code.code() or one.latest.code.label) not in codes]
