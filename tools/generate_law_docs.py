"""Write docs/law/: one page for each behaviour of the law, from the rule objects and the tests that name it.

Without arguments it checks that the pages are what the rules and tests say; `--write` writes them anew.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from kontinuum.access.catalogue import BEHAVIOURS, RULES, rules_of
from kontinuum.access.project import AFTER_CONTACT, AFTER_REFERRAL
from kontinuum.kernel.provider_settings import BY_NAME, shown
from kontinuum.record import durations

DAY = 24 * 3600 * 1_000_000
HOUR = 3600 * 1_000_000

CONSTANT = "A constant of the program."

LIMITS: dict[int, tuple[str, ...]] = {
    7: (
        f"A unit takes part in the care for {AFTER_CONTACT // DAY} days after a contact or booking, and for "
        f"{AFTER_REFERRAL // DAY} days after a referral. {CONSTANT}",
        f"A relation that a write states lasts {durations.DOCUMENTED_FOR // HOUR} hours. {CONSTANT}",
    ),
    8: (f"A choice lasts {durations.CHOICE_FOR // HOUR} hours. {CONSTANT}",),
}
"""What is limited in time by constants in `record/durations.py` and `access/project.py`."""

SETTINGS = {
    7: ("relation_days",),
    10: ("lift_days_max",),
    14: ("consent_days",),
    15: ("opening_hours",),
    17: ("opening_hours",),
    19: ("log_years",),
    21: ("extract_names",),
}
"""The settings of a care provider on which a behaviour turns."""


def limits(number: int) -> list[str]:
    """Give what limits a behaviour in time, and the settings that say so."""
    lines = [f"- {text}" for text in LIMITS.get(number, ())]
    for name in SETTINGS.get(number, ()):
        setting = BY_NAME[name]
        lines.append(
            f"- Setting `{name}` of each care provider ({setting.title}): {setting.meaning} "
            f"Allowed: {setting.allowed} {setting.unit}".rstrip()
            + f". Unless decided otherwise: {shown(setting, setting.default)}."
        )
    return lines


def main(root: Path, *, write: bool) -> int:
    """Write the pages, or print which of them are not what they should be; gives 1 if there are any."""
    folder = root / "docs" / "law"
    wanted = dict(pages(root))
    if write:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.md"):
            old.unlink()
        for name, text in wanted.items():
            (folder / name).write_text(text, encoding="utf-8")
        return 0
    found = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    wrong = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
    for name in wrong:
        print(f"docs/law/{name}: not what rules and tests say; python tools/generate_law_docs.py --write")
    return 1 if wrong else 0


def pages(root: Path) -> Iterator[tuple[str, str]]:
    """Give the name and text of each page."""
    tests = named_tests(root)
    yield "README.md", index()
    for number in sorted(BEHAVIOURS):
        yield f"{number:02}.md", page(number, tests.get(number, []))


def index() -> str:
    """Give the page that leads to the others."""
    lines = [
        "# The law as behaviours",
        "",
        "One page for each behaviour that the access decision carries out: what it does, by which statute,",
        "and the tests that show it from both sides. Written by `tools/generate_law_docs.py` from rule",
        "objects in `src/kontinuum/access` and names of tests; `docs/decisions/0007-law.md` says why.",
        "",
        "| behaviour | rules |",
        "|---|---|",
    ]
    for number, text in sorted(BEHAVIOURS.items()):
        names = ", ".join(f"`{rule.name}`" for rule in rules_of(number)) or "in the gate's own acts"
        lines.append(f"| [{number}]({number:02}.md) {text.split('. ')[0].rstrip('.')} | {names} |")
    others = [rule for rule in RULES if not set(rule.numbers) & BEHAVIOURS.keys()]
    lines += ["", "Rules that serve other behaviours:", ""]
    lines += [f"- `{rule.name}`: {rule.reason.en} ({rule.provision})" for rule in others]
    return "\n".join(lines) + "\n"


def page(number: int, tests: list[tuple[str, str]]) -> str:
    """Give the page of one behaviour."""
    lines = [f"# {number}. {BEHAVIOURS[number].split('. ')[0].rstrip('.')}", "", BEHAVIOURS[number], ""]
    for rule in rules_of(number):
        summary = (type(rule).__doc__ or "").splitlines()[0]
        lines += [
            f"## `{rule.name}`",
            "",
            summary,
            "",
            f"- provision: {rule.provision}",
            f"- in words: {rule.reason.en}",
            f"- på svenska: {rule.reason.sv}",
            "",
        ]
    if limits(number):
        lines += ["## Limits and settings", "", *limits(number), ""]
    lines += ["## Tests", ""]
    lines += [f"- `{file}`: {name.removeprefix('test_').replace('_', ' ')}" for file, name in tests]
    return "\n".join(lines) + "\n"


def named_tests(root: Path) -> dict[int, list[tuple[str, str]]]:
    """Give the tests (file, name) that name each behaviour."""
    found: dict[int, list[tuple[str, str]]] = {}
    for file in sorted((root / "tests").glob("**/test_*.py")):
        for name in re.findall(r"def (test_\w+)\(", file.read_text(encoding="utf-8")):
            for number in re.findall(r"rule_(\d\d)_", name):
                found.setdefault(int(number), []).append((file.relative_to(root).as_posix(), name))
    return found


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parent.parent, write="--write" in sys.argv))
