"""Taking in many resources at once: each under the id it has, valid ones together, others named.

Unlike a transaction, an import goes on without what must be refused, so that one broken resource does
not keep a patient's record out; what was refused is given back with its reasons.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kontinuum.record import writing
from kontinuum.record.context import Context
from kontinuum.record.outcome import Refusal, Written
from kontinuum.record.persons import links
from kontinuum.record.planning import Intent
from kontinuum.record.preparing import check
from kontinuum.record.references import made_local
from kontinuum.record.subscriptions.following import not_imported


@dataclass(frozen=True, slots=True)
class Incoming:
    """A resource to take in; `meta` restores the (version, updated) that it had when it was exported."""

    resource: dict[str, Any]
    meta: tuple[int, int] | None = None


async def take_in(context: Context, incoming: Sequence[Incoming]) -> list[Written | Refusal]:
    """Write resources under their own ids (a new id where one has none), in one transaction.

    Results stand in the order of what came in.
    """
    for item in incoming:
        made_local(item.resource, context.base)
    results: list[Written | Refusal | None] = [
        check(item.resource) or not_imported(item.resource) for item in incoming
    ]
    waiting = [number for number, refused in enumerate(results) if refused is None]

    async def work(connection: Any) -> list[Written | Refusal]:
        done = list(results)
        left = waiting
        while left:  # the same resource twice in one delivery: one version after the other
            now, left = _distinct(incoming, left)
            intents = [
                Intent(
                    incoming[number].resource["resourceType"],
                    incoming[number].resource.get("id"),
                    incoming[number].resource,
                    meta=incoming[number].meta,
                    linking=True,
                )
                for number in now
            ]
            # A delivery that is read a second time must not bring back what has been superseded since.
            outcome = await writing.apply(context, connection, intents, action="import", keep_newer=True)
            for number, result in zip(now, outcome, strict=True):
                done[number] = result
        await links.restore(context, connection, [result for result in done if result is not None])
        return [result for result in done if result is not None]

    outcome = await writing.in_transaction(context, work, what="import")
    return [outcome] * len(incoming) if isinstance(outcome, Refusal) else outcome


def _distinct(incoming: Sequence[Incoming], numbers: list[int]) -> tuple[list[int], list[int]]:
    """Split into those that may be written together and those whose resource occurred before."""
    seen: set[tuple[str, str]] = set()
    now: list[int] = []
    later: list[int] = []
    for number in numbers:
        resource = incoming[number].resource
        name = (resource["resourceType"], resource.get("id") or f"#{number}")
        (later if name in seen else now).append(number)
        seen.add(name)
    return now, later
