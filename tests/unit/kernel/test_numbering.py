"""The file of a region's own reserve numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from kontinuum.kernel.config import Settings, read_settings

GOOD = """
[[scheme]]
name = "reservnummer Region Exempel"
system = "urn:oid:1.2.3"
pattern = 'EX\\d{8}'
shown = "EX followed by eight digits"
prefix = "EX"
digits = 8
"""


def read(folder: Path, text: str) -> Settings | list[str]:
    """The settings with this file, or what is wrong."""
    file = folder / "numbers.toml"
    file.write_text(text, encoding="utf-8")
    found = read_settings({"KONTINUUM_RESERVE_NUMBERS_FILE": str(file)})
    return found if isinstance(found, Settings) else [problem.reason for problem in found]


def test_a_scheme_and_its_series_are_read(tmp_path: Path) -> None:
    settings = read(tmp_path, GOOD)
    assert isinstance(settings, Settings)
    (scheme,) = settings.reserve_numbers
    assert (scheme.system, scheme.prefix, scheme.digits) == ("urn:oid:1.2.3", "EX", 8)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it must hold one [[scheme]] or more"),
        ("x = [", "cannot be read as TOML"),
        (GOOD + "colour = 1", "there is no key 'colour'"),
        (GOOD.replace('shown = "EX followed by eight digits"', ""), "shown is missing"),
        (GOOD.replace("{8}", "{9}"), "does not fit its pattern"),
        (GOOD.replace("EX\\d{8}", "EX("), "no regular expression"),
        (GOOD.replace("digits = 8", "digits = 99"), "at most 18"),
        (GOOD + GOOD, "is there twice"),
    ],
)
def test_what_is_wrong_is_said_by_scheme_and_key(tmp_path: Path, text: str, said: str) -> None:
    problems = read(tmp_path, text)
    assert isinstance(problems, list)
    assert any(said in problem for problem in problems), problems


def test_without_a_file_there_are_no_schemes_of_ones_own() -> None:
    settings = read_settings({})
    assert isinstance(settings, Settings)
    assert settings.reserve_numbers == ()
