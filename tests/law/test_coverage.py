"""Each rule that the law's decision carries out has a test that permits and one that refuses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kontinuum.access.catalogue import BEHAVIOURS

TESTS = Path(__file__).resolve().parents[1]


def named_after(number: int) -> list[str]:
    """The names of the tests that name a rule."""
    files = sorted(TESTS.glob("**/test_*.py"))
    names = [name for file in files for name in re.findall(r"def (test_\w+)", file.read_text("utf-8"))]
    return [name for name in names if f"rule_{number:02}_" in name]


@pytest.mark.parametrize("number", sorted(BEHAVIOURS))
def test_a_rule_is_shown_from_both_sides(number: int) -> None:
    names = named_after(number)
    assert any("permit" in name for name in names), names
    assert any("refuse" in name for name in names), names
