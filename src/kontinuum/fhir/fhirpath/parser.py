"""From tokens to abstract syntax: a Pratt parser.

Source: https://hl7.org/fhirpath/N1/grammar.html and the precedence table of
https://hl7.org/fhirpath/N1/#operator-precedence
"""

from __future__ import annotations

from decimal import Decimal

from kontinuum.fhir.fhirpath import syntax
from kontinuum.fhir.fhirpath.errors import FHIRPathError
from kontinuum.fhir.fhirpath.lexer import Token, tokenize
from kontinuum.fhir.fhirpath.quantity import CALENDAR_UNITS, Quantity
from kontinuum.fhir.fhirpath.temporal import Date, DateTime, Time

# Each level of syntax costs a few frames of the interpreter's stack when it is compiled and when it runs.
MAX_DEPTH = 120

_BINDING = {
    "implies": 1,
    "or": 2,
    "xor": 2,
    "and": 3,
    "in": 4,
    "contains": 4,
    "=": 5,
    "~": 5,
    "!=": 5,
    "!~": 5,
    "<": 6,
    ">": 6,
    "<=": 6,
    ">=": 6,
    "|": 7,
    "is": 8,
    "as": 8,
    "+": 9,
    "-": 9,
    "&": 9,
    "*": 10,
    "/": 10,
    "div": 10,
    "mod": 10,
}
_SIGN_BINDING = 11
_WORD_OPERATORS = frozenset(word for word in _BINDING if word.isalpha())
_KEYWORDS_ALLOWED_AS_NAMES = frozenset({"as", "contains", "in", "is"})
_RESERVED = (_WORD_OPERATORS | {"true", "false"}) - _KEYWORDS_ALLOWED_AS_NAMES


def parse(expression: str) -> syntax.Ast:
    """Read an expression. Raises FHIRPathError with the position of the first mistake."""
    if not expression.strip():
        raise FHIRPathError("The expression is empty.")
    parser = _Parser(expression)
    ast = parser.expression(0)
    parser.finish()
    _refuse_depth(ast, expression)
    return ast


def _refuse_depth(root: syntax.Ast, expression: str) -> None:
    level = [root]
    for _ in range(MAX_DEPTH):
        level = [child for ast in level for child in syntax.children(ast)]
        if not level:
            return
    raise FHIRPathError(
        f"The expression is nested more than {MAX_DEPTH} levels deep; split it.",
        expression=expression,
        position=level[0].position,
    )


