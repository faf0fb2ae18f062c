"""In which form to answer, and in which form a body may come: JSON, in UTF-8, of FHIR R4.

http://hl7.org/fhir/R4/http.html#mime-type. A client that asks for the general `application/json` is
answered under that name. XML is not offered, and refused in words rather than answered with something else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from kontinuum.web.api.answer import Problem, bad_request, problem

FHIR_JSON = "application/fhir+json"
FORM = "application/x-www-form-urlencoded"
JSON_PATCH = "application/json-patch+json"
PATCH_TYPES = (JSON_PATCH, FHIR_JSON)
"""The forms in which a patch is taken: JSON Patch, and FHIRPath Patch as a Parameters resource."""
FHIR_VERSION = "4.0"

_JSON_TYPES = (FHIR_JSON, "application/json", "text/json")
_JSON_SHORT_NAMES = {"json": FHIR_JSON, **{name: name for name in _JSON_TYPES}}
_ACCEPTED_RANGES = {"*/*": FHIR_JSON, "application/*": FHIR_JSON, "text/*": "text/json"}
_FHIR_VERSIONS = {"4.0", "4.0.1"}
_ONLY_JSON = f"This server speaks JSON only: {FHIR_JSON}."
_PARAMETER = re.compile(r'\s*;\s*([A-Za-z0-9!#$%&\'*+.^_`|~-]+)\s*=\s*("[^"]*"|[^;\s"]*)\s*')


@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type or range with its parameters, names in lower case (RFC 9110 section 8.3.1)."""

    name: str
    parameters: dict[str, str]


def parse_media_type(text: str) -> MediaType | None:
    """The media type in a header value, None when it does not follow the grammar."""
    name, separator, rest = text.partition(";")
    name = name.strip().lower()
    rest = separator + rest
    parameters: dict[str, str] = {}
    position = 0
    while position < len(rest):
        match = _PARAMETER.match(rest, position)
        if match is None:
            return None
        parameters[match.group(1).lower()] = match.group(2).strip('"')
        position = match.end()
    return MediaType(name, parameters)


@lru_cache(maxsize=256)
def answer_type(accept: str | None, wanted: str | None) -> str | Problem:
    """The `Content-Type` of the answer, from the `Accept` header and `_format`, which overrules it."""
    if wanted is not None:
        return _type_of_format(wanted)
    if accept is None or not accept.strip():
        return _content_type(FHIR_JSON, None)
    ranked = sorted(_accepted(accept), key=lambda candidate: -candidate[0])
    for quality, media_type in ranked:
        version = media_type.parameters.get("fhirversion")
        name = media_type.name if media_type.name in _JSON_TYPES else _ACCEPTED_RANGES.get(media_type.name)
        if name is not None and quality > 0 and (version is None or version in _FHIR_VERSIONS):
            return _content_type(name, version)
    return problem(
        406,
        "not-supported",
        f"Accept: {accept} names nothing that can be sent. {_ONLY_JSON} FHIR version: 4.0.",
    )


@lru_cache(maxsize=256)
def content_or_resource(accept: str | None, media_type: str) -> str | None:
    """Whether a Binary of a media type is sent as its "content" or as the "resource"; None when as neither.

    http://hl7.org/fhir/R4/binary.html#rest: the content, unless the type of FHIR is asked for by name.
    """
    if accept is None or not accept.strip():
        return "content"
    held = parse_media_type(media_type)
    name = held.name if held is not None else media_type
    taken = {name, f"{name.partition('/')[0]}/*", "*/*"}
    for quality, candidate in sorted(_accepted(accept), key=lambda one: -one[0]):
        version = candidate.parameters.get("fhirversion")
        if quality <= 0:
            continue
        if candidate.name in _JSON_TYPES and (version is None or version in _FHIR_VERSIONS):
            return "resource"
        if candidate.name in taken:
            return "content"
    return None if isinstance(answer_type(accept, None), Problem) else "resource"


def is_json(content_type: str | None) -> bool:
    """Whether a body is declared as JSON, which a FHIR resource is sent as."""
    media_type = parse_media_type(content_type or "")
    return media_type is not None and media_type.name in _JSON_TYPES


def _accepted(accept: str) -> list[tuple[float, MediaType]]:
    candidates = []
    for part in accept.split(","):
        media_type = parse_media_type(part)
        if media_type is not None:
            candidates.append((_quality(media_type.parameters.get("q", "1")), media_type))
    return candidates


def _quality(text: str) -> float:
    return float(text) if re.fullmatch(r"0(\.\d{0,3})?|1(\.0{0,3})?", text) else 0.0


