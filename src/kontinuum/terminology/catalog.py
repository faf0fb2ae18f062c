"""Which version answers when a code system, value set or concept map is asked for by its canonical URL."""

from __future__ import annotations

import re
from typing import Any

from kontinuum.store.terminology import artifacts
from kontinuum.store.terminology.artifacts import ArtifactRow
from kontinuum.sweden import systems
from kontinuum.terminology.answers import NotKnown, Subject

_PARTS = re.compile(r"\d+|\D+")
_SUBJECTS = {
    "CodeSystem": Subject.CODE_SYSTEM,
    "ValueSet": Subject.VALUE_SET,
    "ConceptMap": Subject.CONCEPT_MAP,
}
_TRUST = {"complete": 2, "fragment": 1}


def split_canonical(canonical: str) -> tuple[str, str]:
    """The URL and the version of `url|version`; "" for no version."""
    url, _, version = canonical.partition("|")
    return url, version


async def resolve(
    connection: Any, kind: str, canonical: str, version: str | None = None
) -> ArtifactRow | NotKnown:
    """The version that was asked for; without one the newest, and a whole system before a part of it.

    http://hl7.org/fhir/R4/references.html#canonical. Versions are compared number by number. A version of
    SNOMED CT may name an edition only, and then means that edition's newest.
    """
    url, in_canonical = split_canonical(canonical)
    url = systems.canonical(url) if kind == "CodeSystem" else url
    wanted = version or in_canonical
    rows = await artifacts.named(connection, kind, [url])
    fitting = [row for row in rows if not wanted or _is_version(row, wanted)]
    if fitting:
        return max(fitting, key=precedence)
    subject = _SUBJECTS[kind]
    if rows:
        held = ", ".join(sorted({row.version or "(without version)" for row in rows}))
        return NotKnown(
            subject, f"Version '{wanted}' of the {subject} {url} is not known here; known: {held}."
        )
    return NotKnown(subject, f"The {subject} '{url}' is not known here.")


def precedence(row: ArtifactRow) -> tuple[Any, ...]:
    """What decides between versions: whole before part, then the version, then who came last."""
    return (_TRUST.get(row.content, 0), natural(row.version), row.loaded, row.key)


def natural(version: str) -> tuple[tuple[int, int, str], ...]:
    """A version for comparing: numbers as numbers, so that 2.9 comes before 2.78."""
    parts = _PARTS.findall(version)
    return tuple((1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts)


def _is_version(row: ArtifactRow, wanted: str) -> bool:
    if row.version == wanted:
        return True
    return row.url == systems.SNOMED_CT and row.version.startswith(f"{wanted}/version/")
