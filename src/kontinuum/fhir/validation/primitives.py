"""Checks for the values of primitive types.

http://hl7.org/fhir/R4/datatypes.html#primitive and the regular expressions given there. Each type has a check
that is quick for sound values, and a sentence for the others.
"""

import binascii
import calendar
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from kontinuum.fhir.validation.narrative import check_xhtml
from kontinuum.fhir.validation.problems import Found, one, wrong_type

__all__ = ["PRIMITIVES", "PrimitiveCheck"]

PrimitiveCheck = Callable[[Any, Any], Found]

MAX_STRING = 1024 * 1024
"""Characters; http://hl7.org/fhir/R4/datatypes.html#string."""

MAX_DECIMAL_CHARACTERS = 100
MAX_DECIMAL_EXPONENT = 400
"""Far beyond FHIR's 18 digits, and safe for everything that computes with the value later."""

_YEAR = r"(?:\d{3}[1-9]|\d{2}[1-9]0|\d[1-9]00|[1-9]000)"
_MONTH = r"-(?:0[1-9]|1[0-2])"
_DAY = r"-(?:0[1-9]|[12]\d|3[01])"
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?"
_ZONED = rf"T{_CLOCK}(?:Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))"
_is_date = re.compile(rf"{_YEAR}(?:{_MONTH}(?:{_DAY})?)?", re.ASCII).fullmatch
_is_date_time = re.compile(rf"{_YEAR}(?:{_MONTH}(?:{_DAY}(?:{_ZONED})?)?)?", re.ASCII).fullmatch
_is_instant = re.compile(f"{_YEAR}{_MONTH}{_DAY}{_ZONED}", re.ASCII).fullmatch
_is_time = re.compile(_CLOCK, re.ASCII).fullmatch
_is_code = re.compile(r"[^\s]+(?:\s[^\s]+)*").fullmatch
_is_id = re.compile(r"[A-Za-z0-9\-.]{1,64}").fullmatch
_is_oid = re.compile(r"urn:oid:[0-2](?:\.(?:0|[1-9]\d*))+", re.ASCII).fullmatch
_is_uuid = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_has_control = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]").search
_has_space = re.compile(r"\s").search
_JSON_SPACE = str.maketrans("", "", " \t\r\n")


def check_string(value: Any, context: Any) -> Found:
    """Check a string: not empty, no control characters, at most 1 MB.

    http://hl7.org/fhir/R4/datatypes.html#string
    """
    if type(value) is str and value and len(value) <= MAX_STRING and value.isprintable():
        return None
    return _not_text(value, "a string") or _controls(value)


def check_uri(value: Any, context: Any) -> Found:
    """Check a URI: not empty, no white space.

    http://hl7.org/fhir/R4/datatypes.html#uri
    """
    if type(value) is str and value and value.isprintable() and " " not in value:
        return None
    if problem := _not_text(value, "a URI") or _controls(value):
        return problem
    if _has_space(value):
        return one("value", f"the URI {_quoted(value)} contains white space; percent-encode or remove it")
    return None


def check_code(value: Any, context: Any) -> Found:
    """Check a code: no white space around it, single spaces within.

    http://hl7.org/fhir/R4/datatypes.html#code
    """
    if type(value) is str and value and value.isprintable() and " " not in value:
        return None
    if problem := _not_text(value, "a code") or _controls(value):
        return problem
    if not _is_code(value):
        return one(
            "value", f"the code {_quoted(value)} has spaces around it or several in a row; remove them"
        )
    return None


def check_boolean(value: Any, context: Any) -> Found:
    """Check a boolean: JSON's true or false.

    http://hl7.org/fhir/R4/datatypes.html#boolean
    """
    if value is True or value is False:
        return None
    return wrong_type(value, "true or false, without quotes")


def check_decimal(value: Any, context: Any) -> Found:
    """Check a decimal: a JSON number; never a binary float, which loses digits.

    http://hl7.org/fhir/R4/datatypes.html#decimal
    """
    if type(value) is int:
        sound = value.bit_length() <= 330
    elif type(value) is Decimal:
        sound = (
            value.is_finite()
            and -MAX_DECIMAL_EXPONENT < value.adjusted() < MAX_DECIMAL_EXPONENT
            and len(str(value)) <= MAX_DECIMAL_CHARACTERS
        )
    elif type(value) is float:
        return one("value", "a binary float does not keep a decimal's digits; use decimal.Decimal")
    else:
        return wrong_type(value, "a number, without quotes")
    return (
        None if sound else one("value", "the number is out of any measurable range, or has over 100 digits")
    )


def check_integer(value: Any, context: Any) -> Found:
    """Check an integer: 32 bits, signed.

    http://hl7.org/fhir/R4/datatypes.html#integer
    """
    return _whole_number(value, -(2**31))


def check_unsigned_int(value: Any, context: Any) -> Found:
    """Check an unsignedInt: 0 to 2,147,483,647.

    http://hl7.org/fhir/R4/datatypes.html#unsignedInt
    """
    return _whole_number(value, 0)


def check_positive_int(value: Any, context: Any) -> Found:
    """Check a positiveInt: 1 to 2,147,483,647.

    http://hl7.org/fhir/R4/datatypes.html#positiveInt
    """
    return _whole_number(value, 1)


