"""The kinds of contact that are made here, their states, and where a patient is discharged to.

http://hl7.org/fhir/R4/v3/ActEncounterCode/vs.html, http://hl7.org/fhir/R4/valueset-encounter-status.html,
http://hl7.org/fhir/R4/valueset-encounter-discharge-disposition.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from kontinuum.kernel.i18n import message

SYSTEM: Final = "urn:kontinuum:codes:contact-kind"
ACT_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
DISPOSITION: Final = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
CANCELLATION: Final = "http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason"
PHYSICAL_TYPE: Final = "http://terminology.hl7.org/CodeSystem/location-physical-type"
ADMISSION: Final = "admission"
BED: Final = "bd"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of contact: its name, as the record is written in Swedish, and its class."""

    title: str
    swedish: str
    code: str
    display: str


KINDS: Final[Mapping[str, Kind]] = {
    "visit": Kind(message("Visit to the unit"), "Mottagningsbesök", "AMB", "ambulatory"),
    "unplanned": Kind(message("Unplanned visit"), "Oplanerat besök", "AMB", "ambulatory"),
    "telephone": Kind(message("Telephone call"), "Telefonkontakt", "VR", "virtual"),
    "video": Kind(message("Video visit"), "Videobesök", "VR", "virtual"),
    "home": Kind(message("Home visit"), "Hembesök", "HH", "home health"),
    ADMISSION: Kind(message("Admission"), "Vårdtillfälle", "IMP", "inpatient encounter"),
}
AT_ONCE: Final = ("unplanned", "telephone", "video", "home")
"""What is begun in one step from the chart."""
BOOKABLE: Final = ("visit", "telephone", "video", "home")

STATES: Final[Mapping[str, str]] = {
    "planned": message("Planned"),
    "arrived": message("Arrived"),
    "triaged": message("Triaged"),
    "in-progress": message("Under way"),
    "onleave": message("On leave"),
    "finished": message("Closed"),
    "cancelled": message("Cancelled"),
    "entered-in-error": message("Entered in error"),
    "unknown": message("State not known"),
}
BOOKING_STATES: Final[Mapping[str, str]] = {
    "proposed": message("Proposed"),
    "pending": message("Not confirmed"),
    "booked": message("Booked"),
    "arrived": message("Arrived"),
    "checked-in": message("Arrived"),
    "fulfilled": message("Has taken place"),
    "cancelled": message("Cancelled"),
    "noshow": message("Did not come"),
    "waitlist": message("On the waiting list"),
    "entered-in-error": message("Entered in error"),
}
DESTINATIONS: Final[Mapping[str, tuple[str, str]]] = {
    "home": (message("Home"), "Hemmet"),
    "oth": (message("Home with care at home"), "Hemmet med hemsjukvård"),
    "other-hcf": (message("Another hospital or ward"), "Annan vårdinrättning eller avdelning"),
    "rehab": (message("Rehabilitation"), "Rehabilitering"),
    "long": (message("Special housing"), "Särskilt boende"),
    "snf": (message("Short-term care"), "Korttidsboende"),
    "hosp": (message("Hospice or palliative care"), "Palliativ vård"),
    "aadvice": (message("Left against advice"), "På egen begäran, mot läkares inrådan"),
    "exp": (message("Deceased"), "Avliden"),
}
CANCELLED_BY: Final[Mapping[str, tuple[str, str]]] = {
    "pat": (message("Cancelled by the patient"), "Avbokat av patienten"),
    "prov": (message("Cancelled by us"), "Avbokat av vården"),
}
