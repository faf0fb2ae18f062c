"""Swedish identifiers: parse, check, write, mask. The public face of the package.

Every `parse` returns the identifier or a `Rejected` with a plain reason; none raises on any text.
"""

from collections.abc import Sequence
from datetime import date

from kontinuum.sweden import systems
from kontinuum.sweden.checks import check_digit, has_valid_check_digit
from kontinuum.sweden.faults import Fault, Rejected
from kontinuum.sweden.organisations import HsaId, OrganisationNumber
from kontinuum.sweden.persons import Personnummer, Samordningsnummer, Sex
from kontinuum.sweden.reserves import (
    DEFAULT_SCHEMES,
    LocalReserveNumber,
    LocalScheme,
    NationalReserveNumber,
    schemes_of,
)

__all__ = [
    "DEFAULT_SCHEMES",
    "Fault",
    "HsaId",
    "LocalReserveNumber",
    "LocalScheme",
    "NationalReserveNumber",
    "OrganisationNumber",
    "PersonIdentifier",
    "Personnummer",
    "Rejected",
    "Samordningsnummer",
    "Sex",
    "check_digit",
    "from_fhir",
    "has_valid_check_digit",
    "parse_person_identifier",
    "schemes_of",
    "to_fhir",
]

PersonIdentifier = Personnummer | Samordningsnummer | NationalReserveNumber | LocalReserveNumber
Identifier = PersonIdentifier | HsaId | OrganisationNumber


def parse_person_identifier(
    text: str, *, today: date, schemes: Sequence[LocalScheme] = DEFAULT_SCHEMES
) -> PersonIdentifier | Rejected:
    """Read whatever kind of person identifier the text is, in any common form.

    Tried in this order: personnummer, samordningsnummer, national reserve number, the region's own schemes.
    When none fits, the refusal is that of the personnummer, which is what most people meant to write.
    """
    as_personnummer = Personnummer.parse(text, today=today)
    if isinstance(as_personnummer, Personnummer):
        return as_personnummer
    others = (
        Samordningsnummer.parse(text, today=today),
        NationalReserveNumber.parse(text),
        *(scheme.parse(text) for scheme in schemes),
    )
    found = next((other for other in others if not isinstance(other, Rejected)), None)
    if found is not None:
        return found
    slips = (other for other in others if isinstance(other, Rejected) and other.fault is Fault.CHECK_DIGIT)
    # A samordningsnummer with a slip is "not a date" as a personnummer: its own reason is the useful one.
    return next(slips, as_personnummer)


def to_fhir(identifier: Identifier) -> dict[str, str]:
    """Write as a FHIR Identifier with system and value, http://hl7.org/fhir/R4/datatypes.html#Identifier."""
    return {"system": identifier.system, "value": identifier.value}


def from_fhir(
    identifier: dict[str, str], *, today: date, schemes: Sequence[LocalScheme] = DEFAULT_SCHEMES
) -> Identifier | Rejected | None:
    """Read a FHIR Identifier by its system, in any of the system's forms; None for a system not ours."""
    system = systems.canonical(identifier.get("system", ""))
    value = identifier.get("value", "")
    read = [scheme.parse(value) for scheme in schemes if scheme.system == system]
    if read:
        return next((each for each in read if not isinstance(each, Rejected)), read[0])
    match system:
        case systems.PERSONNUMMER:
            return Personnummer.parse(value, today=today)
        case systems.SAMORDNINGSNUMMER:
            return Samordningsnummer.parse(value, today=today)
        case systems.NATIONAL_RESERVE_NUMBER:
            return NationalReserveNumber.parse(value)
        case systems.HSA_ID:
            return HsaId.parse(value)
        case systems.ORGANISATION_NUMBER:
            return OrganisationNumber.parse(value)
    return None
