"""The functions that FHIR adds to FHIRPath.

Source: http://hl7.org/fhir/R4/fhirpath.html#functions
"""

from __future__ import annotations

from typing import Any

from kontinuum.fhir.definitions import is_subtype, type_definition, value_set_codes
from kontinuum.fhir.fhirpath import references, syntax
from kontinuum.fhir.fhirpath.code import (
    Code,
    Environment,
    boolean,
    has_value,
    item_type,
    single_run,
    system_run,
    with_run,
)
from kontinuum.fhir.fhirpath.compiler import Compiler, Scope, function
from kontinuum.fhir.fhirpath.errors import FHIRPathError
from kontinuum.fhir.fhirpath.paths import step
from kontinuum.fhir.fhirpath.values import Items, Node
from kontinuum.fhir.narrative import fault_of

_PROFILE = "http://hl7.org/fhir/StructureDefinition/"


@function("extension", 1)
def _extension(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
    extensions = step(focus, "extension", strict=compiler.strict)
    url_of = single_run(compiler.compile(call.arguments[0], scope), "extension()")
    run = extensions.run

    def extension(env: Environment, this: Any) -> Items:
        items = run(env, this)
        if not items:
            return items
        url = url_of(env, this)
        return [item for item in items if _object(item).get("url") == url]

    return with_run(extensions, extension)


def _object(item: Any) -> dict[str, Any]:
    value = item.value if type(item) is Node else item
    return value if type(value) is dict else {}


@function("hasValue")
def _has_value(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
    run, static = focus.run, focus.type

    def test(env: Environment, this: Any) -> bool:
        items = run(env, this)
        return len(items) == 1 and has_value(items[0], static)

    return boolean(test)


@function("getValue")
def _get_value(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
    run, system, static = focus.run, system_run(focus), focus.type

    def value(env: Environment, this: Any) -> Items:
        items = run(env, this)
        return system(env, this) if len(items) == 1 and has_value(items[0], static) else ()

    return Code(value)


@function("resolve")
def _resolve(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
    run = focus.run

    def resolve(env: Environment, this: Any) -> Items:
        found = (references.target(env, item) for item in run(env, this))
        return [resource for resource in found if resource is not None]

    return Code(resolve)


@function("memberOf", 1)
def _member_of(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
    run = focus.run
    value_set = single_run(compiler.compile(call.arguments[0], scope), "memberOf()")

    def test(env: Environment, this: Any) -> bool | None:
        items, url = run(env, this), value_set(env, this)
        codes = value_set_codes(str(url).partition("|")[0]) if url is not None else None
        if len(items) != 1 or codes is None:
            return None
        return _has_member(items[0].value if type(items[0]) is Node else items[0], codes)

    return boolean(test)


def _has_member(value: Any, codes: frozenset[tuple[str, str]]) -> bool:
    if isinstance(value, str):
        return any(code == value for _, code in codes)
    if not isinstance(value, dict):
        return False
    codings = value.get("coding") if "coding" in value else [value]
    listed = codings if isinstance(codings, list) else []
    return any(isinstance(c, dict) and (c.get("system"), c.get("code")) in codes for c in listed)


@function("htmlChecks")
def _html_checks(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
    run = system_run(focus)
    return boolean(lambda env, this: all(isinstance(t, str) and fault_of(t) is None for t in run(env, this)))


@function("conformsTo", 1)
def _conforms_to(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
    run, static = focus.run, focus.type
    profile = single_run(compiler.compile(call.arguments[0], scope), "conformsTo()")

    def test(env: Environment, this: Any) -> bool | None:
        items, url = run(env, this), profile(env, this)
        if len(items) != 1 or url is None:
            return None
        name = str(url).removeprefix(_PROFILE)
        if type_definition(name) is None:
            raise FHIRPathError(f"The profile {url} is not known; only the types of FHIR R4 are.")
        return is_subtype(item_type(items[0], static), name)

    return boolean(test)
