"""Conditional requests: version tags and HTTP dates.

http://hl7.org/fhir/R4/http.html#concurrency and #cread; grammar of the headers: RFC 9110 sections 5.6.7
and 13.1. A version tag is weak, `W/"3"`: the bytes may differ (indentation, `_elements`), the version not.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache

from kontinuum.kernel.clock import from_micros

MAX_VERSION = 2**31 - 1

_ENTITY_TAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_ENTITY_TAGS = re.compile(rf"\s*{_ENTITY_TAG.pattern}\s*(?:,\s*{_ENTITY_TAG.pattern}\s*)*")
_VERSION = re.compile(r"[1-9][0-9]{0,9}")


def etag(version: int) -> str:
    """The weak entity tag of a version: `W/"3"`."""
    return f'W/"{version}"'


@lru_cache(maxsize=4096)
def _http_date_of_second(seconds: int) -> str:
    return format_datetime(from_micros(seconds * 1_000_000), usegmt=True)


def http_date(micros: int) -> str:
    """An HTTP date (whole seconds, GMT) from microseconds since 1970."""
    return _http_date_of_second(micros // 1_000_000)


def version_number(text: str) -> int | None:
    """The version a version id names, None when the text cannot be one of this server's."""
    if _VERSION.fullmatch(text) is None:
        return None
    number = int(text)
    return number if number <= MAX_VERSION else None


def if_match_version(header: str) -> int | str:
    """The version that `If-Match` demands, or, as text, what is wrong with the header.

    One tag is taken, weak or strong, as the specification's examples use both: `W/"3"`, `"3"`.
    """
    match = _ENTITY_TAG.fullmatch(header.strip())
    version = version_number(match.group(1)) if match else None
    if version is None:
        return f"If-Match must be one version tag such as W/\"3\"; this was not understood: '{header}'"
    return version


def if_none_match_holds(header: str, version: int) -> bool | str:
    """Whether `If-None-Match` names this version (so that 304 is due), or what is wrong with the header."""
    text = header.strip()
    if text == "*":
        return True
    if _VERSION.fullmatch(text) is not None:
        return int(text) == version  # as fhirpy sends it, without quotation marks: it can mean nothing else
    if _ENTITY_TAGS.fullmatch(text) is None:
        return f"If-None-Match must be * or version tags such as W/\"3\"; this was not understood: '{header}'"
    return str(version) in _ENTITY_TAG.findall(text)


def not_modified_since(header: str, updated: int) -> bool:
    """Whether the version of that moment (µs) is no newer than `If-Modified-Since`.

    RFC 9110 section 13.1.3: a value that is no HTTP date must be ignored, so it answers False.
    """
    try:
        moment = parsedate_to_datetime(header)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return updated // 1_000_000 <= int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    except (ValueError, OverflowError):
        return False


def opaque_tag_held(header: str | None, tag: str) -> bool:
    """Whether `If-None-Match` names a tag of which nothing but equality is known (weak comparison)."""
    if header is None:
        return False
    return header.strip() == "*" or tag.removeprefix("W/").strip('"') in _ENTITY_TAG.findall(header)
