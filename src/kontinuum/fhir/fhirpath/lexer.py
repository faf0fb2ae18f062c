"""From expression text to tokens.

Source: https://hl7.org/fhirpath/N1/grammar.html and https://hl7.org/fhirpath/N1/#literals
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kontinuum.fhir.fhirpath.errors import FHIRPathError

MAX_EXPRESSION_LENGTH = 20_000

_DATE = r"\d{4}(?:-\d{2}(?:-\d{2})?)?"
_TIME = r"\d{2}(?::\d{2}(?::\d{2}(?:\.\d+)?)?)?"
_TOKEN = re.compile(
    rf"""
    (?P<space>\s+|//[^\n]*|/\*.*?\*/)
  | (?P<datetime>@{_DATE}T(?:{_TIME}(?:Z|[+-]\d{{2}}:\d{{2}})?)?)
  | (?P<date>@{_DATE})
  | (?P<time>@T{_TIME})
  | (?P<number>\d+(?:\.\d+)?)
  | (?P<string>'(?:[^'\\]|\\.)*')
  | (?P<delimited>`(?:[^`\\]|\\.)*`)
  | (?P<special>\$(?:this|index|total)\b)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<operator><=|>=|!=|!~|[-+*/|&=~<>.,()\[\]{{}}%])
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_ESCAPED = {"f": "\f", "n": "\n", "r": "\r", "t": "\t", "\\": "\\", "/": "/", "'": "'", '"': '"', "`": "`"}
_KNOWN_ESCAPES = r"\' \" \` \\ \/ \f \n \r \t \uXXXX"


@dataclass(frozen=True, slots=True)
class Token:
    """A lexical unit: `kind` is a group name of the token pattern, `text` its unescaped content."""

    kind: str
    text: str
    position: int


def tokenize(expression: str) -> list[Token]:
    """Split an expression into tokens, ending in one of kind 'end'.

    Raises FHIRPathError at the first character that begins no token.
    """
    if len(expression) > MAX_EXPRESSION_LENGTH:
        raise FHIRPathError(
            f"The expression has {len(expression)} characters; at most {MAX_EXPRESSION_LENGTH} are read."
        )
    tokens: list[Token] = []
    position = 0
    while position < len(expression):
        match = _TOKEN.match(expression, position)
        if match is None:
            raise _unreadable(expression, position)
        kind = str(match.lastgroup)
        if kind == "operator" and expression.startswith("/*", position):
            raise _unreadable(expression, position)
        if kind != "space":
            tokens.append(_token(kind, match.group(), position, expression))
        position = match.end()
    tokens.append(Token("end", "", position))
    return tokens


def _token(kind: str, text: str, position: int, expression: str) -> Token:
    if kind in ("string", "delimited"):
        return Token(kind, _unescape(text[1:-1], position + 1, expression), position)
    if kind == "time" and re.match(r"Z|[+-]\d{2}:\d{2}", expression[position + len(text) :]):
        raise FHIRPathError(
            "A time has no time zone; write @T14:30, or a dateTime such as @2024-01-31T14:30+01:00.",
            expression=expression,
            position=position,
        )
    return Token(kind, text, position)


def _unescape(text: str, offset: int, expression: str) -> str:
    if "\\" not in text:
        return text

    def replacement(match: re.Match[str]) -> str:
        if match.group(1) is not None:
            return chr(int(match.group(1), 16))
        plain = _ESCAPED.get(match.group(2))
        if plain is None:
            raise FHIRPathError(
                f"Unknown escape \\{match.group(2)}; known are {_KNOWN_ESCAPES}.",
                expression=expression,
                position=offset + match.start(),
            )
        return plain

    return _ESCAPE.sub(replacement, text)


def _unreadable(expression: str, position: int) -> FHIRPathError:
    rest = expression[position:]
    if rest.startswith("/*"):
        message = "This comment is never closed; add */."
    elif rest.startswith("'"):
        message = "This string is never closed; add a quotation mark '."
    elif rest.startswith("`"):
        message = "This delimited identifier is never closed; add a backtick."
    elif rest.startswith("@"):
        message = "This is no date or time; write for example @2024-01-31, @2024-01-31T14:30Z, @T14:30."
    elif rest.startswith("$"):
        message = "Only $this, $index and $total begin with a dollar sign."
    elif rest.startswith('"'):
        message = "Strings stand in single quotation marks: 'text'."
    elif rest.startswith("!"):
        message = "An exclamation mark only occurs in != and !~; write .not() for negation."
    else:
        message = f"The character {rest[0]!r} has no meaning here."
    return FHIRPathError(message, expression=expression, position=position)
