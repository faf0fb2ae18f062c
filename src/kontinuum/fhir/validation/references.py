"""Checks what a literal reference points to, as far as the reference itself tells.

http://hl7.org/fhir/R4/references.html. Whether the target exists is the store's to say; here its form and its
resource type are judged, and `#id` must be among the contained resources (ref-1).
"""

import re
from typing import Any

from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.fhir.validation.problems import Context, Found, one

__all__ = ["check_literal", "check_target"]

_is_restful = re.compile(
    r"(?P<base>https?://.+/)?(?P<type>[A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(?:/_history/[A-Za-z0-9\-.]{1,64})?"
).fullmatch
_CONDITIONAL = re.compile(r"(?P<type>[A-Z][A-Za-z]+)\?\S+")
_is_conditional = _CONDITIONAL.fullmatch
_ONLY_THERE = "which is resolved in a transaction alone; write Type/id, or send it in a transaction"
_has_scheme = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:").match


def check_literal(reference: dict[str, Any], context: Context) -> Found:
    """Check the form of `Reference.reference`, whatever it may point to.

    http://hl7.org/fhir/R4/references.html#literal: `Type/id`, an absolute URL, `urn:uuid:`, `urn:oid:`,
    `#id`, and in a transaction `Type?criteria` (http://hl7.org/fhir/R4/http.html#trules).
    """
    literal = reference.get("reference")
    if literal is None or literal.startswith("urn:"):
        return None
    if literal.startswith("#"):
        return _check_local(literal, context)
    match = _is_restful(literal) or _is_conditional(literal)
    if match is None:
        return None if _has_scheme(literal) else _refuse_form(literal)
    if match["type"] not in TYPE_CODES and not match.groupdict().get("base"):
        return _at(
            one("value", f'"{match["type"]}" in "{literal}" is not a resource type of FHIR R4; correct it')
        )
    if match.re is _CONDITIONAL and not context.bundled:
        return _at(one("value", f'"{literal}" is a condition, {_ONLY_THERE}'))
    return None


def check_target(reference: dict[str, Any], targets: frozenset[str], context: Context) -> Found:
    """Check that a reference, already checked by itself, points to a resource type that this place allows.

    http://hl7.org/fhir/R4/references.html: the type is read from the literal, from the contained resource, or
    from `Reference.type`.
    """
    literal = reference.get("reference")
    if literal is not None:
        target = _type_of(literal, context)
        if target is not None and target not in targets:
            return _at(one("value", _not_allowed(f'"{literal}" points to {target}', targets)))
    stated = reference.get("type")
    if stated in TYPE_CODES and stated not in targets:
        return one("value", _not_allowed(f"the type is {stated}", targets))
    return None


def _type_of(literal: str, context: Context) -> str | None:
    if literal.startswith("urn:"):
        return None
    if literal.startswith("#"):
        target = context.contained.get(literal[1:]) if len(literal) > 1 else context.root["resourceType"]
        return target or None
    head, slash, _ = literal.partition("/")
    if slash and head in TYPE_CODES:
        return head
    match = _is_restful(literal) or _is_conditional(literal)
    return match["type"] if match is not None and match["type"] in TYPE_CODES else None


def _check_local(literal: str, context: Context) -> Found:
    context.local_references.add(literal)
    if literal == "#":
        if context.root is not context.resource:
            return None
        return _at(one("value", '"#" means the containing resource, and this one is not contained'))
    if literal[1:] in context.contained:
        return None
    known = ", ".join("#" + name for name in sorted(context.contained)) or "none"
    return _at(
        one("invariant", f'ref-1: no contained resource has the id of "{literal}"; contained are: {known}')
    )


def _refuse_form(literal: str) -> Found:
    return _at(
        one("value", f'"{literal}" is not a reference; write Type/id, an absolute URL, urn:uuid:… or #id')
    )


def _at(found: Found) -> Found:
    for problem in found or ():
        problem.at("reference")
    return found


def _not_allowed(what: str, targets: frozenset[str]) -> str:
    return f"{what}, and this element refers to {' or '.join(sorted(targets))}; refer to one of these"
