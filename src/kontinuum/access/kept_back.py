"""Rule 28: what is kept back from the patient, by entry or by heading, with its kind, reason and end.

HSLF-FS 2016:40 and HSLF-FS 2022:42 let early hypotheses, exposure to violence, statements by third persons
and concern for a child be kept from the patient's own pages; everything else is shown. The mark is HL7's
security label NOPAT (http://terminology.hl7.org/CodeSystem/v3-ActCode): on the resource in `meta.security`,
on a part of it in the extension for inline labels of HL7's guide to data segmentation. All of this is pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from kontinuum.kernel.clock import instant, to_micros

ACT_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
NO_PATIENT: Final = "NOPAT"
"""No disclosure to the patient, family or caregivers."""
LABELLED_WITHIN: Final = "PROCESSINLINELABEL"
"""The mark in `meta.security` of a resource that has labels on its parts."""
INLINE_LABEL: Final = (
    "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"
)
KEPT_BACK: Final = "urn:kontinuum:structure:kept-back"
"""Our extension on the label: kind, reason, until, by, at."""

PROVISION: Final = "HSLF-FS 2016:40; HSLF-FS 2022:42; patientdatalagen (2008:355) 5:5"

MARK: Final = f'"{NO_PATIENT}"'.encode()


class Kind(StrEnum):
    """On which ground something is kept back."""

    EARLY_HYPOTHESIS = "early-hypothesis"
    VIOLENCE = "violence"
    THIRD_PERSON = "third-person"
    CHILD = "concern-for-child"


NEVER_HINTED: Final = frozenset({Kind.VIOLENCE})
"""That there is something must not be told either: whoever hurts the patient may look over the shoulder."""


@dataclass(frozen=True, slots=True)
class KeptBack:
    """One decision to keep something back.

    `kind` is None for a label of another system that does not say why. `until` is a FHIR instant, None for as
    long as nobody decides otherwise; `by` is who decided, `at` when.
    """

    kind: Kind | None
    reason: str = ""
    until: str | None = None
    by: str = ""
    at: str = ""

    def in_force(self, now: datetime) -> bool:
        """Whether it holds at a moment."""
        return self.until is None or datetime.fromisoformat(self.until) > now

    def told(self, hinted: Collection[str]) -> bool:
        """Whether the patient is told that something is kept back."""
        return self.kind is not None and self.kind not in NEVER_HINTED and self.kind in hinted

    def label(self) -> dict[str, Any]:
        """The decision as a security label."""
        told: list[dict[str, str | None]] = [
            {"url": "kind", "valueCode": self.kind.value if self.kind else "unknown"},
            {"url": "reason", "valueString": self.reason},
            {"url": "until", "valueInstant": self.until},
            {"url": "by", "valueString": self.by},
            {"url": "at", "valueInstant": self.at},
        ]
        extension = [one for one in told if all(one.values())]
        return {
            "extension": [{"url": KEPT_BACK, "extension": extension}],
            "system": ACT_CODE,
            "code": NO_PATIENT,
        }


def moment(when: datetime) -> str:
    """A moment as the label writes it."""
    return instant(to_micros(when))


def may_hold(body: bytes) -> bool:
    """Whether a stored resource can hold a label at all; the cheap question before the exact one."""
    return MARK in body


def of_entry(resource: Mapping[str, Any], now: datetime) -> KeptBack | None:
    """The decision in force that keeps a whole entry back, the strictest if there are several."""
    found = [one for one in _whole(resource) if one.in_force(now)]
    return min(found, key=_strictness, default=None)


def _whole(resource: Mapping[str, Any]) -> list[KeptBack]:
    return [
        _read(each)
        for each in (resource.get("meta") or {}).get("security") or ()
        if _keeps_from_patient(each)
    ]


def of_part(part: Mapping[str, Any], now: datetime) -> KeptBack | None:
    """The decision in force that keeps one element back, the strictest if there are several."""
    found = [one for one in map(_read, _inline(part)) if one.in_force(now)]
    return min(found, key=_strictness, default=None)


def _strictness(kept: KeptBack) -> int:
    """What must not even be hinted at comes first."""
    return 0 if kept.kind is None or kept.kind in NEVER_HINTED else 1


def _inline(part: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        each["valueCoding"]
        for each in part.get("extension") or ()
        if each.get("url") == INLINE_LABEL and _keeps_from_patient(each.get("valueCoding") or {})
    ]


def _keeps_from_patient(coding: Mapping[str, Any]) -> bool:
    return coding.get("code") == NO_PATIENT and coding.get("system") == ACT_CODE


def _read(coding: Mapping[str, Any]) -> KeptBack:
    parts = [
        each
        for extension in coding.get("extension") or ()
        if extension.get("url") == KEPT_BACK
        for each in extension.get("extension") or ()
    ]
    said = {
        each.get("url"): next((value for name, value in each.items() if name.startswith("value")), None)
        for each in parts
    }
    kind = said.get("kind")
    return KeptBack(
        Kind(kind) if kind in list(Kind) else None,
        said.get("reason") or "",
        next((each.get("valueInstant") for each in parts if each.get("url") == "until"), None),
        said.get("by") or "",
        said.get("at") or "",
    )


Heading = frozenset[str]
"""What a section is recognised by in another version: its element id, its title, its codes."""


def heading(section: Mapping[str, Any]) -> Heading:
    """What a section is recognised by."""
    names = {f"id {section['id']}"} if section.get("id") else set()
    if section.get("title"):
        names.add(f"title {section['title']}")
    for coding in (section.get("code") or {}).get("coding") or ():
        names.add(f"code {coding.get('system')}|{coding.get('code')}")
    return frozenset(names)


def parts_of(value: Any, now: datetime) -> Iterator[tuple[Mapping[str, Any], KeptBack]]:
    """Every element that is kept back in a resource, with the decision."""
    if isinstance(value, dict):
        kept = of_part(value, now)
        if kept is not None:
            yield value, kept
            return
        for item in value.values():
            yield from parts_of(item, now)
    elif isinstance(value, list):
        for item in value:
            yield from parts_of(item, now)


def labels(resource: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every label of a resource, on itself and on its parts: what a careless new version must not lose."""
    whole = [each for each in (resource.get("meta") or {}).get("security") or () if _keeps_from_patient(each)]
    return [*whole, *_all_inline(resource)]


