"""Two windows with the same draft: what both wrote is kept. Pure.

A window says what each field that it changed held before. A field that only one of them changed takes that
change; where both changed a text, both texts stay, one below the other, and what one added above or below the
text that the other went on writing in stays there; where both changed anything else, the last one stands
and the other is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Fields = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Merged:
    """The merged fields; `both` names those that both windows changed, with what the other one holds."""

    fields: dict[str, list[str]]
    both: Mapping[str, Sequence[str]]


def merge(stored: Fields, mine: Fields, before: Fields | None, texts: frozenset[str]) -> Merged:
    """Merge what a window holds into what another one stored.

    `before` are the fields of this window as they were when it last agreed with the store, None where that is
    not known: every field that differs then counts as changed in both. `texts` are the fields of free text.
    """
    fields = {name: list(values) for name, values in stored.items() if values}
    both: dict[str, Sequence[str]] = {}
    for name in dict.fromkeys([*stored, *mine, *(before or {})]):
        theirs, own = list(stored.get(name, ())), list(mine.get(name, ()))
        base = None if before is None else list(before.get(name, ()))
        if own in (theirs, base):
            continue
        if base is not None and theirs == base:
            _put(fields, name, own)
            continue
        if not any(own) and before is None:
            continue
        both[name] = theirs
        _put(
            fields,
            name,
            [_joined(theirs, own, base or ())] if name in texts and any(theirs) and any(own) else own,
        )
    return Merged(fields, both)


def _put(fields: dict[str, list[str]], name: str, values: list[str]) -> None:
    if values:
        fields[name] = values
    else:
        fields.pop(name, None)


def _joined(theirs: Sequence[str], own: Sequence[str], base: Sequence[str]) -> str:
    first, second, before = "\n".join(theirs), "\n".join(own), "\n".join(base)
    if first in second:
        return second
    if second in first:
        return first
    if before and first.endswith(f"\n{before}"):
        return first.removesuffix(before) + second
    if before and first.startswith(f"{before}\n"):
        return second + first.removeprefix(before)
    return f"{first}\n{second}"
