"""The settings of a care provider: what it decides for itself within the limits of the law.

They are kept in the database with who changed them, when and why, so that a provider can change them without
whoever runs the machines. An environment variable wins over them, for all providers of an installation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time
from typing import Any, Final, Literal, NamedTuple

from kontinuum.kernel import awaiting
from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.escalation import EVERY_UNIT, MOST_LINES, USUAL, read_step
from kontinuum.kernel.i18n import SWEDEN, message
from kontinuum.kernel.media import ATTACHABLE

Kind = Literal["number", "yes-no", "day", "series", "responses", "units", "kinds", "steps", "times"]
Value = int | bool | str | tuple[str, ...]

LONGEST_SERIES: Final = 20
LONGEST_RESPONSES: Final = 200
RESPONSE_CLASSES: Final = ("0", "low", "single", "medium", "high", "child-low", "child-high")
"""The classes of early warning that a unit answers to: NEWS2's trigger thresholds, and two for children."""


_STOCKHOLM: Final = "reservnummer Region Stockholm; urn:oid:1.2.752.97.3.1.3; 99##########"


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """The settings in force at one care provider; `PROVIDER_SETTINGS` says what each means.

    `reserve_series` holds local reserve numbers as `name; system; form`, one a line, where `#` in the form is
    a digit and `@` a letter; `reserve_series_of` reads them. Numbers are given out of the first whose form
    ends in its digits. `warning_responses` holds `unit; class; text`; `response_of` reads them.
    `measure_units` are HSA-ids; `asks_for_measures` reads them. `escalation` holds `unit; after; who`;
    `kernel.escalation` reads it. `answer_times` holds `unit; what; priority; time`; `kernel.awaiting` reads
    it.
    """

    relation_days: int = 30
    opening_hours: int = 4
    lift_days_max: int = 7
    consent_days: int = 365
    idle_minutes: int = 120
    session_hours: int = 12
    log_years: int = 10
    extract_names: bool = False
    informed_generally: str = "2023-01-01"
    reserve_series: tuple[str, ...] = (_STOCKHOLM,)
    warning_responses: tuple[str, ...] = ()
    measure_units: tuple[str, ...] = ()
    attachment_mb: int = 10
    attachment_types: tuple[str, ...] = tuple(ATTACHABLE)
    dictation_days: int = 30
    escalation: tuple[str, ...] = USUAL
    answer_times: tuple[str, ...] = awaiting.USUAL


@dataclass(frozen=True, slots=True)
class ProviderSetting:
    """One setting: its name in `ProviderSettings`, what it means, and what is allowed.

    `low` and `high` bound a number. A day is written YYYY-MM-DD, and empty for never.
    `variable` is the environment variable that wins, without prefix.
    """

    name: str
    title: str
    meaning: str
    kind: Kind
    unit: str = ""
    low: int = 0
    high: int = 0
    provision: str = ""

    @property
    def variable(self) -> str:
        """The environment variable that wins, without the common prefix."""
        return _VARIABLES.get(self.name, self.name.upper())

    @property
    def default(self) -> Value:
        """What holds when nothing was decided."""
        value: Value = getattr(_DEFAULTS, self.name)
        return value

    @property
    def allowed(self) -> str:
        """What is allowed, in words."""
        if self.kind == "number":
            return f"{self.low} to {self.high}"
        if self.kind == "day":
            return "a day such as 2023-01-01, or nothing"
        if self.kind == "responses":
            return "lines of UNIT; CLASS; TEXT, parted by |"
        if self.kind == "steps":
            return "lines of UNIT; TIME; WHO, parted by |"
        if self.kind == "times":
            return "lines of UNIT; WHAT; PRIORITY; TIME, parted by |"
        if self.kind == "units":
            return "HSA-ids of units, or *, parted by |"
        if self.kind == "kinds":
            return f"one or more of {', '.join(ATTACHABLE)}, parted by |"
        return "yes, no" if self.kind == "yes-no" else "lines of NAME; SYSTEM; FORM, parted by |"


@dataclass(frozen=True, slots=True)
class NotAllowed:
    """A value that a setting does not take; `reason` says what it takes."""

    reason: str


class ReserveSeries(NamedTuple):
    """A series of local reserve numbers; `form` has `#` for a digit and `@` for a letter."""

    name: str
    system: str
    form: str


INFORMED_GENERALLY: Final = "informed_generally"
"""The setting that every search asks for in the database, so that no environment variable decides it."""

_VARIABLES: Final = {"idle_minutes": "SESSION_IDLE_MINUTES"}
_DEFAULTS: Final = ProviderSettings()

