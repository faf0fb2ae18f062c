"""Rule 6: who may change what colleagues write their notes in, and that somebody else reviewed it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kontinuum.access.tools import ACTOR
from kontinuum.fhir.patch import JsonPatch, parse_json_patch
from kontinuum.kernel.principal import TEMPLATES, ActorKind, Purpose
from kontinuum.record import Incoming, Record, Refusal, RefusalKind, Stored, Written
from kontinuum.sweden import systems
from tests.law.cast import ADMINISTRATOR, NURSE, PATIENT, SYSTEM_A, TREATING, UNIT_A, UNIT_C, someone
from tests.law.conftest import Region, refused
from tests.support.resources import bundle, request

AUTHOR = someone("author", UNIT_A, ActorKind.STAFF, Purpose.CARE, TEMPLATES)
REVIEWER = someone("reviewer", UNIT_A, ActorKind.STAFF, Purpose.CARE, TEMPLATES)
FOREIGN = someone("foreign", UNIT_C, ActorKind.STAFF, Purpose.CARE, TEMPLATES)
LENT = someone("lent", UNIT_A, ActorKind.SYSTEM, Purpose.CARE)
URL = "urn:example:form"


def step(what: str, who: str, of: str = "") -> dict[str, Any]:
    parts = {"what": what, "who": who, "of": of}
    said = [{"url": name, "valueString": text} for name, text in parts.items() if text]
    at = {"url": "at", "valueDateTime": "2026-11-22T10:00:00+01:00"}
    return {"url": "urn:kontinuum:template-life", "extension": [*said, at]}


def form(*steps: dict[str, Any], identity: str = "form", **changes: Any) -> dict[str, Any]:
    """A template; without steps one that nobody has written in."""
    said = {"extension": list(steps)} if steps else {}
    return {
        "resourceType": "Questionnaire",
        "id": identity,
        "url": URL,
        "version": "1",
        **said,
        "status": "draft",
    } | changes


def library(unit: str = "", owner: str = "", **changes: Any) -> dict[str, Any]:
    named = [("venue", systems.HSA_ID, unit), ("user", ACTOR, owner)]
    contexts = [
        {"code": {"code": kind}, "valueCodeableConcept": {"coding": [{"system": system, "code": code}]}}
        for kind, system, code in named
        if code
    ]
    told = {"resourceType": "Library", "id": "form", "status": "active", "type": {"text": "fras"}}
    return {**told, **({"useContext": contexts} if contexts else {}), **changes}


def without_id(resource: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in resource.items() if name != "id"}


def patch(value: str) -> JsonPatch:
    parsed = parse_json_patch([{"op": "add", "path": "/title", "value": value}])
    assert isinstance(parsed, JsonPatch)
    return parsed


Way = Callable[[Record, dict[str, Any]], Awaitable[Any]]
NEW: dict[str, Way] = {
    "create": lambda r, q: r.create(without_id(q)),
    "conditional create": lambda r, q: r.create(without_id(q), if_none_exist="url=urn:none"),
    "update": lambda r, q: r.update(q["resourceType"], q["id"], q),
    "conditional update": lambda r, q: r.conditional_update(q["resourceType"], "url=urn:none", without_id(q)),
    "import": lambda r, q: r.take_in([Incoming(q)]),
    "transaction": lambda r, q: r.transaction(
        bundle("transaction", request("POST", q["resourceType"], without_id(q)))
    ),
    "batch": lambda r, q: r.batch(bundle("batch", request("PUT", f"{q['resourceType']}/{q['id']}", q))),
}
CHANGED: dict[str, Way] = {
    "patch": lambda r, q: r.patch(q["resourceType"], q["id"], patch("Annan")),
    "conditional patch": lambda r, q: r.conditional_patch(
        q["resourceType"], f"_id={q['id']}", patch("Annan")
    ),
    "delete": lambda r, q: r.delete(q["resourceType"], q["id"]),
    "conditional delete": lambda r, q: r.conditional_delete(q["resourceType"], f"_id={q['id']}"),
}


def outcome(result: Any) -> Any:
    """A refusal, or what was written."""
    one = result[0] if isinstance(result, list) else result
    return getattr(one, "refusal", None) or getattr(one, "written", None) or one


@pytest.mark.parametrize(
    "tool", [form(step("write", "treating")), library(UNIT_A)], ids=["template", "phrase"]
)
async def test_rule_06_refuses_staff_without_the_right_to_write_templates_and_the_units_tools(
    region: Region, tool: dict[str, Any]
) -> None:
    for exists in (False, True):
        if exists:
            await region.write(UNIT_A, tool)
        for name, way in (NEW | CHANGED if exists else NEW).items():
            wanted = {**tool, "title": "Deras"}
            for who in (TREATING, ADMINISTRATOR, LENT, PATIENT):
                refusal = refused(outcome(await way(region.record(who), wanted)))
                assert refusal.kind is RefusalKind.FORBIDDEN, (name, who.actor.id, refusal)
                assert who is PATIENT or "“change note templates”" in refusal.issues[0].message, name
    assert len(await region.finds(SYSTEM_A, tool["resourceType"])) == 1
    kept = await region.record(SYSTEM_A).read(tool["resourceType"], "form")
    assert isinstance(kept, Stored)
    assert kept.version == 1
    assert isinstance(await region.record(TREATING).try_write("Questionnaire", None, form()), Refusal)


async def test_rule_06_permits_ones_own_phrases_the_right_and_systems(region: Region) -> None:
    own = library(owner="nurse")
    assert isinstance(await region.record(NURSE).update("Library", "form", own), Written)
    for who in (TREATING, AUTHOR):
        for changed in ({**own, "title": "Min"}, library(owner=who.actor.id)):
            assert isinstance(await region.record(who).update("Library", "form", changed), Refusal)
    both = library(UNIT_A, "nurse")
    assert (
        "one useContext"
        in refused(await region.record(NURSE).update("Library", "form", both)).issues[0].message
    )
    assert isinstance(await region.record(AUTHOR).update("Library", "u", library(UNIT_A, id="u")), Written)
    for number, way in enumerate(NEW.values()):
        named = form(step("write", "author"), identity=f"form-{number}", url=f"{URL}-{number}")
        assert isinstance(outcome(await way(region.record(AUTHOR), named)), Written)
        delivered = form(identity=f"sent-{number}", url=f"{URL}-s{number}", status="active")
        assert isinstance(outcome(await way(region.record(SYSTEM_A), delivered)), Written)


WROTE, SENT = step("write", "author"), step("submit", "author")
APPROVED = {"approvalDate": "2026-11-22"}
PAST_REVIEW = {
    "in use at once": form(WROTE, status="active"),
    "approved by the writer": form(WROTE, step("approve", "author"), **APPROVED),
    "approved in another's name": form(WROTE, step("approve", "reviewer"), status="active", **APPROVED),
    "equal to nothing": form(step("roll-back", "author", "gone"), status="active"),
    "nobody named": form(),
    "somebody else named": form(step("write", "reviewer")),
}


@pytest.mark.parametrize("wanted", PAST_REVIEW.values(), ids=PAST_REVIEW)
async def test_rule_06_refuses_a_template_that_nobody_else_reviewed(
    region: Region, wanted: dict[str, Any]
) -> None:
    for exists in (False, True):
        if exists and "author" in str(wanted.get("extension", "")):
            assert isinstance(
                await region.record(AUTHOR).update("Questionnaire", "form", form(WROTE)), Written
            )
        for name, way in NEW.items():
            refusal = refused(outcome(await way(region.record(AUTHOR), wanted)))
            assert refusal.kind is RefusalKind.INVALID, name
            assert "template" in refusal.issues[0].message


async def test_rule_06_permits_what_another_approved_and_never_changes_it_again(region: Region) -> None:
    author, reviewer = region.record(AUTHOR), region.record(REVIEWER)

    async def put(record: Record, *steps: dict[str, Any], **changes: Any) -> Any:
        wanted = form(WROTE, *steps, **changes)
        return await record.update("Questionnaire", wanted["id"], wanted)

    assert isinstance(await put(author), Written)
    yes = step("approve", "reviewer")
    refused(await put(reviewer, yes, title="Annan", **APPROVED))
    refused(await put(author, step("approve", "author"), **APPROVED))
    assert isinstance(await put(reviewer, yes, **APPROVED), Written)
    in_use = (yes, step("use", "author"))
    refused(await put(author, *in_use, status="active", title="Annan", **APPROVED))
    assert isinstance(await put(author, *in_use, status="active", **APPROVED), Written)
    for changes in ({"title": "Annan", "status": "active", **APPROVED}, {"title": "Annan"}):
        assert "never changed" in refused(await put(author, *in_use, **changes)).issues[0].message
    refused(await author.patch("Questionnaire", "form", patch("Annan")))
    assert "Retire it" in refused(await author.delete("Questionnaire", "form")).issues[0].message
    back = form(step("roll-back", "author", "form"), identity="second", version="2", status="active")
    refused(await author.update("Questionnaire", "second", {**back, "title": "Annan"}))
    # Another care provider's review is not one's own.
    theirs = form(step("roll-back", "foreign", "form"), identity="third", version="2", status="active")
    refused(await region.record(FOREIGN).update("Questionnaire", "third", theirs))
    assert isinstance(await author.update("Questionnaire", "second", back), Written)


async def test_rule_06_a_draft_tells_who_wrote_in_it_until_it_is_reviewed(region: Region) -> None:
    author, reviewer = region.record(AUTHOR), region.record(REVIEWER)

    def draft(text: str, *steps: dict[str, Any]) -> dict[str, Any]:
        kind = {"coding": [{"system": "urn:kontinuum:codes:library", "code": "template-draft"}]}
        content = [{"contentType": "application/fhir+json", "data": text}]
        return library(type=kind, extension=list(steps), content=content) | {"status": "draft"}

    refused(await author.update("Library", "form", draft("e30=")))
    assert isinstance(await author.update("Library", "form", draft("e30=", WROTE)), Written)
    refused(await reviewer.update("Library", "form", draft("e31=", WROTE)))
    refused(await reviewer.update("Library", "form", draft("e31=", step("write", "reviewer"))))
    # What the draft says of its writers cannot be left out of the version that is sent to review.
    refused(await reviewer.update("Questionnaire", "form", form(step("submit", "reviewer"))))
    sent = form(WROTE, step("submit", "reviewer"))
    assert isinstance(await reviewer.update("Questionnaire", "form", sent), Written)
