"""Invariants that run on almost every write, written by hand; the others run as FHIRPath.

http://hl7.org/fhir/R4/conformance-rules.html#constraints. Each function takes an element whose structure is
sound and says whether it keeps the rule of that key. A test holds each of them against its FHIRPath.

Where both ends of a comparison are given to a different precision or in different units, nobody can say which
is greater; the rule then counts as kept (docs/decisions/0003-validation-rules.md).
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from kontinuum.fhir.validation.problems import Context

__all__ = ["CHECKED_ELSEWHERE", "NATIVE", "NOT_RUN", "Native"]

Element = dict[str, Any]
Native = Callable[[Element, Context], bool]

CHECKED_ELSEWHERE = frozenset({"ele-1", "txt-1", "txt-2", "ref-1", "dom-2", "dom-3"})
"""Rules that the walk itself applies: emptiness, narratives, contained resources and references to them."""

NOT_RUN: dict[str, str] = {}
"""Invariants that are not evaluated, each with its reason. docs/fhir/validation.md shows the same list."""


def _has(element: Element, *names: str) -> bool:
    """Whether any of the named elements exists, be it by value or, for a primitive, by extension."""
    return any(name in element or "_" + name in element for name in names)


def _has_choice(element: Element, name: str) -> bool:
    return any(key.startswith((name, "_" + name)) for key in element)


def _codings(element: Element, name: str, system: str) -> list[Any]:
    concept = element.get(name, {})
    return [coding.get("code") for coding in concept.get("coding", ()) if coding.get("system") == system]


def _needs(name: str, *others: str) -> Native:
    """`name.empty() or others.exists()`."""
    return lambda element, context: not _has(element, name) or _has(element, *others)


def _some(*names: str) -> Native:
    """`a.exists() or b.exists() or ...`."""
    return lambda element, context: _has(element, *names)


def _at_most_one(first: str, second: str) -> Native:
    """`first.empty() or second.empty()`."""
    return lambda element, context: not (_has(element, first) and _has(element, second))


def _not_negative(name: str) -> Native:
    return lambda element, context: name not in element or element[name] >= 0


def _not_home(element: Element, context: Context) -> bool:
    return element.get("use") != "home"


# --- data types -----------------------------------------------------------------------------------


def _ext_1(element: Element, context: Context) -> bool:
    return ("extension" in element) != _has_choice(element, "value")


def _per_1(element: Element, context: Context) -> bool:
    return _not_after(element.get("start"), element.get("end"))


def _not_after(start: str | None, end: str | None) -> bool:
    """Whether one date or dateTime is not after the other, as far as their common precision tells."""
    if start is None or end is None or start == end:
        return True
    if len(start) == len(end) and start[-6:] == end[-6:]:
        return start < end
    if len(start) > 10 and len(end) > 10:
        try:
            return datetime.fromisoformat(start) <= datetime.fromisoformat(end)
        except ValueError:
            # The one sound form Python does not read is a leap second; compare to the minute.
            return _not_after(start[:16], end[:16]) if start[-6:] == end[-6:] else True
    common = min(len(start), len(end), 10)
    return start[:common] <= end[:common]


def _rng_2(element: Element, context: Context) -> bool:
    low, high = element.get("low", {}), element.get("high", {})
    if "value" not in low or "value" not in high:
        return True
    same_unit = all(low.get(name) == high.get(name) for name in ("system", "code", "unit"))
    return not same_unit or bool(low["value"] <= high["value"])


def _rat_1(element: Element, context: Context) -> bool:
    numerator, denominator = "numerator" in element, "denominator" in element
    return numerator == denominator and (numerator or "extension" in element)


def _sqty_1(element: Element, context: Context) -> bool:
    return not _has(element, "comparator")


def _tim_9(element: Element, context: Context) -> bool:
    if not _has(element, "offset"):
        return True
    when = element.get("when", ())
    return bool(when) and not any(code in ("C", "CM", "CD", "CV") for code in when)


# --- every resource -------------------------------------------------------------------------------


def _dom_4(element: Element, context: Context) -> bool:
    metas = [resource.get("meta", {}) for resource in element.get("contained", ())]
    return not any(_has(meta, "versionId", "lastUpdated") for meta in metas)


def _dom_5(element: Element, context: Context) -> bool:
    return not any("security" in resource.get("meta", {}) for resource in element.get("contained", ()))


def _dom_6(element: Element, context: Context) -> bool:
    return _has(element.get("text", {}), "div")


# --- single resources -----------------------------------------------------------------------------

_ALLERGY_VERIFICATION = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
_CONDITION_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_CONDITION_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"


def _ait_1(element: Element, context: Context) -> bool:
    codes = _codings(element, "verificationStatus", _ALLERGY_VERIFICATION)
    return "entered-in-error" in codes or "clinicalStatus" in element


def _ait_2(element: Element, context: Context) -> bool:
    codes = _codings(element, "verificationStatus", _ALLERGY_VERIFICATION)
    return "entered-in-error" not in codes or "clinicalStatus" not in element


def _con_4(element: Element, context: Context) -> bool:
    if not _has_choice(element, "abatement"):
        return True
    codes = _codings(element, "clinicalStatus", _CONDITION_CLINICAL)
    return any(code in ("resolved", "remission", "inactive") for code in codes)


def _con_5(element: Element, context: Context) -> bool:
    codes = _codings(element, "verificationStatus", _CONDITION_VERIFICATION)
    return "entered-in-error" not in codes or "clinicalStatus" not in element


def _obs_6(element: Element, context: Context) -> bool:
    return "dataAbsentReason" not in element or not _has_choice(element, "value")


def _obs_7(element: Element, context: Context) -> bool:
    if "component" not in element or not _has_choice(element, "value"):
        return True
    own = context.resource["code"].get("coding", ())
    parts = (coding for part in element["component"] for coding in part["code"].get("coding", ()))
    return not any(coding in own for coding in parts)


def _mdd_1(element: Element, context: Context) -> bool:
    return _not_after(element.get("whenPrepared"), element.get("whenHandedOver"))


def _gol_1(element: Element, context: Context) -> bool:
    return not _has_choice(element, "detail") or "measure" in element


# --- Bundle ---------------------------------------------------------------------------------------


def _of_types(*types: str) -> Callable[[Element], bool]:
    return lambda bundle: bundle.get("type") in types


_is_request = _of_types("batch", "transaction", "history")
_is_response = _of_types("batch-response", "transaction-response", "history")
_is_document = _of_types("document")


def _bdl_1(element: Element, context: Context) -> bool:
    return not _has(element, "total") or element.get("type") in ("searchset", "history")


def _bdl_2(element: Element, context: Context) -> bool:
    searched = any("search" in entry for entry in element.get("entry", ()))
    return not searched or element.get("type") == "searchset"


def _bdl_3(element: Element, context: Context) -> bool:
    wanted = _is_request(element)
    return all(("request" in entry) == wanted for entry in element.get("entry", ()))


def _bdl_4(element: Element, context: Context) -> bool:
    wanted = _is_response(element)
    return all(("response" in entry) == wanted for entry in element.get("entry", ()))


def _bdl_7(element: Element, context: Context) -> bool:
    if element.get("type") == "history":
        return True
    entries = [entry for entry in element.get("entry", ()) if "fullUrl" in entry]
    versions = [entry.get("resource", {}).get("meta", {}).get("versionId", "") for entry in entries]
    return len({(e["fullUrl"], v) for e, v in zip(entries, versions, strict=True)}) == len(entries)


def _bdl_9(element: Element, context: Context) -> bool:
    identifier = element.get("identifier", {})
    return not _is_document(element) or (_has(identifier, "system") and _has(identifier, "value"))


def _bdl_10(element: Element, context: Context) -> bool:
    return not _is_document(element) or "timestamp" in element


def _first_is(kind: str, resource_type: str) -> Native:
    def check(element: Element, context: Context) -> bool:
        if element.get("type") != kind:
            return True
        first: Element = next(iter(element.get("entry", ())), {})
        return bool(first.get("resource", {}).get("resourceType") == resource_type)

    return check


def _bdl_8(element: Element, context: Context) -> bool:
    return "/_history/" not in element.get("fullUrl", "")


NATIVE: dict[str, Native] = {
    "ait-1": _ait_1,
    "ait-2": _ait_2,
    "att-1": _needs("data", "contentType"),
    "bdl-1": _bdl_1,
    "bdl-2": _bdl_2,
    "bdl-3": _bdl_3,
    "bdl-4": _bdl_4,
    "bdl-5": _some("resource", "request", "response"),
    "bdl-7": _bdl_7,
    "bdl-8": _bdl_8,
    "bdl-9": _bdl_9,
    "bdl-10": _bdl_10,
    "bdl-11": _first_is("document", "Composition"),
    "bdl-12": _first_is("message", "MessageHeader"),
    "con-4": _con_4,
    "con-5": _con_5,
    "cpl-3": _at_most_one("detail", "reference"),
    "cpt-2": _needs("value", "system"),
    "dom-4": _dom_4,
    "dom-5": _dom_5,
    "dom-6": _dom_6,
    "ext-1": _ext_1,
    "gol-1": _gol_1,
    "imm-1": _some("documentType", "reference"),
    "mdd-1": _mdd_1,
    "obs-3": _some("low", "high", "text"),
    "obs-6": _obs_6,
    "obs-7": _obs_7,
    "org-1": _some("identifier", "name"),
    "org-2": _not_home,
    "org-3": _not_home,
    "pat-1": _some("name", "telecom", "address", "organization"),
    "per-1": _per_1,
    "qty-3": _needs("code", "system"),
    "rat-1": _rat_1,
    "rng-2": _rng_2,
    "sqty-1": _sqty_1,
    "tim-1": _needs("duration", "durationUnit"),
    "tim-2": _needs("period", "periodUnit"),
    "tim-4": _not_negative("duration"),
    "tim-5": _not_negative("period"),
    "tim-6": _needs("periodMax", "period"),
    "tim-7": _needs("durationMax", "duration"),
    "tim-8": _needs("countMax", "count"),
    "tim-9": _tim_9,
    "tim-10": _at_most_one("timeOfDay", "when"),
}
"""The hand-written invariants by key. Keys that mean several rules (`inv-1`) cannot stand here."""
