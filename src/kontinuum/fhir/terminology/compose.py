"""`ValueSet.compose`: which concepts a value set includes and excludes.

http://hl7.org/fhir/R4/valueset.html#compositions. Within an include all conditions hold at once (the system's
concepts or filters, and every imported value set); includes are united, excludes taken away.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kontinuum.fhir.issues import Issue
from kontinuum.fhir.terminology.ecl import EclError, parse_ecl
from kontinuum.fhir.terminology.selection import (
    Both,
    Codes,
    Either,
    Everything,
    Exists,
    HasValue,
    InSet,
    Selection,
    Under,
    Without,
)

_HIERARCHICAL = {"is-a", "descendent-of", "is-not-a"}
_OFFERED = "is-a, descendent-of, is-not-a, =, in, not-in, exists"


def component_selection(component: dict[str, Any]) -> Selection | Issue:
    """What an include or exclude chooses of its system, value sets aside."""
    if "concept" in component:
        return Codes(tuple(each["code"] for each in component["concept"]))
    parts = []
    for number, each in enumerate(component.get("filter", [])):
        part = filter_selection(each["property"], each["op"], each["value"])
        if isinstance(part, str):
            return Issue("error", "not-supported", part, f"filter[{number}]")
        parts.append(part)
    return Both(tuple(parts)) if parts else Everything()


def filter_selection(name: str, op: str, value: str) -> Selection | str:
    """What one filter chooses, or why it is refused.

    http://hl7.org/fhir/R4/valueset-filter-operator.html; for SNOMED CT also `constraint = <ECL>` and
    `concept in <reference set>` (http://hl7.org/fhir/R4/snomedct.html#filters).
    """
    if op == "regex":
        return (
            "Filters by regex are refused: what they cost and mean differs between servers. "
            "Name the concepts, or use is-a, = or in."
        )
    if name in ("constraint", "expression") and op == "=":
        found = parse_ecl(value)
        return f"ECL, character {found.position}: {found.message}" if isinstance(found, EclError) else found
    if name == "concept" and op in ("in", "not-in"):
        members = InSet(value)
        return members if op == "in" else Without(Everything(), members)
    listed = tuple(part.strip() for part in value.split(","))
    if op in _HIERARCHICAL and name not in ("concept", "code"):
        return f"The filter '{op}' is about the property concept, not '{name}'."
    match op:
        case "is-a":
            return Under(value, itself=True)
        case "descendent-of":
            return Under(value, itself=False)
        case "is-not-a":
            return Without(Everything(), Under(value, itself=True))
        case "=":
            return Codes((value,)) if name == "code" else HasValue(name, (value,))
        case "in":
            return Codes(listed) if name == "code" else HasValue(name, listed)
        case "not-in":
            chosen = Codes(listed) if name == "code" else HasValue(name, listed)
            return Without(Everything(), chosen)
        case "exists":
            if value not in ("true", "false"):
                return f"A filter 'exists' has the value true or false, not '{value}'."
            return Exists(name, value == "true")
    return f"The filter operator '{op}' is not offered. Offered: {_OFFERED}."


def faults(compose: dict[str, Any], place: str) -> list[Issue]:
    """Every include and exclude whose filters are refused."""
    found = []
    for kind in ("include", "exclude"):
        for number, component in enumerate(compose.get(kind, [])):
            if "system" not in component and ("concept" in component or "filter" in component):
                continue  # FHIR's own invariant vsd-1 says so
            chosen = component_selection(component)
            if isinstance(chosen, Issue):
                where = f"{place}.{kind}[{number}].{chosen.location}"
                found.append(Issue(chosen.severity, chosen.code, chosen.message, where))
    return found


def implicit_compose(url: str) -> dict[str, Any] | str | None:
    """The compose that an implicit value set's URL stands for; why it is refused; None for any other URL.

    http://hl7.org/fhir/R4/snomedct.html#implicit: `?fhir_vs`, `=isa/code`, `=refset/code`, `=ecl/expression`.
    """
    system, mark, rest = url.partition("?fhir_vs")
    if not mark or not system.startswith("http://snomed.info/sct"):
        return None
    base, _, edition = system.removeprefix("http://snomed.info/sct").partition("/")
    if base:
        return f"'{system}' is not a version of SNOMED CT."
    include: dict[str, Any] = {"system": "http://snomed.info/sct"}
    if edition:
        include["version"] = system
    if rest:
        kind, _, value = rest.removeprefix("=").partition("/")
        wanted = {"isa": ("concept", "is-a"), "refset": ("concept", "in"), "ecl": ("constraint", "=")}.get(
            kind
        )
        if wanted is None or not value:
            return f"'?fhir_vs{rest}' is not offered: use isa/CODE, refset/CODE or ecl/EXPRESSION."
        include["filter"] = [{"property": wanted[0], "op": wanted[1], "value": value}]
    return {"include": [include]}


def united(selections: Iterable[Selection]) -> Selection:
    """What is in any of the selections, without needless nesting."""
    listed = tuple(selections)
    return listed[0] if len(listed) == 1 else Either(listed)
