"""A part of SNOMED CT's Expression Constraint Language, parsed to a selection.

https://docs.snomed.org/snomed-ct-specifications/snomed-ct-expression-constraint-language: concepts with an
optional `|term|`, `*`, `<`, `<<`, `^`, parentheses, `AND` (also `,`), `OR`, `MINUS`. As there, operators of
different kinds are not mixed without parentheses, and `MINUS` takes exactly two sides. Refinements (`:`),
dots, `>` and filters `{{ }}` are refused by name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kontinuum.fhir.terminology.selection import (
    Both,
    Codes,
    Either,
    Everything,
    InSet,
    Selection,
    Under,
    Without,
)

LONGEST = 8192
DEEPEST = 40

_TOKEN = re.compile(
    r"\s*(?:(?P<code>[0-9]{6,18})|(?P<term>\|[^|]*\|)|(?P<word>[A-Za-z]+)|(?P<sign><<!|<!|<<|<|\^|\(|\)|\*|,))"
)
_REFUSED = {
    ":": "refinements (:)",
    ".": "attribute paths (.)",
    "{": "filters ({{ }})",
    ">": "ancestors (> and >>)",
    "<!": "children (<!)",
    "<<!": "children (<<!)",
    "!": "children (<!)",
}
_OPERATORS = {"AND": "AND", ",": "AND", "OR": "OR", "MINUS": "MINUS"}


@dataclass(frozen=True, slots=True)
class EclError:
    """Why an expression is not taken; `position` counts characters from 0."""

    position: int
    message: str


class _Fault(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, position: int, message: str) -> None:
        super().__init__(message)
        self.error = EclError(position, message)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int


def parse_ecl(text: str) -> Selection | EclError:
    """The selection that an expression describes, or where and why it is not taken."""
    if len(text) > LONGEST:
        return EclError(LONGEST, f"The expression is longer than {LONGEST} characters.")
    try:
        parser = _Parser(_tokens(text), len(text))
        selection = parser.expression(0)
        parser.expect_end()
    except _Fault as fault:
        return fault.error
    return selection


def _tokens(text: str) -> list[_Token]:
    tokens = []
    position = 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            here = position + len(text[position:]) - len(text[position:].lstrip())
            what = _REFUSED.get(text[here])
            if what is not None:
                raise _Fault(here, f"ECL's {what} are not offered here.")
            raise _Fault(here, f"'{text[here]}' is not understood; a concept is 6 to 18 digits.")
        kind = match.lastgroup or ""
        token = _Token(kind, match[kind], match.start(kind))
        if token.text in _REFUSED:
            raise _Fault(token.position, f"ECL's {_REFUSED[token.text]} are not offered here.")
        tokens.append(token)
        position = match.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[_Token], end: int) -> None:
        self._tokens = tokens
        self._end = end
        self._at = 0

    def expression(self, depth: int) -> Selection:
        if depth > DEEPEST:
            raise _Fault(self._position(), f"Parentheses are nested deeper than {DEEPEST}.")
        parts = [self._operand(depth)]
        used = None
        while (operator := self._operator()) is not None:
            if used is not None and (operator != used or used == "MINUS"):
                raise _Fault(self._position(), f"Use parentheses to say what goes before {operator}.")
            used = operator
            self._at += 1
            parts.append(self._operand(depth))
        match used:
            case "AND":
                return Both(tuple(parts))
            case "OR":
                return Either(tuple(parts))
            case "MINUS":
                return Without(parts[0], parts[1])
        return parts[0]

    def expect_end(self) -> None:
        if self._at < len(self._tokens):
            token = self._tokens[self._at]
            raise _Fault(
                token.position, f"'{token.text}' was not expected here: AND, OR or MINUS is missing."
            )

    def _operand(self, depth: int) -> Selection:
        token = self._take()
        if token.text in ("<", "<<", "^"):
            return self._constrained(token, depth)
        if token.text == "*":
            return Everything()
        if token.text == "(":
            inner = self.expression(depth + 1)
            closing = self._take()
            if closing.text != ")":
                raise _Fault(closing.position, "A closing parenthesis is missing.")
            return inner
        return Codes((self._concept(token),))

    def _constrained(self, operator: _Token, depth: int) -> Selection:
        token = self._take()
        if token.text == "*":
            if operator.text != "<<":
                raise _Fault(token.position, f"{operator.text} * is not offered; name a concept, or write *.")
            return Everything()
        if token.kind != "code":
            raise _Fault(token.position, f"After {operator.text} a concept is expected, not '{token.text}'.")
        code = self._concept(token)
        return InSet(code) if operator.text == "^" else Under(code, itself=operator.text == "<<")

    def _concept(self, token: _Token) -> str:
        if token.kind != "code":
            raise _Fault(token.position, f"A concept is expected, not '{token.text}'.")
        if self._at < len(self._tokens) and self._tokens[self._at].kind == "term":
            self._at += 1
        return token.text

    def _operator(self) -> str | None:
        if self._at >= len(self._tokens):
            return None
        return _OPERATORS.get(self._tokens[self._at].text.upper())

    def _take(self) -> _Token:
        if self._at >= len(self._tokens):
            raise _Fault(self._end, "The expression ends where a concept or a parenthesis is expected.")
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _position(self) -> int:
        return self._tokens[self._at].position if self._at < len(self._tokens) else self._end
