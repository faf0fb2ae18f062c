"""Copying forward: answers of the patient's last signed note into the one that is being written.

Words and choices only: a measured value, a diagnosis and whatever else becomes an entry of its own on signing
is of the day it was written. Copied is what stands under a heading of a note of the own care provider that
the writer may read, as it was signed: not from notes that were withdrawn, nor what is kept back from the
patient, who would read it in the new note.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from kontinuum.care.journal import fields as typed_fields
from kontinuum.care.journal import sources
from kontinuum.care.journal.fields import OTHER, Fields
from kontinuum.care.journal.keeping import NO_TEMPLATE, around_of, keep_fields, one_of, show_pane
from kontinuum.care.journal.library import Template, find, named
from kontinuum.care.journal.reopening import unsigned
from kontinuum.care.journal.sources import Source, copyable
from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.paragraphs import paragraphs
from kontinuum.fhir.questionnaire import Form, Item, evaluate
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import ActionRequest, Moved, NotFound, Refused, ResourceVersion, Told, View
from kontinuum.record.attached import labels_over

WHOLE: Final = "*"
"""What the button for the whole note sends in place of a heading."""
_AT_MOST: Final = 100
_NOTHING: Final = message("There is no earlier signed note to copy this from.")
_TAKEN: Final = message("Copied from %(said)s: %(labels)s. What was filled in already is left as it was.")
_FILLED: Final = message("Nothing was copied: what the earlier note says is filled in already.")
_LEFT: Final = message(
    "Not copied, as it is kept back from the patient or was changed after it was signed: %(headings)s."
)


@dataclass(frozen=True, slots=True)
class Earlier:
    """A signed note, the form that it was written in, and its answers as fields."""

    entry: ResourceVersion
    note: Mapping[str, Any]
    form: Form
    fields: Fields


@dataclass(frozen=True, slots=True)
class Copy:
    """What an earlier note gives, by field of the new one; `left` are headings of which something is not."""

    taken: Mapping[str, Sequence[str]]
    left: tuple[str, ...] = ()


def copied(earlier: Earlier, form: Form, heading: str) -> Copy:
    """What a note gives to a form, or to one main heading of it; letter for letter as it was signed. Pure."""
    same = earlier.form.questionnaire.get("url") == form.questionnaire.get("url")
    places = {} if same else {_key(form, one): name for name, one in _plain(form)}
    taken: dict[str, Sequence[str]] = {}
    left: dict[str, None] = {}
    for name, values in earlier.fields.items():
        item = _item(earlier.form, name)
        if item is None or not copyable(item):
            continue
        target = name if same else places.get(_key(earlier.form, item), "")
        other = _item(form, target)
        if other is None or not copyable(other) or (other.type, other.options) != (item.type, item.options):
            continue
        if heading != WHOLE and target.partition("/")[0].removesuffix(OTHER) != heading:
            continue
        if typed_fields.strangers(form, {target: values}):
            continue
        if _stands(earlier, item, name, values):
            taken[target] = values
        else:
            left[_main(earlier.form, item).text] = None
    return Copy(taken, tuple(left))


def _item(form: Form, name: str) -> Item | None:
    return form.items.get(unquote(name.removesuffix(OTHER).rpartition("/")[2].partition(":")[0]))


def _main(form: Form, item: Item) -> Item:
    """The main heading that an item stands under, or is."""
    above = form.ancestors[item.link_id]
    return form.items[above[-1]] if above else item


def _key(form: Form, item: Item) -> tuple[str, str, str]:
    """By which a question is the same in two templates: its heading, what it asks, and how."""
    return _words(_main(form, item)), _words(item), item.type


def _words(item: Item) -> str:
    return " ".join(item.text.split()).casefold().removesuffix(":")


def _plain(form: Form) -> Iterator[tuple[str, Item]]:
    """The questions that are asked once, with the names of their fields."""
    for item in form.items.values():
        path = [*reversed(form.ancestors[item.link_id]), item.link_id]
        if copyable(item) and not any(
            form.items[link].is_group and form.items[link].repeats for link in path
        ):
            yield "/".join(map(typed_fields.step_of, path)), item


def _stands(earlier: Earlier, item: Item, name: str, values: Sequence[str]) -> bool:
    """Whether an answer stands under its heading of the note as it is read now, shown to the patient too."""
    title = _titled(_main(earlier.form, item))
    written = earlier.note.get("section") or ()
    there = [place for place, one in enumerate(written) if _plain_title(one.get("title")) == title]
    if len(there) != 1 or labels_over(earlier.note, there[0]):
        return False
    text = "\n".join(paragraphs((written[there[0]].get("text") or {}).get("div", "")))
    said = values if name.endswith(OTHER) else [typed_fields.said(item, one) for one in values]
    return all(_spaceless(one) in _spaceless(text) for one in said)


def _titled(main: Item) -> str:
    return _plain_title(f"{main.prefix} {main.text}")


def _plain_title(text: object) -> str:
    return str(text or "").strip().removesuffix(":")


def _spaceless(text: str) -> str:
    """White space at the ends of lines is the markup's, and line ends may be written in three ways."""
    return "\n".join(line.strip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))


