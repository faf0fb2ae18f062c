"""Settings: every wrong value and unknown name is refused at start, with what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontinuum.kernel.config import (
    SETTINGS,
    Problem,
    Settings,
    SettingsError,
    load_settings,
    mask_password,
    read_settings,
)

WRONG = [
    ("KONTINUUM_PORT", "0"),
    ("KONTINUUM_PORT", "65536"),
    ("KONTINUUM_PORT", "80 00"),
    ("KONTINUUM_PORT", "-1"),
    ("KONTINUUM_PORT", "８０００"),
    ("KONTINUUM_PORT", ""),
    ("KONTINUUM_HOST", "http://localhost"),
    ("KONTINUUM_HOST", "127.0.0.1:8000"),
    ("KONTINUUM_HOST", "[::1]"),
    ("KONTINUUM_WORKERS", "0"),
    ("KONTINUUM_WORKERS", "257"),
    ("KONTINUUM_WORKERS", "two"),
    ("KONTINUUM_DATA_DIR", "/dev/null"),
    ("KONTINUUM_DATABASE_URL", "mysql://localhost/kontinuum"),
    ("KONTINUUM_DATABASE_URL", "localhost/kontinuum"),
    ("KONTINUUM_DATABASE_URL", "postgresql://localhost:port/kontinuum"),
    ("KONTINUUM_LOG", "loud"),
    ("KONTINUUM_LOG", "info:xml"),
    ("KONTINUUM_LOG", "info:"),
    ("KONTINUUM_LOG", "INFO"),
    ("KONTINUUM_ENV", "prod"),
    ("KONTINUUM_PUBLIC_URL", "journal.example.se"),
    ("KONTINUUM_PUBLIC_URL", "http://journal.example.se"),
    ("KONTINUUM_PUBLIC_URL", "https://journal.example.se/kontinuum"),
    ("KONTINUUM_OIDC_FILE", "/no/such/file"),
    ("KONTINUUM_SESSION_HOURS", "25"),
    ("KONTINUUM_SESSION_IDLE_MINUTES", "0"),
    ("KONTINUUM_LOCK_MINUTES", "-1"),
    ("KONTINUUM_TEST_CHROMIUM", "/no/such/program"),
    ("KONTINUUM_TEST_SOAK", "0"),
]


def problems(environ: dict[str, str]) -> tuple[Problem, ...]:
    """What stands in the way of these settings."""
    outcome = read_settings(environ)
    assert not isinstance(outcome, Settings)
    return outcome


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    settings = load_settings({})
    assert (settings.port, settings.host, settings.environment) == (8000, "127.0.0.1", "development")
    assert settings.data_dir == Path.cwd() / "var"
    assert settings.database_url is None
    assert (settings.log.level, settings.log.format) == ("info", "auto")
    assert settings.workers >= 1


def test_every_setting_is_read_from_its_variable(tmp_path: Path) -> None:
    settings = load_settings(
        {
            "KONTINUUM_PORT": "8123",
            "KONTINUUM_HOST": "::1",
            "KONTINUUM_WORKERS": "3",
            "KONTINUUM_DATA_DIR": str(tmp_path / "å ä ö"),
            "KONTINUUM_DATABASE_URL": "postgresql://u:p@db.example/kontinuum?sslmode=require",
            "KONTINUUM_LOG": "debug:json",
            "KONTINUUM_ENV": "production",
        }
    )
    assert settings.port == 8123
    assert settings.host == "::1"
    assert settings.workers == 3
    assert settings.data_dir == tmp_path / "å ä ö"
    assert settings.database_url == "postgresql://u:p@db.example/kontinuum?sslmode=require"
    assert (settings.log.level, settings.log.format) == ("debug", "json")
    assert settings.environment == "production"


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_is_refused_with_name_value_and_what_is_allowed(name: str, value: str) -> None:
    (problem,) = problems({name: value})
    allowed = next(setting.allowed for setting in SETTINGS if setting.variable == name)
    text = str(problem)
    assert text.startswith(f"{name}={value!r}")
    assert allowed in text


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"KONTINUUM_PORT": "x", "KONTINUUM_LOG": "x", "KONTINUUM_PROT": "1"})
    assert {problem.name for problem in caught.value.problems} == {
        "KONTINUUM_PORT",
        "KONTINUUM_LOG",
        "KONTINUUM_PROT",
    }


def test_an_unknown_name_is_refused_with_the_nearest_name_and_without_its_value() -> None:
    (problem,) = problems({"KONTINUUM_DATABASE_ULR": "postgresql://user:hemligt@db/k"})
    assert "KONTINUUM_DATABASE_URL" in str(problem)
    assert "hemligt" not in str(problem)


def test_names_of_other_programs_are_left_alone() -> None:
    assert isinstance(read_settings({"PORT": "x", "KONTINUUMX": "y", "DATABASE_URL": "z"}), Settings)


def test_a_refused_url_is_shown_without_its_password() -> None:
    (problem,) = problems({"KONTINUUM_DATABASE_URL": "mysql://user:hemligt@db/k"})
    assert "hemligt" not in str(problem)
    assert "user:***@db" in str(problem)


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="/@:?#[]&%"), min_size=4))
def test_a_password_is_never_shown_wherever_it_stands_in_a_url(password: str) -> None:
    for url in (f"postgresql://u:{password}xyzzy@h/d", f"postgresql://h/d?user=u&password={password}xyzzy"):
        assert "xyzzy" not in mask_password(url)


@given(st.integers(1, 65535))
def test_every_port_of_the_allowed_range_is_taken(port: int) -> None:
    assert load_settings({"KONTINUUM_PORT": str(port)}).port == port
