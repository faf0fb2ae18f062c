"""Carrying out an export: from the gate to NDJSON files, in bounded memory.

http://hl7.org/fhir/uv/bulkdata/STU2/export.html
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from itertools import groupby
from typing import Final

from kontinuum.bulk.desk import Desk, Job, Progress, Result
from kontinuum.bulk.files import Writer
from kontinuum.fhir import json
from kontinuum.fhir.issues import Issue, operation_outcome
from kontinuum.fhir.subset import Subset, reduce_body
from kontinuum.kernel.principal import PROTECTED_IDENTITY
from kontinuum.record import Refusal
from kontinuum.record.extracting import Line

_DELETIONS_A_BUNDLE: Final = 100
_NO_PROTECTED: Final = (
    "Persons with a protected identity are left out, as the assignment lacks the right to them "
    "(offentlighets- och sekretesslagen (2009:400) 22:1)."
)


async def carry_out(desk: Desk, job: Job) -> AsyncGenerator[Progress | Result, None]:
    """How far an export has come, and in the end what came of it. Raises OSError, as for a full disk."""
    extent = job.order.extent
    assert extent is not None, "an export has an extent"
    folder = desk.folder(job.id)
    await asyncio.to_thread(folder.create)
    writer = Writer(folder)
    moment = count = 0
    try:
        # Closed whatever happens: it holds a connection.
        async with contextlib.aclosing(desk.gate.record(job.principal).bulk.extract(extent, job.id)) as pages:
            async for found in pages:
                if isinstance(found, Refusal):
                    yield Result(failure=found.issues[0].message)
                    return
                await asyncio.to_thread(_write, writer, found.lines, job.order.elements)
                moment = found.moment
                count += len(found.lines)
                yield Progress(found.share, count)
        remarks = list(job.order.remarks)
        if PROTECTED_IDENTITY not in job.principal.assignment.rights:
            remarks.append(_NO_PROTECTED)
        if remarks:
            lines = [(_remark(each), None) for each in remarks]
            await asyncio.to_thread(writer.write, "error", "OperationOutcome", "error", lines)
        files = await asyncio.to_thread(writer.finish)
        yield Result(moment=moment, files=tuple(files))
    finally:
        await asyncio.to_thread(writer.close)


def _write(writer: Writer, lines: Sequence[Line], elements: Sequence[str]) -> None:
    """Add lines to the files of their types, and deletions, in bundles, to theirs."""
    for type_name, group in groupby(lines, key=lambda line: line.type):
        wanted = _wanted(elements, type_name)
        bodies = [(_part(line.body, wanted), line.patient) for line in group if line.body is not None]
        if bodies:
            writer.write(type_name, type_name, "output", bodies)
    deleted = [line for line in lines if line.body is None]
    for patient, group in groupby(deleted, key=lambda line: line.patient):
        names = [f"{line.type}/{line.id}" for line in group]
        starts = range(0, len(names), _DELETIONS_A_BUNDLE)
        bundles = [(_deletions(names[start : start + _DELETIONS_A_BUNDLE]), patient) for start in starts]
        writer.write("deleted", "Bundle", "deleted", bundles)


def _wanted(elements: Sequence[str], type_name: str) -> tuple[str, ...]:
    """The elements that are wanted of a type: those named for it, and those named for all."""
    split = [each.rpartition(".") for each in elements]
    return tuple(name for of_type, _, name in split if of_type in ("", type_name))


def _part(body: bytes, wanted: tuple[str, ...]) -> bytes:
    """A resource with what is wanted of it, all when nothing is named."""
    return reduce_body(body, Subset(None, wanted)) if wanted else body


def _deletions(references: Sequence[str]) -> bytes:
    entries = [{"request": {"method": "DELETE", "url": each}} for each in references]
    return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries})


def _remark(text: str) -> bytes:
    return json.dumps(operation_outcome([Issue("information", "informational", text)]))
