"""Rows of the store as answers, in the language that was asked for."""

from __future__ import annotations

from kontinuum.store.terminology.artifacts import ArtifactRow
from kontinuum.store.terminology.concepts import ConceptRow
from kontinuum.terminology.answers import Coded
from kontinuum.terminology.content import Name


def coded(row: ConceptRow, artifact: ArtifactRow, language: str | None, uses: int = 0) -> Coded:
    """A concept as an answer."""
    names = tuple(Name(*each) for each in row.names)
    display = display_in(row.display, artifact.about.get("language", ""), names, language)
    return Coded(artifact.url, artifact.version, row.code, display, row.active, row.selectable, names, uses)


def display_in(display: str, own_language: str, names: tuple[Name, ...], wanted: str | None) -> str:
    """The display in a wanted language (BCP 47; several by comma, the best first), else the system's own.

    http://hl7.org/fhir/R4/valueset-operation-expand.html, `displayLanguage`: a wish, not a condition.
    """
    for each in (wanted or "").split(","):
        language = each.partition(";")[0].strip().lower().partition("-")[0]
        if not language:
            continue
        if own_language.lower().partition("-")[0] == language:
            return display
        fitting = [name for name in names if name.language.lower().partition("-")[0] == language]
        if fitting:
            return min(fitting, key=lambda name: name.use not in ("preferred", "display")).text
    return display


def is_display(row: ConceptRow, text: str) -> bool:
    """Whether a text is one of the concept's names, case and surplus space aside."""
    wanted = _plain(text)
    return wanted == _plain(row.display) or any(wanted == _plain(each[2]) for each in row.names)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
