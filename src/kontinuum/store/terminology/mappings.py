"""Reading the elements of concept maps."""

from __future__ import annotations

from typing import Any, NamedTuple


class MappingRow(NamedTuple):
    """One target of a source code; `target_code` is None when the map says that there is none."""

    source: str
    source_code: str
    target: str
    target_code: str | None
    equivalence: str
    display: str | None
    comment: str | None


COLUMNS = "source, source_code, target, target_code, equivalence, display, comment"

FORWARD = f"""
select {COLUMNS} from terminology_mapping
 where artifact = $1 and source = $2 and source_code = $3 and ($4::text is null or target = $4)
 order by ord
"""

REVERSE = f"""
select {COLUMNS} from terminology_mapping
 where artifact = $1 and target = $2 and target_code = $3 and ($4::text is null or source = $4)
 order by ord
"""


async def translations(
    connection: Any, artifact: int, system: str, code: str, *, other: str | None, reverse: bool
) -> list[MappingRow]:
    """What a map says of a code; `other` limits the system on the other side."""
    found = await connection.fetch(REVERSE if reverse else FORWARD, artifact, system, code, other)
    return [MappingRow(*each) for each in found]