PROVIDER_SETTINGS: Final[tuple[ProviderSetting, ...]] = (
    ProviderSetting(
        "relation_days",
        message("Care relation"),
        message("For how long a care relation that is stated by hand holds, unless another time is given."),
        "number",
        message("days"),
        1,
        365,
        "patientdatalagen (2008:355) 4:1",
    ),
    ProviderSetting(
        "opening_hours",
        message("Emergency opening"),
        message(
            "After how many hours an emergency opening ends by itself. Every opening is reviewed afterwards."
        ),
        "number",
        message("hours"),
        1,
        24,
        "patientdatalagen (2008:355) ch. 4; lag (2022:913) ch. 3",
    ),
    ProviderSetting(
        "lift_days_max",
        message("Lifted block"),
        message("For how long a block can be lifted at the most. The law's limit is seven days."),
        "number",
        message("days"),
        1,
        7,
        "patientdatalagen (2008:355) ch. 4; HSLF-FS 2016:40 ch. 4",
    ),
    ProviderSetting(
        "consent_days",
        message("Consent to read from other care providers"),
        message("For how long a consent is proposed to hold. The patient decides and can take it back."),
        "number",
        message("days"),
        1,
        3650,
        "lag (2022:913) ch. 3",
    ),
    ProviderSetting(
        INFORMED_GENERALLY,
        message("Information about shared records"),
        message(
            "From which day everybody has been told, by letter, notices and 1177, that what is documented "
            "here is offered to other care providers. Empty: each patient is told in person, and nothing is "
            "offered before that is noted."
        ),
        "day",
        provision="lag (2022:913) ch. 2",
    ),
    ProviderSetting(
        "idle_minutes",
        message("Unused session"),
        message(
            "After how many minutes without use a session ends. The screen locks before that; drafts stay."
        ),
        "number",
        message("minutes"),
        1,
        720,
        "HSLF-FS 2016:40 ch. 4",
    ),
    ProviderSetting(
        "session_hours",
        message("Longest session"),
        message(
            "How long a session may last, whatever happens in it. Holds for sessions that begin afterwards."
        ),
        "number",
        message("hours"),
        1,
        24,
        "HSLF-FS 2016:40 ch. 4",
    ),
    ProviderSetting(
        "log_years",
        message("The log is kept"),
        message("For how many years entries in the log are kept before they may be removed. At least five."),
        "number",
        message("years"),
        5,
        100,
        "patientdatalagen (2008:355) 4:3; HSLF-FS 2016:40 ch. 4",
    ),
    ProviderSetting(
        "extract_names",
        message("Names of staff in the patient's extract"),
        message(
            "Whether the extract that a patient is given of the log names the persons. Units and times "
            "always stand in it."
        ),
        "yes-no",
        provision="patientdatalagen (2008:355) 8:5",
    ),
    ProviderSetting(
        "reserve_series",
        message("Reserve numbers"),
        message(
            "One series a line: name; system; form. In the form # is a digit and @ a letter. New numbers are "
            "given out of the first whose form ends in #; all are recognised, by every care provider."
        ),
        "series",
    ),
    ProviderSetting(
        "warning_responses",
        message("What a unit does at an early warning score"),
        message(
            "One a line: HSA-id of the unit, or * for every unit; class; text. Classes are 0, low, single, "
            "medium and high for NEWS2, child-low and child-high for children. Where there is no line, the "
            "published table holds. The text may begin with within how long the next set is due: "
            "30 min; text."
        ),
        "responses",
    ),
    ProviderSetting(
        "measure_units",
        message("Units that register measures"),
        message(
            "HSA-ids of the units, one a line, or * for every unit, at which a contact is asked for a "
            "measure code (KVÅ) before it is closed."
        ),
        "units",
    ),
    ProviderSetting(
        "attachment_mb",
        message("Largest file"),
        message("How large a picture, document or dictation may be that is attached to a note."),
        "number",
        message("MB"),
        1,
        25,
    ),
    ProviderSetting(
        "attachment_types",
        message("Files that can be attached"),
        message("One kind a line: jpeg, png, webp, pdf. What a file is, is told from what it holds."),
        "kinds",
    ),
    ProviderSetting(
        "dictation_days",
        message("Dictated sound is kept"),
        message(
            "For how many days dictated sound is kept after the note that was written from it is signed. "
            "Until then it is always kept. It is working material and no part of the record."
        ),
        "number",
        message("days"),
        0,
        365,
    ),
    ProviderSetting(
        "escalation",
        message("Who is told when something waits for too long"),
        message(
            "One a line: HSA-id of the unit, or * for every unit without lines of its own; how long after "
            "the time has passed (30 min, 4 h, 2 d); HSA-id of who is told, or asker for who asked. It is "
            "set on the page of each unit."
        ),
        "steps",
    ),
    ProviderSetting(
        "answer_times",
        message("When an answer is late"),
        message(
            "One a line: HSA-id of the laboratory or unit that answers, or * for every other; laboratory, "
            "assessment (until a referral is accepted) or referral (from then to its answer); routine, "
            "urgent, asap or stat; time (45 min, 4 h, 7 d). Where there is no line, the usual time holds."
        ),
        "times",
    ),
)
"""Every setting of a care provider, in the order in which it is shown."""

