"""The settings of care providers: what is allowed, and who wins."""

from __future__ import annotations

import pytest

from kontinuum.kernel.config import Problem, Settings, read_settings
from kontinuum.kernel.provider_settings import (
    BY_NAME,
    PROVIDER_SETTINGS,
    NotAllowed,
    ProviderSettings,
    combined,
    parse,
    reserve_series_of,
    shown,
)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("relation_days", "30", 30),
        ("lift_days_max", "7", 7),
        ("log_years", " 5 ", 5),
        ("extract_names", "yes", True),
        ("extract_names", "no", False),
        ("reserve_series", "", ()),
    ],
)
def test_what_is_allowed_is_taken(name: str, text: str, value: object) -> None:
    assert parse(BY_NAME[name], text) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lift_days_max", "8"),
        ("lift_days_max", "0"),
        ("log_years", "4"),
        ("opening_hours", "25"),
        ("opening_hours", "-1"),
        ("opening_hours", "4.5"),
        ("opening_hours", "٤"),
        ("opening_hours", ""),
        ("extract_names", "true"),
        ("reserve_series", "only a name"),
        ("reserve_series", "A; not a system; 99####"),
        ("reserve_series", "A; urn:oid:1.2.3; 9999"),
        ("reserve_series", "A; urn:oid:1.2.3; 99####\nB; urn:oid:1.2.3; 98####"),
    ],
)
def test_what_the_law_or_sense_forbids_is_refused_with_what_is_allowed(name: str, text: str) -> None:
    refused = parse(BY_NAME[name], text)
    assert isinstance(refused, NotAllowed)
    assert refused.reason


def test_every_default_is_allowed_and_survives_being_shown() -> None:
    for setting in PROVIDER_SETTINGS:
        assert parse(setting, shown(setting, setting.default)) == setting.default


def test_a_series_of_reserve_numbers_is_read() -> None:
    value = parse(BY_NAME["reserve_series"], "Reserv ; urn:oid:1.2.752.97.3.1.3; 99####@@")
    assert not isinstance(value, NotAllowed)
    (series,) = reserve_series_of(combined({"reserve_series": list(value)}, {}))  # type: ignore[call-overload]
    assert series == ("Reserv", "urn:oid:1.2.752.97.3.1.3", "99####@@")


def test_the_environment_wins_over_the_provider_and_the_provider_over_the_default() -> None:
    stored = {"relation_days": 60, "opening_hours": 2}
    found = combined(stored, {"opening_hours": 8})
    assert (found.relation_days, found.opening_hours, found.consent_days) == (60, 8, 365)


def test_what_another_release_stored_and_is_not_allowed_here_does_not_hold() -> None:
    found = combined({"lift_days_max": 30, "log_years": 1, "unknown": 1, "extract_names": "x"}, {})
    assert found == ProviderSettings()


def test_environment_variables_are_read_as_overrides_and_checked() -> None:
    found = read_settings({"KONTINUUM_LIFT_DAYS_MAX": "3", "KONTINUUM_SESSION_HOURS": "12"})
    assert isinstance(found, Settings)
    assert found.provider_overrides == {"lift_days_max": 3, "session_hours": 12}
    wrong = read_settings({"KONTINUUM_LOG_YEARS": "4"})
    assert isinstance(wrong, tuple)
    assert wrong == (Problem("KONTINUUM_LOG_YEARS", "4", "not allowed; allowed is 5 to 100"),)
