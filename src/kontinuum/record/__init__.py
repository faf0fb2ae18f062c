"""The gate through which all patient data passes."""

from kontinuum.record.bundles import EntryResult
from kontinuum.record.drafts import Draft
from kontinuum.record.entries import ELSEWHERE
from kontinuum.record.existence import Access, Way, Withheld
from kontinuum.record.exporting import Exported, ExportPage
from kontinuum.record.gate import Gate, Record
from kontinuum.record.importing import Incoming
from kontinuum.record.law import Done, Law
from kontinuum.record.outcome import (
    Change,
    HistoryPage,
    Refusal,
    RefusalKind,
    SearchPage,
    Stored,
    Written,
)

__all__ = [
    "ELSEWHERE",
    "Access",
    "Change",
    "Done",
    "Draft",
    "EntryResult",
    "ExportPage",
    "Exported",
    "Gate",
    "HistoryPage",
    "Incoming",
    "Law",
    "Record",
    "Refusal",
    "RefusalKind",
    "SearchPage",
    "Stored",
    "Way",
    "Withheld",
    "Written",
]
