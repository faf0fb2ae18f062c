"""A question to a service: which hook, about whom, with what (https://cds-hooks.hl7.org/2.0/#http-request_1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from kontinuum.kernel.ids import is_id

_ORDER_HOOKS: Final = ("order-select", "order-sign")


@dataclass(frozen=True, slots=True)
class Call:
    """A question in order. `server` and `token` are where and by what more may be read."""

    hook: str
    instance: str
    patient: str
    context: Mapping[str, Any]
    prefetch: Mapping[str, Any]
    server: str | None = None
    token: str | None = None

    @property
    def orders(self) -> list[dict[str, Any]]:
        """The draft orders; with `order-select` those that were selected just now."""
        entries = self.context["draftOrders"].get("entry") or []
        found = [each["resource"] for each in entries]
        if self.hook != "order-select":
            return found
        selected = set(self.context["selections"])
        return [one for one in found if f"{one.get('resourceType')}/{one.get('id')}" in selected]


def read_call(body: Any, hook: str) -> Call | str:
    """A question for a service of a hook, or what is wrong with it."""
    if not isinstance(body, dict):
        return "The body must be a JSON object."
    if body.get("hook") != hook:
        return f"This service answers the hook {hook}, not {str(body.get('hook'))[:50]!r}."
    instance, context = body.get("hookInstance"), body.get("context")
    if not _is_uuid(instance):
        return "hookInstance must be a UUID."
    if not isinstance(context, dict):
        return "context must be an object."
    patient, user = context.get("patientId"), context.get("userId")
    if not isinstance(patient, str) or not is_id(patient):
        return "context.patientId must be the id of a Patient."
    if not isinstance(user, str) or "/" not in user:
        return "context.userId must be a reference such as Practitioner/1."
    fault = _fault_of_orders(hook, context) if hook in _ORDER_HOOKS else None
    if fault is not None:
        return fault
    prefetch, server = body.get("prefetch") or {}, body.get("fhirServer")
    if not isinstance(prefetch, dict) or not (server is None or isinstance(server, str)):
        return "prefetch must be an object, fhirServer an address."
    token = _token(body.get("fhirAuthorization"))
    if isinstance(token, _Wrong):
        return "fhirAuthorization must hold access_token, and token_type Bearer."
    return Call(hook, str(instance), patient, context, prefetch, server and server.rstrip("/"), token)


class _Wrong:
    """An authorization that cannot be used."""


def _token(given: Any) -> str | _Wrong | None:
    if given is None:
        return None
    fits = isinstance(given, dict) and str(given.get("token_type", "")).lower() == "bearer"
    token = given.get("access_token") if fits else None
    return token if isinstance(token, str) and token.isascii() and token.isprintable() else _Wrong()


def _fault_of_orders(hook: str, context: Mapping[str, Any]) -> str | None:
    orders = context.get("draftOrders")
    entries = orders.get("entry", []) if isinstance(orders, dict) else None
    fits = isinstance(entries, list) and all(
        isinstance(each, dict) and isinstance(each.get("resource"), dict) for each in entries
    )
    if not fits:
        return "context.draftOrders must be a Bundle whose entries hold resources."
    selections = context.get("selections")
    if hook == "order-select":
        texts = isinstance(selections, list) and all(isinstance(each, str) for each in selections)
        return None if texts else "context.selections must be a list of references into draftOrders."
    return None


def _is_uuid(value: Any) -> bool:
    try:
        return isinstance(value, str) and len(value) <= 50 and bool(UUID(value))
    except ValueError:
        return False