def _type_of_format(wanted: str) -> str | Problem:
    # A plus sign in a query stands for a space; clients forget to write %2B.
    media_type = parse_media_type(wanted.strip().replace("application/fhir json", FHIR_JSON))
    name = _JSON_SHORT_NAMES.get(media_type.name) if media_type is not None else None
    version = media_type.parameters.get("fhirversion") if media_type is not None else None
    if name is None or (version is not None and version not in _FHIR_VERSIONS):
        return problem(
            406, "not-supported", f"_format={wanted} cannot be sent. {_ONLY_JSON} Write _format=json."
        )
    return _content_type(name, version)


def _content_type(name: str, version: str | None) -> str:
    return (
        f"{name}; charset=utf-8" if version is None else f"{name}; fhirVersion={FHIR_VERSION}; charset=utf-8"
    )


@lru_cache(maxsize=256)
def refuse_body_type(content_type: str | None, encoding: str | None) -> Problem | None:
    """Why a body declared so cannot be read as a FHIR resource; None when it can."""
    return _refuse_type(content_type, encoding, _JSON_TYPES, _ONLY_JSON)


@lru_cache(maxsize=64)
def refuse_form_type(content_type: str | None, encoding: str | None) -> Problem | None:
    """Why a body declared so cannot be read as search parameters; None when it can."""
    return _refuse_type(content_type, encoding, (FORM,), f"Search parameters come as a form: {FORM}.")


@lru_cache(maxsize=64)
def refuse_patch_type(content_type: str | None, encoding: str | None) -> Problem | None:
    """Why a body declared so cannot be read as a patch; None when it can."""
    refused = _refuse_type(
        content_type,
        encoding,
        (JSON_PATCH, *_JSON_TYPES),
        f"A patch is a JSON Patch ({JSON_PATCH}) or a FHIRPath Patch, a Parameters resource ({FHIR_JSON}).",
    )
    # RFC 5789 section 2.2
    return None if refused is None else replace(refused, headers={"accept-patch": ", ".join(PATCH_TYPES)})


def _refuse_type(
    content_type: str | None, encoding: str | None, taken: tuple[str, ...], advice: str
) -> Problem | None:
    if encoding is not None and encoding.strip().lower() not in ("", "identity"):
        return problem(
            415, "not-supported", f"Content-Encoding: {encoding} is not taken; send the body as it is."
        )
    if content_type is None:
        return problem(415, "not-supported", f"Content-Type is missing. {advice}")
    media_type = parse_media_type(content_type)
    if media_type is None or media_type.name not in taken:
        return problem(415, "not-supported", f"Content-Type: {content_type} is not taken. {advice}")
    charset = media_type.parameters.get("charset", "utf-8").lower()
    if charset not in ("utf-8", "utf8"):
        return problem(415, "not-supported", f"The character set {charset} is not taken; FHIR is UTF-8.")
    version = media_type.parameters.get("fhirversion")
    if version is not None and version not in _FHIR_VERSIONS:
        return problem(
            415, "not-supported", f"fhirVersion={version} is not taken; this server holds FHIR 4.0."
        )
    return None


@dataclass(frozen=True, slots=True)
class Preferences:
    """What `Prefer` asked for and this server knows (http://hl7.org/fhir/R4/http.html#ops).

    `returns` is "minimal", "representation", "OperationOutcome" or None; `lenient` whether
    `handling=lenient` was asked, `asynchronous` whether `respond-async` was. RFC 7240 section 2: a preference
    that is not known must not fail the request; `applied` says which ones count, for `Preference-Applied`.
    """

    returns: str | None = None
    lenient: bool = False
    asynchronous: bool = False
    applied: str | None = None


_RETURNS = {"minimal": "minimal", "representation": "representation", "operationoutcome": "OperationOutcome"}


@lru_cache(maxsize=256)
def parse_prefer(header: str | None) -> Preferences:
    """The preferences in a `Prefer` header; of one that is named twice, the first counts (RFC 7240)."""
    wanted: dict[str, str] = {}
    for part in re.split(r"[,;]", header or ""):
        name, _, value = part.partition("=")
        wanted.setdefault(name.strip().lower(), value.strip().strip('"'))
    returns = _RETURNS.get(wanted.get("return", "").lower())
    handling = wanted.get("handling", "").lower()
    applied = [f"return={returns}"] if returns else []
    if handling in ("strict", "lenient"):
        applied.append(f"handling={handling}")
    return Preferences(returns, handling == "lenient", "respond-async" in wanted, ", ".join(applied) or None)


def refuse_unknown_pretty(value: str) -> Problem | None:
    """Why the value of `_pretty` is not understood; None when it is."""
    if value in ("true", "false"):
        return None
    return bad_request("value", f"_pretty must be true or false, not '{value}'.")
