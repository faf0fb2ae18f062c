"""What is wrong with a resource, and how a FHIR server says so.

OperationOutcome: http://hl7.org/fhir/R4/operationoutcome.html
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from kontinuum.kernel.i18n import Phrase

__all__ = ["Issue", "Severity", "operation_outcome"]

Severity = Literal["fatal", "error", "warning", "information"]


@dataclass(frozen=True, slots=True)
class Issue:
    """One remark on a resource or request.

    http://hl7.org/fhir/R4/operationoutcome.html. `code` is from http://hl7.org/fhir/R4/valueset-issue-type.html;
    `location` is a FHIRPath such as `Observation.component[0].code`, None where the fault has no place.
    `phrase` is the message as a page says it in the reader's language, where it can reach one.
    """

    severity: Severity
    code: str
    message: str
    location: str | None = None
    phrase: Phrase | None = None

    @property
    def refuses(self) -> bool:
        """Whether the resource must not be taken because of this issue."""
        return self.severity in ("fatal", "error")


def operation_outcome(issues: Iterable[Issue]) -> dict[str, Any]:
    """Build the OperationOutcome that carries the issues, in their order.

    http://hl7.org/fhir/R4/operationoutcome.html: at least one issue is required, so without any it says
    that all went well (code `informational`), as the specification suggests.
    """
    return {"resourceType": "OperationOutcome", "issue": [_issue(issue) for issue in issues] or [_ALL_WELL]}


_ALL_WELL: dict[str, Any] = {
    "severity": "information",
    "code": "informational",
    "diagnostics": "All OK",
}


def _issue(issue: Issue) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "severity": issue.severity,
        "code": issue.code,
        "diagnostics": issue.message,
    }
    if issue.location is not None:
        entry["expression"] = [issue.location]
    return entry
