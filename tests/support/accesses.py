"""Accesses written into the log as if they had happened, for reviews of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from kontinuum.app.services import Services
from kontinuum.audit import entry
from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.principal import ActorKind, Principal, Purpose
from tests.conftest import REGION, principal

UNIT = f"{REGION}-A"


def nurse(name: str = "Eva Ek", actor: str = "s-eva", unit: str = UNIT, provider: str = REGION) -> Principal:
    """Someone in care."""
    found = principal(actor, unit=unit, provider=provider)
    return Principal(
        type(found.actor)(ActorKind.STAFF, actor, name, f"Practitioner/{actor}"), found.assignment, "browser"
    )


def reviewer(provider: str = REGION) -> Principal:
    """A log reviewer of a provider."""
    return principal("s-reviewer", provider=provider, purpose=Purpose.SUPERVISION)


def themselves(patient: str) -> Principal:
    """A patient."""
    return principal(patient, kind=ActorKind.PATIENT, provider="", unit=" ", purpose=Purpose.PATIENT)


async def opened(
    services: Services,
    who: Principal,
    at: datetime,
    *patients: str,
    action: str = "search",
    what: tuple[str, ...] | None = None,
    outcome: str = "permitted",
    **more: Any,
) -> None:
    """Someone has opened the charts of patients."""
    asked = what or tuple(f"Condition?patient={patient}" for patient in patients)
    about = entry(who, to_micros(at), action, outcome, "same-provider", patients=patients, what=asked, **more)
    await services.audit.durable(about)


def at(hour: int, day: int = 2, minute: int = 0) -> datetime:
    """A moment in March 2026, Swedish winter time."""
    from kontinuum.kernel.i18n import SWEDEN

    return datetime(2026, 3, day, hour, minute, tzinfo=SWEDEN)


SINCE, UNTIL = to_micros(at(0, 1)), to_micros(at(0, 1) + timedelta(days=27))
