"""The keywords of nursing status by VIPS, and what nurses often plan below them.

Ehnfors, Ehrenberg and Thorell-Ekstrand, VIPS-boken. The words are those of Swedish records, so they are not
translated: they stand in the record as they are shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kontinuum.kernel.i18n import message

VIPS: Final = "urn:kontinuum:codes:vips"
KINDS: Final = "urn:kontinuum:codes:care-plan"
NURSING: Final = "nursing"
ACTIVITY: Final = "urn:kontinuum:codes:care-activity"

HEADINGS: Final[Mapping[str, str]] = {
    "communication": "Kommunikation",
    "knowledge": "Kunskap/utveckling",
    "breathing": "Andning/cirkulation",
    "nutrition": "Nutrition",
    "elimination": "Elimination",
    "skin": "Hud/vävnad",
    "activity": "Aktivitet",
    "sleep": "Sömn",
    "pain": "Smärta/sinnesintryck",
    "sexuality": "Sexualitet/reproduktion",
    "psychosocial": "Psykosocialt",
    "spiritual": "Andligt/kulturellt",
    "well-being": "Välbefinnande",
}

USUAL: Final = (
    "Skatta smärta med NRS i vila och rörelse",
    "Byt läge enligt vändschema, avlasta hälarna",
    "Inspektera hud över sakrum och hälar",
    "Lägg om sår",
    "Registrera mat och vätska",
    "Servera näringsdryck mellan målen",
    "Väg patienten",
    "Munvård",
    "Mobilisera till stol",
    "Gå i korridoren med stöd",
    "Andningsgymnastik med PEP",
    "Kontrollera KAD och ställningstagande till fortsatt behov",
    "Mät residualurin med ultraljud",
    "Kontrollera PVK: instick och datum",
    "Tillsyn: ringklocka, belysning och skor inom räckhåll",
    "Orientera till tid och plats, glasögon och hörapparat på",
    "Fråga om nattens sömn",
    "Samtal i lugn och ro",
    "Information till närstående",
)
"""What is proposed while one types an action."""

NEEDED: Final = "needed"
INTERVALS: Final[Mapping[str, str]] = {
    "1": message("Every day"),
    "2": message("Every other day"),
    "3": message("Every third day"),
    "7": message("Once a week"),
    NEEDED: message("When needed"),
}

ACHIEVEMENTS: Final[Mapping[str, str]] = {
    "achieved": message("Achieved"),
    "improving": message("On the way"),
    "no-change": message("Unchanged"),
    "not-achieved": message("Not achieved"),
}
"""http://terminology.hl7.org/CodeSystem/goal-achievement"""
