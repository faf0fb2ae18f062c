"""What the log's pages share: entries made ready to be shown, names of patients and units, days as times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from kontinuum.audit.words import in_words
from kontinuum.kernel.clock import from_micros, to_micros
from kontinuum.kernel.i18n import SWEDEN, local, message
from kontinuum.record.logbook import LogEntry
from kontinuum.record.outcome import Refusal, RefusalKind
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.patient import Person, read_person

_NAMES_AT_ONCE = 100

OUTCOMES = {
    "permitted": message("permitted"),
    "refused": message("refused"),
    "not-found": message("nothing found"),
    "failed": message("failed"),
}

_UNKNOWN = message("Unknown, from %s")


@dataclass(frozen=True, slots=True)
class ShownEntry:
    """An entry as a row of a table; `patients` are (id, person) of those it names, the first few."""

    id: str
    moment: datetime
    who: str
    unit: str
    said: str
    outcome: str
    permitted: bool
    patients: tuple[tuple[str, Person | None], ...]
    more: int
    note: str


async def shown_entries(page: Page, entries: Sequence[LogEntry], at_most: int = 3) -> list[ShownEntry]:
    """Entries with the names of their patients and units."""
    people = await persons(page, (one for each in entries for one in each.entry.patients[:at_most]))
    await learn_units(page, (each.entry.unit for each in entries))
    translator, directory = page.translator, page.services.directory
    return [
        ShownEntry(
            each.id,
            from_micros(each.entry.recorded),
            each.entry.actor_name or each.entry.actor or translator.gettext(_UNKNOWN) % each.entry.client,
            directory.unit(each.entry.unit) if each.entry.unit else "",
            in_words(each.entry, translator),
            translator.gettext(OUTCOMES[each.entry.outcome]),
            each.entry.outcome == "permitted",
            tuple((one, people.get(one)) for one in each.entry.patients[:at_most]),
            max(0, len(each.entry.patients) - at_most),
            each.entry.note or "",
        )
        for each in entries
    ]


async def persons(page: Page, ids: Iterable[str]) -> Mapping[str, Person]:
    """Who patients are, by id, read through the gate; one who may not be read is absent."""
    wanted = list(dict.fromkeys(ids))
    batches = [wanted[start : start + _NAMES_AT_ONCE] for start in range(0, len(wanted), _NAMES_AT_ONCE)]
    if not batches:
        return {}
    record = page.services.record(page.session.principal)
    today = local(page.services.clock.now()).date()
    queries = [f"Patient?_id={','.join(batch)}&_count={len(batch)}" for batch in batches]
    return {
        stored.id: read_person(stored.body, today, page.translator, page.services.directory)
        for answer in await record.find_many(queries)
        for stored in answer.matches
        if stored.body
    }


async def learn_units(page: Page, hsa_ids: Iterable[str]) -> None:
    """Find the names of units."""
    record = page.services.record(page.session.principal)
    await page.services.directory.learn(record, {one for one in hsa_ids if one})


def start_of(text: str, later: timedelta = timedelta()) -> int | Refusal | None:
    """When the day begins in Sweden, in microseconds; None for no day, a refusal for what is none."""
    if not text.strip():
        return None
    try:
        day = date.fromisoformat(text.strip()) + later
    except (ValueError, OverflowError):
        return Refusal(RefusalKind.BAD_REQUEST, (), None)
    return to_micros(datetime.combine(day, datetime.min.time(), tzinfo=SWEDEN))


def field(form: Mapping[str, object], name: str, longest: int = 200) -> str:
    """A text field of a form, trimmed; empty when it is missing."""
    value = form.get(name, "")
    return value.strip()[:longest] if isinstance(value, str) else ""