BY_NAME: Final[Mapping[str, ProviderSetting]] = {one.name: one for one in PROVIDER_SETTINGS}

assert set(BY_NAME) == {one.name for one in fields(ProviderSettings)}

_WITHIN = re.compile(r"([1-9][0-9]{0,3}) ?min *; *(?=.)")
_NAMESPACE = re.compile(r"(urn:oid:[0-9]+(\.[0-9]+)+|urn:[a-z0-9-]+:\S+|https?://\S+)")
_UNIT = re.compile(r"[A-Z]{2}[0-9]{10}-[A-Z0-9]{1,18}")
_FORM = re.compile(r"[0-9A-Z#@]{4,30}")


def parse(setting: ProviderSetting, text: str) -> Value | NotAllowed:
    """The value that a text from a form or an environment variable means."""
    text = text.strip()
    if setting.kind == "number":
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
        if number is None or not setting.low <= number <= setting.high:
            return NotAllowed(f"a whole number from {setting.low} to {setting.high}")
        return number
    if setting.kind == "yes-no":
        return {"yes": True, "no": False}.get(text, NotAllowed("yes or no"))
    if setting.kind == "day":
        return text if not text or _is_day(text) else NotAllowed(setting.allowed)
    if setting.kind == "units":
        return _units(text)
    if setting.kind == "kinds":
        return _kinds(setting, text)
    if setting.kind == "steps":
        return _steps(text)
    if setting.kind == "times":
        return _times(text)
    return _responses(text) if setting.kind == "responses" else _series(text)


def asks_for_measures(settings: ProviderSettings, unit: str) -> bool:
    """Whether a contact at a unit is asked for a measure code before it is closed."""
    return not {unit, EVERY_UNIT}.isdisjoint(settings.measure_units)


def response_of(settings: ProviderSettings, unit: str, risk: str) -> str:
    """What a unit does at a class of early warning; empty where nothing is decided."""
    return _response(settings, unit, risk)[1]


def response_minutes(settings: ProviderSettings, unit: str, risk: str) -> int | None:
    """Within how many minutes a unit measures again at a class; None where nothing is decided."""
    return _response(settings, unit, risk)[0]


def _response(settings: ProviderSettings, unit: str, risk: str) -> tuple[int | None, str]:
    lines = [_one_response(line) for line in settings.warning_responses]
    decided = {(whose, kind): text for whose, kind, text in lines}
    said = decided.get((unit, risk)) or decided.get((EVERY_UNIT, risk), "")
    timed = _WITHIN.match(said)
    return (int(timed[1]), said[timed.end() :]) if timed else (None, said)


def begins(day: str) -> int:
    """When a day begins in Sweden, in microseconds; the end of time for none."""
    if not day:
        return 2**63 - 1
    return to_micros(datetime.combine(date.fromisoformat(day), time(), tzinfo=SWEDEN))


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def reserve_series_of(settings: ProviderSettings) -> tuple[ReserveSeries, ...]:
    """The care provider's own series of reserve numbers."""
    return tuple(_one_series(line) for line in settings.reserve_series)


def shown(setting: ProviderSetting, value: Value) -> str:
    """A value as a form and an environment variable hold it."""
    if setting.kind == "yes-no":
        return "yes" if value else "no"
    return "\n".join(value) if isinstance(value, tuple) else str(value)


def combined(stored: Mapping[str, Any], overrides: Mapping[str, Value]) -> ProviderSettings:
    """The settings in force, of what a provider has decided and what the environment says.

    What was stored by another release and is not allowed here is passed over: the default holds.
    """
    known = {name: value for name, raw in stored.items() if (value := _restored(name, raw)) is not None}
    return replace(_DEFAULTS, **{**known, **overrides})  # type: ignore[arg-type]


