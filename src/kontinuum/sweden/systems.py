"""The URIs under which Swedish identifiers and code systems travel.

HL7 Sweden's base profiles (http://hl7.se/fhir/ig/base) fix the FHIR forms; the RIVTA service contracts
use bare object identifiers for the same things. `canonical` turns every known form into the one that this
server stores, so that a search finds a unit whichever form a client uses.
"""

from typing import Final

PERSONNUMMER: Final = "http://electronichealth.se/identifier/personnummer"
SAMORDNINGSNUMMER: Final = "http://electronichealth.se/identifier/samordningsnummer"
NATIONAL_RESERVE_NUMBER: Final = "http://electronichealth.se/identifier/nationelltReservnummer"
STOCKHOLM_RESERVE_NUMBER: Final = "urn:oid:1.2.752.97.3.1.3"
LMA_NUMBER: Final = "http://electronichealth.se/identifier/LMA-nummer"

HSA_ID: Final = "urn:oid:1.2.752.29.4.19"
"""HSA-id as HL7 Sweden's FHIR profiles write it: the form that FHIR channels emit."""
HSA_ID_RIVTA: Final = "urn:oid:1.2.752.129.2.1.4.1"
"""HSA-id as the RIVTA contracts write it."""
HSA_ID_FORMS: Final = frozenset({HSA_ID, HSA_ID_RIVTA})
ORGANISATION_NUMBER: Final = "urn:oid:2.5.4.97"

LICENCE: Final = "urn:oid:1.2.752.116.3.1.1"
PRESCRIBER_CODE: Final = "urn:oid:1.2.752.116.3.1.2"
LICENSED_PROFESSION: Final = "urn:oid:1.2.752.116.3.1.3"
POSITION: Final = "urn:oid:1.2.752.129.2.2.1.4"
NOTE_TYPE: Final = "urn:oid:1.2.752.129.2.2.2.11"

ICD_10_SE: Final = "urn:oid:1.2.752.116.1.1.1.1.3"
"""As the RIVTA contracts write it; Socialstyrelsen has others for its code texts and its book."""
KVA: Final = "urn:oid:1.2.752.116.1.3.2.1.4"
NPU: Final = "urn:oid:1.2.752.108.1"
ATC: Final = "http://www.whocc.no/atc"
NPL_ID: Final = "urn:oid:1.2.752.129.2.1.5.1"
NPL_PACKAGE_ID: Final = "http://electronichealth.se/identifier/nplpackid"
SNOMED_CT: Final = "http://snomed.info/sct"
SNOMED_CT_SE: Final = "http://snomed.info/sct/45991000052106"
"""The Swedish edition, as a version of `SNOMED_CT`."""
LOINC: Final = "http://loinc.org"
UCUM: Final = "http://unitsofmeasure.org"

SECURITY_LABEL: Final = "http://hl7.se/fhir/ig/base/CodeSystem/SecurityLabel"
"""HL7 Sweden's labels for protected identity, carried in `Patient.meta.security`."""
CONFIDENTIALITY_MARK: Final = "sekretessmarkering"
"""Code in `SECURITY_LABEL`: marked as confidential, offentlighets- och sekretesslagen (2009:400) 22:1."""
PROTECTED_REGISTRATION: Final = "skyddadFolkbokforing"
"""Code in `SECURITY_LABEL`: protected population registration, folkbokföringslagen (1991:481) 16-17 g §§."""

BASE_PROFILE: Final = "http://hl7.se/fhir/ig/base/StructureDefinition/SEBase"
"""HL7 Sweden's base profiles begin like this; the type follows (`SEBasePatient`)."""
MIDDLE_NAME: Final = "http://hl7.se/fhir/ig/base/StructureDefinition/SEBaseMiddleNameExtension"
OFFICIAL_ADDRESS_TYPE: Final = "http://hl7.se/fhir/ig/base/StructureDefinition/SEBaseAddressPersonExtension"
NAME_QUALIFIER: Final = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-qualifier"
"""Extension on a given name; the code `CL` marks the name that the person is called by (tilltalsnamn)."""
REGISTERED_ADDRESS: Final = "63381000052101"
"""Folkbokföringsadress, SNOMED CT Swedish edition."""
SPECIAL_POSTAL_ADDRESS: Final = "63391000052104"
"""Särskild postadress, SNOMED CT Swedish edition."""
STATED_ADDRESS: Final = "63411000052104"
"""Uppgiven adress, SNOMED CT Swedish edition."""

ASSIGNMENT_PURPOSE: Final = "urn:kontinuum:structure:assignment-purpose"
"""Our extension on PractitionerRole: the purpose of a medarbetaruppdrag, a code of patientdatalagen 2:4."""
ASSIGNMENT_RIGHT: Final = "urn:kontinuum:structure:assignment-right"
"""Our extension on PractitionerRole, repeated: a right that a medarbetaruppdrag gives beyond its purpose."""
ORGANIZATION_PERIOD: Final = "http://hl7.org/fhir/StructureDefinition/organization-period"
"""FHIR's own extension on Organization: from when until when it exists."""
UNIT_TYPE: Final = "urn:kontinuum:codes:unit-type"
"""Our codes in `Organization.type`: what kind of part of a care provider an organisation is."""

DECEASED_SOURCE: Final = "urn:kontinuum:structure:deceased-source"
"""Our extension on Patient.deceased[x]: who said so, a code of `DECEASED_SOURCES`."""
DECEASED_SOURCES: Final = ("population-register", "death-certificate", "stated")
ROLE_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
REPRESENTATION: Final = "urn:kontinuum:code:representation"
"""Our codes for those who act for somebody by Swedish law and have no code of HL7's: god-man, forvaltare,
ombud (föräldrabalken 11 kap.)."""
INFORMATION_GIVEN: Final = "urn:kontinuum:codes:information-given"
"""Our codes in `Communication.category`: what a patient has been told and may take a stand on."""
CONSENT_KIND: Final = "urn:kontinuum:codes:consent-kind"
"""Our codes in `Consent.category`: what a patient decides about who may read (FHIR has none for blocks)."""
INFORMATION_TYPE: Final = "urn:kontinuum:codes:information-type"
"""Our codes in `Consent.provision.class`: groups of information that a decision covers or leaves out."""

_CANONICAL: Final = {
    HSA_ID_RIVTA: HSA_ID,
    "urn:oid:1.2.752.129.2.1.3.1": PERSONNUMMER,
    "urn:oid:1.2.752.129.2.1.3.3": SAMORDNINGSNUMMER,
    "urn:oid:1.2.752.129.2.2.3.1.1": ATC,
    "http://hl7.org/fhir/sid/icd-10-se": ICD_10_SE,
    "urn:oid:1.2.752.116.1.1.1": ICD_10_SE,
    "urn:oid:1.2.752.116.1.1.1.1.8": ICD_10_SE,
}


def canonical(system: str) -> str:
    """Give the stored form of a system URI; a bare object identifier is read as its `urn:oid:` form.

    RIVTA and HL7 Sweden name the same systems differently; an unknown system is returned as it is.
    """
    uri = f"urn:oid:{system}" if system[:1].isdigit() else system
    return _CANONICAL.get(uri, uri)


def forms(system: str) -> tuple[str, ...]:
    """Every known form of a system URI, the stored one first."""
    stored = canonical(system)
    return (stored, *(form for form, meant in _CANONICAL.items() if meant == stored))
