"""The command line: reads well, and refuses with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kontinuum import __version__
from kontinuum.app.cli import app
from kontinuum.kernel.config import SETTINGS

COMMANDS = ("serve", "migrate", "import", "export", "demo", "token", "doctor", "version")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but a data directory of the test's own, and a wide terminal."""
    for setting in SETTINGS:
        monkeypatch.delenv(setting.variable, raising=False)
    monkeypatch.setenv("KONTINUUM_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("NO_COLOR", "1")


def run(*arguments: str) -> Result:
    """Call the command line."""
    return CliRunner().invoke(app, arguments)


def test_help_names_every_command_and_every_setting() -> None:
    said = run("--help").output
    for command in COMMANDS:
        assert f" {command} " in said
    for setting in SETTINGS:
        assert (setting.variable in said) == (setting.field is not None)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"kontinuum {command}" in result.output or f"{command}" in result.output
    assert "--help" in result.output


def test_without_a_command_it_shows_the_help() -> None:
    assert "serve" in run().output


def test_version_is_the_packages() -> None:
    assert run("version").output == f"Kontinuum {__version__}\n"


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_wrong_settings_are_refused_before_anything_is_made(
    command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KONTINUUM_PORT", "eighty")
    monkeypatch.setenv("KONTINUUM_LOGG", "info")
    result = run(command)
    assert result.exit_code == 2
    assert "KONTINUUM_PORT='eighty': not allowed; allowed is 1 to 65535" in result.output
    assert "KONTINUUM_LOGG: there is no such setting; the nearest name is KONTINUUM_LOG" in result.output
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize("arguments", [("demo",), ("token", "--client", "x"), ("token", "--persona", "x")])
def test_demo_and_its_tokens_are_refused_in_production(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KONTINUUM_ENV", "production")
    result = run(*arguments)
    assert result.exit_code == 1
    assert "KONTINUUM_ENV is production" in result.output
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize("arguments", [(), ("--client", "a", "--persona", "b")])
def test_a_token_is_for_either_a_client_or_a_persona(arguments: tuple[str, ...]) -> None:
    result = run("token", *arguments)
    assert result.exit_code == 2
    assert "--client NAME and --persona NAME" in result.output


def test_import_of_a_path_that_is_not_there_is_refused() -> None:
    result = run("import", "/no/such/folder")
    assert result.exit_code == 2
    assert "/no/such/folder" in result.output


def test_migrate_says_what_it_did_and_that_nothing_is_left(tmp_path: Path) -> None:
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)
    first = run("migrate")
    assert first.exit_code == 0
    assert "Applied 0001_" in first.output
    assert run("migrate").output == "The database is up to date.\n"
