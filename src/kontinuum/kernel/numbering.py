"""A region's own reserve numbers: the TOML file behind `KONTINUUM_RESERVE_NUMBERS_FILE`.

docs/patient-index.md explains every key. A key that is missing, unknown or wrong is told by scheme and name.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_TEXTS: Final = ("name", "system", "pattern", "shown")
_KNOWN: Final = frozenset({*_TEXTS, "prefix", "digits"})


@dataclass(frozen=True, slots=True)
class NumberScheme:
    """One kind of reserve number: its form, and the series of those that are given out here.

    `pattern` is matched against the whole number, upper case, without spaces and hyphens. A number given out
    is `prefix` and a running number of `digits` digits; with `digits` 0 none are given out.
    """

    name: str
    system: str
    pattern: str
    shown: str
    prefix: str = ""
    digits: int = 0


def read_schemes(path: Path) -> tuple[NumberScheme, ...] | tuple[str, ...]:
    """Read the file; either every scheme in it, or everything that is wrong with it, in words."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return (f"cannot be read as TOML: {error}",)
    rows = content.get("scheme")
    wrong = [f"there is no key {name!r} there" for name in content if name != "scheme"]
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        return (*wrong, "it must hold one [[scheme]] or more")
    wrong += [complaint for row in rows for complaint in _complaints(row)]
    named = [row.get("system") for row in rows]
    wrong += [f"the system {name!r} is there twice" for name in {n for n in named if named.count(n) > 1}]
    return tuple(wrong) if wrong else tuple(NumberScheme(**row) for row in rows)


def _complaints(row: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with one scheme."""
    name = f"scheme {row.get('name', '?')!r}"
    for key in row:
        if key not in _KNOWN:
            yield f"{name}: there is no key {key!r}"
    for key in _TEXTS:
        if not isinstance(row.get(key), str) or not row[key]:
            yield f"{name}: {key} is missing; it is a text"
    prefix, digits = row.get("prefix", ""), row.get("digits", 0)
    if not isinstance(prefix, str) or type(digits) is not int or not 0 <= digits <= 18:
        yield f"{name}: prefix must be a text and digits a whole number of at most 18"
        return
    try:
        pattern = re.compile(str(row.get("pattern", "")))
    except re.error as error:
        yield f"{name}: pattern is no regular expression: {error}"
        return
    if digits and not pattern.fullmatch(f"{prefix}{1:0{digits}d}"):
        yield f"{name}: {prefix}{1:0{digits}d}, the first number of the series, does not fit its pattern"
