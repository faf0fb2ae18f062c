"""Each behaviour of the law has its page: text, provision, settings, and tests of both sides."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILT = (*range(1, 22), *range(24, 30), 34)
"""The numbers that are carried out; what comes later is added here."""


def sections(number: int) -> dict[str, list[str]]:
    """The lines of each section of a behaviour's page in docs/law."""
    text = (ROOT / "docs" / "law" / f"{number:02}.md").read_text("utf-8")
    found: dict[str, list[str]] = {}
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title, _, body = part.partition("\n")
        found[title] = [line for line in body.splitlines() if line]
    return found


@pytest.mark.parametrize("number", BUILT)
def test_a_rule_is_shown_from_both_sides(number: int) -> None:
    page = sections(number)
    for title in ("Provision", "Limits and settings", "Tests that permit", "Tests that refuse"):
        assert page.get(title), title
    for title in ("Tests that permit", "Tests that refuse"):
        for line in page[title]:
            file, words = re.fullmatch(r"- `(tests/[\w/]+\.py)`: (.+)", line).groups()  # type: ignore[union-attr]
            name = rf"def test_(rule_\d\d_)?{re.escape(words.replace(' ', '_'))}\("
            assert re.search(name, (ROOT / file).read_text("utf-8")), line


@pytest.mark.parametrize("number", [20, 24, 34])
def test_a_rule_is_named_by_a_test_of_either_side(number: int) -> None:
    files = sorted((ROOT / "tests").glob("**/test_*.py"))
    names = [name for file in files for name in re.findall(r"def (test_\w+)", file.read_text("utf-8"))]
    assert any(name.startswith(f"test_rule_{number:02}_permits_") for name in names)
    assert any(name.startswith(f"test_rule_{number:02}_refuses_") for name in names)
