"""The tour finds its way by the words of the pages: a word that is gone is found here, without walking it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FINDS = {"get_by_label", "get_by_role", "get_by_text"}
SAID = ("web/locale/sv/**/*.po", "care/**/*.json", "care/**/*.toml", "demo/data/*.toml", "**/*.py")


def _words(tree: ast.AST) -> Iterator[str]:
    """What is looked for: names of roles, labels, texts."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in FINDS:
            given = [] if call.func.attr == "get_by_role" else call.args
            for value in (*given, *(one.value for one in call.keywords if one.arg == "name")):
                inner = value.args[0] if isinstance(value, ast.Call) else value
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                    yield inner.value


def test_the_words_that_the_tour_looks_for_are_still_said() -> None:
    tour = (ROOT / "bench" / "tour_days.py").read_text("utf-8")
    wanted = set(_words(ast.parse(tour)))
    assert len(wanted) > 20, "the tour is read"
    source = ROOT / "src" / "kontinuum"
    said = " ".join(path.read_text("utf-8") for one in SAID for path in source.glob(one))
    typed = " ".join(re.findall(r'fill\(\s*"([^"]*)"', tour))
    parts = {part.strip() for word in wanted for part in re.split(r"[|:]", word)}
    gone = [part for part in parts if part not in said + typed and not part.isdigit()]
    assert gone == []
