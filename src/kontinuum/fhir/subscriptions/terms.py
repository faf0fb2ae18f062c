"""What a Subscription asks for, read and checked: nothing in it that this server would not do is passed over.

http://hl7.org/fhir/uv/subscriptions-backport/STU1.1/StructureDefinition-backport-subscription.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import parse_qsl

from kontinuum.fhir.definitions import search_parameters
from kontinuum.fhir.issues import Issue
from kontinuum.fhir.search.dates import date_range
from kontinuum.fhir.search.parse import parse_search
from kontinuum.fhir.search.query import SearchQuery
from kontinuum.fhir.subscriptions.topics import TOPICS, Topic

PREFIX: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
SECONDS: Final = 10
MOST: Final = 50
LIMITS: Final = {
    "backport-heartbeat-period": (10, 7 * 24 * 3600),
    "backport-timeout": (1, 60),
    "backport-max-count": (1, 1000),
}
"""The extensions of a channel that hold a number, and what it may be (seconds, seconds, events)."""

FORMATS: Final = ("application/fhir+json", "application/json")
_UNKNOWN: Final = "The extension {} is not known here."
_MODIFIERS: Final = (None, "not", "missing", "exact", "contains")
_HEADER: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?)")
_OURS: Final = frozenset(
    "accept accept-encoding connection content-encoding content-length content-type expect host keep-alive "
    "proxy-authorization te trailer transfer-encoding upgrade user-agent".split()
)
"""Headers that belong to the transport and not to the subscriber."""


class Channel(StrEnum):
    """The ways by which notifications go."""

    REST_HOOK = "rest-hook"
    WEBSOCKET = "websocket"


class Content(StrEnum):
    """How much of a resource a notification holds."""

    EMPTY = "empty"
    ID_ONLY = "id-only"
    FULL_RESOURCE = "full-resource"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a Subscription asks for. `heartbeat` and `timeout` are in seconds, `ends` in microseconds."""

    topic: Topic
    filters: tuple[SearchQuery, ...]
    channel: Channel
    endpoint: str | None
    format: str
    headers: tuple[tuple[str, str], ...]
    content: Content
    heartbeat: int | None
    timeout: int
    most: int
    ends: int | None

    @property
    def types(self) -> tuple[str, ...]:
        """The types that are followed: of the filters, where there are any, else of the topic."""
        return tuple(dict.fromkeys(each.type for each in self.filters)) or self.topic.types


class _WrongError(Exception):
    """Carries the one fault of an element to where the faults are gathered."""

    def __init__(self, code: str, message: str, location: str) -> None:
        super().__init__(message)
        self.issue = Issue("error", code, message, location)


def read_terms(resource: dict[str, Any]) -> Terms | list[Issue]:
    """What a valid R4 Subscription asks for, or everything that it asks for and does not get."""
    channel = resource["channel"]
    readers: dict[str, Any] = {
        "topic": lambda: _topic(resource),
        "channel": lambda: _channel(channel),
        "endpoint": lambda: _endpoint(channel),
        "format": lambda: _format(channel),
        "headers": lambda: tuple(_headers(channel)),
        "content": lambda: _content(channel),
        "ends": lambda: _end(resource),
        "numbers": lambda: _numbers(channel),
    }
    found: dict[str, Any] = {}
    wrong = list(_strange(resource))
    for name, read in readers.items():
        try:
            found[name] = read()
        except _WrongError as error:
            wrong.append(error.issue)
    if "topic" in found:
        filters = [_filter(found["topic"], text, place) for text, place in _filter_texts(resource)]
        wrong += [each for each in filters if isinstance(each, Issue)]
        found["filters"] = tuple(each for each in filters if isinstance(each, SearchQuery))
        wrong += _unnarrowed(found["topic"], filters)
    if wrong:
        return wrong
    numbers = found.pop("numbers")
    return Terms(
        **found,
        heartbeat=numbers.get("backport-heartbeat-period"),
        timeout=numbers.get("backport-timeout", SECONDS),
        most=numbers.get("backport-max-count", MOST),
    )


def _topic(resource: dict[str, Any]) -> Topic:
    url = resource["criteria"]
    if url not in TOPICS:
        message = f"'{url}' is no topic of this server. Topics: {', '.join(TOPICS)}."
        raise _WrongError("not-supported", message, "Subscription.criteria")
    return TOPICS[url]


