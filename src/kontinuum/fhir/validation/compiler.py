"""Turns type definitions into checks: one closure per type, made of one closure per property.

http://hl7.org/fhir/R4/json.html and the definitions' own words. Every check has the form
`check(value, context) -> None | list[Problem]`; compiling is done once per type, and the closures share
nothing but the Context that they are given.
"""

from collections.abc import Callable
from difflib import get_close_matches
from threading import RLock
from typing import Any

from kontinuum.fhir.definitions import (
    TYPE_CODES,
    Invariant,
    Property,
    TypeDefinition,
    type_definition,
)
from kontinuum.fhir.validation.bindings import BindingCheck, binding_check
from kontinuum.fhir.validation.invariants import CHECKED_ELSEWHERE, NATIVE, NOT_RUN
from kontinuum.fhir.validation.primitives import PRIMITIVES
from kontinuum.fhir.validation.problems import Context, Found, Problem, describe, one, wrong_type
from kontinuum.fhir.validation.references import check_literal, check_target

__all__ = ["Check", "check_resource"]

Check = Callable[[Any, Context], Found]

# `_checks` fills up under the lock; `_ready` holds the types that are finished, with all they reach.
_checks: dict[str, Check] = {}
_ready: dict[str, Check] = {}
_compiling = RLock()


def check_resource(value: Any, context: Context) -> Found:
    """Check a resource of any type, given its context (http://hl7.org/fhir/R4/resource.html)."""
    name = value["resourceType"]
    return (_ready.get(name) or _make_ready(name))(value, context)


def _make_ready(name: str) -> Check:
    with _compiling:
        _ready[name] = _type_check(name)
    return _ready[name]


def _type_check(name: str) -> Check:
    """Return the check of a complex type, compiling it and all it reaches. Call with the lock held."""
    if name not in _checks:
        definition = type_definition(name)
        if definition is None:
            raise LookupError(f"no definition of {name}")
        _compile(definition)
    return _checks[name]


def _compile(definition: TypeDefinition) -> None:
    rules: dict[str, Check] = {}
    shadows: dict[str, Property] = {}
    check = _object_check(definition, rules, shadows)
    # Types are recursive: the check must be known before its properties are compiled.
    _checks[definition.name] = check
    if definition.kind == "resource":
        rules["resourceType"] = _accept
    for prop in definition.properties.values():
        rules[prop.name] = _property_check(prop)
        if prop.type in PRIMITIVES:
            shadows["_" + prop.name] = prop


def _accept(value: Any, context: Context) -> Found:
    return None


# --- objects --------------------------------------------------------------------------------------


def _object_check(definition: TypeDefinition, rules: dict[str, Check], shadows: dict[str, Property]) -> Check:
    name = definition.name
    elements = {p.name: p.element for p in definition.properties.values()}
    required = _required(definition)
    choices = {
        key: p.element for p in definition.properties.values() if p.choice for key in (p.name, "_" + p.name)
    }
    finish = _finish(definition)
    rule_of = rules.get
    # The Element beside a primitive may hold only an id: its content is the primitive's value.
    id_is_enough = name == "Element"

    def check(value: Any, context: Context) -> Found:
        if type(value) is not dict:
            return wrong_type(value, f"an object ({name})")
        problems: list[Problem] = []
        shadowed = False
        for key, child in value.items():
            rule = rule_of(key)
            if rule is None:
                if key in shadows:
                    shadowed = True
                else:
                    problems.append(_unknown(key, name, rules))
                continue
            found = rule(child, context)
            if found is not None:
                problems += [problem.at(elements[key]) for problem in found]
        if shadowed or problems:
            problems = _with_shadows(value, problems, shadows, context)
        for element, names in required:
            if names[0] not in value and not any(key in value for key in names):
                problems.append(_missing(element, names, name))
        if choices and len(chosen := [key for key in value if key in choices]) > 1:
            problems += _clashes(chosen, choices)
        if not value or (len(value) == 1 and "id" in value and not id_is_enough):
            problems.append(Problem("structure", f"the {name} is empty; give it content or leave it out"))
        if problems and any(problem.severity == "error" for problem in problems):
            return problems
        if finish is not None and (found := finish(value, context)) is not None:
            problems += found
        return problems or None

    return check


def _required(definition: TypeDefinition) -> list[tuple[str, tuple[str, ...]]]:
    """Each element that must exist, with the JSON names that satisfy it, the usual one first."""
    names: dict[str, list[str]] = {}
    for prop in definition.properties.values():
        if prop.min:
            names.setdefault(prop.element, []).append(prop.name)
    return [(element, (*keys, *("_" + key for key in keys))) for element, keys in names.items()]


def _missing(element: str, names: tuple[str, ...], type_name: str) -> Problem:
    forms = [name for name in names if not name.startswith("_")]
    what = (
        element
        if forms == [element]
        else f"{element}[x] (one of {', '.join(forms[:6])}{'…' * (len(forms) > 6)})"
    )
    return Problem("required", f"{type_name} needs {what}; add it").at(element)


