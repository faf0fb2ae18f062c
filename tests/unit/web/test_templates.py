"""What holds for every template."""

from __future__ import annotations

import re
from pathlib import Path

import kontinuum

ROOT = Path(kontinuum.__file__).parent
TEXTAREA = re.compile(r"<textarea\b(?:[^>{]|\{\{.*?\}\}|\{%.*?%\})*>(.*?)</textarea>", re.DOTALL)


def _losing(text: str) -> list[str]:
    """The texts of text areas whose first line break would be lost.

    A line feed right after the start tag is not part of the text (https://html.spec.whatwg.org/#the-pre-element).
    """
    return [inner for inner in TEXTAREA.findall(text) if inner and not inner.startswith("\n")]


def test_a_text_that_begins_with_a_line_break_keeps_it_in_every_text_area() -> None:
    templates = sorted(ROOT.rglob("*.html"))
    texts = {path: path.read_text() for path in templates}
    assert sum(len(TEXTAREA.findall(text)) for text in texts.values()) == sum(
        text.count("<textarea") for text in texts.values()
    )
    assert {str(path.relative_to(ROOT)): _losing(text) for path, text in texts.items() if _losing(text)} == {}
    refused = '<textarea name="a"{% if b > 1 %} rows="{{ n }}"{% endif %}>{{ text }}</textarea>'
    assert _losing(refused) == ["{{ text }}"]
