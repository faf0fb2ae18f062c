"""What a form reads: the linkIds behind an expression, told from its text.

A formula such as `%resource.item.where(linkId='a').answer.value` depends on the answers to `a` and on nothing
else, so that a change elsewhere need not evaluate it. Whatever cannot be told counts as reading everything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from kontinuum.fhir.fhirpath import syntax
from kontinuum.fhir.fhirpath.parser import parse

_KEEPS_ITEMS: Final = frozenset(
    "first last single tail skip take distinct ofType as trace children descendants".split()
)
_EACH: Final = frozenset("select all exists iif repeat aggregate".split())
_WITHOUT_FOCUS: Final = frozenset("iif today now timeOfDay".split())
_INSIDE: Final = frozenset({"item", "answer"})


@dataclass(frozen=True, slots=True)
class _Reach:
    """The part of the response that a sub-expression leads to.

    "resource" is the response itself, "items" some of its items, "links" those with the linkIds.
    """

    kind: str
    links: frozenset[str] = frozenset()


_NOTHING: Final = _Reach("nothing")
_RESOURCE: Final = _Reach("resource")
_ITEMS: Final = _Reach("items")


@dataclass(slots=True)
class Reading:
    """What an expression reads."""

    links: set[str] = field(default_factory=set)
    everything: bool = False
    variables: set[str] = field(default_factory=set)


def reading(expression: str, own: str | None) -> Reading:
    """What an expression reads; `own` is the item it belongs to, None for the whole form.

    Raises FHIRPathError for text that is no expression.
    """
    result = Reading()
    start = _RESOURCE if own is None else _Reach("links", frozenset({own}))
    reader = _Reader(result, start)
    reader.consume(reader.visit(parse(expression), start))
    return result


class _Reader:
    def __init__(self, result: Reading, context: _Reach) -> None:
        self._result = result
        self._context = context

    def consume(self, reach: _Reach) -> None:
        """Note that the value of what was reached matters."""
        if reach.kind in ("resource", "items"):
            self._result.everything = True
        self._result.links |= reach.links

    def visit(self, ast: syntax.Ast, this: _Reach) -> _Reach:
        match ast:
            case syntax.This():
                return this
            case syntax.Variable(name=name):
                return self._variable(name)
            case syntax.Member(focus=focus, name=name):
                return self._member(self.visit(focus, this), name)
            case syntax.Call():
                return self._call(ast, this)
            case syntax.Index(focus=focus, index=index):
                self.consume(self.visit(index, this))
                return self.visit(focus, this)
            case syntax.Binary(operator="|", left=left, right=right):
                return self._union(self.visit(left, this), self.visit(right, this))
        for child in syntax.children(ast):
            self.consume(self.visit(child, this))
        return _NOTHING

    def _union(self, left: _Reach, right: _Reach) -> _Reach:
        kinds = {left.kind, right.kind}
        if "resource" in kinds:
            self.consume(_RESOURCE)
            return _NOTHING
        links = left.links | right.links
        return _Reach("items", links) if "items" in kinds else _Reach("links", links) if links else _NOTHING

    def _variable(self, name: str) -> _Reach:
        if name in ("resource", "rootResource"):
            return _RESOURCE
        if name == "context":
            return self._context
        self._result.variables.add(name)
        return _NOTHING

    def _member(self, focus: _Reach, name: str) -> _Reach:
        if focus.kind == "resource":
            return _ITEMS if name == "item" else _NOTHING
        if focus.kind == "items" and name not in _INSIDE:
            self.consume(focus)
            return _NOTHING
        return focus

    def _call(self, ast: syntax.Call, this: _Reach) -> _Reach:
        focus = self.visit(ast.focus, this)
        if focus.kind == "resource" and ast.name in ("descendants", "children", "repeat"):
            focus = _ITEMS
        if ast.name in ("where", "exists", "all") and ast.arguments:
            return self._filtered(ast, focus)
        if ast.name == "select" and len(ast.arguments) == 1:
            return self._selected(ast.arguments[0], focus)
        for argument in ast.arguments:
            reached = self.visit(argument, focus if ast.name in _EACH else this)
            if ast.name != "repeat" or reached != focus:
                self.consume(reached)
        if ast.name in _KEEPS_ITEMS or ast.name == "repeat":
            return focus
        if not (ast.name in _WITHOUT_FOCUS and isinstance(ast.focus, syntax.This)):
            self.consume(focus)
        return _NOTHING

    def _selected(self, projection: syntax.Ast, focus: _Reach) -> _Reach:
        reached = self.visit(projection, focus)
        # A path from the item itself gives nothing where the item gives nothing; anything else counts items.
        if reached.kind == "nothing" or _uses_variable(projection):
            self.consume(focus)
        return reached

    def _filtered(self, ast: syntax.Call, focus: _Reach) -> _Reach:
        criterion = ast.arguments[0]
        named = None if ast.name == "all" or focus.kind == "resource" else _named(criterion)
        inner = focus if named is None or focus.kind == "nothing" else _Reach("links", named)
        if focus.kind == "links" and ast.name == "all":
            self.consume(focus)
        self.consume(self.visit(criterion, inner))
        if ast.name == "where":
            return inner
        self.consume(inner)
        return _NOTHING


def _uses_variable(ast: syntax.Ast) -> bool:
    return isinstance(ast, syntax.Variable) or any(_uses_variable(child) for child in syntax.children(ast))


def _named(criterion: syntax.Ast) -> frozenset[str] | None:
    """The linkIds that a criterion admits at most; None when it does not say."""
    if not isinstance(criterion, syntax.Binary):
        return None
    left, right = criterion.left, criterion.right
    if criterion.operator == "=":
        texts = _texts(right) if _is_link_id(left) else _texts(left) if _is_link_id(right) else None
        return texts if texts is not None and len(texts) == 1 else None
    if criterion.operator == "in" and _is_link_id(left):
        return _texts(right)
    if criterion.operator == "and":
        first, second = _named(left), _named(right)
        return first & second if first is not None and second is not None else first or second
    if criterion.operator == "or":
        first, second = _named(left), _named(right)
        return first | second if first is not None and second is not None else None
    return None


def _is_link_id(ast: syntax.Ast) -> bool:
    return isinstance(ast, syntax.Member) and ast.name == "linkId" and isinstance(ast.focus, syntax.This)


def _texts(ast: syntax.Ast) -> frozenset[str] | None:
    if isinstance(ast, syntax.Literal) and isinstance(ast.value, str):
        return frozenset({ast.value})
    if isinstance(ast, syntax.Binary) and ast.operator == "|":
        left, right = _texts(ast.left), _texts(ast.right)
        return left | right if left is not None and right is not None else None
    return None
