"""On whose behalf commands act, and for whom tokens are made."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kontinuum.app.commands import acting, token
from kontinuum.kernel.config import Settings, load_settings
from kontinuum.kernel.principal import ActorKind, Principal, Purpose

PROVIDER = "SE2321000016-DEMO1000"
EMERGENCY = "SE2321000016-DEMO1010"


@pytest.fixture
def settings() -> Settings:
    """The default settings: a development installation."""
    return load_settings({})


def test_without_options_it_is_the_demo_regions_office(settings: Settings) -> None:
    """A unit of Region Stockholm."""
    place = acting.place(settings, None, None)
    assert isinstance(place, acting.Place)
    assert place.provider == PROVIDER
    assert place.provider_name == "Region Stockholm"


def test_a_unit_of_the_demo_region_knows_its_provider(settings: Settings) -> None:
    """Written in either case."""
    place = acting.place(settings, EMERGENCY.lower(), None)
    assert place == acting.Place(EMERGENCY, "Akutmottagningen Riddarfjärden", PROVIDER, "Region Stockholm")


def test_a_provider_alone_stands_for_itself(settings: Settings) -> None:
    """As for organisations of the provider itself."""
    place = acting.place(settings, None, PROVIDER)
    assert isinstance(place, acting.Place)
    assert (place.unit, place.provider) == (PROVIDER, PROVIDER)


@pytest.mark.parametrize(
    ("unit", "provider", "told"),
    [
        ("ward 7", None, "--unit ward 7"),
        (EMERGENCY, "SE2120000803-DEMO2000", PROVIDER),
        ("SE5560000001-9999", None, "--provider"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    settings: Settings, unit: str, provider: str | None, told: str
) -> None:
    """With what is wrong."""
    refused = acting.place(settings, unit, provider)
    assert isinstance(refused, acting.Refused)
    assert told in refused.message


def test_in_production_the_provider_must_be_named(settings: Settings) -> None:
    """There is no demo region to fall back to."""
    production = replace(settings, environment="production")
    assert isinstance(acting.place(production, None, None), acting.Refused)
    assert isinstance(acting.place(production, EMERGENCY, None), acting.Refused)
    place = acting.place(production, "SE5560000001-2", "SE5560000001-1")
    assert isinstance(place, acting.Place)
    assert (place.unit, place.provider) == ("SE5560000001-2", "SE5560000001-1")


def test_a_client_is_a_system_with_an_assignment_of_its_own(settings: Settings) -> None:
    """Any name, at the region's office or where it is told."""
    principal = token.client_principal(settings, " Labb Å ", EMERGENCY)
    assert isinstance(principal, Principal)
    assert principal.actor.kind is ActorKind.SYSTEM
    assert (principal.actor.id, principal.actor.name, principal.client) == (
        "client:Labb Å",
        "Labb Å",
        "Labb Å",
    )
    assert (principal.assignment.unit, principal.purpose) == (EMERGENCY, Purpose.SYSTEM)


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb"])
def test_a_client_needs_a_name(settings: Settings, name: str) -> None:
    """One that can be shown in a log."""
    assert isinstance(token.client_principal(settings, name), acting.Refused)


@pytest.mark.parametrize("asked", ["Anna Berglund", "anna berglund", "s-anna-berglund", " ANNA BERGLUND "])
def test_a_persona_is_found_by_name_or_id(asked: str) -> None:
    """In any case; the first assignment is taken."""
    principal = token.persona_principal(asked)
    assert isinstance(principal, Principal)
    assert principal.actor.name == "Anna Berglund"
    assert principal.assignment.unit_name


def test_the_nearest_persona_is_suggested() -> None:
    """And all are listed."""
    refused = token.persona_principal("Ana Berglnd")
    assert isinstance(refused, acting.Refused)
    assert "Did you mean Anna Berglund?" in refused.message
    assert "Rickard Hult" in refused.message
