"""The index finds exactly what a plain reading of every resource finds, whatever is asked.

Questions are made from what the resources hold, bent a little, for every parameter of their types; the
resources are Synthea's where the folder with samples is there, and a few hand-made ones always.
"""

import copy
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from search_oracle import OBSERVATION, PATIENT, Resource, index_holds

from kontinuum.fhir import fhirpath, json
from kontinuum.fhir.definitions import SearchParameter, search_parameters
from kontinuum.fhir.fhirpath import Node
from kontinuum.fhir.search import IndexValues, SearchQuery, extract, matches, parse_search, recheck
from kontinuum.fhir.search.composites import components_of
from kontinuum.fhir.search.paths import resolve_paths
from kontinuum.fhir.search.readings import references, texts, tokens
from kontinuum.fhir.search.values import PREFIXES

SAMPLES = Path(__file__).parents[4] / "shared" / "samples" / "synthea"
PER_TYPE = 40

with_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"no Synthea samples at {SAMPLES}")
Corpus = dict[str, list[tuple[Resource, IndexValues, bytes]]]

HAND_MADE: list[Resource] = [
    OBSERVATION,
    {
        **{name: member for name, member in OBSERVATION.items() if name != "effectivePeriod"},
        "valueQuantity": {"value": 5, "comparator": ">=", "unit": "mg"},
        "effectiveInstant": "2024-01-01T00:00:00.5Z",
    },
    {**OBSERVATION, "valueString": "Ångest, måttlig", "status": "amended"},
    PATIENT,
    {"resourceType": "Patient", "id": "p2", "name": [{"family": "Ek"}], "deceasedBoolean": True},
    {
        "resourceType": "MedicationRequest",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/p1"},
        "medicationReference": {"reference": "Medication/m|x"},
        "authoredOn": "2024-02",
    },
    {
        "resourceType": "ValueSet",
        "url": "http://x/vs",
        "status": "draft",
        "version": "1",
        "useContext": [
            {"code": {"system": "u", "code": "age"}, "valueRange": {"high": {"value": 18, "code": "a"}}},
            {"code": {"system": "u", "code": "venue"}, "valueCodeableConcept": {"coding": [{"code": "w"}]}},
        ],
    },
    {
        "resourceType": "DocumentReference",
        "status": "current",
        "relatesTo": [{"code": "appends", "target": {"reference": "DocumentReference/1"}}],
        "context": {"period": {"end": "2024-05-31T10:00:00+02:00"}},
    },
    {
        "resourceType": "Condition",
        "subject": {"reference": "Patient/p1"},
        "onsetRange": {"low": {"value": 30, "unit": "years"}, "high": {"value": 40, "unit": "years"}},
        "abatementPeriod": {"start": "2020", "end": "2021-06"},
    },
]  # fmt: skip


def _relative(value: Any, targets: dict[str, str]) -> Any:
    """The same JSON with a bundle's internal references as those of stored resources."""
    if isinstance(value, dict):
        return {
            key: targets.get(member, member)
            if key == "reference" and isinstance(member, str)
            else _relative(member, targets)
            for key, member in value.items()
        }
    return [_relative(member, targets) for member in value] if isinstance(value, list) else value


@cache
def synthea() -> list[Resource]:
    resources: list[Resource] = []
    for path in sorted(SAMPLES.glob("*.json")):
        entries = json.loads(path.read_bytes())["entry"]
        targets = {
            entry["fullUrl"]: f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
            for entry in entries
            if str(entry.get("fullUrl", "")).startswith("urn:uuid:")
        }
        resources += [_relative(entry["resource"], targets) for entry in entries]
    return resources


@cache
def corpus() -> Corpus:
    by_type: Corpus = defaultdict(list)
    for resource in [*HAND_MADE, *(synthea()[::7] if SAMPLES.is_dir() else [])]:
        held = by_type[resource["resourceType"]]
        if len(held) < PER_TYPE:
            held.append((resource, extract(resource), json.dumps(resource)))
    return by_type


@cache
def askable(type_name: str) -> list[SearchParameter]:
    """Parameters for which some resource of the corpus has a value, and a few for which none has."""
    parameters = [
        parameter
        for parameter in search_parameters(type_name).values()
        if parameter.expression
        and parameter.name not in ("_id", "_lastUpdated")
        and parameter.type != "special"
    ]
    held = [one for one in parameters if any(_nodes(one.expression, r) for r, _, _ in corpus()[type_name])]
    return [*held, *[parameter for parameter in parameters if parameter not in held][:3]]


def _nodes(expression: str, resource: Resource, context: Node | None = None) -> list[Node]:
    found = fhirpath.compile(expression).nodes(resource, context=context)
    return [node for node in found if node.value is not None]


def _escaped(text: str) -> str:
    for character in "\\,|$":
        text = text.replace(character, "\\" + character)
    return text


