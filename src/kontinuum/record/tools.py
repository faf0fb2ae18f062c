"""What a write of the staff's own tools must keep: a template's review by another, and whose a Library is.

Who may write them at all is the law's question (`access.tools`). Systems deliver what was decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from kontinuum.access import Action
from kontinuum.access.tools import LIBRARY, QUESTIONNAIRE, owners
from kontinuum.fhir import json
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.fhir.questionnaire import life
from kontinuum.kernel.i18n import Phrase, message, phrase
from kontinuum.record.context import Context
from kontinuum.record.outcome import Refusal, RefusalKind, refuse
from kontinuum.store.resources import read as reads
from kontinuum.store.resources.rows import ResourceRow

if TYPE_CHECKING:
    from kontinuum.record.planning import Intent

TYPES: Final = frozenset({TYPE_CODES[QUESTIONNAIRE], TYPE_CODES[LIBRARY]})

Beside = Mapping[tuple[int, str], ResourceRow]
"""What stands in the record beside what is written, by type and id."""

_OTHERS: Final = message("This is another person's own. Nobody else changes it.")
_TWO_OWNERS: Final = message("What is somebody's own has one useContext: that person.")


async def beside(context: Context, connection: Any, intents: Iterable[Intent]) -> Beside:
    """The draft of each Questionnaire that is written, and the version that it says it is equal to."""
    if not context.question(Action.WRITE).is_staff:
        return {}
    wanted = set()
    for intent in intents:
        if intent.type == QUESTIONNAIRE and intent.resource is not None:
            wanted.add((TYPE_CODES[LIBRARY], intent.id or ""))
            wanted.add((TYPE_CODES[QUESTIONNAIRE], life.rolled_back_to(intent.resource)))
    wanted = {each for each in wanted if each[1]}
    return {(row.type, row.id): row for row in await reads.read_many(connection, wanted)} if wanted else {}


def fault(context: Context, intent: Intent, row: ResourceRow | None, others: Beside) -> Refusal | None:
    """The refusal of a write by staff that would go past the review, or of somebody else's own Library."""
    if not context.question(Action.WRITE).is_staff or intent.type not in (QUESTIONNAIRE, LIBRARY):
        return None
    before = _read(row)
    if intent.type == LIBRARY:
        found = _library(context.principal.actor.id, before, intent.resource)
    else:
        found = life.fault(
            context.principal.actor.id,
            before,
            intent.resource,
            drafted=_draft(_read(others.get((TYPE_CODES[LIBRARY], intent.id or "")))),
            earlier=_own(context, others, intent.resource),
        )
    return None if found is None else refuse(RefusalKind.INVALID, "business-rule", found, intent.type)


def _library(who: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> Phrase | None:
    for each in (before or {}, after or {}):
        if any(owner != who for owner in owners(each)):
            return phrase(_OTHERS)
        if owners(each) and len(each.get("useContext") or ()) != 1:
            return phrase(_TWO_OWNERS)
    if _draft(before) is None and _draft(after) is None:
        return None
    return life.draft_fault(who, before, after)


def _draft(library: dict[str, Any] | None) -> dict[str, Any] | None:
    codings = (library or {}).get("type", {}).get("coding") or ()
    return library if any(one.get("code") == life.DRAFT_TYPE for one in codings) else None


def _own(context: Context, others: Beside, resource: dict[str, Any] | None) -> dict[str, Any] | None:
    row = others.get((TYPE_CODES[QUESTIONNAIRE], life.rolled_back_to(resource or {})))
    own = row is not None and row.provider == context.principal.assignment.provider
    return _read(row) if own else None


def _read(row: ResourceRow | None) -> dict[str, Any] | None:
    if row is None or row.body is None:
        return None
    read: dict[str, Any] = json.loads(row.body)
    return read
