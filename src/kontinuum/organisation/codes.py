"""The codes of the staff directory: kinds of units, purposes, rights, licensed professions.

The same words stand in files, on pages and in resources; docs/organisation.md lists them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kontinuum.kernel.i18n import message
from kontinuum.kernel.principal import (
    BULK_EXPORT,
    DESTRUCTION,
    PRESCRIBING,
    PROTECTED_IDENTITY,
    TEMPLATES,
    TRANSCRIPTION,
    Purpose,
)

PROVIDER_TYPE: Final = "provider"

UNIT_TYPES: Final[Mapping[str, str]] = {
    PROVIDER_TYPE: message("care provider"),
    "hospital": message("hospital"),
    "clinic": message("outpatient clinic"),
    "ward": message("ward"),
    "emergency": message("emergency department"),
    "health-centre": message("health centre"),
    "laboratory": message("laboratory"),
    "imaging": message("imaging"),
    "pharmacy": message("pharmacy"),
    "home": message("care at home"),
    "office": message("office"),
    "unit": message("care unit"),
}
"""What kind of part of a care provider an organisation is."""

PURPOSES: Final[Mapping[Purpose, str]] = {
    Purpose.CARE: message("Care and treatment"),
    Purpose.ADMINISTRATION: message("Administration"),
    Purpose.QUALITY: message("Quality assurance"),
    Purpose.SUPERVISION: message("Supervision and log review"),
    Purpose.STATISTICS: message("Statistics"),
}
"""The purposes of an assignment of staff (patientdatalagen (2008:355) 2:4)."""

PURPOSE_TERMS: Final[Mapping[str, Purpose]] = {
    "vård och behandling": Purpose.CARE,
    "administration": Purpose.ADMINISTRATION,
    "kvalitetssäkring": Purpose.QUALITY,
    "tillsyn": Purpose.SUPERVISION,
    "uppföljning": Purpose.SUPERVISION,
    "tillsyn och uppföljning": Purpose.SUPERVISION,
    "uppföljning och loggranskning": Purpose.SUPERVISION,
    "statistik": Purpose.STATISTICS,
    **{one.value: one for one in PURPOSES},
}
"""How a directory names a purpose, in lower case, beside our own codes."""

RIGHTS: Final[Mapping[str, str]] = {
    PROTECTED_IDENTITY: message("see protected personal data"),
    DESTRUCTION: message("destroy records by decision"),
    BULK_EXPORT: message("order exports in bulk"),
    TEMPLATES: message("change note templates"),
    TRANSCRIPTION: message("write out dictations"),
    PRESCRIBING: message("prescribe medicines"),
}
"""What an assignment gives beyond its purpose: only what some rule asks for.

An emergency opening needs no right, so that nobody is stuck at night; the log is reviewed under the purpose
of supervision.
"""

PROFESSIONS: Final[Mapping[str, str]] = {
    "AP": message("pharmacist"),
    "AT": message("occupational therapist"),
    "AU": message("audiologist"),
    "BA": message("biomedical scientist"),
    "BM": message("midwife"),
    "DT": message("dietitian"),
    "FT": message("physiotherapist"),
    "HK": message("health care counsellor"),
    "KP": message("chiropractor"),
    "LG": message("speech therapist"),
    "LK": message("physician"),
    "NA": message("naprapath"),
    "OI": message("orthopaedic engineer"),
    "OP": message("optician"),
    "PS": message("psychologist"),
    "PT": message("psychotherapist"),
    "RC": message("dispensing pharmacist"),
    "RS": message("radiographer"),
    "SF": message("hospital physicist"),
    "SJ": message("nurse"),
    "TH": message("dental hygienist"),
    "TL": message("dentist"),
}
"""Licensed professions (legitimerad yrkesgrupp, urn:oid:1.2.752.116.3.1.3).

Patientsäkerhetslagen (2010:659) 4:1.
"""
