"""Checks that a code comes from the value set that FHIR requires at its place.

http://hl7.org/fhir/R4/terminologies.html#required. Applies to `code`, `Coding`, `CodeableConcept`, `Quantity`
and the text types; weaker bindings bind nobody and are not checked.
"""

import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from kontinuum.fhir.definitions import value_set_codes
from kontinuum.fhir.validation.problems import Found, one

__all__ = ["UNLISTED_VALUE_SETS", "BindingCheck", "binding_check"]

BindingCheck = Callable[[Any], Found]
"""Takes a value that is already known to have its type's shape."""

UNLISTED_VALUE_SETS: dict[str, tuple[str, str]] = {
    "http://hl7.org/fhir/ValueSet/mimetypes": (
        # HL7's own CapabilityStatements give formats by these short names.
        r"xml|json|ttl|[\w!#$&^.+-]+/[\w!#$&^.+-]+(?:\s*;\s*[\w!#$&^.+-]+=(?:[\w!#$&^.+:/-]+|\"[^\"]*\"))*",
        "a MIME type such as text/plain or application/pdf",
    ),
    "http://hl7.org/fhir/ValueSet/currencies": (r"[A-Z]{3}", "an ISO 4217 currency such as SEK"),
    "http://hl7.org/fhir/ValueSet/ucum-units": (r"[!-~]+", "a UCUM unit such as mg or 10*9/L"),
}
"""Required value sets that cannot be listed: the form that is checked instead, and its description."""


def binding_check(url: str, type_name: str) -> BindingCheck | None:
    """Return the check of a required binding for values of a type, None where nothing can be checked.

    http://hl7.org/fhir/R4/terminologies.html#required. LOINC's answer list LL379-9 is the one value set that
    has neither a list nor a form here.
    """
    codes = value_set_codes(url)
    if codes is None:
        return _form_check(url) if type_name == "code" else None
    if type_name == "CodeableConcept":
        return _concept_check(url, codes)
    if type_name in ("Coding", "Quantity"):
        return _coding_check(url, codes)
    return _code_check(url, frozenset(code for _, code in codes))


def _code_check(url: str, codes: frozenset[str]) -> BindingCheck:
    def check(value: Any) -> Found:
        return None if value in codes else one("code-invalid", _not_in(f'"{value}"', value, url, codes))

    return check


def _coding_check(url: str, codes: frozenset[tuple[str, str]]) -> BindingCheck:
    plain = frozenset(code for _, code in codes)

    def check(value: Any) -> Found:
        if (value.get("system"), value.get("code")) in codes:
            return None
        return one("code-invalid", _not_in(_coding_text(value), value.get("code", ""), url, plain))

    return check


def _concept_check(url: str, codes: frozenset[tuple[str, str]]) -> BindingCheck:
    plain = frozenset(code for _, code in codes)

    def check(value: Any) -> Found:
        codings = value.get("coding", ())
        for coding in codings:
            if (coding.get("system"), coding.get("code")) in codes:
                return None
        if not codings:
            return one("code-invalid", f"no coding, and a code of {url} is required; add one")
        shown = ", ".join(_coding_text(coding) for coding in codings)
        return one("code-invalid", _not_in(shown, codings[0].get("code", ""), url, plain))

    return check


def _form_check(url: str) -> BindingCheck | None:
    if url not in UNLISTED_VALUE_SETS:
        return None
    form, description = UNLISTED_VALUE_SETS[url]
    matches = re.compile(form, re.ASCII).fullmatch

    def check(value: Any) -> Found:
        return None if matches(value) else one("code-invalid", f'"{value}" is not {description}; write one')

    return check


def _coding_text(coding: Any) -> str:
    return f"{coding.get('system', '(no system)')}|{coding.get('code', '(no code)')}"


def _not_in(shown: str, code: str, url: str, codes: frozenset[str]) -> str:
    if len(codes) <= 12:
        return f"{shown} is not in the required value set {url}; use one of {', '.join(sorted(codes))}"
    near = get_close_matches(code, codes, n=3)
    hint = f"; did you mean {' or '.join(near)}?" if near else "; use a code from it"
    return f"{shown} is not in the required value set {url}{hint}"
