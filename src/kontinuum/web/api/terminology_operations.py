"""FHIR's terminology operations: http://hl7.org/fhir/R4/terminology-service.html.

A handler turns inputs into a question to the terminology and its answer into a Parameters or ValueSet
resource. What is not known answers 404, what is not done 422, each with an OperationOutcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from kontinuum.fhir import json
from kontinuum.kernel.clock import instant, to_micros
from kontinuum.record import Refusal
from kontinuum.terminology import (
    Found,
    NotKnown,
    Page,
    Property,
    Refused,
    Subsumption,
    Translation,
    Validation,
)
from kontinuum.web.api.answer import Answer, Problem, Response, bad_request, problem
from kontinuum.web.api.call import Call
from kontinuum.web.api.expansions import expansion_resource
from kontinuum.web.api.interactions import Invocation
from kontinuum.web.api.operations import Inputs

_VALUE_NAMES = {"code": "valueCode", "string": "valueString", "integer": "valueInteger"}
_VALUE_NAMES |= {"boolean": "valueBoolean", "dateTime": "valueDateTime", "decimal": "valueDecimal"}


@dataclass(frozen=True, slots=True)
class _Code:
    """A code that was asked about; `place` is the name of the input it came in."""

    system: str | None
    version: str | None
    code: str
    display: str | None
    place: str


async def lookup(call: Call, wanted: Invocation, inputs: Inputs) -> Answer:
    """http://hl7.org/fhir/R4/codesystem-operation-lookup.html."""
    codes = _codes(inputs, "version")
    if isinstance(codes, Problem):
        return codes
    asked = codes[0]
    if asked.system is None:
        return bad_request("required", "Say which code system the code is from: system.")
    language = inputs.one("displayLanguage")
    found = await call.terminology.lookup(asked.system, asked.code, version=asked.version, language=language)
    if not isinstance(found, Found):
        return _unanswered(found)
    return _parameters(_looked_up(found, inputs.all("property")))


def _looked_up(found: Found, properties: tuple[str, ...]) -> list[dict[str, Any]]:
    coded = found.coded
    parts: list[dict[str, Any]] = [{"name": "name", "valueString": found.system_name}]
    if coded.version:
        parts.append({"name": "version", "valueString": coded.version})
    parts.append({"name": "display", "valueString": coded.display})
    for name in coded.names:
        designation: list[dict[str, Any]] = [{"name": "value", "valueString": name.text}]
        if name.language:
            designation.insert(0, {"name": "language", "valueCode": name.language})
        if name.use:
            designation.insert(0, {"name": "use", "valueCoding": {"code": name.use}})
        parts.append({"name": "designation", "part": designation})
    shown = [Property("inactive", "boolean", not coded.active)]
    shown += (Property("parent", "code", code) for code, _ in found.parents)
    shown += (Property("child", "code", code) for code, _ in found.children)
    shown += (each for each in found.properties if each.name not in ("parent", "child", "inactive"))
    for each in shown:
        if not properties or each.name in properties or "*" in properties:
            value: list[dict[str, Any]] = [{"name": "code", "valueCode": each.name}, _property_value(each)]
            parts.append({"name": "property", "part": value})
    return parts


def _property_value(one: Property) -> dict[str, Any]:
    if isinstance(one.value, dict):
        return {"name": "value", "valueCoding": one.value}
    if isinstance(one.value, bool):
        return {"name": "value", "valueBoolean": one.value}
    if isinstance(one.value, int | Decimal):
        element = "valueInteger" if isinstance(one.value, int) and one.type == "integer" else "valueDecimal"
        return {"name": "value", element: one.value}
    element = _VALUE_NAMES.get(one.type, "valueString")
    if element in ("valueBoolean", "valueInteger", "valueDecimal"):
        element = "valueString"
    return {"name": "value", element: str(one.value)}


async def validate_code(call: Call, wanted: Invocation, inputs: Inputs) -> Answer:
    """http://hl7.org/fhir/R4/codesystem-operation-validate-code.html."""
    codes = _codes(inputs, "version")
    if isinstance(codes, Problem):
        return codes
    url = await _canonical(call, wanted, inputs.one("url"), None)
    if isinstance(url, Problem | Refusal):
        return url
    language = inputs.one("displayLanguage")
    best: Validation | None = None
    for each in codes:
        if url is not None and each.system not in (None, url.partition("|")[0]):
            continue
        system = url or each.system
        if system is None:
            return bad_request("required", "Say which code system: url, or the system of the coding.")
        found = await call.terminology.validate(
            system, each.code, version=each.version, display=each.display, language=language
        )
        if not isinstance(found, Validation):
            return _unanswered(found)
        best = best if best is not None and best.result else found
    if best is None:
        return _validated(Validation(False, f"No coding is from the code system {url}."))
    return _validated(best)


