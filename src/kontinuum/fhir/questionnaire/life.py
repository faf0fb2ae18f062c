"""The life of a version of a form: what was done with it and by whom, and that another reviewed it. Pure.

Each step is an extension `LIFE` of the Questionnaire, or of the Library in which it is drafted. What is in
use was approved by somebody who did not write it; the version that was approved is never another again.
http://hl7.org/fhir/R4/questionnaire-definitions.html (`status`, `approvalDate`)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kontinuum.fhir.questionnaire.use import VENUE
from kontinuum.kernel.i18n import Phrase, message, phrase

LIFE: Final = "urn:kontinuum:template-life"
OFFERED: Final = "urn:kontinuum:template-offered"
DRAFT_TYPE: Final = "template-draft"

WRITING: Final = frozenset({"begin", "copy", "import", "next", "write", "submit"})
"""The steps by which somebody is a writer of the version."""

_APPROVE: Final = "approve"
_ROLL_BACK: Final = "roll-back"
_PARTS: Final = ("what", "who", "name", "at", "note", "of")
_OF_LIFE: Final = frozenset(
    {"id", "meta", "status", "extension", "useContext", "effectivePeriod", "approvalDate", "lastReviewDate"}
)


_NOT_REVIEWED: Final = message(
    "A note template is taken into use after somebody other than who wrote it has approved it: a step "
    "“approve” in the extension urn:kontinuum:template-life, of a draft that stands unchanged in the record. "
    "Write it as a draft, and ask a colleague who has the right."
)
_NEVER_CHANGED: Final = message(
    "The content of a version that has been reviewed is never changed. Begin the next version of the "
    "template."
)
_OTHERS_STEPS: Final = message(
    "The steps in the extension urn:kontinuum:template-life tell who did what: earlier ones stay as they "
    "are, and nobody adds another person's."
)
_NOT_NAMED: Final = message(
    "Whoever writes in a note template is named in it: add the step “write” with your own id to the "
    "extension urn:kontinuum:template-life."
)
_USED: Final = message(
    "A version that has been in use is not deleted, since notes are written in it. Retire it instead."
)


@dataclass(frozen=True, slots=True)
class Step:
    """Something that was done with a version: `what` is an act, `who` the id of its actor.

    `of` is the id of the earlier version to which a version that rolls back is equal.
    """

    what: str
    who: str
    name: str
    at: str
    note: str
    of: str = ""


def steps(resource: Mapping[str, Any]) -> tuple[Step, ...]:
    """What was done with a version, in its order."""
    found = []
    for one in resource.get("extension") or ():
        if one.get("url") == LIFE:
            parts = {
                part.get("url"): next((v for k, v in part.items() if k.startswith("value")), "")
                for part in one.get("extension") or ()
            }
            found.append(Step(*(str(parts.get(name, "")) for name in _PARTS)))
    return tuple(found)


def step_extension(step: Step) -> dict[str, Any]:
    """A step as it is kept."""
    texts = {"what": step.what, "who": step.who, "name": step.name, "note": step.note, "of": step.of}
    parts = [{"url": name, "valueString": text} for name, text in texts.items() if text]
    return {"url": LIFE, "extension": [*parts, {"url": "at", "valueDateTime": step.at}]}


def writers(done: Sequence[Step]) -> set[str]:
    """The ids of those who wrote in a version."""
    return {one.who for one in done if one.what in WRITING}


def rolled_back_to(questionnaire: Mapping[str, Any]) -> str:
    """The id of the version to which a new one says that it is equal; empty for none."""
    return next((one.of for one in steps(questionnaire) if one.what == _ROLL_BACK), "")


def _content(questionnaire: Mapping[str, Any], *without: str) -> dict[str, Any]:
    """What was reviewed: all but where, when and by whom it is used."""
    kept = {key: value for key, value in questionnaire.items() if key not in _OF_LIFE and key not in without}
    of_life = {LIFE, OFFERED}
    kept["extension"] = [e for e in questionnaire.get("extension") or () if e.get("url") not in of_life]
    kept["useContext"] = [
        one for one in questionnaire.get("useContext") or () if one.get("code", {}).get("code") != VENUE
    ]
    return kept


def _is_reviewed(questionnaire: Mapping[str, Any]) -> bool:
    return questionnaire.get("status") != "draft" or "approvalDate" in questionnaire


def fault(
    who: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    *,
    drafted: Mapping[str, Any] | None = None,
    earlier: Mapping[str, Any] | None = None,
) -> Phrase | None:
    """Why somebody may not give a Questionnaire this new version (None: a deletion); None when they may.

    `drafted` is the Library in which a new one was drafted, `earlier` the reviewed version of the same care
    provider to which it says that it is equal.
    """
    if after is None:
        used = before is not None and before.get("status") != "draft"
        return phrase(_USED) if used else None
    done, now = steps(before or drafted or {}), steps(after)
    if now[: len(done)] != done or any(one.who != who for one in now[len(done) :]):
        return phrase(_OTHERS_STEPS)
    changed = before is None or _content(before) != _content(after)
    if not _is_reviewed(after):
        if before is not None and before.get("status") != "draft":
            return phrase(_NEVER_CHANGED)
        return phrase(_NOT_NAMED) if changed and who not in writers(now) else None
    if before is None:
        same = earlier is not None and _is_reviewed(earlier)
        same = same and _content(earlier or {}, "version") == _content(after, "version")
        return None if same else phrase(_NOT_REVIEWED)
    if changed:
        return phrase(_NEVER_CHANGED if _is_reviewed(before) else _NOT_REVIEWED)
    if _is_reviewed(before):
        return None
    approves = any(one.what == _APPROVE for one in now[len(done) :])
    return None if approves and who not in writers(done) else phrase(_NOT_REVIEWED)


def draft_fault(who: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Phrase | None:
    """Why somebody may not give the Library of a draft this new version: the steps in it tell who wrote."""
    done, now = steps(before or {}), steps(after or {})
    if after is None or now[: len(done)] != done:
        return phrase(_OTHERS_STEPS)
    changed = before is None or before.get("content") != after.get("content")
    return phrase(_NOT_NAMED) if changed and who not in {one.who for one in now} else None
