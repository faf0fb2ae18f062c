"""Files of the staff directory, as an export of HSA is brought over: CSV with one row for each thing.

The shape is told in docs/organisation.md. Whatever is not understood is refused with the number of its line;
nothing is guessed and no column is passed over.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, TypeVar

from kontinuum.kernel.principal import Purpose
from kontinuum.organisation import codes
from kontinuum.organisation.model import Kind, Person, Record, Role, Unit
from kontinuum.organisation.resources import known_purpose
from kontinuum.sweden import identifiers
from kontinuum.sweden.organisations import HsaId, OrganisationNumber

T = TypeVar("T")

COLUMNS: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.PROVIDER: (
        "hsa_id",
        "name",
        "organisation_number",
        "street",
        "postal_code",
        "city",
        "phone",
        "from",
        "until",
    ),
    Kind.UNIT: (
        "hsa_id",
        "name",
        "parent",
        "type",
        "street",
        "postal_code",
        "city",
        "phone",
        "from",
        "until",
    ),
    Kind.PERSON: (
        "hsa_id",
        "given_name",
        "family_name",
        "personal_number",
        "protected",
        "profession",
        "prescriber_code",
        "phone",
    ),
    Kind.EMPLOYMENT: ("hsa_id", "person", "unit", "title", "position", "from", "until"),
    Kind.ASSIGNMENT: ("hsa_id", "person", "unit", "purpose", "rights", "title", "position", "from", "until"),
}
"""What each kind of row may hold, beside `kind` itself."""

NEEDED: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.PROVIDER: ("hsa_id", "name"),
    Kind.UNIT: ("hsa_id", "name", "parent"),
    Kind.PERSON: ("hsa_id", "family_name"),
    Kind.EMPLOYMENT: ("person", "unit"),
    Kind.ASSIGNMENT: ("person", "unit", "purpose"),
}

ALL_COLUMNS: Final = ("kind", *dict.fromkeys(name for names in COLUMNS.values() for name in names))
LONGEST_TEXT: Final = 500

_POSITION = re.compile(r"\d{6}")
_PRESCRIBER = re.compile(r"\d{7}")


@dataclass(frozen=True, slots=True)
class Line:
    """A thing of the directory and where it stood."""

    file: str
    number: int
    record: Record


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a line, and what would be right."""

    file: str
    number: int
    column: str
    reason: str

    def __str__(self) -> str:
        column = f", {self.column}" if self.column else ""
        return f"{self.file}, line {self.number}{column}: {self.reason}"


class _WrongError(Exception):
    """A value that is not allowed."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column, self.reason = column, reason


def read(file: str, data: bytes, *, today: date) -> Iterator[Line | Fault]:
    """Read a CSV file: UTF-8, with `;` or `,` between columns, names of columns in the first line."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = data[: error.start].count(b"\n") + 1
        yield Fault(file, number, "", "it is not UTF-8; save the file as CSV UTF-8")
        return
    head = text.partition("\n")[0]
    mark = ";" if head.count(";") >= head.count(",") else ","
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    try:
        names = [name.strip() for name in next(rows, [])]
        wrong = list(_wrong_columns(file, names))
        yield from wrong
        if wrong:
            return
        number = rows.line_num + 1
        for row in rows:
            if any(cell.strip() for cell in row):
                yield _line(file, number, names, row, today)
            number = rows.line_num + 1
    except csv.Error as error:
        yield Fault(file, rows.line_num, "", f"it cannot be read as CSV: {error}")


def _wrong_columns(file: str, names: list[str]) -> Iterator[Fault]:
    if "kind" not in names:
        yield Fault(
            file,
            1,
            "",
            f"the first line must name the columns, and one is 'kind'; known are {', '.join(ALL_COLUMNS)}",
        )
        return
    for name in names:
        if name not in ALL_COLUMNS:
            yield Fault(file, 1, name, f"there is no such column; known are {', '.join(ALL_COLUMNS)}")
        elif names.count(name) > 1:
            yield Fault(file, 1, name, "the column stands there twice")


def _line(file: str, number: int, names: list[str], row: list[str], today: date) -> Line | Fault:
    if len(row) != len(names):
        return Fault(file, number, "", f"it has {len(row)} columns, but the first line names {len(names)}")
    given = {name: cell.strip() for name, cell in zip(names, row, strict=True) if cell.strip()}
    try:
        kind = _one_of("kind", given.pop("kind", ""), {one.value: one for one in Kind})
    except _WrongError as error:
        return Fault(file, number, error.column, error.reason)
    found = read_row(kind, given, today)
    return replace(found, file=file, number=number) if isinstance(found, Fault) else Line(file, number, found)


