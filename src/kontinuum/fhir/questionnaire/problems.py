"""What is wrong with an answer: a code that pages put into words, and words for everybody else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from kontinuum.fhir.issues import Issue, Severity

_MESSAGES: Final[Mapping[str, str]] = {
    "unknown-item": "The form has no item '{link}' here.",
    "order": "The items do not stand in the order of the form.",
    "item-repeats": "'{link}' stands here several times, but does not repeat.",
    "answer-in-group": "'{link}' is a group and has no answer of its own.",
    "answer-in-display": "'{link}' is a text and has no answer.",
    "item-outside-answer": "Items below the question '{link}' stand inside its answers.",
    "no-value": "The answer to '{link}' has no value.",
    "required": "'{link}' must be answered.",
    "too-few": "'{link}' needs at least {limit} answers.",
    "too-many": "'{link}' takes at most {limit} answers.",
    "type": "'{link}' is of the type {expected}; here is {given}.",
    "not-a-choice": "The answer to '{link}' is none of the choices.",
    "twice": "The same answer to '{link}' is given twice.",
    "exclusive": "One of the answers to '{link}' excludes all others.",
    "max-length": "The answer to '{link}' has {length} characters; at most {limit} are taken.",
    "min-length": "The answer to '{link}' has {length} characters; at least {limit} are needed.",
    "min-value": "The answer to '{link}' is below {limit}.",
    "max-value": "The answer to '{link}' is above {limit}.",
    "decimals": "The answer to '{link}' has more than {limit} decimals.",
    "control": "The answer to '{link}' holds a control character (U+{character:04X}), which no text may.",
    "regex": "The answer to '{link}' is not written as expected.",
    "unit": "The unit of '{link}' is none of those that are offered.",
    "blank": "The answer to '{link}' holds nothing but white space.",
    "constraint": "{human}",
    "expression": "An expression at '{link}' cannot be worked out: {reason}",
    "result": "What is calculated for '{link}' is no answer of its type: {given}.",
    "not-enabled": "'{link}' is answered though it is not asked.",
    "calculated": "The answer to '{link}' is not what is calculated.",
    "form": "The response is to the form {given}, not to {expected}.",
    "not-extracted": "The answer to '{link}' cannot be written as {target}.",
}

_ISSUE_TYPES: Final = {"required": "required", "unknown-item": "structure", "type": "value"}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a response.

    `link_id` is the item ("" for the whole), `location` a FHIRPath in the response where it has one, `values`
    what the words need.
    """

    link_id: str
    code: str
    location: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    severity: Severity = "error"

    @property
    def message(self) -> str:
        """The problem in English words."""
        return _MESSAGES[self.code].format(link=self.link_id, **self.values)

    def issue(self) -> Issue:
        """The problem as an issue of an OperationOutcome."""
        code = _ISSUE_TYPES.get(self.code, "invariant")
        return Issue(self.severity, code, self.message, self.location or None)