def _all_inline(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        return [*_inline(value), *(found for item in value.values() for found in _all_inline(item))]
    return [found for item in value for found in _all_inline(item)] if isinstance(value, list) else []


@dataclass(frozen=True, slots=True)
class Withheld:
    """The whole entry is kept back; `told` says whether the patient may know that."""

    told: bool


def released_to_patient(
    resource: dict[str, Any],
    now: datetime,
    hinted: Collection[str] = (),
    *,
    elsewhere: Iterable[dict[str, Any]] = (),
) -> dict[str, Any] | Withheld:
    """A resource as the patient, a guardian or a proxy may see it.

    What is kept back is taken out, not covered: with it go the narrative of the whole, which may repeat it,
    and every label. A kind that may be hinted at leaves its heading and a sentence. `elsewhere` are the other
    versions of a past version: what any of them keeps back, a past version does not tell; when the heading
    cannot be found in it, nothing of it is shown.
    """
    others = list(elsewhere)
    wholes = [found for one in (resource, *others) if (found := of_entry(one, now))]
    if wholes:
        return Withheld(all(one.told(hinted) for one in wholes))
    also = [(heading(part), kept) for one in others for part, kept in parts_of(one, now)]
    taken = _Taking(now, hinted, also)
    shown = taken.take(resource)
    if any(names and not names & taken.seen for names, _ in also) or any(not names for names, _ in also):
        return Withheld(all(kept.told(hinted) for _, kept in also))
    if not taken.found:
        return resource
    assert isinstance(shown, dict)
    shown.pop("text", None)
    shown = _without_answers(shown)
    meta = {name: value for name, value in (shown.get("meta") or {}).items() if name != "security"}
    security = [each for each in (resource.get("meta") or {}).get("security") or () if not _is_mark(each)]
    return {**shown, "meta": {**meta, "security": security} if security else meta}


def _without_answers(shown: dict[str, Any]) -> dict[str, Any]:
    """A note that does not name the response behind it: that is kept back with any of its headings."""
    answers = f"QuestionnaireResponse/{shown.get('id')}"
    sections = []
    for section in shown.get("section") or ():
        named = section.get("entry") or []
        left = [each for each in named if each.get("reference") != answers]
        if left == named:
            sections.append(section)
        elif left or {"text", "section"} & set(section):
            rest = {key: value for key, value in section.items() if key != "entry"}
            sections.append({**rest, "entry": left} if left else rest)
    changed = {"section": sections} if sections else {}
    return {key: value for key, value in shown.items() if key != "section"} | changed


def _is_mark(coding: Mapping[str, Any]) -> bool:
    return coding.get("system") == ACT_CODE and coding.get("code") in (NO_PATIENT, LABELLED_WITHIN)


_NOTICE: Final = {
    "status": "generated",
    "div": '<div xmlns="http://www.w3.org/1999/xhtml">Den här uppgiften visas inte här ännu. '
    "Fråga mottagningen om du undrar över den.</div>",
}


class _Taking:
    """Takes what is kept back out of one resource; `found` says that there was something."""

    def __init__(self, now: datetime, hinted: Collection[str], also: list[tuple[Heading, KeptBack]]) -> None:
        self._now = now
        self._hinted = hinted
        self._also = also
        self.found = False
        self.seen: set[str] = set()

    def take(self, value: Any, name: str = "") -> Any:
        """The value of an element without what is kept back; None when nothing of it is left."""
        if isinstance(value, list):
            # A null in a list holds the place of a primitive that has only an extension.
            kept = [self.take(item, name) for item in value]
            kept = [new for new, old in zip(kept, value, strict=True) if new is not None or old is None]
            return kept or None
        if not isinstance(value, dict):
            return value
        decision = self._decision(value, name)
        if decision is not None:
            self.found = True
            return _notice(value) if name == "section" and decision.told(self._hinted) else None
        return self._rest(value, name)

    def _decision(self, value: dict[str, Any], name: str) -> KeptBack | None:
        """What keeps an element back: its own label, or that of its heading in another version."""
        names = heading(value) if name == "section" and self._also else frozenset()
        decisions = [kept for wanted, kept in self._also if wanted & names]
        if decisions:
            self.seen |= names
        own = of_part(value, self._now)
        return min([*decisions, *([own] if own else [])], key=_strictness, default=None)

    def _rest(self, value: dict[str, Any], name: str) -> dict[str, Any] | None:
        before, self.found = self.found, False
        shown: dict[str, Any] = {}
        secret = {key[1:] for key, item in value.items() if key.startswith("_") and _all_inline(item)}
        for key, item in value.items():
            taken = None if key in secret else self.take(item, key)
            if taken is not None:
                shown[key] = taken
        inside = self.found or bool(secret)
        self.found = before or inside
        # A section that held nothing but sections that are kept back would no longer be valid.
        bare = inside and name == "section" and not {"text", "entry", "section"} & set(shown)
        return None if bare else shown


def _notice(section: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {name: section[name] for name in ("id", "title", "code") if name in section}
    return {**kept, "text": _NOTICE}