def read_row(kind: Kind, given: Mapping[str, str], today: date) -> Record | Fault:
    """The thing that a row means: texts by column, without empty ones. A fault has no file and no line."""
    try:
        for name, text in given.items():
            if name not in COLUMNS[kind]:
                raise _WrongError(
                    name, f"a row of the kind '{kind}' has no such column, but '{text}' stands in it"
                )
            if len(text) > LONGEST_TEXT or not text.isprintable():
                reason = f"more than {LONGEST_TEXT} characters, or some that are not printed"
                raise _WrongError(name, reason)
        for name in NEEDED[kind]:
            if name not in given:
                raise _WrongError(name, "it is empty, and is needed")
        return _record(kind, given, today)
    except _WrongError as error:
        return Fault("", 0, error.column, error.reason)


def _record(kind: Kind, given: Mapping[str, str], today: date) -> Record:
    if kind is Kind.PERSON:
        return _person(given, today)
    start, end = _day(given, "from"), _day(given, "until")
    if start and end and end < start:
        raise _WrongError("until", "it lies before 'from'")
    if kind in (Kind.PROVIDER, Kind.UNIT):
        return Unit(
            hsa_id=_hsa_id(given, "hsa_id"),
            name=given["name"],
            type=codes.PROVIDER_TYPE if kind is Kind.PROVIDER else _unit_type(given),
            parent=None if kind is Kind.PROVIDER else _hsa_id(given, "parent"),
            organisation_number=_organisation_number(given),
            street=given.get("street"),
            postal_code=given.get("postal_code"),
            city=given.get("city"),
            phone=given.get("phone"),
            start=start,
            end=end,
        )
    return Role(
        person=_hsa_id(given, "person"),
        unit=_hsa_id(given, "unit"),
        purpose=_purpose(given) if kind is Kind.ASSIGNMENT else None,
        hsa_id=_hsa_id(given, "hsa_id") if "hsa_id" in given else None,
        rights=_several(given, "rights", codes.RIGHTS),
        title=given.get("title"),
        position=_shaped(given, "position", _POSITION, "six digits"),
        start=start,
        end=end,
    )


def _person(given: Mapping[str, str], today: date) -> Person:
    number = given.get("personal_number")
    if number is not None:
        parsed = identifiers.parse_person_identifier(number, today=today, schemes=())
        if not isinstance(parsed, identifiers.Personnummer | identifiers.Samordningsnummer):
            reason = parsed.reason if isinstance(parsed, identifiers.Rejected) else "It is a reserve number."
            raise _WrongError("personal_number", f"it is no personnummer or samordningsnummer. {reason}")
        number = parsed.value
    return Person(
        hsa_id=_hsa_id(given, "hsa_id"),
        given_name=given.get("given_name", ""),
        family_name=given["family_name"],
        personal_number=number,
        protected=_one_of("protected", given.get("protected", "no").lower(), _YES_NO),
        professions=_several(given, "profession", codes.PROFESSIONS),
        prescriber_code=_shaped(given, "prescriber_code", _PRESCRIBER, "seven digits"),
        phone=given.get("phone"),
    )


_YES_NO: Final = {"yes": True, "ja": True, "no": False, "nej": False}


def _one_of(column: str, text: str, known: Mapping[str, T]) -> T:
    if text not in known:
        raise _WrongError(column, f"'{text}' is not known; allowed is {', '.join(known)}")
    return known[text]


def _unit_type(given: Mapping[str, str]) -> str:
    kinds = {one: one for one in codes.UNIT_TYPES if one != codes.PROVIDER_TYPE}
    return _one_of("type", given.get("type", "unit"), kinds)


def _purpose(given: Mapping[str, str]) -> Purpose:
    purpose = known_purpose(given["purpose"])
    if purpose is None:
        known = ", ".join(codes.PURPOSE_TERMS)
        raise _WrongError(
            "purpose", f"'{given['purpose']}' is no purpose of staff in a health record; allowed is {known}"
        )
    return purpose


def _several(given: Mapping[str, str], column: str, known: Mapping[str, str]) -> tuple[str, ...]:
    parts = [part.strip() for part in given.get(column, "").split("|") if part.strip()]
    return tuple(sorted({_one_of(column, part, {code: code for code in known}) for part in parts}))


def _shaped(given: Mapping[str, str], column: str, shape: re.Pattern[str], words: str) -> str | None:
    text = given.get(column)
    if text is not None and not shape.fullmatch(text):
        raise _WrongError(column, f"'{text}' is not {words}")
    return text


def _hsa_id(given: Mapping[str, str], column: str) -> str:
    parsed = HsaId.parse(given[column])
    if not isinstance(parsed, HsaId):
        raise _WrongError(column, f"'{given[column]}' is not an HSA-id. {parsed.reason}")
    return parsed.value


def _organisation_number(given: Mapping[str, str]) -> str | None:
    if "organisation_number" not in given:
        return None
    parsed = OrganisationNumber.parse(given["organisation_number"])
    if not isinstance(parsed, OrganisationNumber):
        raise _WrongError("organisation_number", parsed.reason)
    return parsed.value


def _day(given: Mapping[str, str], column: str) -> date | None:
    text = given.get(column)
    if text is None:
        return None
    try:
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError:
        raise _WrongError(column, f"'{text}' is not a day, written 2026-03-31") from None
