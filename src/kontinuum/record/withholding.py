"""Rule 28 at the gate: what is kept back from the patient leaves by no way in.

Rows pass here before anything else is done with them, so that what follows (includes, rechecks, counts) sees
only what the patient may see. Staff and systems are not concerned: for them rows pass untouched.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from kontinuum.access.kept_back import (
    ACT_CODE,
    LABELLED_WITHIN,
    Withheld,
    may_hold,
    released_to_patient,
)
from kontinuum.access.sql import all_of
from kontinuum.fhir import json
from kontinuum.fhir.search.hashing import value_hash
from kontinuum.kernel.clock import from_micros
from kontinuum.kernel.principal import ActorKind
from kontinuum.kernel.sql import Fragment
from kontinuum.record.context import Context
from kontinuum.store.resources import read as reads
from kontinuum.store.resources.rows import ResourceRow

HINTED: Final = frozenset({"early-hypothesis"})
"""The kinds of which the patient is told that something is kept back, where nothing else is set."""

_TELLING: Final = {"Composition": frozenset({"section", "entry", "_security", "_text", "_content"})}
_SILENT: Final = frozenset(
    ["patient", "subject", "encounter", "category", "code", "type", "status", "date", "_profile", "_tag"]
)
"""Parameters of the other types that speak of the whole and never of a part."""


def concerns(context: Context) -> bool:
    """Whether the principal is somebody from whom things are kept back: patient, guardian or proxy."""
    return context.principal.actor.kind is ActorKind.PATIENT


async def visible(
    context: Context, connection: Any, rows: Sequence[ResourceRow], *, past: bool = False
) -> list[ResourceRow]:
    """The rows that the principal may see, each with the body that the principal may see.

    `past` says that there may be superseded versions among them.
    """
    if not concerns(context):
        return list(rows)
    others = await _other_versions(connection, rows) if past else {}
    released = [release(context, row, others.get((row.bucket, row.key), ())) for row in rows]
    return [row for row in released if isinstance(row, ResourceRow)]


async def released(context: Context, connection: Any, row: ResourceRow) -> ResourceRow | Withheld:
    """One row, current or past, as the principal may see it."""
    if not concerns(context):
        return row
    return release(context, row, (await _other_versions(connection, [row])).get((row.bucket, row.key), ()))


def release(
    context: Context, row: ResourceRow, versions: Sequence[ResourceRow] = ()
) -> ResourceRow | Withheld:
    """One row as the principal may see it; `versions` are all of it where it may be a past one.

    A current version answers by its own labels: whoever lifts a decision means it to be read. A past one
    answers by those of all.
    """
    if row.body is None or not concerns(context):
        return row
    newest = max((each.version for each in versions), default=row.version)
    others = [each for each in versions if each.version != row.version and row.version != newest]
    bodies = [each.body for each in others if each.body is not None and may_hold(each.body)]
    if not bodies and not may_hold(row.body):
        return row
    now = from_micros(context.now())
    resource = json.loads(row.body)
    hinted = context.services.hinted
    shown = released_to_patient(resource, now, hinted, elsewhere=map(json.loads, bodies))
    if isinstance(shown, Withheld):
        return shown
    return row if shown is resource else row._replace(body=json.dumps(shown))


async def _other_versions(
    connection: Any, rows: Sequence[ResourceRow]
) -> dict[tuple[int, int], list[ResourceRow]]:
    """All versions of the rows' resources, the current ones among them."""
    current = await reads.read_many(connection, dict.fromkeys((row.type, row.id) for row in rows))
    versions: dict[tuple[int, int], list[ResourceRow]] = {}
    for row in [*current, *await reads.superseded(connection, [row for row in current if row.version > 1])]:
        versions.setdefault((row.bucket, row.key), []).append(row)
    return versions


def exportable(contexts: Sequence[Context], body: bytes) -> bytes | None:
    """A current body as it is given out to some principals together; None when it is kept back from all."""
    if not all(map(concerns, contexts)) or not may_hold(body):
        return body
    resource = json.loads(body)
    now = from_micros(contexts[0].now())
    shown = released_to_patient(resource, now, contexts[0].services.hinted)
    if isinstance(shown, Withheld):
        return None
    return body if shown is resource else json.dumps(shown)


def narrowed(context: Context, scope: Fragment, type_name: str, parameters: Collection[str]) -> Fragment:
    """A scope of search that does not tell of headings which are kept back from the principal.

    Whole entries are left out by the law itself (`access.bars.KeptBack`). `parameters` are those by which is
    searched or sorted: what speaks of a part finds no resource of which a part is kept back, as the finding
    alone would tell.
    """
    if not concerns(context):
        return scope
    silent = not (set(parameters) & _TELLING[type_name] if type_name in _TELLING else _odd(parameters))
    if silent:
        return scope
    labelled = value_hash(type_name, "_security", "system-code", ACT_CODE, LABELLED_WITHIN)
    return all_of(scope, Fragment("not r.hashes @> {}::bigint[]", ([labelled],)))


def _odd(parameters: Collection[str]) -> set[str]:
    return {name for name in parameters if name not in _SILENT}
