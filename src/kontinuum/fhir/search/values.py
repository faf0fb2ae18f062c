"""Search values: from the text after `=` to a typed value, or the reason why it is none.

https://hl7.org/fhir/R4/search.html#ptypes and #escaping
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import cast

from kontinuum.fhir.definitions import RESOURCE_TYPES, TYPE_CODES, SearchParameter
from kontinuum.fhir.search.dates import DATE_FORM, date_range, moment_micros
from kontinuum.fhir.search.numbers import approximate_range, implied_range, parse_number
from kontinuum.fhir.search.query import (
    CompositeValue,
    DateValue,
    NearValue,
    NumberValue,
    Prefix,
    QuantityValue,
    ReferenceValue,
    StringValue,
    TokenValue,
    TypedIdentifier,
    UriValue,
    Value,
)
from kontinuum.kernel.ids import is_id

PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
_PREFIXED = re.compile(r"([a-z]{2})(.*)", re.DOTALL)
_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)
_ESCAPABLE = ",|$\\"
_RELATIVE = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})(?:/_history/([A-Za-z0-9.-]{1,64}))?")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")


class BadValue(Exception):  # noqa: N818 - it never leaves this package: parse.py turns it into an Issue
    """Why a text is no value of its parameter, as a sentence that says what would be."""


def split_escaped(text: str, separator: str) -> list[str]:
    """Split at a separator that has no backslash before it; the parts keep their escapes."""
    if separator not in text:
        return [text]
    parts: list[str] = []
    start = position = 0
    while position < len(text):
        if text[position] == "\\":
            position += 2
            continue
        if text[position] == separator:
            parts.append(text[start:position])
            start = position + 1
        position += 1
    parts.append(text[start:])
    return parts


def unescape(text: str) -> str:
    """Remove the escapes of https://hl7.org/fhir/R4/search.html#escaping."""
    if "\\" not in text:
        return text

    def replace(match: re.Match[str]) -> str:
        if match[1] == "" or match[1] not in _ESCAPABLE:
            raise BadValue(r"a backslash must be followed by , | $ or \ (write \\ for a backslash itself)")
        return match[1]

    return _ESCAPE.sub(replace, text)


class ValueParser:
    """Parses values of one search: knows the server's base address and the present moment."""

    def __init__(self, base: str | None, now: Callable[[], datetime]) -> None:
        self._base = None if base is None else base.rstrip("/") + "/"
        self._now = now

    def parse(self, parameter: SearchParameter, text: str, target: str | None = None) -> Value:
        """Parse one alternative, still escaped. Raises BadValue.

        `target` is the type modifier of a reference parameter.
        """
        if not text:
            raise BadValue("the value is empty")
        match parameter.type:
            case "token":
                return _token(text)
            case "reference":
                return self._reference(parameter, text, target)
            case "string":
                return _string(text)
            case "uri":
                return UriValue(unescape(text))
            case "date":
                return self.date(text)
            case "number":
                return _number(unescape(text))
            case "quantity":
                return _quantity(text)
            case "special" if parameter.name == "near":
                return near(unescape(text) if "\\" in text else text)
            case "composite":
                return self._composite(parameter, text)
            case _:
                raise BadValue(f"parameters of type {parameter.type} are not supported")

    def modified(self, parameter: SearchParameter, modifier: str, text: str) -> Value | None:
        """Parse an alternative whose form the modifier decides; None when it is that of the type."""
        match parameter.type, modifier:
            case "token", "text":
                return _string(text)
            case "token", "in" | "not-in":
                return _value_set(unescape(text))
            case "token", "of-type":
                return _typed_identifier(text)
            case "token", "above" | "below":
                token = _token(text)
                if not token.code or not token.system:
                    raise BadValue(
                        "expected system|code: a code has what is above and below it in its system"
                    )
                return token
            case "reference", "identifier":
                return _token(text)
            case _:
                return None

    def date(self, text: str) -> DateValue:
        """Parse a date with its optional prefix. Raises BadValue."""
        prefix, rest = _split_prefix(unescape(text))
        limits = date_range(rest) if DATE_FORM.fullmatch(rest) else None
        if limits is None:
            hint = " (a + in a URL means a space: write %2B)" if " " in rest else ""
            raise BadValue(
                "expected a date such as 2024, 2024-05, 2024-05-31 or 2024-05-31T13:30:00+02:00, "
                f"with a prefix such as ge before it if wanted{hint}"
            )
        low, high = limits
        if prefix == "ap":
            now = moment_micros(self._now())
            margin = max(low - now, now - high, 0) // 10
            low, high = low - margin, high + margin
        return DateValue(prefix, low, high)

    def _composite(self, parameter: SearchParameter, text: str) -> CompositeValue:
        parts = split_escaped(text, "$")
        names = "$".join(component.name for component, _ in parameter.components)
        if len(parts) != len(parameter.components):
            raise BadValue(f"expected {len(parameter.components)} parts joined by $: {names}")
        parsed: list[Value] = []
        for (component, _), part in zip(parameter.components, parts, strict=True):
            try:
                parsed.append(self.parse(component, part))
            except BadValue as problem:
                raise BadValue(f"in its part {component.name} {part!r}: {problem}") from None
        return CompositeValue(tuple(parsed))

    def _reference(self, parameter: SearchParameter, text: str, target: str | None) -> ReferenceValue:
        types = parameter.targets or RESOURCE_TYPES
        if target is not None:
            types = (target,)
        address, *versions = (unescape(part) for part in split_escaped(text, "|"))
        if _ABSOLUTE.fullmatch(address) and len(versions) < 2:
            return self._absolute(parameter, address, versions[0] if versions else None, target)
        relative = _RELATIVE.fullmatch(address)
        if relative is not None and not versions:
            return ReferenceValue((_allowed(parameter, relative[1], target),), relative[2], None, relative[3])
        if is_id(address) and not versions:
            return ReferenceValue(types, address, None, None)
        raise BadValue(
            "expected an id, Type/id, Type/id/_history/version or an absolute URL, perhaps with |version"
        )

    def _absolute(
        self, parameter: SearchParameter, url: str, version: str | None, target: str | None
    ) -> ReferenceValue:
        if version is None:
            url, version = split_version(url)
        if self._base is not None and url.startswith(self._base):
            own = _RELATIVE.fullmatch(url.removeprefix(self._base))
            if own is not None:
                return ReferenceValue((_allowed(parameter, own[1], target),), own[2], url, version)
        return ReferenceValue((), None, url, version)


