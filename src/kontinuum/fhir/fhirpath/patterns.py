"""Regular expressions that cannot hold a worker up.

Source: https://hl7.org/fhirpath/N1/#matchesregex-string-boolean (single-line mode).

Python's matcher goes back and tries again, which for a pattern such as `(a+)+b` takes time exponential in
the text. A pattern with one repetition at most, not nested, is left to it; every other pattern runs on all
its paths at once (Thompson's construction), in time proportional to pattern times text. What exceeds the
limits is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from kontinuum.fhir.fhirpath.errors import FHIRPathError

MAX_PATTERN = 2_000
MAX_TEXT = 20_000
MAX_INSTRUCTIONS = 5_000
MAX_WORK = 1_000_000
# So many ways through the small repetitions and alternatives may be tried one after another.
_MAX_WAYS = 64

Span = tuple[int, int]


class Pattern:
    """A pattern that was found safe: for `re` as it is, or as a program that never goes back."""

    def __init__(self, source: str) -> None:
        if len(source) > MAX_PATTERN:
            raise FHIRPathError(f"A regular expression has at most {MAX_PATTERN} characters.")
        try:
            self._regex = re.compile(source, re.DOTALL)
        except (re.error, OverflowError, RecursionError) as error:
            raise FHIRPathError(f"The regular expression cannot be read: {error}.") from error
        reader = _Reader(source)
        tree = reader.alternatives()
        self._program = None if reader.simple else _program(tree, reader)

    def search(self, text: str) -> bool:
        """Whether some part of the text matches."""
        _refuse_long(text)
        if self._program is None:
            return self._regex.search(text) is not None
        return self._program.find(text, 0) is not None

    def fullmatch(self, text: str) -> bool:
        """Whether the whole text matches."""
        _refuse_long(text)
        if self._program is None:
            return self._regex.fullmatch(text) is not None
        return self._program.find(text, 0, whole=True) is not None

    def replace(self, text: str, substitution: str) -> str:
        """The text with each match replaced; `$1` and `${name}` stand for groups."""
        _refuse_long(text)
        if self._program is None:
            return self._regex.sub(_python_substitution(substitution), text)
        if "$" in substitution:
            raise FHIRPathError("Groups are not replaced where repetitions are nested; simplify the pattern.")
        parts, position = [], 0
        while position <= len(text) and (span := self._program.find(text, position)) is not None:
            start, end = span
            parts += [text[position:start], substitution]
            if end == start:
                parts.append(text[end : end + 1])
            position = end + (end == start)
        return "".join(parts) + text[position:]


@lru_cache(maxsize=1024)
def compiled(source: str) -> Pattern:
    """The pattern of a regular expression; FHIRPathError for one that is refused."""
    return Pattern(source)


def _refuse_long(text: str) -> None:
    if len(text) > MAX_TEXT:
        raise FHIRPathError(f"Regular expressions are applied to texts of at most {MAX_TEXT} characters.")


def _python_substitution(substitution: str) -> str:
    escaped = substitution.replace("\\", "\\\\")
    return re.sub(r"\$(?:(\d+)|\{(\w+)\})", lambda m: rf"\g<{m.group(1) or m.group(2)}>", escaped)


# --- reading: only the structure; `re` itself judges single characters
# --------------------------------------------


@dataclass(frozen=True, slots=True)
class _One:
    """One character, told by a class, an escape, a dot or itself."""

    source: str


@dataclass(frozen=True, slots=True)
class _Anchor:
    """A place that no character stands for: the beginning, the end, the edge of a word."""

    source: str


@dataclass(frozen=True, slots=True)
class _Sequence:
    parts: tuple[_Tree, ...]


@dataclass(frozen=True, slots=True)
class _Choice:
    branches: tuple[_Tree, ...]


@dataclass(frozen=True, slots=True)
class _Repeat:
    body: _Tree
    least: int
    most: int | None
    lazy: bool


_Tree = _One | _Anchor | _Sequence | _Choice | _Repeat
_ATOM = re.compile(
    r"\[\^?\]?(?:\\.|[^\]\\])*\]|\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[0-7]{3}|.)|[^()|*+?]", re.DOTALL
)
_QUANTIFIER = re.compile(r"(?:([*+?])|\{(\d*)(,?)(\d*)\})([?+]?)")
_GROUP = re.compile(r"\((?:\?:|\?P<\w+>)?(?!\?)")
_ANCHORS = frozenset({"^", "$", "\\b", "\\B", "\\A", "\\Z"})


class _Reader:
    """Reads a pattern that `re` has accepted."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self._large = 0
        self._ways = 1
        self._nested = False
        self.special: str | None = None

    @property
    def simple(self) -> bool:
        """Whether `re` takes quadratic time at most: one long repetition, few other choices, none nested."""
        return self._large <= 1 and self._ways <= _MAX_WAYS and not self._nested

    def alternatives(self) -> _Tree:
        branches = [self._sequence()]
        while self._source[self._at : self._at + 1] == "|":
            self._at += 1
            branches.append(self._sequence())
        self._ways *= len(branches)
        return branches[0] if len(branches) == 1 else _Choice(tuple(branches))

    def _sequence(self) -> _Tree:
        parts: list[_Tree] = []
        while self._at < len(self._source) and self._source[self._at] not in "|)":
            before = (self._large, self._ways)
            part = self._atom()
            quantifier = _QUANTIFIER.match(self._source, self._at)
            if quantifier is None or quantifier.group(1, 2, 4) == (None, "", ""):
                parts.append(part)
                continue
            self._at = quantifier.end()
            parts.append(self._repeat(part, quantifier, inner=before != (self._large, self._ways)))
        return _Sequence(tuple(parts))

    def _repeat(self, body: _Tree, quantifier: re.Match[str], *, inner: bool) -> _Tree:
        symbol, least_text, comma, most_text, suffix = quantifier.groups()
        least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(symbol or "", (0, None))
        if symbol is None:
            least = int(least_text or 0)
            most = int(most_text) if most_text else (None if comma else least)
        if most is None or most > 1:
            self._nested = self._nested or inner
        if most is None or most - least >= _MAX_WAYS:
            self._large += 1
        else:
            self._ways *= most - least + 1
        if suffix == "+":
            self.special = "possessive repetitions"
        return _Repeat(body, least, most, suffix == "?")

    def _atom(self) -> _Tree:
        if self._source[self._at] == "(":
            return self._group()
        match = _ATOM.match(self._source, self._at)
        if match is None:
            raise FHIRPathError(f"The regular expression cannot be read at position {self._at}.")
        self._at = match.end()
        text = match.group()
        if text in _ANCHORS:
            return _Anchor(text)
        if re.fullmatch(r"\\[1-9]", text):
            # What a group matched is not known ahead: such a pattern is never simple.
            self.special, self._nested = "references to groups", True
        return _One(text)

    def _group(self) -> _Tree:
        match = _GROUP.match(self._source, self._at)
        if match is None:
            self.special, self._nested = "look-ahead, conditions and flags", True
            self._at = len(self._source)
            return _Sequence(())
        self._at = match.end()
        inner = self.alternatives()
        self._at += 1
        return inner