async def copy(request: ActionRequest) -> View | NotFound | Moved | Told:
    """Answer `journal/copy`: fill what is empty, below a heading (`copy`) or all, from the last note."""
    chosen = await find(request.record, one_of(request, "template"))
    if chosen is None:
        return NotFound(NO_TEMPLATE)
    around = await around_of(request, chosen)
    standing = await unsigned(request, chosen.note) if chosen.note else None
    kept = await keep_fields(request, chosen)
    if isinstance(kept, Refused):
        return await show_pane(request, around, chosen, {}, None, alert=" ".join(kept.reasons))
    draft, fields, both = kept
    gettext, heading = request.chart.translator.gettext, one_of(request, "copy") or WHOLE
    alert, told = gettext(_NOTHING), ""
    found = await _last(request, chosen, heading)
    if found is not None:
        earlier, made = found
        empty = {name: list(one) for name, one in made.taken.items() if not _is_filled(fields, name)}
        said = said_of(request, earlier.entry, earlier.note)
        reference = f"Composition/{earlier.entry.id}/_history/{earlier.entry.version}"
        marks = {name: Source(reference, said, sources.digest_of(one)) for name, one in empty.items()}
        labels = ", ".join(dict.fromkeys(sources.label_of(chosen.form, name) for name in empty))
        told = gettext(_TAKEN) % {"said": said, "labels": labels} if empty else gettext(_FILLED)
        alert = gettext(_LEFT) % {"headings": ", ".join(made.left)} if made.left else ""
        told = told if made.taken else ""
        fields = sources.with_sources({**fields, **empty}, sources.sources(fields) | marks)
        saved = await request.writer.save_draft(chosen.name, fhir_json.dumps(fields), draft.version)
        if isinstance(saved, Refused):
            return await show_pane(request, around, chosen, fields, draft, alert=" ".join(saved.reasons))
        draft = saved
    return await show_pane(
        request, around, chosen, fields, draft, alert=alert, done=told, notices=both, standing=standing
    )


def _is_filled(fields: Fields, name: str) -> bool:
    plain = name.removesuffix(OTHER)
    return any(one.strip() for each in (plain, plain + OTHER) for one in fields.get(each, ()))


async def _last(request: ActionRequest, chosen: Template, heading: str) -> tuple[Earlier, Copy] | None:
    """The last note that gives something: of the same template; for one heading of any that has it."""
    forms: dict[str, Form | None] = {chosen.form.canonical or "": chosen.form}
    nothing: tuple[Earlier, Copy] | None = None
    for entry, note, response in await _signed(request, chosen.note):
        canonical = str(response.get("questionnaire") or "")
        same = bool(chosen.url) and canonical.partition("|")[0] == chosen.url
        if not same and heading == WHOLE:
            continue
        if canonical not in forms:
            made = await named(request.record, canonical)
            forms[canonical] = made.form if made is not None else None
        form = forms[canonical]
        if form is None:
            continue
        earlier = Earlier(entry, note, form, typed_fields.from_state(evaluate(form, response)))
        found = copied(earlier, chosen.form, heading)
        if found.taken:
            return earlier, found
        nothing = nothing or ((earlier, found) if found.left else None)
    return nothing


async def _signed(
    request: ActionRequest, own: str
) -> list[tuple[ResourceVersion, dict[str, Any], dict[str, Any]]]:
    """The signed notes of the own care provider that the writer may read, the last one first."""
    patient = request.chart.patient
    notes, responses = await request.record.find_many(
        [
            f"Composition?patient={patient}&status=final,amended&_sort=-date&_count={_AT_MOST}",
            f"QuestionnaireResponse?patient={patient}&status=completed&_sort=-authored&_count={_AT_MOST}",
        ]
    )
    provider = request.principal.assignment.provider
    behind = {one.id: fhir_json.loads(one.body) for one in responses.matches if one.body}
    return [
        (one, fhir_json.loads(one.body), behind[one.id])
        for one in notes.matches
        if one.body and one.provider == provider and one.id in behind and one.id != own
    ]


def said_of(request: ActionRequest, entry: ResourceVersion, note: Mapping[str, Any]) -> str:
    """When a note was written, by whom and where."""
    chart = request.chart
    by: Mapping[str, Any] = next(iter(note.get("author") or ()), {})
    name = chart.directory.name(by.get("reference"), by.get("display")).partition(",")[0]
    own = request.principal.assignment
    unit = own.unit_name if own.unit == entry.unit else chart.directory.unit(entry.unit)
    return ", ".join(filter(None, (str(note.get("date", ""))[:10], name, unit)))


async def readable(request: ActionRequest, found: Mapping[str, Source]) -> dict[str, Source]:
    """The sources that are signed notes which the writer may read now, as the record tells of them."""
    wanted = sorted({one.note.removeprefix("Composition/").partition("/")[0] for one in found.values()})
    if not wanted:
        return {}
    signed = f"_id={','.join(wanted)}&status=final,amended&_count={len(wanted)}"
    (page,) = await request.record.find_many([f"Composition?patient={request.chart.patient}&{signed}"])
    said = {one.id: said_of(request, one, fhir_json.loads(one.body)) for one in page.matches if one.body}
    return sources.known(found, said)