def split_version(url: str) -> tuple[str, str | None]:
    """The address and version of a canonical (`url|version`) or a versioned URL (`url/_history/version`)."""
    address, bar, version = url.rpartition("|")
    if bar and version:
        return address, version
    address, history, version = url.rpartition("/_history/")
    if history and version:
        return address, version
    return url, None


def _allowed(parameter: SearchParameter, type_name: str, target: str | None) -> str:
    if type_name not in TYPE_CODES:
        raise BadValue(f"{type_name!r} is no resource type of FHIR R4")
    if target is not None and type_name != target:
        raise BadValue(f"the modifier :{target} asks for another type")
    if parameter.targets and type_name not in parameter.targets:
        raise BadValue(f"it refers to one of {', '.join(parameter.targets)}, never to {type_name}")
    return type_name


def _token(text: str) -> TokenValue:
    parts = [unescape(part) for part in split_escaped(text, "|")]
    if len(parts) == 1:
        return TokenValue(None, parts[0])
    if len(parts) > 2:
        raise BadValue(r"it has more than one |: write \| for a bar within a code or system")
    system, code = parts
    if not system and not code:
        raise BadValue("a code, a system or both must stand beside the |")
    return TokenValue(system, code or None)


def _value_set(url: str) -> UriValue:
    if not _ABSOLUTE.fullmatch(url):
        raise BadValue("expected the canonical address of a value set, such as http://…/ValueSet/name")
    return UriValue(url)


def _typed_identifier(text: str) -> TypedIdentifier:
    parts = [unescape(part) for part in split_escaped(text, "|")]
    if len(parts) != 3 or not all(parts):
        raise BadValue("expected system|code|value: the type's system and code, and the identifier's value")
    return TypedIdentifier(*parts)


_KILOMETRES = {"km": 1.0, "m": 0.001, "[mi_i]": 1.609344, "[ft_i]": 0.0003048}
_USUAL_DISTANCE = 10.0


def near(text: str) -> NearValue:
    """`latitude|longitude|distance|units`; 10 km when the last two are left out. Raises BadValue."""
    parts = text.split("|")
    hint = "expected latitude|longitude|distance|units, such as 59.33|18.07|5|km"
    if not 2 <= len(parts) <= 4:
        raise BadValue(hint)
    numbers = [parse_number(part) for part in parts[:3] if part]
    if None in numbers or len(numbers) < 2 or not parts[0] or not parts[1]:
        raise BadValue(hint)
    latitude, longitude, *distance = [float(number) for number in numbers if number is not None]
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise BadValue("a latitude lies within ±90 degrees, a longitude within ±180")
    unit = parts[3] if len(parts) == 4 and parts[3] else "km"
    if unit not in _KILOMETRES:
        raise BadValue(f"the distance is given in {', '.join(_KILOMETRES)}, not in {unit!r}")
    if distance and distance[0] < 0:
        raise BadValue("the distance is negative")
    return NearValue(latitude, longitude, distance[0] * _KILOMETRES[unit] if distance else _USUAL_DISTANCE)


def _string(text: str) -> StringValue:
    value = StringValue(unescape(text))
    if not value.text.strip():
        raise BadValue("the text is blank")
    return value


def _number(text: str) -> NumberValue:
    prefix, rest = _split_prefix(text)
    value = parse_number(rest)
    if value is None:
        raise BadValue(
            "expected a number such as 5.4, -3 or 1e2, with a prefix such as gt before it if wanted"
        )
    low, high = approximate_range(value) if prefix == "ap" else implied_range(rest, value)
    return NumberValue(prefix, value, low, high)


def _quantity(text: str) -> QuantityValue:
    parts = [unescape(part) for part in split_escaped(text, "|")]
    if len(parts) not in (1, 3):
        raise BadValue("expected number, number|system|code or number||code")
    number = _number(parts[0])
    if len(parts) == 1 or not (parts[1] or parts[2]):  # `5.4||`, as HAPI writes it, names no unit either
        return QuantityValue(number, None, None)
    if not parts[2]:
        raise BadValue("a code must follow the second |, or leave both bars out to accept any unit")
    return QuantityValue(number, parts[1] or None, parts[2])


def _split_prefix(text: str) -> tuple[Prefix, str]:
    match = _PREFIXED.fullmatch(text)
    if match is None:
        return "eq", text
    if match[1] not in PREFIXES:
        raise BadValue(f"{match[1]!r} is no prefix; those are {', '.join(PREFIXES)}")
    return cast(Prefix, match[1]), match[2]
