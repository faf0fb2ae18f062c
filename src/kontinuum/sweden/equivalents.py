"""The forms in which one identifier may have been written, so that a search finds it in all of them.

What is stored stays as it was written. A search for one form is therefore a search for every form that reads
back as the same identifier: 12 and 10 digits, `-` and `+`, both URIs of HSA-id.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache

from kontinuum.sweden import systems
from kontinuum.sweden.faults import Rejected
from kontinuum.sweden.identifiers import (
    DEFAULT_SCHEMES,
    HsaId,
    Identifier,
    LocalReserveNumber,
    LocalScheme,
    NationalReserveNumber,
    OrganisationNumber,
    Personnummer,
    Samordningsnummer,
    from_fhir,
    parse_person_identifier,
)

Token = tuple[str | None, str]
"""(system, value) of an identifier; None for any system."""


def equivalents(
    system: str | None, value: str, *, today: date, schemes: Sequence[LocalScheme] = DEFAULT_SCHEMES
) -> tuple[Token, ...]:
    """Every form of an identifier, the one that was given first; only that one when it is not Swedish.

    `system` None is any system. A value that its system refuses keeps its form; only the system varies.
    """
    return _equivalents(system, value, today, tuple(schemes))


@lru_cache(maxsize=4096)
def _equivalents(
    system: str | None, value: str, today: date, schemes: tuple[LocalScheme, ...]
) -> tuple[Token, ...]:
    read = read_any(system, value, today, schemes)
    values = [value] if read is None else [value, *written_forms(read, today, schemes)]
    uris = [None] if system is None else [system, *systems.forms(system)]
    return tuple(dict.fromkeys((uri, each) for uri in uris for each in values))


def read_any(
    system: str | None, value: str, today: date, schemes: Sequence[LocalScheme]
) -> Identifier | None:
    """The identifier that a value is, under its system or under any; None when it is none of ours."""
    if system is not None:
        found = from_fhir({"system": system, "value": value}, today=today, schemes=schemes)
        return None if isinstance(found, Rejected) else found
    tried = (
        parse_person_identifier(value, today=today, schemes=schemes),
        HsaId.parse(value),
        OrganisationNumber.parse(value),
    )
    return next((each for each in tried if not isinstance(each, Rejected)), None)


def written_forms(
    identifier: Identifier, today: date, schemes: Sequence[LocalScheme] = DEFAULT_SCHEMES
) -> tuple[str, ...]:
    """The ways in which an identifier is written, the stored one first; each reads back as the same."""
    value = identifier.value
    match identifier:
        case Personnummer() | Samordningsnummer():
            head, tail = value[:8], value[8:]
            found = [value, f"{head}-{tail}", f"{head}+{tail}", value[2:], f"{head[2:]}-{tail}"]
            found.append(f"{head[2:]}+{tail}")
        case NationalReserveNumber():
            found = [value, identifier.formatted(), value.lower(), identifier.formatted().lower()]
        case LocalReserveNumber():
            found = [value, identifier.formatted(), f"{value[:8]}-{value[8:]}"]
        case OrganisationNumber():
            found = [value, identifier.formatted(), f"16{value}", f"16{identifier.formatted()}"]
        case HsaId():
            found = [value, value.lower()]
    system = identifier.system
    return tuple(
        text for text in dict.fromkeys(found) if read_any(system, text, today, schemes) == identifier
    )
