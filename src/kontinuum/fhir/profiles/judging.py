"""Judging a resource by profiles: what is wrong with it, and what only a terminology can tell.

http://hl7.org/fhir/R4/profiling.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kontinuum.fhir.definitions import is_subtype
from kontinuum.fhir.issues import Issue
from kontinuum.fhir.profiles.checking import check_profile, outside
from kontinuum.fhir.profiles.codes import Question
from kontinuum.fhir.profiles.extensions import check_extensions
from kontinuum.fhir.profiles.items import item_of
from kontinuum.fhir.profiles.library import Library
from kontinuum.fhir.profiles.scope import Doubt, Scope, entries_of
from kontinuum.fhir.profiles.structure import Structure, core_type
from kontinuum.fhir.validation.problems import Context, Problem

__all__ = ["Judgement", "answered", "claims", "judge", "judge_extensions", "resources_in", "unanswered"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a judgement comes to, apart from the answers to its questions."""

    issues: tuple[Issue, ...] = ()
    questions: tuple[Question, ...] = ()


def judge(
    resource: Mapping[str, Any],
    structures: Sequence[Structure],
    library: Library,
    *,
    warnings: bool = False,
    within: Mapping[str, Any] | None = None,
) -> Judgement:
    """Judge a resource, which must be valid R4, by profiles.

    `within` is the Bundle that it came in, to whose entries its references may lead.
    """
    name = resource["resourceType"]
    entries = entries_of(resource if within is None else within)
    scope = Scope(Context(resource, resource, warnings), library, entries)
    problems: list[Problem] = []
    for structure in structures:
        if not is_subtype(name, structure.type):
            told = f"{structure.name} is a profile of {structure.type}, and this is a {name}"
            problems.append(Problem("structure", told))
            continue
        problems += check_profile(structure, item_of(resource), scope) or ()
    return _judgement(problems, name)


def judge_extensions(resource: Mapping[str, Any], library: Library) -> Judgement:
    """Judge all extensions of a resource, which must be valid R4, by their definitions."""
    scope = Scope(Context(resource, resource, False), library, {})
    found = check_extensions(item_of(resource), scope)
    return _judgement(found or [], resource["resourceType"])


def _judgement(problems: Sequence[Problem], name: str) -> Judgement:
    """What was found, each thing once: a profile and one that it builds upon may both have seen it."""
    issues: dict[tuple[str, ...], Issue] = {}
    questions: dict[tuple[Any, ...], Question] = {}
    for each in problems:
        if isinstance(each, Doubt):
            asked = each.question(name)
            questions.setdefault((asked.value_set, asked.strength, asked.codes, asked.location), asked)
        else:
            issue = each.issue(name)
            words = issue.message.partition(": ")[2] or issue.message
            issues.setdefault((issue.severity, issue.code, issue.location or "", words), issue)
    return Judgement(tuple(issues.values()), tuple(questions.values()))


def claims(resource: Mapping[str, Any]) -> tuple[str, ...]:
    """The profiles that a resource says it follows, R4's own left out."""
    meta = resource.get("meta")
    listed = meta.get("profile") if isinstance(meta, dict) else None
    return tuple(each for each in listed or () if isinstance(each, str) and core_type(each) is None)


def resources_in(resource: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """A resource and those within it, each with its place."""
    yield resource["resourceType"], resource
    for place, inner in _directly_in(resource):
        for where, each in resources_in(inner):
            yield where.replace(inner["resourceType"], f"{resource['resourceType']}.{place}", 1), each


def _directly_in(resource: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, inner in enumerate(resource.get("contained", ())):
        yield f"contained[{number}]", inner
    if resource["resourceType"] == "Bundle":
        for number, entry in enumerate(resource.get("entry", ())):
            if "resource" in entry:
                yield f"entry[{number}].resource", entry["resource"]


def placed(issue: Issue, place: str, root: str) -> Issue:
    """An issue of a resource within another, told from the outermost."""
    return (
        issue if place == root else replace(issue, location=(issue.location or root).replace(root, place, 1))
    )


def answered(question: Question, *, inside: bool) -> Issue | None:
    """The issue that the answer to a question makes, None when the code is in the value set."""
    if inside:
        return None
    problem = outside(question.value_set, question.strength, question.codes, question.said)
    return Issue(problem.severity, problem.code, problem.message, question.location)


def unanswered(question: Question, why: str) -> Issue:
    """That a question has no answer here, and why."""
    message = f"{question.said}: whether the code is in {question.value_set} was not checked: {why}"
    return Issue("information", "not-found", message, question.location)
