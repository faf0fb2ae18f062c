"""Guardians that a RelatedPerson names by number: the Patient with that number is who acts for the child.

Föräldrabalken (1949:381) 6:11. A guardian reads as a patient of this record, signed in by the same number. As
long as no Patient has the number, or several do that are not one person, nobody is the guardian.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from kontinuum.fhir.search.hashing import value_hash
from kontinuum.record.persons.identity import identity_of
from kontinuum.store import law, law_linked, persons
from kontinuum.store.resources import persons as finding
from kontinuum.store.resources.rows import NewVersion, ResourceRow
from kontinuum.sweden.equivalents import equivalents

_PERSON, _NUMBER = (law.COLUMNS["representative"].split().index(name) for name in ("person", "number"))

Row = tuple[Any, ...]


def numbers_in(resource: bytes | dict[str, Any], today: date) -> list[str]:
    """The personal identity number of a Patient or RelatedPerson as `system|value`; empty without any."""
    return [f"{system}|{value}" for system, value in sorted(identity_of(resource, today).real)][:1]


async def known(connection: Any, records: Sequence[Row], today: date) -> list[Row]:
    """Rows of representatives, in which those who are known by number are the Patients with that number."""
    numbers = {record[_NUMBER] for record in records if record[_NUMBER] is not None}
    found = await _patients_with(connection, sorted(numbers), today) if numbers else {}
    return [
        record
        if record[_NUMBER] is None
        else (*record[:_PERSON], found.get(record[_NUMBER], ""), *record[_PERSON + 1 :])
        for record in records
    ]


async def follow(connection: Any, patients: Sequence[NewVersion | ResourceRow], today: date) -> None:
    """Let who is somebody's guardian follow the numbers that Patients (as they were and are) got or lost."""
    if not patients:
        return
    numbers = [number for each in patients if each.body for number in numbers_in(each.body, today)]
    records = await law.known_by_number(connection, numbers)
    again = await known(connection, records, today)
    if again == records:
        return
    await law_linked.remove(connection, [(row[3], row[0]) for row in records], ["representative"])
    await law_linked.insert(connection, "representative", again)


async def _patients_with(connection: Any, numbers: Sequence[str], today: date) -> dict[str, str]:
    """The Patient with each number, where that is one person."""
    hashes = {
        value_hash("Patient", "identifier", "code", form)
        for number in numbers
        for _, form in equivalents(*number.split("|", 1), today=today)
    }
    owners: dict[str, set[str]] = {}
    for row in await finding.with_any(connection, sorted(hashes)):
        for number in numbers_in(row.body or b"", today):
            owners.setdefault(number, set()).add(row.id)
    found = {}
    for number, patients in owners.items():
        first = min(patients)
        if patients <= set(await persons.whole(connection, first)):
            found[number] = first
    return found
