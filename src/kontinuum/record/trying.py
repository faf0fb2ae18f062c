"""Whether a write would be taken, without writing: the same decisions, and nothing comes of them.

http://hl7.org/fhir/R4/resource-operation-validate.html, modes create, update and delete.
"""

from __future__ import annotations

from typing import Any

from kontinuum.access import Action
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.record import tombstones, tools
from kontinuum.record.circumstances import decide_rows
from kontinuum.record.context import Context
from kontinuum.record.outcome import Refusal
from kontinuum.record.places import places_of
from kontinuum.record.planning import Intent, Plan
from kontinuum.record.preparing import check
from kontinuum.record.writing import unfit
from kontinuum.store.resources import read as reads


async def try_write(
    context: Context, type_name: str, logical_id: str | None, resource: dict[str, Any] | None
) -> Refusal | None:
    """Why a create (no id), update or delete (no resource) would be refused now; the attempt is logged."""
    if resource is not None:
        wrong = check(resource, type_name) if logical_id is None else unfit(type_name, logical_id, resource)
        if wrong is not None:
            return wrong
    name = (TYPE_CODES[type_name], logical_id or "")
    rows = await reads.read_many(context.pool, [name]) if logical_id is not None else []
    row = rows[0] if rows else None
    action = Action.DELETE if resource is None else Action.WRITE
    decisions = await decide_rows(context, context.pool, action, rows)
    intent = Intent(type_name, logical_id, resource)
    plan = Plan(
        context,
        await context.accountable(),
        context.now(),
        {},
        await tombstones.taken(context.pool, [name] if logical_id is not None and row is None else []),
        await places_of(context.pool, [resource]),
        await tools.beside(context, context.pool, [intent]),
    )
    result = plan.add(intent, row, decisions[0] if decisions else None)
    await plan.log("validate", only_refusals=False)
    return result if isinstance(result, Refusal) else None
