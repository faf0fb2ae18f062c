"""A filled-in form as text that is read: headings (sökord) with what was written under them.

What was written stands letter for letter. Empty headings are left out, as is what is hidden and what only
guides whoever fills in the form.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from types import MappingProxyType
from typing import Any, Final, Literal

from kontinuum.fhir.questionnaire.evaluating import State
from kontinuum.fhir.questionnaire.items import Item, Value
from kontinuum.fhir.questionnaire.occurrences import Occurrence
from kontinuum.fhir.questionnaire.values import value_key

_YES_NO: Final = {"sv": ("Ja", "Nej"), "en": ("Yes", "No")}
_INCOMPLETE: Final = {"sv": "inte komplett", "en": "not complete"}
_SPACE_THAT_COLLAPSES: Final = ("\n", "\t", "\r", "  ")


@dataclass(frozen=True, slots=True)
class Line:
    """One piece of the text.

    A "heading" has a label only, "text" a text only (possibly of many lines), an "answer" both; a "row" has
    cells, and its first of a table is "columns". `level` grows with nesting, from 1.
    """

    kind: Literal["heading", "answer", "text", "columns", "row"]
    level: int
    label: str = ""
    text: str = ""
    cells: tuple[str, ...] = ()
    link_id: str = ""


def render(state: State, language: str = "sv") -> list[Line]:
    """The lines of a filled-in form."""
    return [line for one in state.top.children for line in _lines(one, 1, language)]


def plain_text(lines: Sequence[Line]) -> str:
    """The lines as plain text: an empty line before each main heading, answers beside their labels."""
    made: list[str] = []
    for line in lines:
        if line.kind == "heading" and line.level == 1 and made:
            made.append("")
        if line.kind == "heading":
            made.append(line.label)
        elif line.kind == "answer":
            made.append(f"{line.label}: {line.text}")
        elif line.kind == "text":
            made.append(line.text)
        else:
            made.append("\t".join(line.cells))
    return "\n".join(made)


def sections(
    state: State,
    language: str = "sv",
    entries: Mapping[str, Sequence[str]] = MappingProxyType({}),
    extensions: Mapping[str, Sequence[dict[str, Any]]] = MappingProxyType({}),
) -> list[dict[str, Any]]:
    """The text as sections of a Composition, one for each main heading.

    `entries` are references by the linkId of the main heading under which they stand, also where nothing is
    written under it; `extensions` are put on headings in the same way. http://hl7.org/fhir/R4/composition-definitions.html#Composition.section
    """
    made: list[dict[str, Any]] = []
    left = dict(entries)
    for one in state.top.children:
        assert one.item is not None
        lines = _lines(one, 1, language)
        beside = left.pop(one.item.link_id, ())
        if not lines and not beside:
            continue
        headed = bool(lines) and lines[0].kind == "heading"
        title = lines[0].label if headed else "" if lines else _label(one.item)
        section: dict[str, Any] = {"title": title} if title else {}
        if extensions.get(one.item.link_id):
            section["extension"] = list(extensions[one.item.link_id])
        if one.item.code:
            section["code"] = {"coding": list(one.item.code)}
        if lines:
            section["text"] = {"status": "generated", "div": narrative(lines[1:] if headed else lines)}
        if beside:
            section["entry"] = [{"reference": reference} for reference in beside]
        made.append(section)
    return made


def narrative(lines: Sequence[Line]) -> str:
    """The lines as the XHTML of a Narrative (http://hl7.org/fhir/R4/narrative.html)."""
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{"".join(_markup(lines))}</div>'


def _markup(lines: Sequence[Line]) -> Iterator[str]:
    in_table = False
    for line in lines:
        table = line.kind in ("columns", "row")
        if table != in_table:
            yield "<table>" if table else "</table>"
            in_table = table
        if table:
            tag = "th" if line.kind == "columns" else "td"
            cells = "".join(f"<{tag}>{_escaped(cell)}</{tag}>" for cell in line.cells)
            yield f"<tr>{cells}</tr>"
        elif line.kind == "heading":
            yield f"<p><b>{_escaped(line.label)}</b></p>"
        else:
            text = line.text if line.kind == "text" else f"{line.label}: {line.text}"
            yield _paragraph(text)
    if in_table:
        yield "</table>"


def _paragraph(text: str) -> str:
    # In a paragraph white space runs together; where it is more than single spaces it is kept as it is.
    kept = any(space in text for space in _SPACE_THAT_COLLAPSES) or text != text.strip()
    tag = "pre" if kept else "p"
    return f"<{tag}>{_escaped(text)}</{tag}>"


def _escaped(text: str) -> str:
    # A bare carriage return would be read back as a line feed (https://www.w3.org/TR/xml/#sec-line-ends).
    return escape(text, quote=False).replace("\r", "&#13;")


def _lines(occurrence: Occurrence, level: int, language: str) -> list[Line]:
    item = occurrence.item
    if item is None or item.hidden or item.type == "display":
        return []
    if item.is_score and not occurrence.answers and _begun(occurrence):
        return [Line("answer", level, _label(item), incomplete(language), link_id=item.link_id)]
    if occurrence.json() is None:
        return []
    if not item.is_group:
        return _answered(occurrence, item, level, language)
    if item.is_table and item.repeats:
        return _table(occurrence, item, level, language)
    if item.is_table:
        beside = _beside_each_other(occurrence, item, level, language)
        if beside is not None:
            return [beside]
    deeper = level + 1 if item.text else level
    inner = [line for one in occurrence.children for line in _lines(one, deeper, language)]
    if inner and item.text:
        return [Line("heading", level, _label(item), link_id=item.link_id), *inner]
    return inner


def _begun(score: Occurrence) -> bool:
    """Whether something that a score stands among is answered, so that its absence is to be told."""
    return score.active() and score.parent is not None and score.parent.json() is not None


def incomplete(language: str = "sv") -> str:
    """What stands in the place of a score of which a part is missing: a part of a sum is no score."""
    return _INCOMPLETE.get(language, _INCOMPLETE["en"])


def _beside_each_other(occurrence: Occurrence, item: Item, level: int, language: str) -> Line | None:
    """A grid of short answers as one line, `Blodtryck: Systoliskt 142 mmHg, Diastoliskt 85 mmHg`."""
    lines = [line for one in occurrence.children for line in _lines(one, level + 1, language)]
    if not item.text or any(line.kind != "answer" for line in lines):
        return None
    text = ", ".join(f"{line.label} {line.text}" for line in lines)
    return Line("answer", level, _label(item), text, link_id=item.link_id)


def _answered(occurrence: Occurrence, item: Item, level: int, language: str) -> list[Line]:
    texts = [_with_unit(item, answer.value, language) for answer in occurrence.answers]
    texts = [text for text in texts if text]
    label = _label(item)
    if level == 1 or item.type == "text" or any("\n" in text for text in texts):
        made = [Line("heading", level, label, link_id=item.link_id)] if label and texts else []
        made += [Line("text", level + 1, text=text, link_id=item.link_id) for text in texts]
    elif texts:
        kind: Literal["answer", "text"] = "answer" if label else "text"
        made = [Line(kind, level, label, ", ".join(texts), link_id=item.link_id)]
    else:
        made = []
    for answer in occurrence.answers:
        made += [line for one in answer.children for line in _lines(one, level + 1, language)]
    return made


def _table(occurrence: Occurrence, item: Item, level: int, language: str) -> list[Line]:
    siblings = occurrence.parent.below() if occurrence.parent is not None else [occurrence]
    rows = [one for one in siblings if one.item is item and one.json() is not None]
    if rows[0] is not occurrence:
        return []
    columns = [child for child in item.children if child.is_question and not child.hidden]
    heading = [Line("heading", level, _label(item), link_id=item.link_id)] if item.text else []
    titles = Line("columns", level + 1, cells=tuple(map(_label, columns)), link_id=item.link_id)
    made = [_row(row, columns, level + 1, language) for row in rows]
    # What a table has no column for, such as groups in its rows, follows below it.
    rest = [
        line
        for row in rows
        for one in row.children
        if one.item not in columns
        for line in _lines(one, level + 1, language)
    ]
    below = [
        line
        for row in rows
        for one in row.children
        if one.item in columns
        for answer in one.answers
        for child in answer.children
        for line in _lines(child, level + 2, language)
    ]
    return [*heading, titles, *made, *rest, *below]


def _row(row: Occurrence, columns: Sequence[Item], level: int, language: str) -> Line:
    cells = []
    for column in columns:
        one = next(
            (child for child in row.children if child.item is column and child.json() is not None), None
        )
        answers = one.answers if one is not None else []
        cells.append(", ".join(_with_unit(column, answer.value, language) for answer in answers))
    assert row.item is not None
    return Line("row", level, cells=tuple(cells), link_id=row.item.link_id)


def _label(item: Item) -> str:
    return f"{item.prefix} {item.text}".strip().removesuffix(":")


def _with_unit(item: Item, answer: Value, language: str) -> str:
    text = display(answer, language)
    if item.unit is None or value_key(answer) not in ("valueDecimal", "valueInteger"):
        return text
    return f"{text} {item.unit.get('display') or item.unit.get('code') or ''}".rstrip()


def display(answer: Value, language: str = "sv") -> str:
    """A value as a reader sees it: text letter for letter, numbers with all their digits."""
    key = value_key(answer)
    value = answer.get(key) if key is not None else None
    if isinstance(value, bool):
        return _YES_NO.get(language, _YES_NO["en"])[0 if value else 1]
    if isinstance(value, int | Decimal):
        return _number(value, language)
    if key == "valueDateTime" and isinstance(value, str):
        return f"{value[:10]} {value[11:16]}".rstrip() if len(value) > 10 else value
    if key == "valueTime" and isinstance(value, str):
        return value[:5]
    if isinstance(value, dict):
        return _of_parts(value, language)
    return "" if value is None else str(value)


def _number(value: int | Decimal, language: str) -> str:
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    return text.replace(".", ",") if language == "sv" else text


def _of_parts(value: dict[str, Any], language: str) -> str:
    if "value" in value and isinstance(value["value"], int | Decimal):
        unit = value.get("unit") or value.get("code") or ""
        comparator = value.get("comparator", "")
        return f"{comparator}{_number(value['value'], language)} {unit}".strip()
    for name in ("display", "title", "text", "code", "reference", "url"):
        if value.get(name):
            return str(value[name])
    return ""
