"""ICD-10-SE and KVÅ as Socialstyrelsen publishes them: text tables and ClaML; ATC as a table.

ClaML: EN 14463, https://www.who.int/standards/classifications. ATC: https://atcddd.fhi.no/atc/structure_and_principles/,
a code's parent is its first 1, 3, 4 or 5 characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from xml.parsers import expat

from kontinuum.sweden import systems
from kontinuum.terminology.content import CodeSystem, Concept, ContentError, Name
from kontinuum.terminology.loading.tables import Advance, File, Row, files, rows

TABLE = {
    "code": ("kod", "code", "atc code", "atc-kod", "atckod", "icd-kod", "åtgärdskod"),
    "text": ("titel", "text", "benämning", "klartext", "namn", "name", "kodtext", "atc level name", "title"),
    "parent": ("överordnad kod", "överordnad", "parent", "förälder"),
    "latin": ("latin", "latinsk titel", "latinsk benämning"),
    "synonyms": ("synonymer", "synonym", "sökord", "synonyms"),
    "description": ("beskrivning", "beskrivningstext", "description"),
}
_ICD = re.compile(r"([A-Z]\d\d)(?:\.?([0-9A-Z][0-9A-Z]*))?[-+*†]?")
_RANGE = re.compile(r"([A-Z]\d\d)-([A-Z]\d\d)")
_ATC_LEVELS = (5, 4, 3, 1)


def read_icd(path: Path, version: str | None, advance: Advance) -> CodeSystem:
    """ICD-10-SE from a text table or ClaML; codes come with or without their dot and get it."""
    return _read(path, version, advance, (systems.ICD_10_SE, "ICD-10-SE", "ICD-10-SE"), icd_code, icd_parent)


def read_kva(path: Path, version: str | None, advance: Advance) -> CodeSystem:
    """KVÅ from a text table or ClaML."""
    about = (systems.KVA, "KVA", "Klassifikation av vårdåtgärder (KVÅ)")
    return _read(path, version, advance, about, str.upper, shorter_parent)


def read_atc(path: Path, version: str | None, advance: Advance) -> CodeSystem:
    """ATC from a table with code and name."""
    return _read(path, version, advance, (systems.ATC, "ATC", "ATC"), str.upper, atc_parent)


def icd_code(text: str) -> str:
    """A code of ICD-10 as it is written: `i109` becomes `I10.9`; chapters and blocks stay as they are."""
    code = text.strip().upper()
    match = _ICD.fullmatch(code)
    if match is None:
        return code
    return f"{match[1]}.{match[2]}" if match[2] else match[1]


class Codes:
    """The codes of a classification, and those of them that name a range (`I10-I15`)."""

    def __init__(self, codes: Iterable[str]) -> None:
        self.known = set(codes)
        self.ranges = [(match[1], match[2], each) for each in self.known if (match := _RANGE.fullmatch(each))]


def icd_parent(code: str, codes: Codes) -> str | None:
    """The nearest code above: `F43.8A` is below `F43.8`, that below `F43`, that below its block, if any."""
    known = codes.known
    is_range = _RANGE.fullmatch(code) is not None
    shorter = "" if is_range else code[:-1].rstrip(".")
    while len(shorter) >= 3:
        if shorter in known:
            return shorter
        shorter = shorter[:-1].rstrip(".")
    first, last = (match[1], match[2]) if (match := _RANGE.fullmatch(code)) else (code[:3], code[:3])
    blocks = [
        (_distance(begin, end), each)
        for begin, end, each in codes.ranges
        if each != code and begin <= first and last <= end
    ]
    return min(blocks)[1] if blocks else None


def _distance(first: str, last: str) -> int:
    return (ord(last[0]) - ord(first[0])) * 100 + int(last[1:]) - int(first[1:])


def atc_parent(code: str, codes: Codes) -> str | None:
    """The nearest level above that is there."""
    return next((code[:n] for n in _ATC_LEVELS if n < len(code) and code[:n] in codes.known), None)


def shorter_parent(code: str, codes: Codes) -> str | None:
    """The longest code that this one begins with."""
    return next((code[:n] for n in range(len(code) - 1, 0, -1) if code[:n] in codes.known), None)


Parent = Callable[[str, Codes], str | None]


def _read(
    path: Path,
    version: str | None,
    advance: Advance,
    about: tuple[str, str, str],
    as_code: Callable[[str], str],
    parent: Parent,
) -> CodeSystem:
    found = files(path, ".txt", ".csv", ".tsv", ".tab", ".xml")
    if not found:
        raise ContentError(f"{path}: holds no .txt, .csv, .tsv or .xml file.")
    if len(found) > 1:
        names = ", ".join(each.name for each in found[:5])
        raise ContentError(f"{path}: holds several files ({names}); name the one to load.")
    url, name, title = about
    in_file = None
    if found[0].name.lower().endswith(".xml"):
        concepts, in_file = read_claml(found[0], advance)
    else:
        concepts = _of_table(found[0], advance, as_code, parent)
    chosen = version or in_file
    if not chosen:
        raise ContentError(
            f"{path}: the file does not say which version it is; give --version, such as 2026."
        )
    return CodeSystem(
        url,
        chosen,
        name,
        title,
        concepts,
        publisher="WHO Collaborating Centre" if url == systems.ATC else "Socialstyrelsen",
        properties={"description": "string"},
    )


def _of_table(file: File, advance: Advance, as_code: Callable[[str], str], parent: Parent) -> list[Concept]:
    read: dict[str, tuple[Row, Concept]] = {}
    for row in rows(file, TABLE, ("code", "text"), advance, headless=("code", "text")):
        code = as_code(row["code"])
        if code in read:
            raise row.fault("code", f"'{code}' stood on line {read[code][0].line} already; remove one.")
        names = [Name("la", "synonym", row["latin"])] if row["latin"] else []
        names += (Name("sv", "synonym", each.strip()) for each in row["synonyms"].split("|") if each.strip())
        properties: dict[str, list[Any]] = {}
        if row["description"]:
            properties["description"] = [row["description"]]
        read[code] = (row, Concept(code, row["text"], (), names, properties))
    codes = Codes(read)
    for code, (row, concept) in read.items():
        given = as_code(row["parent"]) if row["parent"] else parent(code, codes)
        if given is not None and given not in codes.known:
            raise row.fault("parent", f"'{given}' is not a code of this file.")
        concept.parents = (given,) if given else ()
    return [concept for _, concept in read.values()]


def read_claml(file: File, advance: Advance) -> tuple[list[Concept], str | None]:
    """The classes of a ClaML file, and the version in its title."""
    reader = _Claml(file.name)
    with file.open() as binary:
        while piece := binary.read(1 << 20):
            advance(len(piece))
            reader.feed(piece)
    reader.close()
    return reader.concepts, reader.version


class _Claml:
    """Reads `Class` elements one by one; a file of any size needs no more than its concepts."""

    def __init__(self, name: str) -> None:
        self.concepts: list[Concept] = []
        self.version: str | None = None
        self._name = name
        self._class: Concept | None = None
        self._rubric = self._language = ""
        self._text: list[str] | None = None
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.EntityDeclHandler = self._refuse_entity

    def feed(self, piece: bytes) -> None:
        try:
            self._parser.Parse(piece)
        except expat.ExpatError as error:
            place = f"line {error.lineno}, column {error.offset + 1}"
            reason = expat.ErrorString(error.code)
            raise ContentError(f"{self._name}, {place}: not well-formed XML ({reason}).") from error

    def close(self) -> None:
        try:
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise ContentError(f"{self._name}, line {error.lineno}: the file is not complete.") from error
        if not self.concepts:
            raise ContentError(f"{self._name}: holds no ClaML Class; is it a ClaML file?")

    def _refuse_entity(self, *_: Any) -> None:
        raise ContentError(
            f"{self._name}, line {self._parser.CurrentLineNumber}: declares an entity, which is not taken."
        )

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        match tag:
            case "Title":
                self.version = attributes.get("version") or attributes.get("date")
            case "Class":
                code = attributes.get("code", "")
                if not code:
                    raise self._fault("a Class has no code")
                self._class = Concept(code, "", [])
                self._class.properties["kind"] = [attributes.get("kind", "category")]
                self._class.selectable = attributes.get("kind", "category") == "category"
            case "SuperClass" if self._class is not None:
                self._class.parents = [*self._class.parents, attributes.get("code", "")]
            case "Rubric":
                self._rubric = attributes.get("kind", "")
            case "Label" if self._class is not None:
                self._language = attributes.get("xml:lang", "")
                self._text = []

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)

    def _end(self, tag: str) -> None:
        match tag:
            case "Label" if self._class is not None and self._text is not None:
                self._add_label(self._class, " ".join("".join(self._text).split()))
                self._text = None
            case "Class" if self._class is not None:
                if not self._class.display:
                    raise self._fault(f"the Class {self._class.code} has no preferred Rubric")
                self.concepts.append(self._class)
                self._class = None

    def _add_label(self, concept: Concept, label: str) -> None:
        if self._rubric == "preferred" and not concept.display:
            concept.display = label
        elif self._rubric in ("preferred", "preferredLong", "inclusion", "synonym"):
            concept.names.append(Name(self._language, "synonym", label))
        elif self._rubric:
            concept.properties.setdefault(self._rubric, []).append(label)

    def _fault(self, message: str) -> ContentError:
        line, column = self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 1
        return ContentError(f"{self._name}, line {line}, column {column}: {message}.")
