"""The shapes in which resource rows enter and leave the store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from kontinuum.fhir.search.extract import IndexValues
from kontinuum.store.packing import unpack_kept

COLUMNS = """
    r.key, r.bucket, r.type, r.id, r.version, r.updated, r.patient, r.body, a.unit, a.provider, r.sort
"""
"""What every reading statement selects, in the order of ResourceRow."""


class ResourceRow(NamedTuple):
    """One version of a resource; `type` is the type's code, `body` None for a deletion.

    `sort` is the clinical time of the current version, in microseconds.
    """

    key: int
    bucket: int
    type: int
    id: str
    version: int
    updated: int
    patient: str | None
    body: bytes | None
    unit: str
    provider: str
    sort: int


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version about to be written. `named_by_client` rows also enter the identity table."""

    key: int
    bucket: int
    type: int
    id: str
    version: int
    updated: int
    accountable: int
    patient: str | None
    body: bytes
    index: IndexValues
    named_by_client: bool

    @property
    def sort(self) -> int:
        """The clinical date, or the time of writing for what has none; microseconds."""
        return self.updated if self.index.sort is None else self.index.sort


def row_of(record: Iterable[Any]) -> ResourceRow:
    """A driver record as a row, its body unpacked."""
    key, bucket, type_code, logical_id, version, updated, patient, body, unit, provider, sort = record
    whole = None if body is None else unpack_kept(body)
    return ResourceRow(
        key, bucket, type_code, logical_id, version, updated, patient, whole, unit, provider, sort
    )


def rows(records: Iterable[Any]) -> list[ResourceRow]:
    """Driver records as rows, their bodies unpacked."""
    return [row_of(record) for record in records]
