"""The abstract syntax of a FHIRPath expression.

Source: https://hl7.org/fhirpath/N1/grammar.html
Every node carries `position`, the offset in the source text that an error message points at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Ast:
    """Any expression."""

    position: int


@dataclass(frozen=True, slots=True)
class Literal(Ast):
    """A constant: `true`, `'text'`, `1`, `1.0`, `@2024`, `@T10`, `4 days`. The value is a System value."""

    value: Any


@dataclass(frozen=True, slots=True)
class Empty(Ast):
    """The empty collection `{}`."""


@dataclass(frozen=True, slots=True)
class This(Ast):
    """The current item, `$this`; also the focus that a path without explicit start begins at."""


@dataclass(frozen=True, slots=True)
class Special(Ast):
    """`$index` or `$total`."""

    name: str


@dataclass(frozen=True, slots=True)
class Variable(Ast):
    """An environment variable, `%name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Member(Ast):
    """`focus.name`."""

    focus: Ast
    name: str


@dataclass(frozen=True, slots=True)
class Call(Ast):
    """`focus.name(arguments)`."""

    focus: Ast
    name: str
    arguments: tuple[Ast, ...]


@dataclass(frozen=True, slots=True)
class Index(Ast):
    """`focus[index]`."""

    focus: Ast
    index: Ast


@dataclass(frozen=True, slots=True)
class Sign(Ast):
    """`+operand` or `-operand`."""

    operator: str
    operand: Ast


@dataclass(frozen=True, slots=True)
class Binary(Ast):
    """`left operator right`."""

    operator: str
    left: Ast
    right: Ast


@dataclass(frozen=True, slots=True)
class TypeTest(Ast):
    """`operand is type` or `operand as type`."""

    operator: str
    operand: Ast
    type: str


def uses_special(ast: Ast, name: str) -> bool:
    """Whether `$index` or `$total` occurs anywhere in the expression."""
    if isinstance(ast, Special):
        return ast.name == name
    return any(uses_special(child, name) for child in children(ast))


def named(ast: Ast) -> Iterator[str]:
    """The functions and variables of an expression, variables with their `%`."""
    if isinstance(ast, Call):
        yield ast.name
    elif isinstance(ast, Variable):
        yield f"%{ast.name}"
    for child in children(ast):
        yield from named(child)


def children(ast: Ast) -> tuple[Ast, ...]:
    """The direct sub-expressions."""
    match ast:
        case Member(focus=focus):
            return (focus,)
        case Call(focus=focus, arguments=arguments):
            return (focus, *arguments)
        case Index(focus=focus, index=index):
            return (focus, index)
        case Sign(operand=operand) | TypeTest(operand=operand):
            return (operand,)
        case Binary(left=left, right=right):
            return (left, right)
    return ()
