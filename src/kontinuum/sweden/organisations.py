"""Identifiers of organisations and of those who work there: organisationsnummer and HSA-id."""

import re
from dataclasses import dataclass
from typing import ClassVar, Self

from kontinuum.sweden import systems
from kontinuum.sweden.checks import has_valid_check_digit
from kontinuum.sweden.faults import Fault, Rejected

HSA_ID_MAX_LENGTH = 31

_HSA_ID = re.compile(r"SE\d{10}-[0-9A-Z]+")


@dataclass(frozen=True, slots=True)
class OrganisationNumber:
    """Organisationsnummer, lag (1974:174); check digit and form after SKV 709. `value`: ten digits.

    The third digit is at least 2, which keeps it apart from a personnummer. A sole trader's number is the
    owner's personnummer and is not read here.
    """

    value: str

    kind: ClassVar[str] = "organisationsnummer"
    system: ClassVar[str] = systems.ORGANISATION_NUMBER

    @classmethod
    def parse(cls, text: str) -> Self | Rejected:
        """Read ten digits, or twelve with the prefix 16, with or without hyphen and spaces."""
        compact = re.sub(r"[\s\u00a0-]", "", text)
        if not compact:
            return Rejected(cls.kind, Fault.EMPTY, "It is empty.")
        if not re.fullmatch("[0-9]+", compact):
            return Rejected(cls.kind, Fault.CHARACTERS, "It has characters other than digits and '-'.")
        if len(compact) == 12 and compact.startswith("16"):
            compact = compact[2:]
        if len(compact) != 10:
            return Rejected(cls.kind, Fault.LENGTH, f"It has {len(compact)} digits; 10 are needed.")
        if int(compact[2]) < 2:
            return Rejected(cls.kind, Fault.FORMAT, "Its third digit is below 2, as in a personnummer.")
        if not has_valid_check_digit(compact):
            reason = "The last digit does not agree with the others: look for a slip."
            return Rejected(cls.kind, Fault.CHECK_DIGIT, reason)
        return cls(compact)

    def formatted(self) -> str:
        """Write for people: `NNNNNN-NNNN`."""
        return f"{self.value[:6]}-{self.value[6:]}"

    def __str__(self) -> str:
        return self.formatted()


@dataclass(frozen=True, slots=True)
class HsaId:
    """HSA-id: `SE`, ten digits, a hyphen, letters and digits; at most 31 characters. `value`: upper case.

    Both `urn:oid:1.2.752.29.4.19` (HL7 Sweden) and `urn:oid:1.2.752.129.2.1.4.1` (RIVTA) name the system.
    """

    value: str

    kind: ClassVar[str] = "HSA-id"
    system: ClassVar[str] = systems.HSA_ID

    @classmethod
    def parse(cls, text: str) -> Self | Rejected:
        """Read an HSA-id in either case, with surrounding space."""
        compact = text.strip().upper()
        if not compact:
            return Rejected(cls.kind, Fault.EMPTY, "It is empty.")
        if len(compact) > HSA_ID_MAX_LENGTH:
            reason = f"It has {len(compact)} characters; at most {HSA_ID_MAX_LENGTH} are allowed."
            return Rejected(cls.kind, Fault.LENGTH, reason)
        if not _HSA_ID.fullmatch(compact):
            reason = "It is not SE, ten digits, a hyphen, and then letters A-Z and digits."
            return Rejected(cls.kind, Fault.FORMAT, reason)
        return cls(compact)

    @property
    def organisation_digits(self) -> str:
        """The ten digits after `SE`: the organisationsnummer of who issued the id."""
        return self.value[2:12]

    def formatted(self) -> str:
        """Write for people: as it is."""
        return self.value

    def __str__(self) -> str:
        return self.value


def issuer(hsa_id: str) -> str:
    """Who issued an HSA-id: its part before the hyphen, `SE` and an organisation number."""
    return hsa_id.partition("-")[0]
