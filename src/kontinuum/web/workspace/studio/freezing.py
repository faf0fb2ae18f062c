"""The codes that a template offers, taken from the terminology and kept in it.

A question that is answered from a value set gets the codes of that day as a contained ValueSet, so that what
is reviewed is what is used, and a note can be read by the version that it was written with. The canonical
address stays, in the contained ValueSet, and a new version of the template takes the codes anew.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

from kontinuum.fhir.issues import Issue, Severity
from kontinuum.terminology import Terminology
from kontinuum.terminology.answers import Branch, Expansion
from kontinuum.terminology.expanding import Page
from kontinuum.web.workspace.studio import elements
from kontinuum.web.workspace.studio.editing import walk
from kontinuum.web.workspace.studio.elements import Element

MOST: Final = 300
"""The largest value set that a question offers as a list; a larger one is searched."""

NOT_HERE: Final = "The value set %s is not known here."
TOO_LARGE: Final = "The value set %s has more than 300 codes: it is searched while one writes."
EMPTY: Final = "The value set %s has no codes here."


async def freeze(
    questionnaire: Mapping[str, Any], terminology: Terminology, moment: str
) -> tuple[Element, list[Issue]]:
    """The template with the codes of its value sets at a moment, and what was not found, with its place."""
    made: Element = copy.deepcopy(dict(questionnaire))
    issues: list[Issue] = []
    known: dict[str, str] = {}
    for place in walk(made):
        url = place.item.get("answerValueSet")
        if not isinstance(url, str) or url.startswith("#") or place.item.get("type") not in _CHOOSING:
            continue
        if url not in known:
            found = await terminology.expand(url, Page(count=MOST + 1, active_only=True, language="sv"))
            known[url] = _fault(found)
            if not known[url] and isinstance(found, Expansion):
                made.setdefault("contained", []).append(_value_set(url, found, len(known), moment))
        if known[url]:
            severity: Severity = "information" if known[url] == TOO_LARGE else "error"
            issues.append(Issue(severity, "not-found", known[url] % url, f"{place.location}.answerValueSet"))
        else:
            place.item["answerValueSet"] = f"#{_name(list(known).index(url) + 1)}"
    _resolve(made)
    return made, issues


_CHOOSING: Final = frozenset({"choice", "open-choice"})


def _fault(found: object) -> str:
    if not isinstance(found, Expansion):
        return NOT_HERE
    if len(found.concepts) > MOST:
        return TOO_LARGE
    return "" if found.concepts else EMPTY


def _name(number: int) -> str:
    return f"koder-{number}"


def _value_set(url: str, found: Expansion, number: int, moment: str) -> Element:
    canonical, _, version = url.partition("|")
    codes = [_code(one) for one in found.concepts if one.coded.selectable]
    return {
        "resourceType": "ValueSet",
        "id": _name(number),
        "url": canonical,
        "version": version or found.version or "unknown",
        "status": "active",
        "expansion": {"timestamp": moment, "contains": codes},
    }


def _code(branch: Branch) -> Element:
    coded = branch.coded
    return {"system": coded.system, "code": coded.code, "display": coded.display}


def thaw(questionnaire: Mapping[str, Any]) -> Element:
    """A template to go on editing: its value sets by their addresses again."""
    made: Element = copy.deepcopy(dict(questionnaire))
    frozen = {
        f"#{one.get('id')}": one["url"]
        for one in made.get("contained") or ()
        if one.get("resourceType") == "ValueSet"
        and str(one.get("id", "")).startswith("koder-")
        and one.get("url")
    }
    for place in walk(made):
        place.item.update(
            {"answerValueSet": frozen[url]} if (url := place.item.get("answerValueSet")) in frozen else {}
        )
    kept = [one for one in made.get("contained") or () if f"#{one.get('id')}" not in frozen]
    made.pop("contained", None)
    return {**made, "contained": kept} if kept else made


def _resolve(made: Element) -> None:
    """Give conditions on codes that were typed as words their codes."""
    frozen = {f"#{one.get('id')}": one for one in made.get("contained") or ()}
    places = walk(made)
    offered = {
        place.item.get("linkId"): frozen[url]["expansion"]["contains"]
        for place in places
        if (url := place.item.get("answerValueSet")) in frozen and "expansion" in frozen[url]
    }
    for place in places:
        for condition in place.item.get("enableWhen") or ():
            coding = condition.get("answerCoding") or {}
            codes = offered.get(condition.get("question"), ())
            if "code" not in coding and "display" in coding:
                same = (
                    one for one in codes if one.get("display", "").casefold() == coding["display"].casefold()
                )
                condition["answerCoding"] = next(same, coding)


def finished(questionnaire: Mapping[str, Any]) -> Element:
    """A template without what does not belong to the kinds of its items, such as choices of a free text."""
    made: Element = copy.deepcopy(dict(questionnaire))
    for place in walk(made):
        item, kind = place.item, place.item.get("type")
        if kind not in _CHOOSING:
            item.pop("answerOption", None)
            item.pop("answerValueSet", None)
        if kind in ("group", "display"):
            item.pop("initial", None)
        if kind == "display":
            for name in ("required", "repeats", "readOnly", "code"):
                item.pop(name, None)
        if kind not in ("integer", "decimal", "quantity"):
            for name in ("unit", "min", "max"):
                if kind not in ("date", "dateTime", "time") or name == "unit":
                    elements.PROPERTIES[name].write(item, "")
    return made
