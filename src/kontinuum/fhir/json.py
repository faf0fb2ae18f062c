"""JSON as FHIR needs it: every decimal keeps its digits, and what is ambiguous is refused.

FHIR's JSON format: http://hl7.org/fhir/R4/json.html. Decimals carry their precision
(http://hl7.org/fhir/R4/datatypes.html#decimal), so `1.00` is read as `Decimal("1.00")` and written as
`1.00`. A number without fraction and exponent is an `int` of any size.

Refused, beyond what JSON's grammar (RFC 8259) refuses: the same name twice in one object, text that is not
UTF-8, half a surrogate pair, a byte order mark, and nesting deeper than `MAX_DEPTH`.
"""

import json as _standard
import re
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

__all__ = ["MAX_DEPTH", "JsonError", "dumps", "loads"]

MAX_DEPTH = 128
"""Objects and arrays inside one another. Real records stay below 40; a stack takes about 900."""

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")

_POSITION = re.compile(r" ?\(byte (\d+)\)")
_ESCAPED_QUOTE_OR_COLON = re.compile(rb"\\u00(?:22|3[aA])")
_SPACED_COLONS = (b" :", b"\n:", b"\t:", b"\r:")


class JsonError(ValueError):
    """The text is not JSON that this server takes.

    `position` is the byte offset at which reading stopped, None where the fault has no single place.
    """

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message if position is None else f"{message} (at byte {position})")
        self.position = position


def loads(data: bytes | str) -> Any:
    """Read JSON text; numbers with fraction or exponent become `Decimal`, exactly as written.

    http://hl7.org/fhir/R4/json.html. Raises `JsonError`, and nothing else, for any text that is refused.
    """
    if isinstance(data, str):
        try:
            data = data.encode()
        except UnicodeEncodeError as error:
            raise JsonError(
                f"character {error.start} is half a surrogate pair; write the whole one"
            ) from None
    value = _decode(data)
    _refuse_depth(data, value)
    _refuse_duplicates(data, value)
    return value


def dumps(value: Any) -> bytes:
    """Write JSON as compact UTF-8; a `Decimal` is written as a number with its digits.

    http://hl7.org/fhir/R4/json.html. Raises `ValueError` for a `Decimal` that is not a number, since JSON
    has no form for it. Names keep their order.
    """
    text = _encoder.encode(value)
    if b"NaN" in text or b"Infinity" in text:
        try:
            _decoder.decode(text)
        except msgspec.DecodeError:
            raise ValueError("JSON cannot hold NaN or an infinity; leave the element out") from None
    return text


def _decode(data: bytes) -> Any:
    try:
        return _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise _explain(str(error), data) from None
    except UnicodeDecodeError as error:
        # msgspec reports the place within the string it was reading; the whole text gives the true one.
        raise _not_utf8(data, error.reason) from None
    except RecursionError:
        raise _too_deep() from None
    except InvalidOperation:
        raise JsonError("a number's exponent is beyond any measurable quantity; write it without") from None


def _explain(reason: str, data: bytes) -> JsonError:
    if data.startswith(b"\xef\xbb\xbf"):
        return JsonError("the text begins with a byte order mark; send UTF-8 without it", 0)
    if not data.strip():
        return JsonError("the text is empty; a JSON value is needed")
    match = _POSITION.search(reason)
    position = int(match.group(1)) if match else None
    reason = _POSITION.sub("", reason).removeprefix("JSON is malformed: ")
    if "surrogate" in reason or "escape" in reason:
        return JsonError(f"not JSON: {reason}; a \\u escape must be a whole character", position)
    if reason == "Input data was truncated":
        return JsonError("not JSON: the text ends, or an escaped character is cut, before the value is whole")
    if reason.startswith("Integer value"):
        return JsonError("a whole number has more digits than this server reads; write it as a string")
    return JsonError(f"not JSON: {reason}", position)


def _not_utf8(data: bytes, reason: str) -> JsonError:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return JsonError(f"the text is not UTF-8: {error.reason}; encode it as UTF-8", error.start)
    return JsonError(f"the text is not UTF-8: {reason}; encode it as UTF-8")


def _too_deep() -> JsonError:
    return JsonError(f"objects and arrays are nested deeper than {MAX_DEPTH}; flatten the content")


def _refuse_depth(data: bytes, value: Any) -> None:
    # Text with few brackets cannot be deep: this settles almost every resource without a walk.
    if data.count(b"{") + data.count(b"[") <= MAX_DEPTH:
        return
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return
    raise _too_deep()


def _refuse_duplicates(data: bytes, value: Any) -> None:
    """Refuse an object that has one name twice: readers differ on which one counts (RFC 8259 section 4).

    The decoder keeps the last. Written out again, such text has fewer `":` than it came with: a count that
    runs at memory speed. Inside strings `":` occurs equally often before and after, unless it was escaped or
    a name is followed by white space; those rare texts are read a second time by the exact method.
    """
    plain = not any(spaced in data for spaced in _SPACED_COLONS)
    escaped = b"\\u00" in data and _ESCAPED_QUOTE_OR_COLON.search(data)
    if plain and not escaped and data.count(b'":') == _encoder.encode(value).count(b'":'):
        return
    try:
        _standard.loads(data, object_pairs_hook=_unique)
    except RecursionError:
        raise _too_deep() from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in members if names.count(name) > 1)
        raise JsonError(f'the name "{twice}" occurs twice in one object; keep one of them')
    return members