async def validate_in_value_set(call: Call, wanted: Invocation, inputs: Inputs) -> Answer:
    """http://hl7.org/fhir/R4/valueset-operation-validate-code.html."""
    codes = _codes(inputs, "systemVersion")
    if isinstance(codes, Problem):
        return codes
    value_set = await _value_set(call, wanted, inputs)
    if isinstance(value_set, Problem | Refusal):
        return value_set
    best: Validation | None = None
    for each in codes:
        found = await call.terminology.validate_in(
            value_set,
            each.code,
            system=each.system,
            version=each.version,
            display=each.display,
            language=inputs.one("displayLanguage"),
        )
        if not isinstance(found, Validation):
            return _unanswered(found)
        best = best if best is not None and best.result else found
    assert best is not None, "there is at least one code"
    return _validated(best)


def _validated(found: Validation) -> Response:
    parts: list[dict[str, Any]] = [{"name": "result", "valueBoolean": found.result}]
    if found.message is not None:
        parts.append({"name": "message", "valueString": found.message})
    if found.display is not None:
        parts.append({"name": "display", "valueString": found.display})
    return _parameters(parts)


async def subsumes(call: Call, wanted: Invocation, inputs: Inputs) -> Answer:
    """http://hl7.org/fhir/R4/codesystem-operation-subsumes.html."""
    pair = []
    for letter in ("A", "B"):
        coding = inputs.one(f"coding{letter}")
        code = inputs.one(f"code{letter}") if coding is None else coding.get("code")
        if code is None:
            return bad_request("required", f"Give code{letter} or coding{letter}.")
        pair.append((code, coding or {}))
    named = {coding["system"] for _, coding in pair if "system" in coding}
    named |= {inputs.one("system")} if "system" in inputs else set()
    if len(named) > 1:
        return bad_request("value", "The two codes must be from the same code system.")
    url = await _canonical(call, wanted, next(iter(named), None), None)
    if isinstance(url, Problem | Refusal):
        return url
    if url is None:
        return bad_request("required", "Say which code system the codes are from: system.")
    version = inputs.one("version")
    found = await call.terminology.subsumes(url, pair[0][0], pair[1][0], version=version)
    if not isinstance(found, Subsumption):
        return _unanswered(found)
    return _parameters([{"name": "outcome", "valueCode": found.value}])


async def expand(call: Call, wanted: Invocation, inputs: Inputs) -> Answer:
    """http://hl7.org/fhir/R4/valueset-operation-expand.html."""
    value_set = await _value_set(call, wanted, inputs)
    if isinstance(value_set, Problem | Refusal):
        return value_set
    for name in ("offset", "count"):
        if (inputs.one(name) or 0) < 0:
            return bad_request("value", f"{name} must not be negative.")
    unit = call.record.principal.assignment.unit
    page = Page(
        filter=inputs.one("filter"),
        offset=inputs.one("offset") or 0,
        count=inputs.one("count"),
        active_only=bool(inputs.one("activeOnly")),
        language=inputs.one("displayLanguage"),
        nested=inputs.one("excludeNested") is False and inputs.one("filter") is None,
        contexts=(unit, ""),
    )
    found = await call.terminology.expand(value_set, page)
    if isinstance(found, NotKnown | Refused):
        return _unanswered(found)
    moment = instant(to_micros(datetime.now(UTC)))
    designations = bool(inputs.one("includeDesignations"))
    return Response(200, json.dumps(expansion_resource(found, page, moment, designations)))


async def translate(call: Call, wanted: Invocation, inputs: Inputs) -> Answer:
    """http://hl7.org/fhir/R4/conceptmap-operation-translate.html."""
    codes = _codes(inputs, None)
    if isinstance(codes, Problem):
        return codes
    url = await _canonical(call, wanted, inputs.one("url"), inputs.one("conceptMapVersion"))
    if isinstance(url, Problem | Refusal):
        return url
    answers: list[Translation] = []
    for each in codes:
        if each.system is None:
            return bad_request("required", "Say which code system the code is from: system.")
        found = await call.terminology.translate(
            each.system,
            each.code,
            map_url=url,
            target_system=inputs.one("targetsystem"),
            reverse=bool(inputs.one("reverse")),
        )
        if not isinstance(found, Translation):
            return _unanswered(found)
        answers.append(found)
    return _parameters(_translated(answers))


