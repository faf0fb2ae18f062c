"""Code systems, value sets and concept maps: to look up, check, compare, list and suggest codes."""

from kontinuum.terminology.answers import (
    Branch,
    Coded,
    Expansion,
    Found,
    Match,
    NotKnown,
    Property,
    Refused,
    Subject,
    Subsumption,
    Translation,
    Validation,
)
from kontinuum.terminology.expanding import Page
from kontinuum.terminology.service import Terminology

__all__ = [
    "Branch",
    "Coded",
    "Expansion",
    "Found",
    "Match",
    "NotKnown",
    "Page",
    "Property",
    "Refused",
    "Subject",
    "Subsumption",
    "Terminology",
    "Translation",
    "Validation",
]
