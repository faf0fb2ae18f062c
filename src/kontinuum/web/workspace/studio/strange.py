"""What a form made elsewhere holds that nothing here acts by: each is told, none is dropped in silence.

Whatever an author's tool writes is kept to the letter. http://hl7.org/fhir/R4/questionnaire-profiles.html#extensions,
https://hl7.org/fhir/uv/sdc/ and the builders' own extensions, wherever in the form they stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from kontinuum.fhir.issues import Issue
from kontinuum.fhir.questionnaire import urls
from kontinuum.web.workspace.studio import elements, freezing
from kontinuum.web.workspace.studio.editing import walk

_UNWRITABLE: Final = "Answers of this kind (%s) are not filled in here yet; the question is shown as a text."
_ASKED_ONCE: Final = "Questions below this one are asked once, whatever the number of answers."
_STRANGE: Final = "The extension %s is kept, and nothing here acts by it."
_LOOKS: Final = "“%s” is kept, and does not decide here how the question looks."
_LEFT_OUT: Final = "“%s” does not belong to this kind of item, and is left out of what is taken into use."
_ABOUT: Final = "The form is about %s; here it is filled in about a patient."

_ACTED_BY: Final = frozenset(
    {value for name, value in vars(urls).items() if name.isupper() and isinstance(value, str)}
    - {urls.SUPPORT_LINK, urls.TERMINOLOGY_SERVER}
    | set(urls.NOT_CARRIED_OUT)
)
_CONTROLS: Final = frozenset({"gtable", "table", "grid", "htable", "help"})
_OURS: Final = "urn:kontinuum:"


def strange(questionnaire: Mapping[str, Any]) -> list[Issue]:
    """A warning for each thing that is kept and not acted by, with its place."""
    about = [str(one) for one in questionnaire.get("subjectType") or ()]
    found = [] if not about or "Patient" in about else [_told(_ABOUT, ", ".join(about), "subjectType")]
    whole = {name: value for name, value in questionnaire.items() if name != "item"}
    found += _inside(whole, "Questionnaire")
    used = {place.location: place.item for place in walk(freezing.finished(questionnaire))}
    for place in walk(dict(questionnaire)):
        found += _of_item(place.item, place.location)
        for name in _left_out(place.item, used[place.location]):
            found.append(_told(_LEFT_OUT, name, place.location))
    return found


def _told(sentence: str, what: str, location: str) -> Issue:
    return Issue("warning", "not-supported", sentence % what if what else sentence, location)


def _of_item(item: Mapping[str, Any], path: str) -> Iterator[Issue]:
    kind = item.get("type")
    below = item.get("item") or ()
    if kind in ("attachment", "reference"):
        yield _told(_UNWRITABLE, kind, f"{path}.type")
    if kind != "group" and item.get("repeats") and any(one.get("type") != "display" for one in below):
        yield _told(_ASKED_ONCE, "", f"{path}.repeats")
    control = elements.extension(item, urls.ITEM_CONTROL)
    for coding in control.get("coding") or () if isinstance(control, Mapping) else ():
        if coding.get("code") not in _CONTROLS:
            yield _told(_LOOKS, str(coding.get("code")), path)
    yield from _inside({name: value for name, value in item.items() if name != "item"}, path)
    for number, one in enumerate(below):
        if elements.is_help(one):
            yield from _inside(one, f"{path}.item[{number}]")


def _inside(value: Any, path: str) -> Iterator[Issue]:
    """The extensions that stand anywhere in an element, those of its texts and codes among them."""
    if isinstance(value, list):
        for number, one in enumerate(value):
            yield from _inside(one, f"{path}[{number}]")
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if name != "extension":
                yield from _inside(inner, f"{path}.{name}")
        for number, one in enumerate(value.get("extension") or ()):
            url = str(one.get("url")) if isinstance(one, Mapping) else ""
            if url not in _ACTED_BY and not url.startswith(_OURS):
                yield _told(_STRANGE, url, f"{path}.extension[{number}]")


def _left_out(item: Mapping[str, Any], used: Mapping[str, Any]) -> list[str]:
    """What does not come into use, by name; an extension by the last part of its address."""
    kept = {str(one.get("url")) for one in used.get("extension") or ()}
    urls_of = [str(one.get("url")) for one in item.get("extension") or ()]
    gone = [url.rpartition("/")[2] for url in urls_of if url not in kept]
    return [*(name for name in item if name not in used and name != "extension"), *gone]