def _translated(answers: list[Translation]) -> list[dict[str, Any]]:
    result = any(each.result for each in answers)
    parts: list[dict[str, Any]] = [{"name": "result", "valueBoolean": result}]
    if not result and answers[0].message is not None:
        parts.append({"name": "message", "valueString": answers[0].message})
    for match in (match for each in answers for match in each.matches):
        inner: list[dict[str, Any]] = [{"name": "equivalence", "valueCode": match.equivalence}]
        if match.code is not None:
            concept = {"system": match.system, "code": match.code, "display": match.display}
            coding = {name: value for name, value in concept.items() if value}
            inner.append({"name": "concept", "valueCoding": coding})
        inner.append({"name": "source", "valueUri": match.map_url})
        parts.append({"name": "match", "part": inner})
    return parts


def _codes(inputs: Inputs, version_name: str | None) -> list[_Code] | Problem:
    """What was asked about, from whichever of the three forms was used; exactly one may be."""
    given = [name for name in ("code", "coding", "codeableConcept") if name in inputs]
    if len(given) != 1:
        return bad_request("required", "Give exactly one of code, coding and codeableConcept.")
    version = inputs.one(version_name) if version_name else None
    if given == ["code"]:
        system = inputs.one("system")
        return [_Code(system, version, inputs.one("code"), inputs.one("display"), "code")]
    found = inputs.one(given[0])
    codings = [found] if given == ["coding"] else found.get("coding", [])
    listed = [
        _Code(each.get("system"), each.get("version") or version, each["code"], each.get("display"), given[0])
        for each in codings
        if "code" in each
    ]
    return listed or bad_request("required", f"There is no code in {given[0]}.")


async def _canonical(
    call: Call, wanted: Invocation, given: str | None, version: str | None
) -> str | Problem | Refusal | None:
    """The canonical URL that was given, or that of the resource on which the operation is invoked."""
    if wanted.id is None:
        return f"{given}|{version}" if given is not None and version else given
    resource = await _instance(call, wanted)
    if isinstance(resource, Problem | Refusal):
        return resource
    url: str | None = resource.get("url")
    if url is None:
        return problem(422, "invalid", f"{wanted.type}/{wanted.id} has no url and so cannot be asked about.")
    if given is not None and given != url:
        return bad_request("value", f"{wanted.type}/{wanted.id} is {url}, not {given}.")
    return f"{url}|{resource['version']}" if "version" in resource else url


async def _instance(call: Call, wanted: Invocation) -> dict[str, Any] | Problem | Refusal:
    """The resource on which an operation is invoked, read through the gate as by anybody."""
    assert wanted.type is not None
    assert wanted.id is not None
    stored = await call.record.read(wanted.type, wanted.id)
    if isinstance(stored, Refusal):
        return stored
    assert stored.body is not None, "the gate refuses to read a deletion"
    resource: dict[str, Any] = json.loads(stored.body)
    return resource


async def _value_set(
    call: Call, wanted: Invocation, inputs: Inputs
) -> str | dict[str, Any] | Problem | Refusal:
    given = [name for name in ("url", "valueSet") if name in inputs]
    if wanted.id is not None:
        if given:
            return bad_request("value", f"{wanted.type}/{wanted.id} is the value set; leave out {given[0]}.")
        return await _instance(call, wanted)
    if len(given) != 1:
        return bad_request("required", "Say which value set: give either url or valueSet.")
    if given == ["valueSet"]:
        resource: dict[str, Any] = inputs.one("valueSet")
        return resource
    version = inputs.one("valueSetVersion")
    url: str = inputs.one("url")
    return f"{url}|{version}" if version else url


def _unanswered(found: NotKnown | Refused) -> Problem:
    if isinstance(found, NotKnown):
        return problem(404, "not-found", found.message)
    return problem(422, found.code, found.message)


def _parameters(parts: list[dict[str, Any]]) -> Response:
    return Response(200, json.dumps({"resourceType": "Parameters", "parameter": parts}))
