"""From the parameters of a request to a SearchQuery, or to the list of what is wrong with them.

https://hl7.org/fhir/R4/search.html. Unknown and unsupported parameters are refused; with lenient
handling (`Prefer: handling=lenient`) they are left out and named in `SearchQuery.ignored`. A value or
modifier that cannot be understood is always refused: to ignore it would change what the search means.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from difflib import get_close_matches

from kontinuum.fhir.definitions import TYPE_CODES, SearchParameter, search_parameters
from kontinuum.fhir.issues import Issue
from kontinuum.fhir.search.controls import CONTROLS, ITERATING, LEFT_OUT, UNSUPPORTED_CONTROLS, Controls
from kontinuum.fhir.search.joined import DEEPEST, chain_head, has_parts
from kontinuum.fhir.search.paths import boolean_only
from kontinuum.fhir.search.query import Chain, Criterion, DateValue, Has, SearchQuery, TokenValue, Value
from kontinuum.fhir.search.values import BadValue, ValueParser, split_escaped, unescape
from kontinuum.kernel.clock import SystemClock
from kontinuum.kernel.ids import is_id

_MODIFIERS = {
    "string": ("exact", "contains", "missing"),
    "token": ("not", "missing", "text", "in", "not-in", "above", "below", "of-type"),
    "reference": ("missing", "identifier"),
    "uri": ("missing", "above", "below"),
    "date": ("missing",),
    "number": ("missing",),
    "quantity": ("missing",),
    "composite": ("missing",),
    "special": (),
}
"""The modifiers of each parameter type; a reference also takes a resource type."""

_MODIFIERS_OF_R4 = (
    "text", "in", "not-in", "above", "below", "identifier", "ofType", "of-type", "code-text",
    "iterate", "recurse", "exact", "contains", "not", "missing",
)  # fmt: skip
WORDS = ("_text", "_content")
SPECIAL = (*WORDS, "near")
_LONGEST_VALUE = 8192
_SYSTEM_CLOCK = SystemClock()


def parse_search(
    type: str,  # noqa: A002 - FHIR's name for it
    params: Sequence[tuple[str, str]],
    *,
    lenient: bool = False,
    base: str | None = None,
    now: Callable[[], datetime] = _SYSTEM_CLOCK.now,
) -> SearchQuery | list[Issue]:
    """Parse the decoded name-value pairs of a search within one resource type.

    https://hl7.org/fhir/R4/search.html. `base` is the server's own address: absolute references below it
    are also found as relative ones. `now` is what `ap` measures the distance of a date from. The result is
    a query, or every issue (all of severity error) that keeps it from being one.
    """
    if type not in TYPE_CODES:
        return [Issue("error", "not-supported", f"{type!r} is no resource type of FHIR R4")]
    search = _Search(type, ValueParser(base, now), Controls(type))
    for name, text in params:
        search.take(name, text)
    errors = search.errors if lenient else [*search.unknown, *search.errors]
    return errors or search.query()


@dataclass(slots=True)
class _Search:
    """The state of one parse; problems are gathered so that a client sees all of them at once."""

    type: str
    values: ValueParser
    controls: Controls
    criteria: list[Criterion] = field(default_factory=list)
    ids: tuple[str, ...] | None = None
    last_updated: list[DateValue] = field(default_factory=list)
    chains: list[Chain] = field(default_factory=list)
    has: list[Has] = field(default_factory=list)
    lists: list[str] = field(default_factory=list)
    depth: int = 0
    """How many resources lie between this search and the one that was asked for."""
    errors: list[Issue] = field(default_factory=list)
    unknown: list[Issue] = field(default_factory=list)
    used: list[tuple[str, str]] = field(default_factory=list)

    def take(self, name: str, text: str) -> None:
        """Read one parameter."""
        if name in LEFT_OUT:
            return
        problems = len(self.errors) + len(self.unknown)
        try:
            self._read(name, text)
        except BadValue as problem:
            self.errors.append(
                Issue("error", "value", f"Search parameter {name!r} has the value {_shown(text)}: {problem}")
            )
        if len(self.errors) + len(self.unknown) == problems:
            self.used.append((name, text))

    def query(self) -> SearchQuery:
        """The query, once everything was read without an error."""
        controls = self.controls
        return SearchQuery(
            type=self.type,
            criteria=tuple(self.criteria),
            ids=self.ids,
            last_updated=tuple(self.last_updated),
            chains=tuple(self.chains),
            has=tuple(self.has),
            lists=tuple(self.lists),
            sort=controls.sort,
            count=controls.count,
            cursor=controls.cursor,
            includes=tuple(controls.includes),
            revincludes=tuple(controls.revincludes),
            summary=controls.summary,
            elements=controls.elements,
            total=controls.total,
            ignored=tuple(Issue("warning", issue.code, issue.message) for issue in self.unknown),
            self_params=tuple(self.used),
        )

    def _read(self, name: str, text: str) -> None:
        if len(text) > _LONGEST_VALUE:
            raise BadValue(f"it is longer than {_LONGEST_VALUE} characters")
        plain, colon, modifier = name.partition(":")
        if name == "_contained" and text == "false" and not self.depth:
            return  # what a search does by itself: http://hl7.org/fhir/R4/search.html#contained
        if plain in UNSUPPORTED_CONTROLS:
            self._unsupported(f"Search parameter {plain!r} is not supported: {UNSUPPORTED_CONTROLS[plain]}")
        elif plain == "_has":
            self._read_has(name, text)
        elif "." in name:
            self._read_chain(name, text)
        elif self.depth and (plain in CONTROLS or plain == "_list"):
            raise BadValue(f"{plain} concerns the result and cannot stand at the end of a chain")
        elif plain == "_list":
            self._read_list(name, text, modifier if colon else None)
        elif plain in CONTROLS:
            if colon and name not in ITERATING:
                possible = ("iterate",) if f"{plain}:iterate" in ITERATING else ()
                self._refuse_modifier(name, plain, modifier, possible)
            else:
                self.controls.take(name, text)
        elif plain == "_id":
            self._read_ids(name, text, modifier if colon else None)
        elif plain == "_lastUpdated":
            self._read_last_updated(name, text, modifier if colon else None)
        else:
            parameter = search_parameters(self.type).get(plain)
            if parameter is None:
                self._not_known(plain)
            elif not is_searchable(parameter):
                self._unsupported(f"Search parameter {plain!r} is not supported")
            else:
                self._read_criterion(name, parameter, text, modifier if colon else None)

    def _read_chain(self, name: str, text: str) -> None:
        head, _, rest = name.partition(".")
        parameter, types = chain_head(self.type, head)
        targets = self._far_ends(name, types, rest, text)
        if targets:
            self.chains.append(Chain(parameter, targets))

    def _read_has(self, name: str, text: str) -> None:
        parameter, source, rest = has_parts(self.type, name)
        sources = self._far_ends(name, (source,), rest, text)
        if sources:
            self.has.append(Has(parameter, sources[0]))

    def _far_ends(self, name: str, types: tuple[str, ...], rest: str, text: str) -> tuple[SearchQuery, ...]:
        """The searches at the far end of a chain, one for each type that has the parameter."""
        if self.depth == DEEPEST:
            raise BadValue(f"it goes through more than {DEEPEST} resources")
        found: list[SearchQuery] = []
        errors: list[Issue] = []
        unknown: list[Issue] = []
        for type_name in types:
            inner = _Search(type_name, self.values, Controls(type_name), depth=self.depth + 1)
            inner.take(rest, text)
            errors += inner.errors
            unknown += inner.unknown
            if not inner.errors and not inner.unknown:
                found.append(inner.query())
        if not found:
            for issues, gathered in ((errors, self.errors), (unknown, self.unknown)):
                if issues:
                    gathered.append(replace(issues[0], message=f"In {name!r}: {issues[0].message}"))
                    break
        return tuple(found)

    def _read_list(self, name: str, text: str, modifier: str | None) -> None:
        if modifier is not None:
            self._refuse_modifier(name, "_list", modifier, ())
        elif text.startswith("$"):
            raise BadValue("lists by function are not supported: give the id of a List resource")
        elif not is_id(text.removeprefix("List/")):
            raise BadValue("expected the id of one List resource")
        else:
            self.lists.append(text.removeprefix("List/"))

    def _read_ids(self, name: str, text: str, modifier: str | None) -> None:
        if modifier is not None:
            self._refuse_modifier(name, "_id", modifier, ())
            return
        ids = tuple(dict.fromkeys(unescape(part) for part in split_escaped(text, ",")))
        if "" in ids:
            raise BadValue("an id is empty")
        self.ids = ids if self.ids is None else tuple(one for one in self.ids if one in ids)

    def _read_last_updated(self, name: str, text: str, modifier: str | None) -> None:
        if modifier is not None:
            self._refuse_modifier(name, "_lastUpdated", modifier, ())
            return
        if len(split_escaped(text, ",")) > 1:
            raise BadValue(
                "alternatives are not supported here; repeat the parameter to give both ends of a span"
            )
        self.last_updated.append(self.values.date(text))

    def _read_criterion(self, name: str, parameter: SearchParameter, text: str, modifier: str | None) -> None:
        target: str | None = None
        modifier = "of-type" if modifier == "ofType" else modifier
        if parameter.name in WORDS and modifier is not None:
            self._refuse_modifier(name, parameter.name, modifier, ())
            return
        if modifier is not None:
            if parameter.type == "reference" and modifier in TYPE_CODES:
                if parameter.targets and modifier not in parameter.targets:
                    raise BadValue(f"it refers to one of {', '.join(parameter.targets)}, never to {modifier}")
                target, modifier = modifier, None
            elif modifier not in _MODIFIERS[parameter.type]:
                self._refuse_modifier(name, parameter.name, modifier, _MODIFIERS[parameter.type])
                return
        if modifier == "missing":
            if text not in ("true", "false"):
                raise BadValue("expected true or false")
            self.criteria.append(Criterion(parameter, modifier, (TokenValue(None, text),)))
            return
        parts = split_escaped(text, ",")
        values = tuple(
            dict.fromkeys(
                (modifier and self.values.modified(parameter, modifier, part))
                or self.values.parse(parameter, part, target)
                for part in parts
            )
        )
        if parameter.type == "token" and boolean_only(self.type, parameter.expression):
            _check_booleans(values)
        self.criteria.append(Criterion(parameter, modifier, values))

    def _refuse_modifier(self, name: str, plain: str, modifier: str, allowed: tuple[str, ...]) -> None:
        known = modifier in _MODIFIERS_OF_R4 or modifier in TYPE_CODES
        what = "is not supported" if known else "is no modifier of FHIR R4"
        instead = (
            f"possible here: {', '.join(f':{one}' for one in allowed)}"
            if allowed
            else "none is possible here"
        )
        message = f"Modifier ':{modifier}' of search parameter {plain!r} (in {name!r}) {what}; {instead}"
        self.errors.append(Issue("error", "not-supported", message))

    def _unsupported(self, message: str) -> None:
        self.unknown.append(Issue("error", "not-supported", message))

    def _not_known(self, name: str) -> None:
        known = [one.name for one in search_parameters(self.type).values() if is_searchable(one)]
        close = get_close_matches(name, known, n=5, cutoff=0.5)
        listed = f"Known: {', '.join(close or known)}"
        message = f"Unknown search parameter {name!r} for {self.type}. {listed}"
        self.unknown.append(Issue("error", "not-found", message + ("." if not close else ", …")))


def is_searchable(parameter: SearchParameter) -> bool:
    """Whether a parameter of R4's tables can be asked for: it has an expression, or is one of the special."""
    return parameter.name in SPECIAL or (bool(parameter.expression) and parameter.type != "special")


def _check_booleans(values: Sequence[Value]) -> None:
    for value in values:
        if isinstance(value, TokenValue) and value.code not in ("true", "false", None):
            raise BadValue("expected true or false")


def _shown(text: str) -> str:
    return repr(text if len(text) <= 200 else text[:200] + "…")
