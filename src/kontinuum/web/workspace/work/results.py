"""What has come of orders, as it is read and acknowledged from the list: the values beside the last ones.

Each is read through the gate as who looks; what may not be read is named with the unit that has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from kontinuum.fhir import json as fhir_json
from kontinuum.kernel.i18n import message
from kontinuum.kernel.numbers import whole
from kontinuum.record.listing import WorkTask
from kontinuum.record.outcome import Refusal
from kontinuum.record.waiting import Waiting
from kontinuum.web.workspace.pages import Page
from kontinuum.web.workspace.timeline.describing import quantity, value_of, what_of, when_of

CRITICAL: Final = ("HH", "LL", "AA")
ABNORMAL: Final = ("H", "L", "A", "HU", "LU", "POS", *CRITICAL)
_EARLIER_AT_MOST: Final = 200
_FLAGS: Final = {
    "H": message("high"),
    "HU": message("high"),
    "HH": message("critically high"),
    "L": message("low"),
    "LU": message("low"),
    "LL": message("critically low"),
}
_DEVIATING: Final = message("deviating")
_PRELIMINARY: Final = message("preliminary")
_CORRECTED: Final = message("corrected")
_VOID: Final = {"cancelled": message("withdrawn"), "entered-in-error": message("entered in error")}
_STATUS: Final = {
    "partial": _PRELIMINARY,
    "preliminary": _PRELIMINARY,
    "amended": _CORRECTED,
    "corrected": _CORRECTED,
    "appended": _CORRECTED,
    **_VOID,
}


@dataclass(frozen=True, slots=True)
class Value:
    """A result: `flag` says how it deviates, `before` what it was the last time, and when.

    `was` is what was acknowledged where that is another, `void` why it does not hold any more.
    """

    label: str
    value: str
    flag: str
    sign: str
    critical: bool
    reference: str
    before: str
    before_when: str
    was: str
    void: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A report, or results by themselves, in the version that is shown; `hidden` by the unit that has it.

    `versions` are those of the answer and of its results; `again`: another version was acknowledged.
    """

    name: str
    title: str
    status: str
    when: str
    text: str
    unit: str
    values: tuple[Value, ...]
    versions: tuple[str, ...]
    hidden: bool
    again: bool = False

    @property
    def rank(self) -> int:
        """How much it deviates: what is critical first, then what is another than it was."""
        return 2 * any(one.critical for one in self.values) + any(one.flag or one.was for one in self.values)


Answers = Mapping[str, tuple[Answer, ...]]
Known = Mapping[str, tuple[dict[str, Any], int]]
"""What was read, and in which version."""


async def answers(page: Page, found: Waiting) -> Answers:
    """What has come, by the id of the Task that waits for it; what deviates most first."""
    wanted = {name: unit for task in found.tasks for name, unit in task.results}
    if not wanted:
        return {}
    record: Any = page.services.record(page.session.principal)
    await page.services.directory.learn(record, wanted.values())
    read = await _read(record, [name.partition("/_history/")[0] for name in wanted])
    inside = {ref for body, _ in read.values() for ref in _parts(body)}
    parts = await _read(record, sorted(inside - read.keys()))
    known = {**parts, **read}
    earlier = await _earlier(record, [body for body, _ in known.values()])
    made = {}
    for task in found.tasks:
        was = await _acknowledged(record, task, known)
        told = [_answer(page, name, unit, known, earlier, was) for name, unit in task.results]
        if told:
            made[task.id] = tuple(sorted(told, key=lambda one: -one.rank))
    return made


async def _acknowledged(record: Any, task: WorkTask, known: Known) -> dict[str, dict[str, Any]]:
    """What was acknowledged of answers that have another version now, the latest of each."""
    versions: dict[str, int] = {}
    for name in task.read if task.results else ():
        plain, _, version = name.partition("/_history/")
        if plain in known and whole(version) < known[plain][1]:
            versions[plain] = max(versions.get(plain, 0), whole(version))
    found = {}
    for plain, number in sorted(versions.items()):
        stored = await record.vread(*plain.split("/"), number)
        found[plain] = {} if isinstance(stored, Refusal) else fhir_json.loads(stored.body or b"{}")
    return found


async def _read(record: Any, references: list[str]) -> dict[str, tuple[dict[str, Any], int]]:
    found = await record.read_many(references) if references else {}
    return {name: (fhir_json.loads(one.body), one.version) for name, one in found.items() if one.body}