def _unknown(key: str, type_name: str, rules: dict[str, Check]) -> Problem:
    near = get_close_matches(key, rules, n=1)
    hint = f'did you mean "{near[0]}"?' if near else "remove it, or put it into an extension"
    return Problem("structure", f'{type_name} has no element "{key}"; {hint}').at(key)


def _clashes(chosen: list[str], choices: dict[str, str]) -> list[Problem]:
    forms: dict[str, set[str]] = {}
    for key in chosen:
        forms.setdefault(choices[key], set()).add(key.removeprefix("_"))
    return [
        Problem("structure", f"{element}[x] is given as {' and '.join(sorted(keys))}; keep one").at(element)
        for element, keys in forms.items()
        if len(keys) > 1
    ]


def _finish(definition: TypeDefinition) -> Check | None:
    """What follows once the structure is sound: references and the type's invariants."""
    last = _invariants_check(definition.invariants, definition.name)
    if definition.kind == "resource":
        return _with_contained(last) if "contained" in definition.properties else last
    if definition.name != "Reference":
        return last

    def check(value: Any, context: Context) -> Found:
        return check_literal(value, context) or (last(value, context) if last else None)

    return check


# --- primitives and the objects beside them -------------------------------------------------------


def _with_shadows(
    value: dict[str, Any], problems: list[Problem], shadows: dict[str, Property], context: Context
) -> list[Problem]:
    """Check every `_name` object beside a primitive, and let a null stand where one of them fills the place.

    http://hl7.org/fhir/R4/json.html#primitive
    """
    filled: set[tuple[str, int]] = set()
    found: list[Problem] = []
    for key in value:
        if key in shadows:
            prop = shadows[key]
            beside, main = value[key], value.get(prop.name)
            if prop.array:
                found += _shadow_array(beside, main, prop, context)
                if isinstance(beside, list):
                    filled |= {(prop.element, n) for n, item in enumerate(beside) if isinstance(item, dict)}
            else:
                found += _shadow(beside, main is not None, prop, context)
    kept = [p for p in problems if p.code != _NULL or tuple(reversed(p.segments)) not in filled]
    for problem in kept:
        if problem.code == _NULL:
            problem.code = "structure"
    return kept + found


def _shadow(beside: Any, has_value: bool, prop: Property, context: Context) -> list[Problem]:
    if isinstance(beside, dict) and not has_value and "extension" not in beside:
        return [
            Problem("structure", f"there is neither a value nor an extension; give {prop.name} one").at(
                prop.element
            )
        ]
    return [problem.at(prop.element) for problem in _element_check()(beside, context) or ()]


def _shadow_array(beside: Any, main: Any, prop: Property, context: Context) -> list[Problem]:
    if not isinstance(beside, list) or not beside:
        return [
            Problem("structure", f"_{prop.name} must be an array with items, like {prop.name}").at(
                prop.element
            )
        ]
    if main is not None and not isinstance(main, list):
        return []
    values = main or []
    problems: list[Problem] = []
    for n in range(max(len(values), len(beside))):
        item = beside[n] if n < len(beside) else None
        has_value = n < len(values) and values[n] is not None
        if item is not None:
            problems += _shadow_item(item, has_value, prop, n, context)
        elif not has_value and n >= len(values):
            problems.append(
                Problem("structure", "neither value nor extension; remove it").at(n).at(prop.element)
            )
    if values and len(values) != len(beside) and context.warnings:
        message = f"{prop.name} has {len(values)} items and _{prop.name} {len(beside)}; fill up with null"
        problems.append(Problem("structure", message, "warning").at(prop.element))
    return problems


def _shadow_item(item: Any, has_value: bool, prop: Property, n: int, context: Context) -> list[Problem]:
    problems = _shadow(item, has_value, prop, context)
    for problem in problems:
        problem.segments[-1:] = [n, prop.element]
    return problems


def _element_check() -> Check:
    return _ready.get("Element") or _make_ready("Element")


_NULL = "null"
"""Marks a null in an array of primitives until it is known whether an extension fills its place."""


# --- properties -----------------------------------------------------------------------------------


def _property_check(prop: Property) -> Check:
    check = _value_check(prop)
    return _array(check, prop) if prop.array else check


def _value_check(prop: Property) -> Check:
    """The check of one value of a property, its binding, targets and own invariants included."""
    check = PRIMITIVES.get(prop.type) or (
        _nested_resource(prop) if prop.type == "Resource" else _type_check(prop.type)
    )
    if prop.binding is not None and (bound := binding_check(prop.binding, prop.type)) is not None:
        check = _bound(check, bound)
    if prop.type == "Reference" and prop.targets:
        check = _targeted(check, frozenset(prop.targets))
    own = _invariants_check(prop.invariants, prop.type)
    return check if own is None else _then(check, own)


