"""Who a stored Patient says that the person is: what the patient index compares. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from kontinuum.fhir import json
from kontinuum.sweden import systems
from kontinuum.sweden.equivalents import read_any
from kontinuum.sweden.identifiers import (
    DEFAULT_SCHEMES,
    LocalScheme,
    Personnummer,
    Samordningsnummer,
    to_fhir,
)
from kontinuum.sweden.names import fold, sound

PROTECTION = (systems.PROTECTED_REGISTRATION, systems.CONFIDENTIALITY_MARK)
"""The labels of protected identity, the stronger one first."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A Patient as the index compares it.

    `numbers` are (system, value) of every identifier in its stored form, `real` those that the state has
    given the person. `given` and `family` are folded; `contacts` are telephone numbers, e-mail and addresses.
    `called_provisionally`: the name is one that was given until the real one is known.
    """

    id: str
    numbers: frozenset[tuple[str, str]]
    real: frozenset[tuple[str, str]]
    given: tuple[str, ...]
    family: tuple[str, ...]
    born: str
    sex: str
    deceased: bool
    protection: str | None
    contacts: frozenset[str]
    called_provisionally: bool

    @property
    def named(self) -> bool:
        """Whether both a given and a family name are known."""
        return bool(self.given and self.family)


def identity_of(
    body: bytes | dict[str, Any], today: date, schemes: Sequence[LocalScheme] = DEFAULT_SCHEMES
) -> Identity:
    """Read a valid Patient."""
    patient = json.loads(body) if isinstance(body, bytes) else body
    numbers, real = set(), set()
    for each in patient.get("identifier", ()):
        if not each.get("value"):
            continue
        system = each.get("system", "")
        read = read_any(system, each["value"], today, schemes)
        canonical = to_fhir(read) if read is not None else {"system": system, "value": each["value"]}
        pair = (canonical["system"], canonical["value"])
        numbers.add(pair)
        if isinstance(read, Personnummer | Samordningsnummer) and each.get("use") not in ("old", "temp"):
            real.add(pair)
    name = _name(patient)
    return Identity(
        id=patient.get("id", ""),
        numbers=frozenset(numbers),
        real=frozenset(real),
        given=tuple(fold(part) for text in name.get("given", ()) for part in text.split()),
        family=tuple(fold(part) for part in re.split(r"[\s-]+", name.get("family", "")) if part),
        born=patient.get("birthDate", ""),
        sex=patient.get("gender", "unknown"),
        deceased=bool(patient.get("deceasedBoolean") or patient.get("deceasedDateTime")),
        protection=protection_of(patient),
        contacts=frozenset(_contacts(patient)),
        called_provisionally=name.get("use") == "temp",
    )


def protection_of(patient: dict[str, Any]) -> str | None:
    """The label of protected identity that a Patient carries, the stronger one when it carries both."""
    codes = {
        label.get("code")
        for label in patient.get("meta", {}).get("security", ())
        if label.get("system") == systems.SECURITY_LABEL
    }
    return next((code for code in PROTECTION if code in codes), None)


_BEST_NAMES = {"official": 0, "temp": 2}


def _name(patient: dict[str, Any]) -> dict[str, Any]:
    names: list[dict[str, Any]] = [
        each for each in patient.get("name", ()) if each.get("use") not in ("old", "maiden")
    ]
    return min(names, key=lambda each: _BEST_NAMES.get(each.get("use", ""), 1), default={})


def _contacts(patient: dict[str, Any]) -> list[str]:
    found = []
    for point in patient.get("telecom", ()):
        value = point.get("value", "")
        if point.get("use") == "old" or not value:
            continue
        digits = re.sub(r"^\+?46", "0", re.sub(r"[^\d+]", "", value))
        found.append(fold(value) if "@" in value else digits)
    for address in patient.get("address", ()):
        if address.get("use") != "old" and address.get("line") and address.get("postalCode"):
            line = fold(" ".join(address["line"]))
            code = re.sub(r"\s", "", address["postalCode"])
            found.append(f"{line}|{code}")
    return found


def sounds(names: Sequence[str]) -> frozenset[str]:
    """Names as they sound."""
    return frozenset(sound(name) for name in names)
