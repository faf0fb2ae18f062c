"""What an app may do: SMART's scopes as a further bar beside the law, in both forms of the decision.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html. A scope permits nothing by
itself: what an app reaches is what the law permits the one for whom it acts, narrowed to its scopes. What is
not understood is refused, so that no app is given more or less than it asked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl

from kontinuum.access.decision import Action, Deny, Facts, Question
from kontinuum.access.sql import EVERYTHING, NOTHING, all_of, any_of
from kontinuum.fhir import json
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.fhir.search.lookup import hashes_of, is_hot_type
from kontinuum.fhir.search.match import criterion_holds
from kontinuum.fhir.search.parse import parse_search
from kontinuum.fhir.search.query import Criterion, SearchQuery
from kontinuum.kernel.principal import App
from kontinuum.kernel.sql import Fragment

LAUNCH: Final = frozenset(
    {
        "openid",
        "fhirUser",
        "offline_access",
        "online_access",
        "launch",
        "launch/patient",
        "launch/encounter",
    }
)
"""The scopes that are about the launch and the person, not about data."""

PROVISION: Final = "SMART App Launch 2.2, scopes"

LETTERS: Final = {
    Action.CREATE: "c",
    Action.READ: "r",
    Action.WRITE: "u",
    Action.DELETE: "d",
    Action.SEARCH: "s",
}

_FORM = re.compile(r"(patient|user|system)/(\*|[A-Za-z]+)\.([a-z*]+)(?:\?(.+))?")
_LETTERS = re.compile(r"(?=.)c?r?u?d?s?")
_FIRST_VERSION: Final = {"read": "rs", "write": "cud", "*": "cruds"}
_FILED = [code for name, code in TYPE_CODES.items() if is_hot_type(name)]


class Level(StrEnum):
    """Whose data a scope is about: the launch's patient's, what the user sees, what the system sees."""

    PATIENT = "patient"
    USER = "user"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Scope:
    """One scope for data: `patient/Observation.rs?category=laboratory`; the type `*` is every type.

    `criteria` must all hold; each is a token parameter, so that an exact value answers it.
    """

    text: str
    level: Level
    type: str
    letters: str
    criteria: tuple[Criterion, ...] = ()

    def takes(self, action: Action, type_name: str | None) -> bool:
        """Whether a scope permits this on some resources of a type (None: of any type)."""
        return LETTERS[action] in self.letters and (self.type == "*" or type_name in (None, self.type))


class UnknownScopeError(ValueError):
    """A scope that is not understood; the message says what of it."""


@lru_cache(maxsize=1024)
def parse_scope(text: str) -> Scope:
    """A scope for data, of version 2 or 1. Raises UnknownScopeError for anything else."""
    form = _FORM.fullmatch(text)
    if form is None:
        raise UnknownScopeError(f"'{text}' is not a scope that this server knows")
    level, type_name, rights, narrowing = form.groups()
    letters = _FIRST_VERSION.get(rights, rights)
    if _LETTERS.fullmatch(letters) is None:
        raise UnknownScopeError(f"'{text}': after the dot stand letters of 'cruds' in that order")
    if type_name != "*" and type_name not in TYPE_CODES:
        raise UnknownScopeError(f"'{text}': {type_name} is not a resource type of FHIR R4")
    criteria = () if narrowing is None else _criteria(text, type_name, rights, narrowing)
    return Scope(text, Level(level), type_name, letters, criteria)


def _criteria(text: str, type_name: str, rights: str, narrowing: str) -> tuple[Criterion, ...]:
    if type_name == "*" or rights in _FIRST_VERSION:
        raise UnknownScopeError(f"'{text}': only a scope of version 2 for one type takes parameters")
    query = parse_search(type_name, parse_qsl(narrowing, keep_blank_values=True))
    if not isinstance(query, SearchQuery):
        raise UnknownScopeError(f"'{text}': {query[0].message}")
    exact = all(each.parameter.type == "token" and each.modifier is None for each in query.criteria)
    plain = SearchQuery(query.type, query.criteria, self_params=query.self_params)
    if not exact or not query.criteria or query != plain:
        raise UnknownScopeError(f"'{text}': a scope is narrowed by token parameters such as category only")
    return query.criteria


def parse_scopes(text: str) -> tuple[str, ...]:
    """The scopes in a request, each once, in their order. Raises UnknownScopeError."""
    scopes = tuple(dict.fromkeys(text.split()))
    for each in scopes:
        if each not in LAUNCH:
            parse_scope(each)
    return scopes


def data_scopes(app: App) -> tuple[Scope, ...]:
    """The scopes for data that an app was granted."""
    return tuple(parse_scope(each) for each in app.scopes if each not in LAUNCH)


def covers(holder: str, wanted: str) -> bool:
    """Whether everything that one scope permits is permitted by another, as far as can be told from both."""
    if holder in LAUNCH or wanted in LAUNCH:
        return holder == wanted
    has, asks = parse_scope(holder), parse_scope(wanted)
    return (
        has.level is asks.level
        and has.type in ("*", asks.type)
        and set(asks.letters) <= set(has.letters)
        and all(each in asks.criteria for each in has.criteria)
    )


def within_scopes(question: Question) -> Fragment:
    """The resources that an app's scopes let it reach, as SQL over a row `r`; without an app, all."""
    app = question.principal.app
    if app is None:
        return EVERYTHING
    return any_of(*(_reached(question, app, scope) for scope in data_scopes(app)))