def _array(check: Check, prop: Property) -> Check:
    limit = prop.max
    primitive = prop.type in PRIMITIVES

    def check_all(value: Any, context: Context) -> Found:
        if type(value) is not list:
            return one("structure", f"{prop.name} is {describe(value)}, and takes an array; put it in [ ]")
        if not value:
            return one("structure", f"{prop.name} is an empty array; leave it out")
        problems: Found = None
        for n, item in enumerate(value):
            found = check(item, context)
            if found is not None:
                if item is None:
                    message = "null stands where a value is needed; remove it, or put an extension beside it"
                    found = one(_NULL if primitive else "structure", message)
                problems = [*(problems or ()), *(problem.at(n) for problem in found)]
        if limit is not None and len(value) > limit:
            problems = [*(problems or ()), Problem("structure", f"{len(value)} items; {limit} are allowed")]
        return problems

    return check_all


def _bound(check: Check, bound: BindingCheck) -> Check:
    return lambda value, context: check(value, context) or bound(value)


def _targeted(check: Check, targets: frozenset[str]) -> Check:
    return lambda value, context: check(value, context) or check_target(value, targets, context)


def _then(check: Check, last: Check) -> Check:
    return lambda value, context: check(value, context) or last(value, context)


# --- resources within resources -------------------------------------------------------------------


def _nested_resource(prop: Property) -> Check:
    contained = prop.element == "contained"

    def check(value: Any, context: Context) -> Found:
        if contained and context.resource is not context.root:
            return one(
                "invariant", "dom-2: a contained resource contains another; move it up to the container"
            )
        found = check_resource_type(value)
        if found is not None:
            return found
        root, bundled = (context.root, context.bundled) if contained else (value, True)
        inner = Context(value, root, context.warnings, bundled=bundled)
        found = check_resource(value, inner)
        context.deferred += inner.deferred
        if contained:
            if "#" in inner.local_references and "id" in value:
                inner.local_references.add(f"#{value['id']}")
            context.local_references |= inner.local_references
        return found

    return check


def check_resource_type(value: Any) -> Found:
    """Check that a value is an object that names a resource type of R4."""
    if not isinstance(value, dict):
        return wrong_type(value, "a resource (an object)")
    name = value.get("resourceType")
    if name is None:
        return one("structure", 'there is no "resourceType"; name the type of the resource')
    if not isinstance(name, str) or name not in TYPE_CODES:
        near = get_close_matches(str(name), TYPE_CODES, n=1)
        hint = f"did you mean {near[0]}?" if near else "use a type of FHIR R4"
        return [
            Problem("structure", f'"{name}" is not a resource type of FHIR R4; {hint}').at("resourceType")
        ]
    return None


def _with_contained(last: Check | None) -> Check:
    def check(value: Any, context: Context) -> Found:
        if "contained" in value and (found := _unreferenced(value, context)):
            return found
        return last(value, context) if last is not None else None

    return check


def _unreferenced(value: dict[str, Any], context: Context) -> Found:
    """Rule dom-3: a contained resource is referred to, or refers to its container."""
    problems = [
        Problem("invariant", "dom-3: nothing refers to this contained resource; refer to it, or remove it")
        .at(n)
        .at("contained")
        for n, resource in enumerate(value["contained"])
        # A canonical or URI may be the reference (`#my-value-set`); these are rare, so look here.
        if (own := f"#{resource.get('id', '')}") not in context.local_references and not _mentions(value, own)
    ]
    return problems or None


def _mentions(value: Any, text: str) -> bool:
    if isinstance(value, dict):
        return any(_mentions(child, text) for child in value.values())
    if isinstance(value, list):
        return any(_mentions(child, text) for child in value)
    return bool(value == text)


# --- invariants -----------------------------------------------------------------------------------


def _invariants_check(invariants: tuple[Invariant, ...], type_name: str) -> Check | None:
    """Native rules run at once; FHIRPath is put off until the whole resource is known to be sound."""
    natives = [(rule, NATIVE[rule.key]) for rule in invariants if rule.key in NATIVE]
    skipped = CHECKED_ELSEWHERE | NATIVE.keys() | NOT_RUN.keys()
    errors = tuple(rule for rule in invariants if rule.key not in skipped and rule.severity == "error")
    every = tuple(rule for rule in invariants if rule.key not in skipped)
    if not natives and not every:
        return None
    strict = [pair for pair in natives if pair[0].severity == "error"]

    def check(value: Any, context: Context) -> Found:
        chosen = natives if context.warnings else strict
        problems = [_broken(rule) for rule, keeps in chosen if not keeps(value, context)]
        if rules := every if context.warnings else errors:
            context.deferred.append((value, type_name, rules, context))
        return problems or None

    return check


def _broken(rule: Invariant) -> Problem:
    return Problem("invariant", f"{rule.key}: {rule.human}", rule.severity)