class _Parser:
    def __init__(self, expression: str) -> None:
        self._source = expression
        self._tokens = tokenize(expression)
        self._at = 0
        self._depth = 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _is(self, text: str) -> bool:
        return self._next.kind == "operator" and self._next.text == text

    def _expect(self, text: str) -> Token:
        if not self._is(text):
            raise self._error(f"Expected {text!r} but found {self._found()}.")
        return self._take()

    def _found(self) -> str:
        return "the end of the expression" if self._next.kind == "end" else repr(self._next.text)

    def _error(self, message: str, position: int | None = None) -> FHIRPathError:
        at = self._next.position if position is None else position
        return FHIRPathError(message, expression=self._source, position=at)

    def finish(self) -> None:
        if self._next.kind != "end":
            raise self._error(f"Expected an operator or the end but found {self._found()}.")

    def expression(self, minimum: int) -> syntax.Ast:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error(f"The expression is nested more than {MAX_DEPTH} levels deep; split it.")
        left = self._operand()
        while (binding := self._binding_of_next()) > minimum:
            left = self._binary(left, binding)
        self._depth -= 1
        return left

    def _binding_of_next(self) -> int:
        token = self._next
        if token.kind == "operator" or (token.kind == "name" and token.text in _WORD_OPERATORS):
            return _BINDING.get(token.text, 0)
        return 0

    def _binary(self, left: syntax.Ast, binding: int) -> syntax.Ast:
        operator = self._take()
        if operator.text in ("is", "as"):
            return syntax.TypeTest(operator.position, operator.text, left, self._type_specifier())
        right = self.expression(binding)
        return syntax.Binary(operator.position, operator.text, left, right)

    def _type_specifier(self) -> str:
        name = self._identifier()
        if self._is("."):
            self._take()
            return f"{name}.{self._identifier()}"
        return name

    def _identifier(self) -> str:
        token = self._next
        if token.kind == "delimited" or (token.kind == "name" and token.text not in _RESERVED):
            return self._take().text
        raise self._error(f"Expected a name but found {self._found()}.")

    def _operand(self) -> syntax.Ast:
        if self._is("+") or self._is("-"):
            token = self._take()
            return syntax.Sign(token.position, token.text, self.expression(_SIGN_BINDING))
        return self._invocations(self._term())

    def _invocations(self, ast: syntax.Ast) -> syntax.Ast:
        while True:
            if self._is("."):
                self._take()
                ast = self._invocation(ast)
            elif self._is("["):
                position = self._take().position
                index = self.expression(0)
                self._expect("]")
                ast = syntax.Index(position, ast, index)
            else:
                return ast

    def _invocation(self, focus: syntax.Ast) -> syntax.Ast:
        token = self._next
        if token.kind == "special":
            raise self._error(f"{token.text} cannot follow a dot.")
        name = self._identifier()
        if token.kind == "name" and self._is("("):
            return syntax.Call(token.position, focus, name, self._arguments())
        return syntax.Member(token.position, focus, name)

    def _arguments(self) -> tuple[syntax.Ast, ...]:
        self._expect("(")
        if self._is(")"):
            self._take()
            return ()
        arguments = [self.expression(0)]
        while self._is(","):
            self._take()
            arguments.append(self.expression(0))
        self._expect(")")
        return tuple(arguments)

    def _term(self) -> syntax.Ast:
        token = self._next
        match token.kind:
            case "number":
                return self._number()
            case "string":
                return syntax.Literal(token.position, self._take().text)
            case "date" | "datetime" | "time":
                return self._temporal()
            case "special":
                self._take()
                if token.text == "$this":
                    return syntax.This(token.position)
                return syntax.Special(token.position, token.text)
            case "name" if token.text in ("true", "false"):
                return syntax.Literal(token.position, self._take().text == "true")
            case "name" | "delimited":
                return self._invocation(syntax.This(token.position))
            case _:
                return self._punctuated_term()

    def _punctuated_term(self) -> syntax.Ast:
        token = self._next
        if self._is("("):
            self._take()
            inner = self.expression(0)
            self._expect(")")
            return inner
        if self._is("{"):
            self._take()
            self._expect("}")
            return syntax.Empty(token.position)
        if self._is("%"):
            self._take()
            if self._next.kind == "string":
                return syntax.Variable(token.position, self._take().text)
            return syntax.Variable(token.position, self._identifier())
        raise self._error(f"Expected a value or a path but found {self._found()}.")

    def _number(self) -> syntax.Ast:
        token = self._take()
        value: int | Decimal = Decimal(token.text) if "." in token.text else int(token.text)
        following = self._next
        if following.kind == "string":
            self._take()
            return syntax.Literal(token.position, Quantity(Decimal(value), following.text))
        if following.kind == "name" and following.text in CALENDAR_UNITS:
            self._take()
            unit = CALENDAR_UNITS[following.text]
            return syntax.Literal(token.position, Quantity(Decimal(value), unit, calendar=True))
        return syntax.Literal(token.position, value)

    def _temporal(self) -> syntax.Ast:
        token = self._take()
        text = token.text[1:]
        value: Date | DateTime | Time | None
        if token.kind == "date":
            value = Date.parse(text)
        elif token.kind == "time":
            value = Time.parse(text[1:])
        else:
            value = DateTime.parse(text.removesuffix("T"))
        if value is None:
            raise self._error(f"{token.text} does not exist in the calendar or on the clock.", token.position)
        return syntax.Literal(token.position, value)
