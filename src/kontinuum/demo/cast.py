"""The cast: the first patients of every demo region, each with a story made for showing or testing something.

Their ages are fixed, so their dates of birth move with `today`; names and stories do not. `listing` says
who shows what, and docs/demo.md lists them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from kontinuum.demo.cast_first import FIRST
from kontinuum.demo.cast_more import MORE
from kontinuum.demo.chart import Chart
from kontinuum.demo.member import Member
from kontinuum.demo.people import (
    Person,
    Relative,
    draw_address,
    fiction_landline,
    fiction_mobile,
    test_personnummer,
    test_samordningsnummer,
)
from kontinuum.demo.region import Region
from kontinuum.kernel.principal import Actor, ActorKind, Assignment, Persona, Purpose
from kontinuum.sweden import systems

CAST: tuple[Member, ...] = (*FIRST, *MORE)

_PLACES = {"region-gotland": "gotland", "solna-stad": "solna"}


def cast_patient(
    region: Region, number: int, rng: Random, today: date
) -> tuple[Person, Callable[[Chart], None]]:
    """Make member `number` (from 1) of the cast and the story that fills the chart."""
    member = CAST[number - 1]
    person = _person(region, member, number, rng, today)

    def tell(chart: Chart) -> None:
        chart.open(person.home or region.units["akuten"])
        for story in member.stories:
            story(chart)

    return person, tell


def _person(region: Region, member: Member, number: int, rng: Random, today: date) -> Person:
    born = birth_date(member, today)
    home = region.units[member.home] if member.home else None
    place = "stockholm"
    if home is not None:
        place = "solna" if home.city == "Solna" else _PLACES.get(home.provider.key, "stockholm")
    protected = member.protection is not None
    address: tuple[str, str, str] | None = draw_address(rng, place)
    if protected:
        # Protected persons are reached through Skatteverket's forwarding, never at home.
        address = ("Skatteverket, förmedlingsuppdrag, Box 2820", "40320", "Göteborg")
    if member.number == "reserve":
        address = None
    relatives = tuple(
        Relative(name, role, label, fiction_mobile(rng)) for name, role, label in member.relatives
    )
    reachable = (today - born).days > 16 * 365 and not protected and member.number != "reserve"
    phone = (fiction_landline if (today - born).days > 80 * 365 and rng.random() < 0.5 else fiction_mobile)(
        rng
    )
    return Person(
        id=f"p-{number:04d}",
        identifier=_identifier(member, born, number, today),
        sex=member.sex,
        born=None if member.number == "reserve" else born,
        given=member.given,
        family=member.family,
        address=address,
        phone=phone if reachable else None,
        email=f"{number:04d}@example.com" if reachable and 18 <= member.age < 75 else None,
        home=home,
        protection=member.protection,
        deceased=today - timedelta(days=member.died) if member.died else None,
        language=member.language,
        relatives=relatives,
        temporary=member.number == "reserve",
        multiple_birth=member.multiple,
    )


def birth_date(member: Member, today: date) -> date:
    """Give the date of birth that makes the member `age` years old today."""
    if member.days_old is not None:
        return today - timedelta(days=member.days_old)
    month, day = member.birthday
    year = today.year - member.age - ((month, day) > (today.month, today.day))
    return date(year, month, day)


def _identifier(member: Member, born: date, number: int, today: date) -> tuple[str, str]:
    individual = member.individual
    if member.number == "reserve":
        return systems.STOCKHOLM_RESERVE_NUMBER, f"99{today:%Y%m%d}{number:02d}"
    if member.number == "national-reserve":
        return systems.NATIONAL_RESERVE_NUMBER, f"{born:%Y%m%d}KT{number:02d}"
    if member.number == "samordningsnummer":
        return systems.SAMORDNINGSNUMMER, test_samordningsnummer(born, individual)
    return systems.PERSONNUMMER, test_personnummer(born, individual)


def patient_personas() -> tuple[Persona, ...]:
    """Give the patients that a visitor may sign in as; their assignment names no unit and no provider."""
    return tuple(
        Persona(
            Actor(ActorKind.PATIENT, identity, name, f"Patient/{identity}"),
            "Patient",
            (Assignment(f"{identity}-self", "Mina sidor", "", "", "", "", Purpose.PATIENT),),
        )
        for identity, name in (
            (f"p-{number:04d}", f"{CAST[number - 1].given[0]} {CAST[number - 1].family}")
            for number in (2, 4, 17)
        )
    )


@dataclass(frozen=True, slots=True)
class Listed:
    """A member of the cast as it is listed for readers: id, name, age and what it shows."""

    id: str
    name: str
    age: int
    shows: str


def listing() -> tuple[Listed, ...]:
    """List the cast, for documentation and for tests that every story exists."""
    return tuple(
        Listed(
            f"p-{number:04d}",
            f"{member.given[0] if member.given else ''} {member.family}".strip(),
            member.age,
            member.shows,
        )
        for number, member in enumerate(CAST, start=1)
    )
