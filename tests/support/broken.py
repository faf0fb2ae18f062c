"""Resources broken in one place each, the same every time: for comparing what validators make of them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

Resource = dict[str, Any]
Break = Callable[[Random, dict[str, Any], str], bool]
"""Breaks an object at one of its keys, if it can."""


def broken(resources: Sequence[Resource], number: int, seed: int = 1) -> Iterator[tuple[str, Resource]]:
    """So many resources, each with the name of what was done to it at a random place."""
    rng = Random(seed)
    names = sorted(BREAKS)
    made = 0
    while made < number:
        name = names[made % len(names)]
        resource = copy.deepcopy(rng.choice(resources))
        places = list(_places(resource))
        rng.shuffle(places)
        if any(BREAKS[name](rng, holder, key) for holder, key in places):
            made += 1
            yield name, resource


def _places(value: Any) -> Iterator[tuple[dict[str, Any], str]]:
    if isinstance(value, dict):
        for key, child in value.items():
            if key not in ("resourceType", "div"):
                yield value, key
                yield from _places(child)
    elif isinstance(value, list):
        for child in value:
            yield from _places(child)


def _unknown(rng: Random, holder: dict[str, Any], key: str) -> bool:
    holder["colour" + rng.choice("ABC")] = "red"
    return True


def _left_out(rng: Random, holder: dict[str, Any], key: str) -> bool:
    del holder[key]
    return True


def _emptied(rng: Random, holder: dict[str, Any], key: str) -> bool:
    holder[key] = rng.choice(([], {}, "", None))
    return True


def _unpacked(rng: Random, holder: dict[str, Any], key: str) -> bool:
    if not isinstance(holder[key], list):
        return False
    holder[key] = holder[key][0]
    return True


def _packed(rng: Random, holder: dict[str, Any], key: str) -> bool:
    if isinstance(holder[key], list):
        return False
    holder[key] = [holder[key]]
    return True


def _another_kind(rng: Random, holder: dict[str, Any], key: str) -> bool:
    if isinstance(holder[key], str):
        holder[key] = rng.choice((7, True, {"text": "x"}))
    elif isinstance(holder[key], dict):
        holder[key] = rng.choice(("x", 7))
    elif not isinstance(holder[key], list):
        holder[key] = rng.choice(("x", {"value": 1}))
    else:
        return False
    return True


def _misspelt(rng: Random, holder: dict[str, Any], key: str) -> bool:
    value = holder[key]
    if not isinstance(value, str):
        return False
    if value[:4].isdigit() and "-" in value:
        holder[key] = rng.choice((f"{value[:4]}-13-01", f"{value}T", f" {value}", f"{value[:4]}/01/01"))
    elif key in ("status", "gender", "use", "code", "system", "id", "valueCode"):
        holder[key] = rng.choice(("xyzzy", "two words", "åäö", " x"))
    else:
        return False
    return True


def _twice(rng: Random, holder: dict[str, Any], key: str) -> bool:
    """Both forms of a choice."""
    for stem in ("value", "effective", "onset", "performed", "occurrence", "deceased"):
        if key.startswith(stem) and key != stem and key[len(stem)].isupper():
            other = {"valueString": "x", "valueBoolean": True}
            spare = {"effective": "Period", "onset": "Period", "performed": "Period"}
            extra = {f"{stem}{spare[stem]}": {"start": "2020"}} if stem in spare else other
            for name, value in extra.items():
                if name != key and stem in name:
                    holder[name] = value
                    return True
    return False


def _misled(rng: Random, holder: dict[str, Any], key: str) -> bool:
    if key != "reference" or not isinstance(holder[key], str):
        return False
    holder[key] = rng.choice(("Basic/1", "patient/1", "nowhere", "#missing", "Horse/1"))
    return True


BREAKS: dict[str, Break] = {
    "an element that is unknown": _unknown,
    "an element left out": _left_out,
    "an element emptied": _emptied,
    "a list unpacked": _unpacked,
    "a value put in a list": _packed,
    "a value of another kind": _another_kind,
    "a date or code misspelt": _misspelt,
    "both forms of a choice": _twice,
    "a reference misled": _misled,
}
