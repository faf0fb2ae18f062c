"""Narrative XHTML as plain paragraphs (http://hl7.org/fhir/R4/narrative.html). Pure.

The text is kept letter for letter: nothing is trimmed inside a line, no character is exchanged, and markup
never reaches the page. A negation lost here would be a danger to the patient.
"""

from __future__ import annotations

from html.parser import HTMLParser

_BLOCKS = frozenset(
    {"p", "div", "li", "ul", "ol", "tr", "table", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "dt", "dd"}
)
_LIST_MARK = "\N{EN DASH} "


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.paragraphs: list[str] = []
        self._current = ""
        self._preformatted = 0
        self._mark = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self._current = self._current.rstrip(" ") + "\n"
        elif tag in _BLOCKS:
            self.close_paragraph()
        if tag == "pre":
            self._preformatted += 1
        if tag == "li":
            self._mark = _LIST_MARK
        if tag in {"td", "th"} and self._current and not self._current.endswith(("\n", "\t")):
            self._current += "\t"

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.close_paragraph()
        if tag == "pre":
            self._preformatted -= 1

    def handle_data(self, data: str) -> None:
        if self._preformatted:
            self._current += data
            return
        # White space of the markup itself collapses, as a browser would do; a hard space stays.
        words = data.replace("\r", " ").replace("\n", " ").replace("\t", " ")
        while "  " in words:
            words = words.replace("  ", " ")
        self._current += words.lstrip(" ") if not self._current or self._current[-1] in "\n " else words

    def close_paragraph(self) -> None:
        text = self._current if self._preformatted else self._current.strip(" \n")
        if text:
            self.paragraphs.append(self._mark + text)
            self._mark = ""
        self._current = ""


def paragraphs(div: str) -> tuple[str, ...]:
    """The paragraphs of a narrative; a line break inside one is a newline, a list item begins with a dash."""
    reader = _Reader()
    reader.feed(div)
    reader.close()
    reader.close_paragraph()
    return tuple(reader.paragraphs)
