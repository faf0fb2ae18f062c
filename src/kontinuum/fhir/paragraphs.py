"""Narrative XHTML as plain paragraphs, and as headings, texts and tables.

http://hl7.org/fhir/R4/narrative.html. Pure.

The text is kept letter for letter: nothing is trimmed inside a line, no character is exchanged, and markup
never reaches the page. A negation lost here would be a danger to the patient.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from itertools import groupby
from typing import Final, Literal

_HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_BLOCKS: Final = frozenset({"p", "div", "li", "ul", "ol", "tr", "table", "pre", "dt", "dd"}) | _HEADINGS
_CELLS: Final = frozenset({"td", "th"})
_BOLD: Final = frozenset({"b", "strong"})
_LIST_MARK: Final = "\N{EN DASH} "


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a text: a heading inside it, a paragraph, or a table by its rows.

    `titled`: the first row of the table says what its columns are.
    """

    kind: Literal["heading", "text", "table"]
    text: str = ""
    rows: tuple[tuple[str, ...], ...] = ()
    titled: bool = False


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    heading: bool = False
    cells: tuple[str, ...] = ()
    titles: bool = False
    table: int = 0


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[_Piece] = []
        self._current = ""
        self._preformatted = 0
        self._mark = ""
        self._bold = 0
        self._plain = False  # something stands outside of what is bold
        self._begins: list[int] = []  # where the cells of the row begin
        self._titles = True
        self._table = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self._current = self._current.rstrip(" ") + "\n"
        elif tag in _BLOCKS:
            self.close_paragraph()
        if tag == "pre":
            self._preformatted += 1
        if tag == "li":
            self._mark = _LIST_MARK
        if tag == "table":
            self._table += 1
        if tag in _BOLD or tag in _HEADINGS:
            self._bold += 1
        if tag in _CELLS:
            if self._current and not self._current.endswith(("\n", "\t")):
                self._current += "\t"
            self._begins.append(len(self._current))
            self._titles = self._titles and tag == "th"

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.close_paragraph(row=tag == "tr")
        if tag == "pre":
            self._preformatted -= 1
        if tag in _BOLD or tag in _HEADINGS:
            self._bold -= 1

    def handle_data(self, data: str) -> None:
        if not self._bold and data.strip():
            self._plain = True
        if self._preformatted:
            self._current += data
            return
        # White space of the markup itself collapses, as a browser would do; a hard space stays.
        words = data.replace("\r", " ").replace("\n", " ").replace("\t", " ")
        while "  " in words:
            words = words.replace("  ", " ")
        self._current += words.lstrip(" ") if not self._current or self._current[-1] in "\n " else words

    def close_paragraph(self, *, row: bool = False) -> None:
        text = self._current if self._preformatted else self._current.strip(" \n")
        if text:
            cells = self._cells() if row else ()
            heading = not self._plain and not cells and not self._mark
            titles = bool(cells) and self._titles
            self.pieces.append(_Piece(self._mark + text, heading, cells, titles, self._table))
            self._mark = ""
        self._current = ""
        self._plain = False
        self._begins = []
        self._titles = True

    def _cells(self) -> tuple[str, ...]:
        ends = [*self._begins[1:], len(self._current)]
        pairs = zip(self._begins, ends, strict=True)
        return tuple(self._current[begin:end].strip(" \n\t") for begin, end in pairs)


def _read(div: str) -> list[_Piece]:
    reader = _Reader()
    reader.feed(div)
    reader.close()
    reader.close_paragraph()
    return reader.pieces


def paragraphs(div: str) -> tuple[str, ...]:
    """The paragraphs of a narrative; a line break inside one is a newline, a list item begins with a dash."""
    return tuple(piece.text for piece in _read(div))


def blocks(div: str) -> tuple[Block, ...]:
    """The same text in the order of reading: a paragraph that is all bold is a heading, rows are a table."""
    return tuple(_blocks(_read(div)))


def _blocks(pieces: list[_Piece]) -> Iterator[Block]:
    for table, group in groupby(pieces, key=lambda piece: piece.table if piece.cells else 0):
        together = list(group)
        if table:
            rows = tuple(piece.cells for piece in together)
            yield Block("table", rows=rows, titled=together[0].titles and len(rows) > 1)
            continue
        for piece in together:
            yield Block("heading" if piece.heading else "text", piece.text)


def plain(text: str) -> tuple[Block, ...]:
    """A text that has no markup."""
    return (Block("text", text),) if text else ()