def _reached(question: Question, app: App, scope: Scope) -> Fragment:
    if not scope.takes(question.action, question.type):
        return NOTHING
    parts = [Fragment("r.hashes && {}::bigint[]", (hashes,)) for hashes in _hashes(scope)]
    if scope.type != "*" and question.type is None:
        parts.append(Fragment("r.type = {}::smallint", (TYPE_CODES[scope.type],)))
    if scope.level is Level.PATIENT:
        own = Fragment("coalesce(r.patient = any({}::text[]), false)", (list(app.patients),))
        nobodys = Fragment("(r.patient is null and r.type <> all({}::smallint[]))", (_FILED,))
        parts.append(any_of(own, nobodys) if question.reads else own)
    return all_of(*parts)


def _hashes(scope: Scope) -> list[list[int]]:
    return [sorted({one for each in hashes_of(scope.type, c) for one in each}) for c in scope.criteria]


def outside(question: Question, facts: Facts) -> Deny | None:
    """Why an app's scopes do not let it do this with a resource; None when they do, or no app asks."""
    app = question.principal.app
    if app is None or any(_holds(question, facts, app, scope) for scope in data_scopes(app)):
        return None
    return _denied(question, app, facts.type)


def _holds(question: Question, facts: Facts, app: App, scope: Scope) -> bool:
    if not scope.takes(question.action, facts.type):
        return False
    if scope.level is Level.PATIENT and facts.patient not in app.patients:
        nobodys = facts.patient is None and TYPE_CODES[facts.type] not in _FILED
        if not (nobodys and question.reads):
            return False
    if not scope.criteria:
        return True
    if facts.body is None:
        return False
    resource = json.loads(facts.body)
    return all(criterion_holds(each, resource) for each in scope.criteria)


def lacking(question: Question) -> Deny | None:
    """Why an app may do this with no resource of the question's type; None when some scope lets it."""
    app = question.principal.app
    if app is None or any(scope.takes(question.action, question.type) for scope in data_scopes(app)):
        return None
    return _denied(question, app, question.type or "*")


def _denied(question: Question, app: App, type_name: str) -> Deny:
    levels = {scope.level for scope in data_scopes(app)}
    usual = Level.SYSTEM if question.is_system else Level.PATIENT if app.patients else Level.USER
    level = levels.pop() if len(levels) == 1 else usual
    wanted = f"{level.value}/{type_name}.{LETTERS[question.action]}"
    held = ", ".join(scope.text for scope in data_scopes(app) if scope.type in ("*", type_name))
    has = f"it has {held}" if held else f"it has none for {type_name}" if type_name != "*" else "it has none"
    beyond = " within the patient of its launch" if level is Level.PATIENT and app.patients and held else ""
    return Deny("scope", f"The app lacks the scope {wanted} for this{beyond}; {has}.", PROVISION)
