"""Searches made from the values that resources hold, so that borders are met and not only missed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from kontinuum.fhir.definitions import SearchParameter, search_parameters
from kontinuum.fhir.fhirpath import compile as compile_path

PREFIXES = ("", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
KINDS = ("string", "token", "reference", "date", "number", "quantity", "uri", "composite")


def parameters(type_name: str) -> list[SearchParameter]:
    """The search parameters of a type that can be asked for."""
    return [each for each in search_parameters(type_name).values() if each.expression and each.type in KINDS]


def some_query(resources: Sequence[dict[str, Any]], rng: random.Random) -> tuple[str, list[tuple[str, str]]]:
    """A search of one or two criteria: (type, parameters)."""
    type_name = rng.choice(sorted({each["resourceType"] for each in resources}))
    same_type = [each for each in resources if each["resourceType"] == type_name]
    asked: list[tuple[str, str]] = []
    for _ in range(rng.choice((1, 1, 1, 2))):
        source = rng.choice(same_type)
        having = [(p, v) for p in parameters(type_name) if (v := _values(p, source))]
        if not having:
            continue
        kind = rng.choice(sorted({parameter.type for parameter, _ in having}))
        parameter, values = rng.choice([each for each in having if each[0].type == kind])
        asked.append(_criterion(parameter, values, rng))
    return type_name, asked or [("_id", same_type[0]["id"])]


def _criterion(parameter: SearchParameter, values: list[Any], rng: random.Random) -> tuple[str, str]:
    if rng.random() < 0.05 and not parameter.name.startswith("_"):
        return f"{parameter.name}:missing", rng.choice(("true", "false"))
    name = parameter.name
    if parameter.type == "string" and rng.random() < 0.4:
        name += rng.choice((":exact", ":contains"))
    if parameter.type == "token" and parameter.name != "_id" and rng.random() < 0.2:
        name += ":not"
    texts = [
        _text(parameter, rng.choice(values), rng)
        for _ in range(1 if name == "_lastUpdated" else rng.choice((1, 1, 2)))
    ]
    return name, ",".join(dict.fromkeys(texts))


def _values(parameter: SearchParameter, resource: dict[str, Any]) -> list[Any]:
    if parameter.type == "composite":
        found = []
        for node in compile_path(parameter.expression).nodes(resource):
            parts = [
                [part.value for part in compile_path(expression).nodes(resource, context=node)]
                for _, expression in parameter.components
            ]
            if all(parts):
                found.append(parts)
        return found
    return [node.value for node in compile_path(parameter.expression).nodes(resource)]


def _text(parameter: SearchParameter, value: Any, rng: random.Random) -> str:
    match parameter.type:
        case "composite":
            return "$".join(
                _text(component, rng.choice(choices), rng)
                for (component, _), choices in zip(parameter.components, value, strict=True)
            )
        case "token":
            return _token(value, rng)
        case "reference":
            reference = value.get("reference") if isinstance(value, dict) else value
            text = str(reference or "Patient/none")
            if text.startswith("#"):  # contained: no search finds it
                return "none"
            return rng.choice((text, text.rsplit("/", 1)[-1] if "//" not in text else text))
        case "date":
            return _date(value, rng)
        case "number" | "quantity":
            text = _quantity(value, rng)
            return text.partition("|")[0] if parameter.type == "number" else text
        case "string":
            return _escape(_string(value, rng))
        case _:
            return _escape(str(value))


def _token(value: Any, rng: random.Random) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, dict):
        return _escape(str(value))
    coding = rng.choice(value.get("coding") or [value])
    code = coding.get("code") or coding.get("value") or "none"
    system = coding.get("system") if coding is not value or "coding" not in value else None
    if value.get("system") in ("phone", "email"):
        return _escape(str(code))
    forms = [_escape(str(code)), f"|{_escape(str(code))}"]
    if system:
        forms += [f"{_escape(system)}|{_escape(str(code))}", f"{_escape(system)}|"]
    return rng.choice(forms)


def _date(value: Any, rng: random.Random) -> str:
    text = value.get("start") or value.get("end") or "2024" if isinstance(value, dict) else str(value)
    cut = rng.choice([len(text), 10, 7, 4])
    shown = text if cut >= len(text) else text[:cut]
    return rng.choice(PREFIXES) + shown


def _quantity(value: Any, rng: random.Random) -> str:
    quantity = value if isinstance(value, dict) else {"value": value}
    quantity = quantity.get("low") or quantity.get("high") or quantity
    number = quantity.get("value", 1)
    text = rng.choice(PREFIXES) + rng.choice((str(number), f"{float(number):.1f}", f"{float(number):.0f}"))
    code = quantity.get("code") or quantity.get("unit")
    if code and isinstance(value, dict) and rng.random() < 0.5:
        return f"{text}|{quantity.get('system', '')}|{code}"
    return text


def _string(value: Any, rng: random.Random) -> str:
    while isinstance(value, dict | list):
        inner = [v for v in (value.values() if isinstance(value, dict) else value) if v]
        if not inner:
            return "x"
        value = rng.choice(inner)
    text = str(value)
    end = rng.randint(1, len(text))
    return rng.choice((text, text[:end], text.upper(), text[:end].lower()))


def _escape(text: str) -> str:
    for character in "\\,|$":
        text = text.replace(character, "\\" + character)
    return text