def check_date(value: Any, context: Any) -> Found:
    """Check a date: a year, month or day that the calendar has.

    http://hl7.org/fhir/R4/datatypes.html#date
    """
    if type(value) is str and _is_date(value) and _in_calendar(value):
        return None
    return _not_text(value, "a date") or one(
        "value", f"{_quoted(value)} is not a date; write YYYY, YYYY-MM or YYYY-MM-DD, a day that exists"
    )


def check_date_time(value: Any, context: Any) -> Found:
    """Check a dateTime: a date, or a date with time to the second and zone.

    http://hl7.org/fhir/R4/datatypes.html#dateTime
    """
    if type(value) is str and _is_date_time(value) and _in_calendar(value):
        return None
    return _not_text(value, "a dateTime") or one(
        "value",
        f"{_quoted(value)} is not a dateTime; write YYYY, YYYY-MM, YYYY-MM-DD, or a time with seconds and "
        "zone such as 2024-05-17T13:28:17+02:00, on a day that exists",
    )


def check_instant(value: Any, context: Any) -> Found:
    """Check an instant: date, time to the second, and zone.

    http://hl7.org/fhir/R4/datatypes.html#instant
    """
    if type(value) is str and _is_instant(value) and _in_calendar(value):
        return None
    return _not_text(value, "an instant") or one(
        "value",
        f"{_quoted(value)} is not an instant; write date, time with seconds and zone such as "
        "2024-05-17T13:28:17.239+02:00, on a day that exists",
    )


def check_time(value: Any, context: Any) -> Found:
    """Check a time: hh:mm:ss, without zone.

    http://hl7.org/fhir/R4/datatypes.html#time
    """
    if type(value) is str and _is_time(value):
        return None
    return _not_text(value, "a time") or one(
        "value", f"{_quoted(value)} is not a time; write hh:mm:ss from 00:00:00, without a zone"
    )


def check_base64(value: Any, context: Any) -> Found:
    """Check base64Binary: base64 with padding; white space may stand between.

    http://hl7.org/fhir/R4/datatypes.html#base64Binary
    """
    if problem := _not_text(value, "base64"):
        return problem
    try:
        binascii.a2b_base64(value.translate(_JSON_SPACE), strict_mode=True)
    except ValueError as error:
        return one("value", f"not base64: {error}; encode the content as RFC 4648 base64 with padding")
    return None


def check_id(value: Any, context: Any) -> Found:
    """Check an id: 1 to 64 letters, digits, hyphens and dots.

    http://hl7.org/fhir/R4/datatypes.html#id
    """
    return _matching(value, _is_id, "an id", "1 to 64 of the characters A-Z, a-z, 0-9, hyphen and dot")


def check_oid(value: Any, context: Any) -> Found:
    """Check an OID.

    http://hl7.org/fhir/R4/datatypes.html#oid
    """
    return _matching(value, _is_oid, "an OID", "the form urn:oid:1.2.752.129, without leading zeros")


def check_uuid(value: Any, context: Any) -> Found:
    """Check a UUID.

    http://hl7.org/fhir/R4/datatypes.html#uuid
    """
    return _matching(value, _is_uuid, "a UUID", "urn:uuid: and a UUID in lower case")


PRIMITIVES: dict[str, PrimitiveCheck] = {
    "base64Binary": check_base64,
    "boolean": check_boolean,
    "canonical": check_uri,
    "code": check_code,
    "date": check_date,
    "dateTime": check_date_time,
    "decimal": check_decimal,
    "id": check_id,
    "instant": check_instant,
    "integer": check_integer,
    "markdown": check_string,
    "oid": check_oid,
    "positiveInt": check_positive_int,
    "string": check_string,
    "time": check_time,
    "unsignedInt": check_unsigned_int,
    "uri": check_uri,
    "url": check_uri,
    "uuid": check_uuid,
    "xhtml": check_xhtml,
}
"""The check of every primitive type by its name."""


def _not_text(value: Any, wanted: str) -> Found:
    if not isinstance(value, str):
        return wrong_type(value, f"{wanted} (a JSON string)")
    if not value:
        return one("value", "the value is empty; leave the element out, or give it content")
    if len(value) > MAX_STRING:
        return one("too-long", f"the text has {len(value)} characters; FHIR allows {MAX_STRING}")
    return None


def _controls(value: str) -> Found:
    if match := _has_control(value):
        return one("value", f"U+{ord(match.group()):04X} at position {match.start()} is no text; remove it")
    return None


def _matching(value: Any, matches: Callable[[str], object], wanted: str, form: str) -> Found:
    if type(value) is str and matches(value):
        return None
    return _not_text(value, wanted) or one("value", f"{_quoted(value)} is not {wanted}: it needs {form}")


def _whole_number(value: Any, least: int) -> Found:
    if type(value) is int:
        if least <= value < 2**31:
            return None
        return one(
            "value", f"{value if abs(value) < 10**30 else 'the number'} is not in {least} to {2**31 - 1}"
        )
    return wrong_type(value, "a whole number, without quotes, fraction or exponent")


def _in_calendar(value: str) -> bool:
    """Whether the day of a well-formed date or dateTime exists; a shorter date has no day to doubt."""
    if len(value) < 10 or value[8:10] < "29":
        return True
    return int(value[8:10]) <= calendar.monthrange(int(value[:4]), int(value[5:7]))[1]


def _quoted(value: str) -> str:
    return f'"{value if len(value) <= 60 else value[:57] + "..."}"'
