"""Registering functions of one value: the focus and each argument are single System values, or empty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kontinuum.fhir.fhirpath import syntax
from kontinuum.fhir.fhirpath.code import Code, Environment, single_run
from kontinuum.fhir.fhirpath.compiler import Compiler, Scope, function
from kontinuum.fhir.fhirpath.errors import FHIRPathError
from kontinuum.fhir.fhirpath.operations import describe, is_number
from kontinuum.fhir.fhirpath.values import Items

Check = Callable[[Any], bool]


def is_string(value: Any) -> bool:
    """Whether the value is text (a code or a uri is)."""
    return isinstance(value, str)


def is_integer(value: Any) -> bool:
    """Whether the value is an Integer."""
    return type(value) is int


_EXPECTED: dict[Check, str] = {is_string: "a String", is_integer: "an Integer", is_number: "a number"}


def scalar(
    name: str,
    focus: Check | None = None,
    arguments: tuple[Check, ...] = (),
    *,
    optional: int = 0,
    result: str | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function of single values; the result is empty where the focus or an argument is.

    `focus` and `arguments` say what each value must be (None: anything), `optional` how many of the last
    arguments may be left out. The function returns one value or None (empty); values it cannot take give an
    error.
    """

    def register(apply: Callable[..., Any]) -> Callable[..., Any]:
        @function(name, len(arguments) - optional, len(arguments))
        def _build(compiler: Compiler, call: syntax.Call, code: Code, scope: Scope) -> Code:
            value_of = single_run(code, f"{name}()")
            given = [
                single_run(compiler.compile(a, scope), f"An argument of {name}()") for a in call.arguments
            ]
            run = _scalar_run(name, apply, value_of, list(zip(given, arguments, strict=False)), focus)
            return Code(run, result)

        return apply

    return register


def _scalar_run(
    name: str, apply: Callable[..., Any], value_of: Any, given: list[tuple[Any, Check]], focus: Check | None
) -> Callable[[Environment, Any], Items]:
    def run(env: Environment, this: Any) -> Items:
        value = value_of(env, this)
        if value is None:
            return ()
        if focus is not None and not focus(value):
            raise FHIRPathError(f"{name}() needs {_EXPECTED[focus]}, not {describe(value)}.")
        arguments = []
        for argument_of, check in given:
            argument = argument_of(env, this)
            if argument is None:
                return ()
            if not check(argument):
                raise FHIRPathError(
                    f"An argument of {name}() must be {_EXPECTED[check]}, not {describe(argument)}."
                )
            arguments.append(argument)
        try:
            result = apply(value, *arguments)
        except ArithmeticError:  # no result in the numbers there are: empty
            return ()
        return () if result is None else (result,)

    return run