def _filter_texts(resource: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for number, each in enumerate((resource.get("_criteria") or {}).get("extension", [])):
        if each["url"] == PREFIX + "backport-filter-criteria":
            yield each.get("valueString", ""), f"Subscription.criteria.extension[{number}]"


def _strange(resource: dict[str, Any]) -> Iterator[Issue]:
    """Extensions of the guide that stand where they mean nothing."""
    places = {
        "criteria": (resource.get("_criteria"), "backport-filter-criteria"),
        "channel.payload": (resource["channel"].get("_payload"), "backport-payload-content"),
    }
    for place, (element, known) in places.items():
        for number, each in enumerate((element or {}).get("extension", [])):
            if each["url"].startswith(PREFIX) and each["url"] != PREFIX + known:
                where = f"Subscription.{place}.extension[{number}]"
                yield Issue("error", "not-supported", _UNKNOWN.format(each["url"]), where)


def _filter(topic: Topic, text: str, place: str) -> SearchQuery | Issue:
    """One filter, `Type?parameter=value&…`, all of which must hold."""
    type_name, asked, criteria = text.partition("?")
    if not asked or type_name not in topic.types:
        known = f"one of {', '.join(topic.types)}" if len(topic.types) < 5 else "a resource type of R4"
        message = f"The filter '{text}' must be written as Type?parameter=value; the type is {known}."
        return Issue("error", "value", message, place)
    query = parse_search(type_name, parse_qsl(criteria, keep_blank_values=True))
    if not isinstance(query, SearchQuery):
        return Issue("error", query[0].code, f"The filter '{text}': {query[0].message}", place)
    beyond = _beyond(topic, query)
    return (
        query if beyond is None else Issue("error", "not-supported", f"The filter '{text}': {beyond}", place)
    )


def _beyond(topic: Topic, query: SearchQuery) -> str | None:
    """What in a filter is no question about one resource by itself, or not offered by the topic."""
    plain = SearchQuery(query.type, query.criteria, ids=query.ids, self_params=query.self_params)
    if query != plain:
        return "it takes search parameters of the resource itself, without chains, sorting or paging."
    names = [each.parameter.name for each in query.criteria] + ["_id"] * (query.ids is not None)
    for each in query.criteria:
        if each.modifier not in _MODIFIERS or each.parameter.name in ("_text", "_content"):
            word = each.parameter.name + (f":{each.modifier}" if each.modifier else "")
            return f"{word} is not offered as a filter."
    known = search_parameters(query.type)
    offered = [name for name in topic.filters or () if name in known]
    unknown = [name for name in names if topic.filters is not None and name not in offered]
    if unknown:
        return f"the topic is not narrowed by '{unknown[0]}'. Filters of {query.type}: {', '.join(offered)}."
    return None


def _unnarrowed(topic: Topic, filters: list[SearchQuery | Issue]) -> Iterator[Issue]:
    if topic.filters is None and not filters:
        message = (
            "This topic needs a filter for each type that is followed, such as Condition?patient=Patient/1."
        )
        yield Issue("error", "required", message, "Subscription.criteria.extension")


def _channel(channel: dict[str, Any]) -> Channel:
    place = "Subscription.channel.type"
    if (channel.get("_type") or {}).get("extension"):
        raise _WrongError("not-supported", "No channel beyond rest-hook and websocket is offered.", place)
    if channel["type"] not in list(Channel):
        message = f"The channel '{channel['type']}' is not offered; rest-hook and websocket are."
        raise _WrongError("not-supported", message, place)
    return Channel(channel["type"])


def _endpoint(channel: dict[str, Any]) -> str | None:
    given: str | None = channel.get("endpoint")
    place = "Subscription.channel.endpoint"
    if channel["type"] == Channel.REST_HOOK and given is None:
        raise _WrongError("required", "Say where notifications are to be sent.", place)
    if channel["type"] == Channel.WEBSOCKET and given is not None:
        message = "A websocket is opened by the client ($get-ws-binding-token): leave the endpoint out."
        raise _WrongError("value", message, place)
    return given


def _format(channel: dict[str, Any]) -> str:
    given = channel.get("payload")
    if given not in FORMATS:
        message = f"The payload must be {FORMATS[0]} (or {FORMATS[1]}); how much it holds its extension says."
        raise _WrongError("not-supported", message, "Subscription.channel.payload")
    return str(given)


def _headers(channel: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for number, text in enumerate(channel.get("header", [])):
        place = f"Subscription.channel.header[{number}]"
        form = _HEADER.fullmatch(text or "")
        if channel["type"] != Channel.REST_HOOK:
            raise _WrongError("value", "A websocket has no headers to send.", place)
        if form is None:
            raise _WrongError("value", "A header is written as 'Name: value', in printable ASCII.", place)
        if form[1].lower() in _OURS:
            raise _WrongError("not-supported", f"The header {form[1]} is set by the server.", place)
        yield form[1], form[2]


def _content(channel: dict[str, Any]) -> Content:
    place = "Subscription.channel.payload.extension"
    listed = (channel.get("_payload") or {}).get("extension", [])
    given = [each.get("valueCode") for each in listed if each["url"] == PREFIX + "backport-payload-content"]
    if len(given) != 1 or given[0] not in list(Content):
        message = f"Say once by {PREFIX}backport-payload-content how much is sent: {', '.join(Content)}."
        raise _WrongError("required" if not given else "value", message, place)
    return Content(given[0])


def _numbers(channel: dict[str, Any]) -> dict[str, int]:
    found: dict[str, int] = {}
    for number, each in enumerate(channel.get("extension", [])):
        place = f"Subscription.channel.extension[{number}]"
        name = each["url"].removeprefix(PREFIX)
        if name == each["url"]:
            continue
        if name not in LIMITS or name in found:
            again = "is given twice" if name in found else "is not known here"
            raise _WrongError("not-supported", f"The extension {each['url']} {again}.", place)
        kind = "valuePositiveInt" if name == "backport-max-count" else "valueUnsignedInt"
        low, high = LIMITS[name]
        value = each.get(kind)
        if not isinstance(value, int) or not low <= value <= high:
            raise _WrongError("value", f"{name} must be given as {kind}, from {low:,} to {high:,}.", place)
        found[name] = value
    return found


def _end(resource: dict[str, Any]) -> int | None:
    text = resource.get("end")
    found = None if text is None else date_range(text)
    return None if found is None else found[0]
