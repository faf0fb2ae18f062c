"""Templates in and out: FHIR Questionnaires as files, from here and from elsewhere."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from starlette.datastructures import UploadFile
from starlette.responses import Response

from kontinuum.fhir import json as fhir_json
from kontinuum.fhir.questionnaire.life import LIFE, OFFERED
from kontinuum.fhir.validation import validate
from kontinuum.kernel.i18n import local, message
from kontinuum.record.outcome import Refusal
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.studio import freezing, listing, mending, shelf
from kontinuum.web.workspace.studio.elements import Element
from kontinuum.web.workspace.studio.shelf import State, Version, library, new_id, step

LARGEST: Final = 1_000_000
"""How many bytes a file with a template may have."""

_TOLD: Final = 10
_DEEPEST: Final = 30
_NO_JSON: Final = message("The file is no JSON: %(why)s")
_NO_QUESTIONNAIRE: Final = message("The file holds no FHIR Questionnaire (R4).")
_NO_ITEMS: Final = message(
    "The items of the Questionnaire cannot be read: %(where)s is no list of objects, or stands too deep."
)
_TOO_LARGE: Final = message("The file is larger than a template may be (1 MB).")
_BEGUN: Final = message("A draft of the next version exists already. Go on with that one.")
_OWN: Final = ("id", "meta", "text", "date", "approvalDate", "lastReviewDate", "effectivePeriod")


def content(questionnaire: Any) -> Element:
    """What a template asks, without what says where and by whom it is used: what a draft begins with."""
    made = {key: value for key, value in freezing.thaw(questionnaire).items() if key not in _OWN}
    made["status"] = "draft"
    kept = [one for one in made.get("extension") or () if one.get("url") not in (LIFE, OFFERED)]
    contexts = [
        one
        for one in made.get("useContext") or ()
        if one.get("code", {}).get("code") not in ("venue", "user")
    ]
    for name, value in (("extension", kept), ("useContext", contexts)):
        made.pop(name, None)
        if value:
            made[name] = value
    return made


async def begin_draft(
    page: Page, questionnaire: Element, what: str = "begin", number: int = 0, note: str = ""
) -> Response:
    """Begin a draft: of a new template, or of version `number` of the one whose address it has."""
    if not number:
        questionnaire = {**questionnaire, "url": shelf.new_url()}
    made = {**questionnaire, "version": str(number or 1)}
    identity = new_id(page, made["url"], number or 1)
    before = await shelf.begun(page, identity) if number else ()
    version = Version(identity, State.DRAFT, made, 0, "", (*before, step(page, what, note)))
    done = await shelf.write(page, [(f"Library/{identity}", library(version, made), None if number else 0)])
    if isinstance(done, Refusal):
        return page.refuse(done)
    return page.redirect(f"/templates/{identity}")


async def next_version(
    page: Page, found: Version, family: list[Version], what: str, note: str = ""
) -> Response:
    """Begin the next version of a template as a draft that is equal to one of its versions."""
    number = max(one.number for one in family) + 1
    open_draft = next(
        (one for one in family if one.state in (State.DRAFT, State.REVIEW, State.APPROVED)), None
    )
    if open_draft is not None:
        return page.problem(HTTPStatus.CONFLICT, [page.translator.gettext(_BEGUN)])
    return await begin_draft(page, content(found.questionnaire), what, number, note)


async def copy_of(page: Page, found: Version) -> Response:
    """Begin a template of one's own that is equal to one that comes with the system, or is another's."""
    made = content(found.questionnaire)
    if found.url:
        made["derivedFrom"] = [f"{found.url}|{found.questionnaire.get('version', '1')}"]
    return await begin_draft(page, made, "copy")


async def take_in(page: Page, uploaded: object) -> Response:
    """Take in a Questionnaire that was made elsewhere, as a draft; one of one's own as its next version."""
    gettext = page.translator.gettext
    if not isinstance(uploaded, UploadFile):
        return await listing.list_page(page, [gettext(_NO_QUESTIONNAIRE)], 422)
    data = await uploaded.read(LARGEST + 1)
    await uploaded.close()
    if len(data) > LARGEST:
        return await listing.list_page(page, [gettext(_TOO_LARGE)], HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        read = fhir_json.loads(data)
    except (fhir_json.JsonError, RecursionError) as error:
        return await listing.list_page(page, [gettext(_NO_JSON) % {"why": error}], 422)
    if not isinstance(read, dict) or read.get("resourceType") != "Questionnaire":
        return await listing.list_page(page, [gettext(_NO_QUESTIONNAIRE)], 422)
    wrong = _unreadable(read, "Questionnaire")
    if wrong:
        return await listing.list_page(page, [gettext(_NO_ITEMS) % {"where": wrong}], 422)
    read, told = mending.mended(read, local(page.services.clock.now()).isoformat(timespec="seconds"))
    note = mending.in_words(told, page.translator)
    faults = [one for one in validate(read) if one.refuses and one.code in ("structure", "value")]
    if faults:
        wrongs = [f"{one.location or 'Questionnaire'}: {one.message}" for one in faults[:_TOLD]]
        return await listing.list_page(page, wrongs, 422)
    own, _ = await shelf.shelf(page)
    family = [one for one in own if one.url and one.url == read.get("url")]
    if family:
        incoming = Version("", State.DRAFT, read, 0, "")
        return await next_version(page, incoming, family, "import", note)
    made = content(read)
    if read.get("url"):
        whose = "|".join(filter(None, (str(read["url"]), str(read.get("version", "")))))
        made["derivedFrom"] = [whose, *(made.get("derivedFrom") or ())]
    return await begin_draft(page, made, "import", note=note)


def _unreadable(holder: Any, path: str) -> str:
    """Where no list of objects stands, or one too deep; empty when all can be walked."""
    if path.count(".item") > _DEEPEST:
        return path
    for name in (
        "item",
        "extension",
        "enableWhen",
        "answerOption",
        "initial",
        "code",
        "contained",
        "useContext",
    ):
        held = holder.get(name)
        if held is not None and not (isinstance(held, list) and all(isinstance(one, dict) for one in held)):
            return f"{path}.{name}"
    for number, one in enumerate(holder.get("item") or ()):
        wrong = _unreadable(one, f"{path}.item[{number}]")
        if wrong:
            return wrong
    return ""


async def export(page: Page) -> Response:
    """Answer GET `/templates/{id}/export`: the Questionnaire as a file."""
    found = await shelf.one(page, page.request.path_params["id"])
    if found is None:
        return listing.gone(page)
    version, _ = found
    name = f"{version.number or 1}.json"
    headers = {
        "content-disposition": f'attachment; filename="template-{version.id[:8]}-{name}"',
        "cache-control": "no-store",
    }
    return Response(
        fhir_json.dumps(version.questionnaire), media_type="application/fhir+json", headers=headers
    )