# --- running on all paths at once
# ---------------------------------------------------------------------------------


@dataclass(slots=True)
class _Program:
    """Instructions: one (character, told by a function), anchor, split (preferred first), jump, match."""

    code: list[tuple[object, ...]] = field(default_factory=list)

    def find(self, text: str, start: int, *, whole: bool = False) -> Span | None:
        """The leftmost match from `start` on, by the preferences of the pattern; None where there is none."""
        if len(self.code) * (len(text) - start + 1) > MAX_WORK:
            raise FHIRPathError("The regular expression is too large for a text of this length.")
        threads: list[Span] = []  # (instruction, where the match began), the preferred first
        found: Span | None = None
        for position in range(start, len(text) + 1):
            if found is None and (position == start or not whole):
                threads.append((0, position))
            ready, ended = self._follow(threads, text, position, whole=whole)
            found = ended or found
            character = text[position : position + 1]
            threads = [(at + 1, began) for at, began, takes in ready if character and takes(character)]
            if not threads and found is not None:
                break
        return found

    def _follow(
        self, threads: list[Span], text: str, position: int, *, whole: bool
    ) -> tuple[list[tuple[int, int, Callable[[str], bool]]], Span | None]:
        ready: list[tuple[int, int, Callable[[str], bool]]] = []
        seen: set[int] = set()
        stack = list(reversed(threads))
        while stack:
            at, began = stack.pop()
            if at in seen:
                continue
            seen.add(at)
            match self.code[at]:
                case ("one", takes):
                    ready.append((at, began, takes))  # type: ignore[arg-type]
                case ("anchor", source) if _stands(str(source), text, position):
                    stack.append((at + 1, began))
                case ("split", int(first), int(second)):
                    stack += [(second, began), (first, began)]
                case ("jump", int(to)):
                    stack.append((to, began))
                case ("match",) if not whole or position == len(text):
                    return ready, (began, position)
        return ready, None


