"""What was asked for at a contact and is not answered: referrals and orders, tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from kontinuum.fhir import json as fhir_json
from kontinuum.kernel.around import ContactPart, Remark
from kontinuum.kernel.i18n import message
from kontinuum.kernel.module import Chart, ResultPage
from kontinuum.record.tasks import OPEN, ORDER, QUESTION, WORK_CODES

_AT_MOST: Final = 50
_UNANSWERED: Final = message("%(what)s is not answered.")
_UNDONE: Final = message("%(what)s is not done.")
_ORDER: Final = message("Referral or order")
_TASK: Final = message("Task")


def queries(chart: Chart, contact: str) -> tuple[str, ...]:
    """Orders of the contact that stand, and tasks that are open."""
    about = f"patient={chart.patient}&encounter=Encounter/{contact}&_count={_AT_MOST}"
    return (
        f"ServiceRequest?status=active,on-hold&{about}",
        f"Task?status={','.join(OPEN)}&{about}",
    )


def remarks(chart: Chart, contact: Mapping[str, Any], pages: Sequence[ResultPage]) -> tuple[Remark, ...]:
    """Each of them, as what is missing."""
    words, found = chart.translator, []
    for page, usual in ((pages[0], _ORDER), (pages[1], _TASK)):
        for entry in page.matches:
            body = fhir_json.loads(entry.body or b"{}")
            if _is(body, ORDER):
                continue  # the order itself is told
            answers = entry.type == "ServiceRequest" or _is(body, QUESTION)
            said = _UNANSWERED if answers else _UNDONE
            what = _label(body) or words.gettext(usual)
            when = words.moment(body.get("authoredOn"))
            address = f"/patient/{chart.patient}/entry/{entry.type}/{entry.id}"
            found.append(Remark(words.gettext(said) % {"what": what}, when, address, missing=True))
    return tuple(found)


def _is(body: Mapping[str, Any], code: str) -> bool:
    codings = (body.get("code") or {}).get("coding") or ()
    return any((one.get("system"), one.get("code")) == (WORK_CODES, code) for one in codings)


def _label(body: Mapping[str, Any]) -> str:
    code = body.get("code") or {}
    shown = next((one["display"] for one in code.get("coding") or () if one.get("display")), "")
    return str(code.get("text") or shown or body.get("description") or "")


ANSWERS: Final = ContactPart(message("Not answered"), 90, queries, remarks)