def _restored(name: str, raw: Any) -> Value | None:
    setting = BY_NAME.get(name)
    if setting is None:
        return None
    value = tuple(map(str, raw)) if isinstance(raw, list) else raw
    if type(value) is not type(setting.default):
        return None
    again = parse(setting, shown(setting, value))
    return None if isinstance(again, NotAllowed) else again


def _kinds(setting: ProviderSetting, text: str) -> tuple[str, ...] | NotAllowed:
    wanted = {line.strip().lower() for line in re.split(r"[\n|]", text) if line.strip()}
    if not wanted or not wanted <= ATTACHABLE.keys():
        return NotAllowed(setting.allowed)
    return tuple(name for name in ATTACHABLE if name in wanted)


def _series(text: str) -> tuple[str, ...] | NotAllowed:
    lines = [line.strip() for line in re.split(r"[\n|]", text) if line.strip()]
    if len(lines) > LONGEST_SERIES:
        return NotAllowed(f"at most {LONGEST_SERIES} series")
    for line in lines:
        parts = [part.strip() for part in line.split(";")]
        good = len(parts) == 3 and parts[0] and _NAMESPACE.fullmatch(parts[1]) and _FORM.fullmatch(parts[2])
        if not good or "#" not in parts[2]:
            return NotAllowed(
                f"name; system; form, such as Reserve number; urn:oid:1.2.3; 99########, not '{line}'"
            )
    if len({_one_series(line).system for line in lines}) < len(lines):
        return NotAllowed("each system once")
    return tuple("; ".join(part.strip() for part in line.split(";")) for line in lines)


def _units(text: str) -> tuple[str, ...] | NotAllowed:
    lines = tuple(dict.fromkeys(line.strip() for line in re.split(r"[\n|]", text) if line.strip()))
    if len(lines) > LONGEST_RESPONSES:
        return NotAllowed(f"at most {LONGEST_RESPONSES} units")
    odd = next((line for line in lines if line != EVERY_UNIT and not _UNIT.fullmatch(line)), None)
    return lines if odd is None else NotAllowed(f"an HSA-id or *, not '{odd}'")


def _steps(text: str) -> tuple[str, ...] | NotAllowed:
    lines = [line.strip() for line in re.split(r"[\n|]", text) if line.strip()]
    if len(lines) > MOST_LINES:
        return NotAllowed(f"at most {MOST_LINES} lines")
    steps = {line: read_step(line) for line in lines}
    odd = next((line for line, step in steps.items() if step is None), None)
    if odd is not None:
        return NotAllowed(f"unit; time; who, such as *; 4 h; asker, not '{odd}'")
    return tuple(dict.fromkeys(step.line for step in steps.values() if step is not None))


def _times(text: str) -> tuple[str, ...] | NotAllowed:
    lines = [line.strip() for line in re.split(r"[\n|]", text) if line.strip()]
    if len(lines) > awaiting.MOST_LINES:
        return NotAllowed(f"at most {awaiting.MOST_LINES} lines")
    times = {line: awaiting.read_within(line) for line in lines}
    odd = next((line for line, one in times.items() if one is None), None)
    if odd is not None:
        return NotAllowed(f"unit; what; priority; time, such as *; laboratory; stat; 1 h, not '{odd}'")
    made = [one for one in times.values() if one is not None]
    if len({one[:3] for one in made}) < len(made):
        return NotAllowed("each unit, what and priority once")
    return tuple(one.line for one in made)


def _responses(text: str) -> tuple[str, ...] | NotAllowed:
    lines = [line.strip() for line in re.split(r"[\n|]", text) if line.strip()]
    if len(lines) > LONGEST_RESPONSES:
        return NotAllowed(f"at most {LONGEST_RESPONSES} lines")
    made = []
    for line in lines:
        unit, risk, said = _one_response(line)
        if not unit or " " in unit or risk not in RESPONSE_CLASSES or not said:
            classes = ", ".join(RESPONSE_CLASSES)
            return NotAllowed(f"unit; class; text with a class among {classes}, not '{line}'")
        made.append((unit, risk, said))
    if len({one[:2] for one in made}) < len(made):
        return NotAllowed("each unit and class once")
    return tuple("; ".join(one) for one in made)


def _one_response(line: str) -> tuple[str, str, str]:
    unit, risk, said = [*(part.strip() for part in line.split(";", 2)), "", ""][:3]
    return unit, risk, said


def _one_series(line: str) -> ReserveSeries:
    name, system, form = (part.strip() for part in line.split(";"))
    return ReserveSeries(name, system, form)
