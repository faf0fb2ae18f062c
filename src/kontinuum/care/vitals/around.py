"""What is read for the pages of vital signs: age, ongoing contacts, latest values, decisions in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote

from kontinuum.care.vitals import reading
from kontinuum.care.vitals.ages import Interval, age_in_months, intervals
from kontinuum.care.vitals.entry import About
from kontinuum.care.vitals.kinds import OUTSIDE_THE_CATEGORY
from kontinuum.care.vitals.reading import Reading
from kontinuum.fhir import json
from kontinuum.kernel.i18n import Phrase, Translator, local, message
from kontinuum.kernel.module import Chart, RecordReader, ResultPage
from kontinuum.kernel.principal import Principal

LATEST: Final = 100
_CONTACTS: Final = 15
_ONGOING: Final = frozenset({"arrived", "triaged", "in-progress", "onleave"})
_CONTACT: Final = message("Contact")
WHY: Final = message("Write why, in a few words.")
CHANGED: Final = message("Somebody else has changed this meanwhile. Look at it again.")


@dataclass(frozen=True, slots=True)
class Around:
    """What was read of one patient; `contacts`: (id, label) of those that go on, `usual` of the own unit."""

    chart: Chart
    born: str | None
    contacts: tuple[tuple[str, str], ...]
    usual: str
    readings: Sequence[Reading]
    goal: Mapping[str, Any] | None
    goal_version: int

    @property
    def second(self) -> bool:
        """Whether the second scale of saturation was decided for the patient."""
        return self.goal is not None

    def months(self, when: datetime) -> int | None:
        """The age in months when something was measured."""
        return age_in_months(self.born, local(when).date())

    def about(self) -> About:
        """What a value that is typed now is judged by."""
        now = local(self.chart.now)
        return About(now, self.months(now), reading.earlier(self.readings))

    def intervals(self, when: datetime) -> Mapping[str, Interval]:
        """The ranges at the age of that time."""
        return intervals(self.months(when), second=self.second)

    def knows(self, contact: str) -> bool:
        """Whether a contact may be chosen; none may."""
        return not contact or any(one == contact for one, _ in self.contacts)


def observation_queries(chart: Chart, since: datetime | None = None, count: int = LATEST) -> tuple[str, ...]:
    """The searches for what belongs among the vital signs, the latest first."""
    codes = quote(",".join("|".join(pair) for pair in OUTSIDE_THE_CATEGORY), safe="|,:")
    begins = "" if since is None else f"&date=ge{since:%Y-%m-%dT%H:%M:%SZ}"
    whose = f"Observation?patient={chart.patient}"
    rest = f"{begins}&_sort=-date&_count={count}"
    return (f"{whose}&category=vital-signs{rest}", f"{whose}&code={codes}{rest}")


async def around(record: RecordReader, chart: Chart, principal: Principal) -> Around:
    """Read what an entry needs."""
    found = await record.find_many(
        [
            f"Patient?_id={chart.patient}",
            f"Goal?patient={chart.patient}&lifecycle-status=active&_count=100",
            f"Encounter?patient={chart.patient}&_sort=-date&_count={_CONTACTS}",
            *observation_queries(chart),
        ]
    )
    patients, goals, encounters, *observed = found
    born = next((json.loads(one.body).get("birthDate") for one in patients.matches if one.body), None)
    decided = [(json.loads(one.body), one.version) for one in goals.matches if one.body]
    goal, version = next((one for one in decided if reading.is_goal_of_second_scale(one[0])), (None, 0))
    contacts, usual = _contacts(chart, encounters, principal)
    readings = reading.read(entry for page in observed for entry in page.matches)
    return Around(chart, born, contacts, usual, readings, goal, version)


def _contacts(
    chart: Chart, page: ResultPage, principal: Principal
) -> tuple[tuple[tuple[str, str], ...], str]:
    contacts, usual = [], ""
    for one in page.matches:
        body = json.loads(one.body) if one.body else {}
        period = body.get("period", {})
        if body.get("status") not in _ONGOING or period.get("end"):
            continue
        named = [*body.get("type", ()), body.get("serviceType", {})]
        kind = next((text for each in named if (text := each.get("text"))), "")
        kind = kind or body.get("class", {}).get("display") or chart.translator.gettext(_CONTACT)
        place = body.get("serviceProvider", {}).get("display") or chart.directory.unit(one.unit)
        contacts.append(
            (one.id, " · ".join(filter(None, [kind, place, chart.translator.day(period.get("start"))])))
        )
        if not usual and one.unit == principal.assignment.unit:
            usual = one.id
    return tuple(contacts), usual


def say(translator: Translator, text: Phrase) -> str:
    """A phrase whose numbers are written as in the reader's language."""
    values = {k: translator.number(v) if isinstance(v, Decimal) else v for k, v in text.values.items()}
    return translator.say(Phrase(text.template, values))