class Questioner:
    """Makes the text of a search value from a node, by drawing how to bend it."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def pick(self, options: Any) -> Any:
        return self._data.draw(st.sampled_from(list(options)))

    def value(self, parameter: SearchParameter, node: Node, resource: Resource) -> str | None:
        match parameter.type:
            case "token":
                return self._token(node)
            case "reference":
                return self._reference(node)
            case "string":
                return self._text(node)
            case "uri":
                return _escaped(self.pick([node.value, node.value + "x", node.value.partition("|")[0]]))
            case "date":
                return self._date(node)
            case "number" | "quantity":
                return self._number(parameter, node)
            case _:
                return self._composite(parameter, node, resource)

    def _token(self, node: Node) -> str | None:
        pairs = tokens(node, None)
        if not pairs:
            return None
        system, code = self.pick(pairs)
        shown = _escaped(code or "none")
        options = [shown, shown, f"{_escaped(system or 'urn:s')}|{shown}", f"{_escaped(system or 'urn:s')}|"]
        if shown not in ("true", "false"):
            options += [f"|{shown}", shown.upper(), shown + "x"]
        else:
            options = ["true", "false"]
        return str(self.pick(options))

    def _reference(self, node: Node) -> str | None:
        found = references(node)
        if not found:
            return None
        text = found[0]
        return str(self.pick([text, text.rpartition("/")[2] or "x", text + "x", text + "/_history/1"]))

    def _text(self, node: Node) -> str | None:
        found = texts(node)
        if not found:
            return None
        text = self.pick(found)
        start, end = sorted(self.pick(range(len(text) + 1)) for _ in range(2))
        part = self.pick([text, text[:end], text[start:end], text.upper(), text.lower()])
        return _escaped(part) if part.strip() else None

    def _date(self, node: Node) -> str | None:
        value = node.value
        if isinstance(value, dict):
            value = self.pick([value.get("start"), value.get("end")])
        if not isinstance(value, str):
            return None
        cut = self.pick([4, 7, 10, 40])
        text = value[:cut]
        if self.pick([True, False]):
            text = f"{int(text[:4]) + self.pick([-1, 1])}{text[4:]}"
        if text[5:10] == "02-29":
            return None
        return self.pick(["", *PREFIXES]) + text

    def _number(self, parameter: SearchParameter, node: Node) -> str | None:
        value = node.value
        unit = None
        if isinstance(value, dict):
            quantity = value if "value" in value else value.get("low") or value.get("high") or {}
            value, unit = quantity.get("value"), quantity
        if value is None:
            return None
        number = self.pick([value, value + 1, value - 1, round(value, 1), value * 2])
        text = self.pick(["", *PREFIXES]) + str(number)
        if unit is None or parameter.type == "number":
            return text
        code, system = _escaped(unit.get("code", "x")), _escaped(unit.get("system", ""))
        options = [
            text,
            f"{text}|{system}|{code}",
            f"{text}||{code}",
            f"{text}||{_escaped(unit.get('unit', 'y'))}",
        ]
        return str(self.pick(options))

    def _composite(self, parameter: SearchParameter, node: Node, resource: Resource) -> str | None:
        parts: list[str] = []
        for component, expression in components_of(parameter):
            nodes = _nodes(expression, resource, node)
            part = self.value(component, self.pick(nodes), resource) if nodes else None
            if part is None:
                return None
            parts.append(part)
        return "$".join(parts)

    def modifier(self, parameter: SearchParameter) -> str:
        options = {"string": ["", "", ":exact", ":contains"], "token": ["", "", "", ":not"]}
        return str(self.pick(options.get(parameter.type, [""])))


def draw_question(data: st.DataObject) -> tuple[str, str, str]:
    questioner = Questioner(data)
    type_name = questioner.pick(sorted(corpus()))
    parameters = askable(type_name)
    kind = questioner.pick(sorted({parameter.type for parameter in parameters}))
    parameter = questioner.pick([parameter for parameter in parameters if parameter.type == kind])
    holders = [held for held, _, _ in corpus()[type_name] if _nodes(parameter.expression, held)]
    if not holders or questioner.pick(range(12)) == 0:
        return type_name, f"{parameter.name}:missing", questioner.pick(["true", "false"])
    alternatives: list[str] = []
    for _ in range(questioner.pick([1, 1, 2])):
        resource = questioner.pick(holders)
        node = questioner.pick(_nodes(parameter.expression, resource))
        text = questioner.value(parameter, node, resource)
        if text is not None:
            alternatives.append(text)
    assume(alternatives)
    return type_name, parameter.name + questioner.modifier(parameter), ",".join(alternatives)


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_the_index_finds_what_a_scan_finds(data: st.DataObject) -> None:
    type_name, name, text = draw_question(data)
    query = parse_search(type_name, [(name, text)])
    assume(isinstance(query, SearchQuery))  # bending can leave the grammar: such a question is refused
    assert isinstance(query, SearchQuery)
    for resource, index, body in corpus()[type_name]:
        by_scan = matches(query, resource)
        by_index = all(index_holds(type_name, criterion, index) for criterion in query.criteria)
        assert by_index == by_scan, (name, text, resource)
        if by_index:
            assert recheck(query.criteria, body), (name, text, resource)


@with_samples
def test_plain_paths_find_what_the_fhirpath_engine_finds() -> None:
    compared = 0
    for resource in synthea()[::3]:
        type_name = resource["resourceType"]
        for parameter in search_parameters(type_name).values():
            paths = resolve_paths(type_name, parameter.expression) if parameter.expression else None
            if paths is None:
                continue
            walked = sorted(
                (path.type, repr(value)) for path in paths for value in _walk([resource], path, resource)
            )
            engine = sorted((node.type, repr(node.value)) for node in _nodes(parameter.expression, resource))
            assert set(walked) == set(engine), (type_name, parameter.name)
            compared += len(walked)
    assert compared > 10_000


def _walk(values: list[Any], path: Any, resource: Resource) -> list[Any]:
    for step in path.steps:
        found = [value[step.key] for value in values if step.key in value]
        values = [one for value in found for one in (value if isinstance(value, list) else [value])]
        if step.where is not None:
            values = [value for value in values if value.get(step.where.key) == step.where.value]
    if path.target is None:
        return values
    return [value for value in values if f"{path.target}/" in value.get("reference", "")]


@with_samples
def test_extraction_leaves_the_resource_as_it_was() -> None:
    for resource in synthea()[::101]:
        before = copy.deepcopy(resource)
        extract(resource)
        assert resource == before
