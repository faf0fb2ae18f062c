"""Patients beyond the cast: drawn from archetypes by weight, for load tests with realistic charts.

Each archetype has an age window of at least ten years, which lets every patient number have a personnummer
of its own without remembering which are used: patient number -> (day of the year, individnummer, last digit
of the year).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from random import Random

from kontinuum.demo.cast import CAST
from kontinuum.demo.chart import Chart
from kontinuum.demo.member import Story, course
from kontinuum.demo.people import (
    CAST_INDIVIDUAL_NUMBERS,
    Person,
    draw_address,
    draw_name,
    fiction_mobile,
    test_personnummer,
)
from kontinuum.demo.region import Region
from kontinuum.demo.stories.acute import (
    anaphylaxis,
    back_pain,
    cold,
    cystitis,
    drug_reaction,
    seasonal_vaccination,
    sepsis,
)
from kontinuum.demo.stories.cancer import colorectal, follow_up
from kontinuum.demo.stories.chronic import COURSES
from kontinuum.demo.stories.family import child_health, pregnancy, school_child, teenager
from kontinuum.demo.stories.heart import atrial_fibrillation, heart_failure, infarction
from kontinuum.demo.stories.lungs import asthma_adult, asthma_child, copd, pneumonia
from kontinuum.demo.stories.metabolic import diabetes, hypertension, hypothyroidism, screening, type_1
from kontinuum.demo.stories.mind import burnout, dementia, depression
from kontinuum.demo.stories.stroke import stroke
from kontinuum.demo.stories.surgery import ankle, appendicitis, cataract, gallstones, hip_fracture, knee
from kontinuum.sweden import systems

_INDIVIDUAL = tuple(number for number in range(980, 1000) if number not in CAST_INDIVIDUAL_NUMBERS)
_PER_SEX = len(_INDIVIDUAL) // 2
_DAYS = 365
_DECADE = 10
MAX_GENERATED = _DAYS * _PER_SEX * _DECADE
_SPREAD = 11_117
"""Prime to `MAX_GENERATED`: consecutive patient numbers fall far apart in the calendar."""


_HOMES = ("tallbacken", "tallbacken", "tallbacken", "essingen", "essingen", "norrtull", "soderport", "hemse")
_STOCKHOLM = ("tallbacken", "tallbacken", "essingen", "norrtull")
_SOLNA = ("tallbacken",)


@dataclass(frozen=True, slots=True)
class Archetype:
    """How often, which ages, which sex (None: either), stories; `may`: (chance, story); `homes`: units."""

    weight: int
    youngest: int
    oldest: int
    stories: tuple[Story, ...]
    may: tuple[tuple[float, Story], ...] = ()
    sex: str | None = None
    homes: tuple[str, ...] = _HOMES


_COMMON = (
    (0.5, cold),
    (0.08, drug_reaction),
    (0.3, partial(back_pain, days_ago=400)),
    (0.25, partial(cystitis, times=2)),
)
_AGEING = (
    (0.6, partial(hypertension, years=9)),
    (0.35, partial(seasonal_vaccination, years=5)),
    (0.25, partial(cataract, days_ago=700)),
    (0.2, partial(pneumonia, days_ago=500)),
    (0.25, course("osteoporosis", 4)),
    (0.15, drug_reaction),
)

ARCHETYPES: tuple[Archetype, ...] = (
    Archetype(80, 18, 64, (screening, cold), _COMMON),
    Archetype(24, 2, 13, (school_child,), ((0.4, cold),), homes=_STOCKHOLM),
    Archetype(4, 2, 12, (child_health, partial(asthma_child, years=4)), homes=_STOCKHOLM),
    Archetype(10, 13, 23, (teenager,), ((0.3, cold),), homes=_STOCKHOLM),
    Archetype(10, 45, 82, (partial(hypertension, years=8),), (*_COMMON, (0.3, course("gout", 4)))),
    Archetype(8, 48, 86, (partial(diabetes, years=8), partial(hypertension, years=8)), _AGEING),
    Archetype(
        4,
        66,
        90,
        (partial(heart_failure, years=5, admissions=2),),
        ((0.5, partial(atrial_fibrillation, years=5)), *_AGEING),
    ),
    Archetype(4, 62, 88, (partial(atrial_fibrillation, years=6),), _AGEING),
    Archetype(4, 56, 84, (partial(copd, years=7),), _AGEING),
    Archetype(6, 23, 41, (pregnancy,), (), "female", homes=_STOCKHOLM),
    Archetype(
        4, 25, 40, (partial(pregnancy, days=490, child="pojke"),), ((0.4, cold),), "female", homes=_STOCKHOLM
    ),
    Archetype(6, 19, 58, (partial(depression, months=16),), _COMMON, homes=_STOCKHOLM),
    Archetype(4, 30, 60, (partial(burnout, months=10),), _COMMON),
    Archetype(3, 55, 82, (partial(colorectal, days_ago=300),), _AGEING),
    Archetype(3, 56, 82, (partial(follow_up, code="C61.9", marker="psa", years=5),), _AGEING, "male"),
    Archetype(
        3,
        42,
        78,
        (partial(follow_up, code="C50.9", marker=None, years=5, drug="letrozole"),),
        _COMMON,
        "female",
    ),
    Archetype(3, 60, 86, (partial(infarction, days_ago=700), partial(hypertension, years=9)), _AGEING),
    Archetype(
        3, 62, 88, (partial(stroke, days_ago=240), partial(hypertension, years=10)), _AGEING, homes=_SOLNA
    ),
    Archetype(3, 76, 94, (partial(hip_fracture, days_ago=300),), _AGEING, homes=_SOLNA),
    Archetype(2, 74, 92, (partial(dementia, years=3),), _AGEING, homes=_SOLNA),
    Archetype(3, 20, 55, (partial(asthma_adult, years=7),), _COMMON),
    Archetype(2, 18, 45, (partial(type_1, years=8),)),
    Archetype(3, 30, 66, (partial(hypothyroidism, years=6),), _COMMON, "female"),
    Archetype(
        2,
        18,
        40,
        (partial(appendicitis, days_ago=260),),
        ((0.5, partial(ankle, days_ago=500)),),
        homes=_STOCKHOLM,
    ),
    Archetype(2, 32, 68, (partial(gallstones, days_ago=400),), _COMMON, homes=_STOCKHOLM),
    Archetype(2, 52, 78, (partial(knee, days_ago=420),), _AGEING, homes=_STOCKHOLM),
    Archetype(1, 16, 40, (partial(anaphylaxis, days_ago=600),)),
    Archetype(2, 64, 90, (partial(sepsis, days_ago=320),), _AGEING),
)

_WEIGHTS = tuple(archetype.weight for archetype in ARCHETYPES)
_ADULT_COURSES = tuple(key for key in COURSES if key not in ("eczema", "prostate", "kidney", "parkinson"))


def generated_patient(
    region: Region, number: int, rng: Random, today: date
) -> tuple[Person, Callable[[Chart], None]]:
    """Draw patient `number` (after the cast): who it is, and the stories that fill the chart."""
    archetype = rng.choices(ARCHETYPES, _WEIGHTS)[0]
    index = number - len(CAST) - 1
    sex = archetype.sex or rng.choice(("female", "male"))
    born, individual = _identity(index, archetype, sex, rng, today)
    given, family = draw_name(rng, sex, born)
    home = region.units[rng.choice(archetype.homes)]
    place = (
        "gotland"
        if home.provider.key == "region-gotland"
        else "solna"
        if home.city == "Solna"
        else "stockholm"
    )
    person = Person(
        id=f"p-{number:04d}",
        identifier=(systems.PERSONNUMMER, test_personnummer(born, individual)),
        sex=sex,
        born=born,
        given=given,
        family=family,
        address=draw_address(rng, place),
        phone=fiction_mobile(rng) if (today - born).days > 15 * 365 else None,
        home=home,
    )
    stories = [*archetype.stories, *(story for chance, story in archetype.may if rng.random() < chance)]
    if archetype.youngest >= 30 and rng.random() < 0.45:
        stories.append(course(rng.choice(_ADULT_COURSES), 3 + rng.random() * 5))

    def tell(chart: Chart) -> None:
        chart.open(home)
        for story in stories:
            story(chart)

    return person, tell


def _identity(index: int, archetype: Archetype, sex: str, rng: Random, today: date) -> tuple[date, int]:
    """Map a patient's index one-to-one to day, individnummer and last digit of the year of birth."""
    slot = index * _SPREAD % MAX_GENERATED
    slot, last_digit = divmod(slot, _DECADE)
    slot, turn = divmod(slot, _PER_SEX)
    individual = [number for number in _INDIVIDUAL if number % 2 == (sex == "male")][turn]
    # One year is left out at either end, so that the age holds on every day of the year.
    first, last = today.year - archetype.oldest, today.year - archetype.youngest - 1
    years = [year for year in range(first, last + 1) if year % _DECADE == last_digit]
    return date(rng.choice(years), 1, 1) + timedelta(days=slot), individual
