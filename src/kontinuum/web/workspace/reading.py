"""Reading for one patient's page: nothing of another patient can get onto it.

A `PatientReader` takes only searches that name its patient. With the first of them it reads the Patient and
what the banner needs, in the same call to the gate: one audit entry, and a banner as fresh as the page.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import parse_qsl

from kontinuum.kernel.module import BannerNote, BannerNotes, Chart, ResultPage, Tone
from kontinuum.record.outcome import Refusal, RefusalKind, Stored, refuse

_OF_NOBODY = ("Questionnaire?", "Library?", "Organization?", "PractitionerRole?", "Location?")
"""The staff's tools, units, staff and places concern no patient (rule 6), and no entry stems from them."""
_LOUDEST_FIRST = (Tone.DANGER, Tone.WARNING, Tone.NOTICE, Tone.QUIET)


class PatientReader:
    """The gate, narrowed to one patient; implements `kernel.module.RecordReader`."""

    def __init__(
        self,
        record: Any,
        chart: Chart,
        banner: Sequence[BannerNotes] = (),
        learn: Callable[[Any, list[str]], Awaitable[None]] | None = None,
    ) -> None:
        """`learn` is told of the units behind what was read, so that they can be named."""
        self._record = record
        self._learn = learn
        self._chart = chart
        self._banner = [(part, part.queries(chart)) for part in banner]
        self._answers: dict[str, ResultPage] = {}

    async def find_many(self, queries: Sequence[str], /) -> Sequence[ResultPage]:
        """Run searches in this patient's record; each different one once for the page."""
        wanted = [self._patient_query, *(query for _, part in self._banner for query in part), *queries]
        new = [query for query in dict.fromkeys(wanted) if query not in self._answers]
        for query in new:
            self._refuse_other_patients(query)
        if new:
            self._answers.update(zip(new, await self._record.find_many(new), strict=True))
            if self._learn is not None:
                await self._learn(self._record, self.units())
        return [self._answers[query] for query in queries]

    @property
    def _patient_query(self) -> str:
        return f"Patient?_id={self._chart.patient}"

    def _refuse_other_patients(self, query: str) -> None:
        if query == self._patient_query or query.startswith(_OF_NOBODY):
            return
        named = [value for name, value in parse_qsl(query.partition("?")[2]) if name == "patient"]
        if named != [self._chart.patient]:
            raise ValueError(f"a search on a patient's page must name that patient: {query}")

    async def patient(self) -> Stored | Refusal:
        """The Patient whose page this is, or why it may not be shown."""
        await self.find_many(())
        matches = self._answers[self._patient_query].matches
        if len(matches) == 1 and matches[0].id == self._chart.patient and matches[0].body is not None:
            found: Stored = matches[0]  # type: ignore[assignment]
            return found
        reason: Stored | Refusal = await self._record.read("Patient", self._chart.patient)
        if isinstance(reason, Refusal):
            return reason
        return refuse(
            RefusalKind.NOT_FOUND, "not-found", f"Patient/{self._chart.patient} is not to be found."
        )

    def banner_notes(self) -> tuple[BannerNote, ...]:
        """What the modules put into the banner, the loudest first."""
        notes = [
            note
            for part, queries in self._banner
            for note in part.notes(self._chart, [self._answers[query] for query in queries])
        ]
        return tuple(sorted(notes, key=lambda note: _LOUDEST_FIRST.index(note.tone)))

    def units(self) -> list[str]:
        """The accountable unit of every entry read, the Patient apart; a unit as often as it occurs."""
        return [
            stored.unit
            for query, page in self._answers.items()
            if query != self._patient_query and not query.startswith(_OF_NOBODY)
            for stored in page.matches
        ]
