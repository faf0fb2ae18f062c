"""Write once: the answers of a form as Observations, Conditions and whatever its definitions say.

https://hl7.org/fhir/uv/sdc/extraction.html: observation-based and definition-based extraction. What is made
has ids that follow from the response's id, so that extracting twice writes the same resources once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from kontinuum.fhir.definitions import type_definition
from kontinuum.fhir.questionnaire.building import Builder, BuildError
from kontinuum.fhir.questionnaire.evaluating import Context, State, evaluate
from kontinuum.fhir.questionnaire.items import Form, Item, Value
from kontinuum.fhir.questionnaire.occurrences import Occurrence
from kontinuum.fhir.questionnaire.problems import Problem
from kontinuum.fhir.questionnaire.values import unit_of, value_key

VITAL_SIGNS: Final = frozenset(
    {
        *("85353-1", "9279-1", "8867-4", "2708-6", "59408-5", "8310-5", "8302-2"),
        *("9843-4", "29463-7", "39156-5", "85354-9", "8480-6", "8462-4"),
    }
)
"""The LOINC codes that make an Observation a vital sign, whoever made the form; its category says so too.

http://hl7.org/fhir/R4/observation-vitalsigns.html, and 59408-5, saturation by pulse oximetry, which stands
beside 2708-6 there.
"""
_VITAL_SIGNS: Final = {
    "coding": [
        {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}
    ]
}
_LOINC: Final = "http://loinc.org"
_NAMESPACE = uuid5(NAMESPACE_URL, "urn:kontinuum:answer")
_SAME = frozenset(
    {"valueQuantity", "valueBoolean", "valueInteger", "valueString", "valueTime", "valueDateTime"}
)


def extract(
    form: Form, response: Mapping[str, Any], context: Context | None = None
) -> dict[str, Any] | list[Problem]:
    """The resources that follow from a response, as a transaction Bundle; or why they cannot be made.

    The response has an id, a subject and the time it was authored. The last entry is the Provenance that says
    that the others come from it; a response from which nothing follows gives a Bundle without entries.
    """
    for needed in ("id", "subject", "authored"):
        if not response.get(needed):
            raise ValueError(f"a response to extract from needs {needed}")
    state = evaluate(form, response, context)
    extractor = _Extractor(state, response)
    extractor.walk(state.top, None)
    extractor.finish()
    if extractor.problems:
        return extractor.problems
    entries = [
        {"resource": made, "request": {"method": "PUT", "url": f"{made['resourceType']}/{made['id']}"}}
        for made in extractor.made
    ]
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "transaction"}
    return {**bundle, "entry": entries} if entries else bundle


def extracted_id(response: str, *place: object) -> str:
    """The id of what follows from a place in a response, always the same."""
    return str(uuid5(_NAMESPACE, "/".join((response, *map(str, place)))))


class _Extractor:
    def __init__(self, state: State, response: Mapping[str, Any]) -> None:
        self.made: list[dict[str, Any]] = []
        self.problems: list[Problem] = []
        self._state = state
        self._response = response
        self._source = f"QuestionnaireResponse/{response['id']}"
        self._seen: dict[str, int] = {}
        if state.form.extraction.resource is not None:
            self._build(state.top, state.form.extraction.resource, "")

    def walk(self, occurrence: Occurrence, panel: dict[str, Any] | None) -> None:
        """Extract what an occurrence and those below it give; `panel` is the Observation they are part of."""
        for one in occurrence.below():
            item = one.item
            if item is None or one.json() is None or not one.active():
                continue
            if item.extraction.resource is not None:
                self._build(one, item.extraction.resource, item.link_id)
            inner = panel
            if item.extraction.observation is not None and item.extraction.code:
                inner = self._observe(one, item, panel)
            self.walk(one, inner)

    def _observe(self, one: Occurrence, item: Item, panel: dict[str, Any] | None) -> dict[str, Any] | None:
        """What is made of an answer or a group, and of what those below it are parts.

        https://hl7.org/fhir/uv/sdc/CodeSystem-observation-extract-relationship.html. Where a question has
        several answers nobody knows of which one those below it are parts: they stand by themselves.
        """
        role = item.extraction.observation
        if item.is_group:
            made = self._related(self._observation(item), role, panel)
            self.made.append(made)
            return made
        own: list[dict[str, Any]] = []
        for answer in one.answers:
            value = observed(item, answer.value)
            if value is None:
                target = {"target": "an Observation"}
                self.problems.append(Problem(item.link_id, "not-extracted", values=target))
            elif role == "component" and panel is not None:
                panel.setdefault("component", []).append({"code": _concept(item), **value})
            else:
                made = self._related({**self._observation(item), **value}, role, panel)
                self.made.append(made)
                own.append(made)
        if role == "component" and panel is not None:
            return panel
        return own[0] if len(own) == 1 else None

    def _related(
        self, made: dict[str, Any], role: str | None, panel: dict[str, Any] | None
    ) -> dict[str, Any]:
        if panel is not None and role == "member":
            panel.setdefault("hasMember", []).append(_reference(made))
        elif panel is not None and role == "derived":
            made["derivedFrom"].append(_reference(panel))
        return made

    def _id(self, link: str, type_name: str) -> str:
        self._seen[link] = self._seen.get(link, 0) + 1
        return extracted_id(self._response["id"], type_name, link, self._seen[link])

    def _observation(self, item: Item) -> dict[str, Any]:
        response = self._response
        made: dict[str, Any] = {
            "resourceType": "Observation",
            "id": self._id(item.link_id, "Observation"),
            "status": "amended" if response.get("status") == "amended" else "final",
        }
        code = _concept(item)
        if item.extraction.category:
            made["category"] = [dict(concept) for concept in item.extraction.category]
        elif any(one.get("system") == _LOINC and one.get("code") in VITAL_SIGNS for one in code["coding"]):
            made["category"] = [_VITAL_SIGNS]
        made.update(code=code, subject=response["subject"])
        if response.get("encounter"):
            made["encounter"] = response["encounter"]
        made["effectiveDateTime"] = response["authored"]
        if response.get("author"):
            made["performer"] = [response["author"]]
        made["derivedFrom"] = [{"reference": self._source}]
        return made

    def _build(self, one: Occurrence, type_name: str, link: str) -> None:
        builder = Builder(type_name)
        try:
            self._collect(builder, one)
            if not builder.answered:
                return
            extraction = one.item.extraction if one.item is not None else self._state.form.extraction
            for fixed in extraction.fixed:
                values = [fixed.value] if fixed.value is not None else []
                if fixed.formula is not None:
                    nodes = self._state.nodes(fixed.formula, one)
                    values += [(_key(node.type), node.value) for node in nodes]
                for key, value in values:
                    builder.put(fixed.definition, key, value)
        except BuildError as error:
            values_of = {"target": error.definition}
            self.problems.append(Problem(error.link or link, "not-extracted", values=values_of))
            return
        self.made.append(self._attributed(builder.resource, link))

    def _collect(self, builder: Builder, occurrence: Occurrence) -> None:
        for one in occurrence.below():
            item = one.item
            if item is None or one.json() is None or item.extraction.resource is not None:
                continue
            if item.is_group and item.definition is not None:
                with builder.element(item.definition, item.link_id):
                    self._collect(builder, one)
                continue
            for answer in one.answers if item.definition is not None else ():
                key = value_key(answer.value)
                if key is not None:
                    builder.answer(item, key, answer.value[key])
            self._collect(builder, one)

    def _attributed(self, resource: dict[str, Any], link: str) -> dict[str, Any]:
        """The resource with patient, contact and writer of the response, whatever the form says."""
        type_name, response = resource["resourceType"], self._response
        definition = type_definition(type_name)
        assert definition is not None
        properties = definition.properties
        made = {"resourceType": type_name, "id": self._id(link, type_name)}
        made.update({key: value for key, value in resource.items() if key != "resourceType"})
        for name in ("subject", "patient"):
            if name in properties and not properties[name].array:
                made[name] = response["subject"]
        times = {"recordedDate": "authored", "recorder": "author", "encounter": "encounter"}
        for name, origin in times.items():
            if name in properties and response.get(origin):
                made.setdefault(name, response[origin])
        return made

    def finish(self) -> None:
        """Leave out panels without content, and add the Provenance."""
        while hollow := [_reference(made) for made in self.made if _is_hollow(made)]:
            self.made = [_unrelated(made, hollow) for made in self.made if _reference(made) not in hollow]
        if not self.made or self.problems:
            return
        agent = self._response.get("author") or {"display": "okänd"}
        targets = [_reference(made) for made in self.made]
        recorded = self._response["authored"]
        if not _is_instant(recorded):
            recorded = self._state.context.clock.now().isoformat(timespec="seconds")
        self.made.append(
            {
                "resourceType": "Provenance",
                "id": extracted_id(self._response["id"], "Provenance"),
                "target": targets,
                "recorded": recorded,
                "agent": [{"who": agent}],
                "entity": [{"role": "source", "what": {"reference": self._source}}],
            }
        )


def _key(type_name: str) -> str:
    return f"value{type_name[:1].upper()}{type_name[1:]}"


def _reference(made: Mapping[str, Any]) -> dict[str, str]:
    return {"reference": f"{made['resourceType']}/{made['id']}"}


def _unrelated(made: dict[str, Any], gone: list[dict[str, str]]) -> dict[str, Any]:
    """A resource without its references to what is not made."""
    names = ("hasMember", "derivedFrom")
    kept = {name: [one for one in made[name] if one not in gone] for name in names if name in made}
    return {key: value for key, value in {**made, **kept}.items() if value != []}


def _is_hollow(made: Mapping[str, Any]) -> bool:
    """Whether a group's Observation got neither a part nor a member."""
    if made["resourceType"] != "Observation" or any(key.startswith("value") for key in made):
        return False
    return "component" not in made and "hasMember" not in made


def _is_instant(text: str) -> bool:
    try:
        return len(text) > 18 and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _concept(item: Item) -> dict[str, Any]:
    made: dict[str, Any] = {"coding": [dict(coding) for coding in item.extraction.code]}
    return {**made, "text": item.text} if item.text else made


def observed(item: Item, answer: Value) -> dict[str, Any] | None:
    """An answer as `Observation.value[x]`; None for what an Observation cannot hold."""
    key = value_key(answer)
    if key is None:
        return None
    value = answer[key]
    if key == "valueCoding":
        text = {"text": value["display"]} if "display" in value else {}
        return {"valueCodeableConcept": {"coding": [value], **text}}
    if key == "valueDecimal" or (key == "valueInteger" and item.unit is not None):
        return {"valueQuantity": {"value": value, **unit_of(item.unit)}}
    if key == "valueDate":
        return {"valueDateTime": value}
    if key == "valueUri":
        return {"valueString": value}
    return {key: value} if key in _SAME else None
