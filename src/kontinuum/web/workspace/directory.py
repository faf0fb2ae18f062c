"""Names of care units and providers by HSA-id, found when first seen and remembered for a while.

Every entry shown on a page says which unit stands behind it; the store knows the unit by HSA-id.
Organisations are not patient data, so their names may be kept in the process.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from kontinuum.fhir.datatypes import Element, Identifier, decoder
from kontinuum.kernel.clock import Clock
from kontinuum.kernel.module import RecordReader
from kontinuum.sweden import systems

_REMEMBER = timedelta(minutes=10)
_AT_ONCE = 50


class OrganizationResource(Element, frozen=True):
    """The elements of Organization that a name needs."""

    id: str
    identifier: tuple[Identifier, ...] = ()
    name: str | None = None


_DECODER = decoder(OrganizationResource)


class UnitDirectory:
    """Implements `kernel.module.Directory`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._names: dict[str, str] = {}
        self._references: dict[str, str] = {}
        self._asked: dict[str, datetime] = {}

    def unit(self, hsa_id: str) -> str:
        """The name of a care unit or provider; its HSA-id when it is not in the directory."""
        return self._names.get(hsa_id, hsa_id)

    def name(self, reference: str | None, display: str | None = None) -> str:
        """The name behind a reference: the recorded display, else the directory's, else empty."""
        return display or self._references.get(reference or "", "")

    async def learn(self, record: RecordReader, hsa_ids: Iterable[str]) -> None:
        """Look up the units that were not asked for lately."""
        now = self._clock.now()
        fresh = now - _REMEMBER
        missing = sorted({one for one in hsa_ids if one and self._asked.get(one, fresh) <= fresh})
        if not missing:
            return
        batches = [missing[start : start + _AT_ONCE] for start in range(0, len(missing), _AT_ONCE)]
        queries = [f"Organization?identifier={','.join(batch)}&_count={2 * _AT_ONCE}" for batch in batches]
        for page in await record.find_many(queries):
            for stored in page.matches:
                if stored.body is not None:
                    self._remember(_DECODER.decode(stored.body))
        self._asked.update(dict.fromkeys(missing, now))

    def _remember(self, organization: OrganizationResource) -> None:
        name = organization.name or ""
        self._references[f"Organization/{organization.id}"] = name
        for identifier in organization.identifier:
            if identifier.value and systems.canonical(identifier.system or "") == systems.HSA_ID:
                self._names[identifier.value] = name
