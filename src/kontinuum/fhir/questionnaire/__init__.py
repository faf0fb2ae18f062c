"""Forms: FHIR Questionnaires with the behaviour of Structured Data Capture.

http://hl7.org/fhir/R4/questionnaire.html, https://hl7.org/fhir/uv/sdc/. `compile_form` makes a `Form`;
`evaluate` says what is asked, calculated and wrong; `validate_response` holds a response to its form;
`extract` writes its answers as resources; `prefill` begins one; `render` gives it as text; `check` helps
authors.
"""

from kontinuum.fhir.questionnaire.checking import check
from kontinuum.fhir.questionnaire.evaluating import Context, State, evaluate, reevaluate
from kontinuum.fhir.questionnaire.extracting import extract, extracted_id, observed
from kontinuum.fhir.questionnaire.items import Form, Item
from kontinuum.fhir.questionnaire.occurrences import Answer, Occurrence
from kontinuum.fhir.questionnaire.parsing import compile_form
from kontinuum.fhir.questionnaire.prefilling import Prefilled, Taken, prefill
from kontinuum.fhir.questionnaire.problems import Problem
from kontinuum.fhir.questionnaire.rendering import (
    Line,
    display,
    incomplete,
    narrative,
    plain_text,
    render,
    sections,
)
from kontinuum.fhir.questionnaire.tracing import sections_of
from kontinuum.fhir.questionnaire.validating import validate_response

__all__ = [
    "Answer",
    "Context",
    "Form",
    "Item",
    "Line",
    "Occurrence",
    "Prefilled",
    "Problem",
    "State",
    "Taken",
    "check",
    "compile_form",
    "display",
    "evaluate",
    "extract",
    "extracted_id",
    "incomplete",
    "narrative",
    "observed",
    "plain_text",
    "prefill",
    "reevaluate",
    "render",
    "sections",
    "sections_of",
    "validate_response",
]
