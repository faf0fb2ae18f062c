"""The packages that come with Kontinuum: HL7 Sweden's base profiles, and extensions that Kontinuum writes.

HL7 Sweden's (http://hl7.se/fhir/ig/base, CC0-1.0) are expressed here from their published FSH, under their
canonical URLs.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from kontinuum.profiles.packages import Package, read_package

_HERE = Path(__file__).parent / "shipped"


@cache
def shipped() -> tuple[Package, ...]:
    """Each package, read once a process."""
    return tuple(read_package(each) for each in sorted(_HERE.iterdir()) if each.is_dir())
