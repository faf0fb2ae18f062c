"""The gate through which all patient data passes."""

from kontinuum.record.bundles import EntryResult
from kontinuum.record.exporting import Exported, ExportPage
from kontinuum.record.gate import Gate, Record
from kontinuum.record.importing import Incoming
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
    "Change",
    "EntryResult",
    "ExportPage",
    "Exported",
    "Gate",
    "HistoryPage",
    "Incoming",
    "Record",
    "Refusal",
    "RefusalKind",
    "SearchPage",
    "Stored",
    "Written",
]
