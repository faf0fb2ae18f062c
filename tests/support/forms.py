"""Questionnaires for tests, written in as few words as they need."""

from __future__ import annotations

from typing import Any

from kontinuum.fhir.questionnaire import Form, compile_form, urls

SUBJECT = {"reference": "Patient/p-1"}
AUTHORED = "2026-03-12T09:30:00+01:00"


def expression(url: str, text: str, **more: Any) -> dict[str, Any]:
    """An extension that holds a FHIRPath expression."""
    return {"url": url, "valueExpression": {"language": "text/fhirpath", "expression": text, **more}}


def calculated(text: str) -> dict[str, Any]:
    """The extension for an answer that is calculated."""
    return expression(urls.CALCULATED, text)


def item(link: str, kind: str, *extensions: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An item with a text."""
    made: dict[str, Any] = {"linkId": link, "type": kind, "text": more.pop("text", link.upper()), **more}
    return {**made, "extension": list(extensions)} if extensions else made


def group(link: str, *items: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A group of items."""
    return item(link, "group", *more.pop("extensions", ()), item=list(items), **more)


def when(question: str, operator: str, **answer: Any) -> dict[str, Any]:
    """A condition: `when("a", "=", answerInteger=1)`."""
    return {"question": question, "operator": operator, **answer}


def coded(code: str, weight: Any = None) -> dict[str, Any]:
    """A choice, with what it counts."""
    option: dict[str, Any] = {"valueCoding": {"system": "urn:x", "code": code, "display": f"Svar {code}"}}
    return (
        option
        if weight is None
        else {"extension": [{"url": urls.ITEM_WEIGHT, "valueDecimal": weight}], **option}
    )


def questionnaire(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A Questionnaire of these items."""
    head = {"resourceType": "Questionnaire", "status": "active", "url": "urn:test:form", "title": "Prov"}
    return {**head, **more, "item": list(items)}


def form(*items: dict[str, Any], **more: Any) -> Form:
    """The compiled form of these items."""
    made = compile_form(questionnaire(*items, **more))
    assert isinstance(made, Form), made
    return made


def answered(link: str, **value: Any) -> dict[str, Any]:
    """An item of a response: `answered("a", valueInteger=1)`; several with a list under `answers`."""
    answers = value.pop("answers", None)
    return {"linkId": link, "answer": answers if answers is not None else [value]}


def within(link: str, *items: dict[str, Any]) -> dict[str, Any]:
    """A group of a response."""
    return {"linkId": link, "item": list(items)}


def response(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A finished QuestionnaireResponse of these items."""
    head = {
        "resourceType": "QuestionnaireResponse",
        "id": "r-1",
        "status": "completed",
        "subject": SUBJECT,
        "authored": AUTHORED,
        "author": {"reference": "Practitioner/d-1"},
    }
    made = {**head, **more}
    return {**made, "item": list(items)} if items else made
