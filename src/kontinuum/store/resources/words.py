"""Conditions on a resource row `r` met by words (coded texts, addresses, free text) or by nearness."""

from __future__ import annotations

from kontinuum.fhir.search.hashing import param_code
from kontinuum.fhir.search.lookup import KnownTest, component_name
from kontinuum.fhir.search.query import NearValue, StringValue
from kontinuum.fhir.search.readings import EARTH_RADIUS
from kontinuum.kernel.sql import Binder

_LAST_CHARACTER = "\U0010ffff"
_KNOWN_PREFIX = 200
_KILOMETRES_A_DEGREE = 111.0  # of latitude, rounded down so that the box around a circle is never too small


def known(test: KnownTest, binder: Binder) -> str:
    """The row holds the hash of a known text that contains another, or begins with it."""
    if test.beginning:
        low = binder.bind(test.text[:_KNOWN_PREFIX])
        high = binder.bind(test.text[:_KNOWN_PREFIX] + _LAST_CHARACTER)
        match = f"left(k.text, {_KNOWN_PREFIX}) >= {low} and left(k.text, {_KNOWN_PREFIX}) < {high}"
        match += f" and starts_with(k.text, {binder.bind(test.text)})"
    else:
        pattern = test.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        match = f"k.text like {binder.bind(f'%{pattern}%')}"
    hashes = (
        "select coalesce(array_agg(k.hash), '{}') from known_text k"
        f" where k.param = {binder.bind(test.param)} and {match}"
    )
    return f"r.hashes && ({hashes})"


def spoken(name: str, value: StringValue, binder: Binder) -> str:
    """The words of `_text` or `_content` stand in what was written, in any of their Swedish forms."""
    asked = f"websearch_to_tsquery('swedish', {binder.bind(value.text)})"
    match = f"w.words @@ {asked}"
    if name == "_text":
        match += f" and ts_filter(w.words, '{{a}}') @@ {asked}"
    return f"exists (select 1 from search_words w where w.bucket = r.bucket and w.key = r.key and {match})"


def near(type_name: str, value: NearValue, binder: Binder) -> str:
    """The row's position lies within a distance of a place: a box by the index, then the circle."""
    latitude, longitude = (param_code(type_name, component_name("near", index)) for index in range(2))
    here, there, far = (
        binder.bind(each) + "::float8" for each in (value.latitude, value.longitude, value.kilometres)
    )
    box = value.kilometres / _KILOMETRES_A_DEGREE
    low, high = binder.bind(value.latitude - box), binder.bind(value.latitude + box)
    lat, lon = "a.low::float8", "o.low::float8"
    chord = (
        f"power(sin(radians({lat} - {here}) / 2), 2) + cos(radians({lat})) * cos(radians({here}))"
        f" * power(sin(radians({lon} - {there}) / 2), 2)"
    )
    return (
        "exists (select 1 from search_number a join search_number o on o.bucket = a.bucket and o.key = a.key"
        f" where a.bucket = r.bucket and a.key = r.key and a.param = {latitude} and o.param = {longitude}"
        f" and a.low between {low}::float8::numeric and {high}::float8::numeric"
        f" and 2 * {EARTH_RADIUS} * asin(sqrt(least(1, {chord}))) <= {far})"
    )