async def _earlier(record: Any, shown: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Earlier results of the same kinds, the latest first."""
    kinds: dict[str, set[str]] = {}
    for body in shown:
        patient = (body.get("subject") or {}).get("reference", "").removeprefix("Patient/")
        if body["resourceType"] == "Observation" and patient:
            kinds.setdefault(patient, set()).update(_codes(body))
    queries = [
        f"Observation?patient={quote(patient, safe='')}&code={quote(','.join(sorted(codes)), safe='|,:')}"
        f"&_sort=-date&_count={_EARLIER_AT_MOST}"
        for patient, codes in kinds.items()
        if codes
    ]
    pages = await record.find_many(queries) if queries else []
    return [fhir_json.loads(one.body) for each in pages for one in each.matches if one.body]


def _answer(
    page: Page,
    name: str,
    unit: str,
    known: Known,
    earlier: list[dict[str, Any]],
    was: Mapping[str, dict[str, Any]],
) -> Answer:
    plain, _, version = name.partition("/_history/")
    body, current = known.get(plain, ({}, 0))
    words = page.translator
    named = page.services.directory.unit(unit)
    if not body or str(current) != version:
        return Answer(name, "", "", "", "", named, (), (), hidden=True)
    report = body["resourceType"] == "DiagnosticReport"
    inside = [
        ref for ref in _parts(body) if ref in known and known[ref][0].get("subject") == body.get("subject")
    ]
    shown = [(known[ref][0], was.get(ref)) for ref in (inside if report else [plain])]
    values = [_value(page, one, earlier, old) for one, old in shown if old or not _is_error(one)]
    status = _STATUS.get(body.get("status", ""), "")
    return Answer(
        name,
        what_of(body) if report else "",
        words.gettext(status) if status else "",
        words.moment(when_of(body)),
        str(body.get("conclusion") or ""),
        named,
        tuple(sorted(values, key=lambda one: (not one.critical, not one.flag))),
        (name, *(f"{ref}/_history/{known[ref][1]}" for ref in inside)),
        hidden=False,
        again=plain in was,
    )


def _is_error(body: Mapping[str, Any]) -> bool:
    return body.get("status") == "entered-in-error"


def _value(
    page: Page, body: dict[str, Any], earlier: list[dict[str, Any]], was: dict[str, Any] | None
) -> Value:
    words = page.translator
    flag = _deviation(body)
    before = next((one for one in earlier if _precedes(one, body)), None)
    ranges = body.get("referenceRange") or [{}]
    value, acknowledged = value_of(body, words), value_of(was, words) if was else ""
    void = _VOID.get(body.get("status", ""), "")
    return Value(
        label=what_of(body),
        value=value,
        flag=words.gettext(_FLAGS.get(flag, _DEVIATING)) if flag and not void else "",
        sign=flag[:1],
        critical=flag in CRITICAL and not void,
        reference=_range(ranges[0], page),
        before=value_of(before, words) if before else "",
        before_when=words.day(when_of(before)) if before else "",
        was=acknowledged if void or acknowledged != value else "",
        void=words.gettext(void) if void else "",
    )


def _deviation(body: Mapping[str, Any]) -> str:
    """The laboratory's own judgement; where it gave none, the value against its reference interval."""
    flags = [c.get("code") for one in body.get("interpretation") or () for c in one.get("coding") or ()]
    if flags:
        return next((flag for flag in flags if flag in ABNORMAL), "")
    value = (body.get("valueQuantity") or {}).get("value")
    limits = (body.get("referenceRange") or [{}])[0]
    low, high = ((limits.get(end) or {}).get("value") for end in ("low", "high"))
    if value is not None and low is not None and value < low:
        return "L"
    return "H" if value is not None and high is not None and value > high else ""


def _precedes(one: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Whether it is an earlier result of the same kind, patient and unit of measurement."""
    same = one.get("subject", {}).get("reference") == body.get("subject", {}).get("reference")
    unit = (one.get("valueQuantity") or {}).get("unit") == (body.get("valueQuantity") or {}).get("unit")
    stands = one.get("status") in ("final", "amended", "corrected")
    first, second = when_of(dict(one)) or "", when_of(dict(body)) or ""
    return same and unit and stands and first < second and bool(_codes(one) & _codes(body))


def _range(limits: Mapping[str, Any], page: Page) -> str:
    if limits.get("text"):
        return str(limits["text"])
    ends = [{**(limits.get(end) or {}), "unit": None} for end in ("low", "high")]
    low, high = (quantity(end, page.translator) for end in ends)
    if low and high:
        return f"{low}–{high}"
    return f"> {low}" if low else f"< {high}" if high else ""


def _codes(body: Mapping[str, Any]) -> set[str]:
    codings = (body.get("code") or {}).get("coding") or ()
    return {f"{one.get('system', '')}|{one['code']}" for one in codings if one.get("code")}


def _parts(body: Mapping[str, Any]) -> list[str]:
    """The results of a report."""
    parts = body.get("result") or () if body["resourceType"] == "DiagnosticReport" else ()
    return [one["reference"] for one in parts if str(one.get("reference", "")).startswith("Observation/")]
