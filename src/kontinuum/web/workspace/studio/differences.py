"""What is another between two versions of a template, as sentences a reader would say. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final

from kontinuum.kernel.i18n import message
from kontinuum.web.workspace.studio import editing, elements
from kontinuum.web.workspace.studio.editing import Place

ADDED: Final = message("Added: %(label)s")
REMOVED: Final = message("Removed: %(label)s")
RENAMED: Final = message("“%(before)s” is now called “%(after)s”")
MOVED: Final = message("Moved: %(label)s")
MOVED_BELOW: Final = message("Moved: %(label)s, now below “%(after)s”")
CHOICE_ADDED: Final = message("%(label)s: the choice “%(after)s” is new")
CHOICE_REMOVED: Final = message("%(label)s: the choice “%(before)s” is gone")
CHOICES_MOVED: Final = message("%(label)s: the choices stand in another order")
CHANGED: Final = message("%(label)s: %(what)s is “%(after)s”, was “%(before)s”")
ELSE: Final = message("%(label)s: something else was changed that is not shown here")
TITLE: Final = message("The template is called “%(after)s”, was “%(before)s”")
DESCRIPTION: Final = message("The description of the template is another")

PROPERTY_NAMES: Final[Mapping[str, str]] = {
    "kind": message("kind of answer"),
    "help": message("help text"),
    "required": message("must be filled in"),
    "unit": message("unit"),
    "min": message("smallest value"),
    "max": message("largest value"),
    "valueset": message("value set"),
    "calculated": message("calculation"),
    "initial": message("begins with"),
    "draws": message("drawn from the chart"),
    "enabled": message("shown when (expression)"),
    "becomes": message("becomes when signed"),
    "system": message("code system"),
    "code": message("code"),
    "display": message("name of the code"),
    "definition": message("element"),
    "conditions": message("shown when"),
}


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: a sentence, and the words in it. `what` is a property in `PROPERTY_NAMES`."""

    sentence: str
    label: str = ""
    before: str = ""
    after: str = ""
    what: str = ""


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """What is another in the new version, in the order of the new one, what is gone last."""
    made = []
    if old.get("title") != new.get("title"):
        made.append(Change(TITLE, before=old.get("title", ""), after=new.get("title", "")))
    if old.get("description") != new.get("description"):
        made.append(Change(DESCRIPTION))
    before, after = ({str(one.item.get("linkId")): one for one in editing.walk(dict(q))} for q in (old, new))
    moved = set(_moved(before, after))
    for link, place in after.items():
        if link not in before:
            made.append(Change(ADDED, label_of(place.item)))
            continue
        if link in moved:
            made.append(_move(before[link], place))
        made += _item(before[link].item, place.item)
    made += [Change(REMOVED, label_of(place.item)) for link, place in before.items() if link not in after]
    return made


def label_of(item: Mapping[str, Any]) -> str:
    """What an item is called."""
    return str(item.get("text") or item.get("linkId") or "")


def _link(place: Place | None) -> str:
    return "" if place is None else str(place.item.get("linkId"))


def _moved(before: Mapping[str, Place], after: Mapping[str, Place]) -> Iterator[str]:
    both = before.keys() & after.keys()
    for link in both:
        if _link(before[link].parent) != _link(after[link].parent):
            yield link
    for parent in {_link(after[link].parent) for link in both}:
        old, new = (
            [one for one, place in places.items() if one in both and _link(place.parent) == parent]
            for places in (before, after)
        )
        kept = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
        stay = {old[block.a + step] for block in kept for step in range(block.size)}
        yield from (link for link in new if link in old and link not in stay)


def _move(before: Place, after: Place) -> Change:
    if _link(before.parent) != _link(after.parent) and after.parent is not None:
        return Change(MOVED_BELOW, label_of(after.item), after=label_of(after.parent.item))
    return Change(MOVED, label_of(after.item))


def _item(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    label, found = label_of(new), False
    if label_of(old) != label:
        found = True
        yield Change(RENAMED, label, label_of(old), label)
    for name, one in elements.PROPERTIES.items():
        before, after = one.read(old), one.read(new)
        if name == "text" or before == after:
            continue
        found = True
        if name == "options":
            yield from _choices(label, before.splitlines(), after.splitlines())
        else:
            yield Change(CHANGED, label, before, after, name)
    conditions = [_conditions(item) for item in (old, new)]
    if conditions[0] != conditions[1]:
        found = True
        yield Change(CHANGED, label, conditions[0], conditions[1], "conditions")
    if not found and _own(old) != _own(new):
        yield Change(ELSE, label)


def _own(item: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key != "item"}


def _conditions(item: Mapping[str, Any]) -> str:
    found = [f"{one.question} {one.operator} {one.answer}".strip() for one in editing.conditions(item)]
    return f" {item.get('enableBehavior', '')} ".join(found)


def _choices(label: str, before: list[str], after: list[str]) -> Iterator[Change]:
    yield from (Change(CHOICE_ADDED, label, after=one) for one in after if one not in before)
    yield from (Change(CHOICE_REMOVED, label, before=one) for one in before if one not in after)
    if sorted(before) == sorted(after):
        yield Change(CHOICES_MOVED, label)