def _program(tree: _Tree, reader: _Reader) -> _Program:
    if reader.special is not None:
        raise FHIRPathError(
            f"Regular expressions with {reader.special} are not run, as their time has no bound."
        )
    program = _Program()
    _emit(tree, program.code)
    program.code.append(("match",))
    return program


def _emit(tree: _Tree, code: list[tuple[object, ...]]) -> None:
    if len(code) > MAX_INSTRUCTIONS:
        raise FHIRPathError("The regular expression repeats too much; use smaller numbers.")
    match tree:
        case _One(source=source):
            code.append(("one", _taker(source)))
        case _Anchor(source=source):
            code.append(("anchor", source))
        case _Sequence(parts=parts):
            for part in parts:
                _emit(part, code)
        case _Choice(branches=branches):
            _emit_choice(branches, code)
        case _Repeat():
            _emit_repeat(tree, code)


def _emit_choice(branches: tuple[_Tree, ...], code: list[tuple[object, ...]]) -> None:
    jumps = []
    for branch in branches[:-1]:
        split = len(code)
        code.append(())
        _emit(branch, code)
        jumps.append(len(code))
        code.append(())
        code[split] = ("split", split + 1, len(code))
    _emit(branches[-1], code)
    for jump in jumps:
        code[jump] = ("jump", len(code))


def _emit_repeat(repeat: _Repeat, code: list[tuple[object, ...]]) -> None:
    for _ in range(repeat.least):
        _emit(repeat.body, code)
    if repeat.most is None:
        split = len(code)
        code.append(())
        _emit(repeat.body, code)
        code.append(("jump", split))
        code[split] = _split(split + 1, len(code), repeat)
        return
    splits = []
    for _ in range(repeat.most - repeat.least):
        splits.append(len(code))
        code.append(())
        _emit(repeat.body, code)
    for split in splits:
        code[split] = _split(split + 1, len(code), repeat)


def _split(more: int, done: int, repeat: _Repeat) -> tuple[object, ...]:
    return ("split", done, more) if repeat.lazy else ("split", more, done)


def _taker(source: str) -> Callable[[str], bool]:
    if len(source) == 1 and source != ".":
        return source.__eq__
    fullmatch = re.compile(source, re.DOTALL).fullmatch
    return lambda character: fullmatch(character) is not None


def _stands(anchor: str, text: str, position: int) -> bool:
    if anchor in ("^", "\\A"):
        return position == 0
    if anchor == "\\Z":
        return position == len(text)
    if anchor == "$":
        return position == len(text) or (position == len(text) - 1 and text[position] == "\n")
    before = position > 0 and _is_word(text[position - 1])
    after = position < len(text) and _is_word(text[position])
    return (before is not after) is (anchor == "\\b")


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"
