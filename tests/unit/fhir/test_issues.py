"""Issues and the OperationOutcome that carries them."""

import pytest

from kontinuum.fhir.issues import Issue, operation_outcome


def test_an_issue_becomes_an_entry_with_severity_code_text_and_place() -> None:
    issue = Issue("error", "required", "Patient needs a name; add it", "Patient.name")
    assert operation_outcome([issue]) == {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": "required",
                "diagnostics": "Patient needs a name; add it",
                "expression": ["Patient.name"],
            }
        ],
    }


def test_an_issue_without_a_place_has_no_expression() -> None:
    (entry,) = operation_outcome([Issue("fatal", "structure", "not JSON")])["issue"]
    assert "expression" not in entry


def test_issues_keep_their_order() -> None:
    issues = [Issue("warning", "value", str(n)) for n in range(5)]
    assert [entry["diagnostics"] for entry in operation_outcome(issues)["issue"]] == list("01234")


def test_an_outcome_without_issues_says_that_all_is_well_since_one_issue_is_required() -> None:
    (entry,) = operation_outcome([])["issue"]
    assert entry["severity"] == "information"
    assert entry["code"] == "informational"


@pytest.mark.parametrize(
    ("severity", "refuses"), [("fatal", True), ("error", True), ("warning", False), ("information", False)]
)
def test_only_errors_refuse_a_resource(severity: str, refuses: bool) -> None:
    assert Issue(severity, "value", "text").refuses is refuses  # type: ignore[arg-type]
