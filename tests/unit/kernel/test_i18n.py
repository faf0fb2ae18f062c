"""Swedish days, times and numbers; languages; catalogues."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontinuum.kernel.i18n import Translator, load_catalogue, local, negotiate, phrase

SWEDISH, ENGLISH = Translator("sv"), Translator("en")


@pytest.mark.parametrize(
    ("recorded", "moment"),
    [
        ("2024-03-31T00:59:00Z", "2024-03-31 01:59"),
        ("2024-03-31T01:00:00Z", "2024-03-31 03:00"),
        ("2024-10-27T00:59:59Z", "2024-10-27 02:59"),
        ("2024-10-27T01:00:00Z", "2024-10-27 02:00"),
        ("1979-07-01T12:00:00Z", "1979-07-01 13:00"),
        ("2024-07-01T12:00:00+02:00", "2024-07-01 12:00"),
        ("2024-03-12", "2024-03-12"),
        ("2024-03", "2024-03"),
        ("2024", "2024"),
        ("0001-01-01", "0001-01-01"),
        ("9999-12-31T23:59:59Z", "9999-12-31 23:59"),
    ],
)
def test_a_recorded_time_is_shown_as_it_was_in_sweden_and_no_more_precise(recorded: str, moment: str) -> None:
    assert SWEDISH.moment(recorded) == moment
    assert SWEDISH.day(recorded) == moment[:10]


@pytest.mark.parametrize(
    ("cited", "swedish"),
    [
        ("patientdatalagen (2008:355) ch. 4; lag (2022:913) ch. 3",
         "patientdatalagen (2008:355) 4 kap.; lag (2022:913) 3 kap."),
        ("patientdatalagen (2008:355) 2:4, 4:1-2; HSLF-FS 2016:40 4:9",
         "patientdatalagen (2008:355) 2 kap. 4 §, 4 kap. 1–2 §§; HSLF-FS 2016:40 4 kap. 9 §"),
        ("HSLF-FS 2022:42", "HSLF-FS 2022:42"),
    ],
)  # fmt: skip
def test_a_provision_is_cited_as_in_the_readers_language(cited: str, swedish: str) -> None:
    assert SWEDISH.provision(cited) == swedish
    assert ENGLISH.provision(cited) == cited


def test_a_phrase_is_said_with_its_values_in_each_language() -> None:
    lasts = phrase("A block is lifted for %(days)s days at most.", days=7)
    assert str(lasts) == ENGLISH.say(lasts) == "A block is lifted for 7 days at most."
    swedish = Translator("sv", {lasts.template: ("En spärr hävs i högst %(days)s dagar.",)})
    assert swedish.say(lasts) == "En spärr hävs i högst 7 dagar."
    assert ENGLISH.say(phrase("100 % stays")) == "100 % stays"


@given(st.integers(0, 58 * 366 * 24))
def test_swedish_time_agrees_with_the_time_zone_database(hours: int) -> None:
    try:
        zone = ZoneInfo("Europe/Stockholm")
    except ZoneInfoNotFoundError:
        pytest.skip("this machine has no time-zone database")
    moment = datetime(1980, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
    assert local(moment).replace(tzinfo=None) == moment.astimezone(zone).replace(tzinfo=None)
    assert local(moment).astimezone(UTC) == moment


def test_numbers_keep_their_digits_and_take_the_languages_comma() -> None:
    assert SWEDISH.number(Decimal("1.00")) == "1,00"
    assert ENGLISH.number(Decimal("1.00")) == "1.00"
    assert SWEDISH.number(Decimal("-0.5")) == "−0,5"
    assert SWEDISH.number(Decimal("1E+3")) == "1000"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "sv"),
        ("sv-SE,sv;q=0.9,en;q=0.5", "sv"),
        ("en-GB,en;q=0.9", "en"),
        ("fi,en;q=0.3", "en"),
        ("de", "sv"),
        ("en;q=0, sv", "sv"),
        ("en;q=wrong", "sv"),
    ],
)
def test_the_browsers_language_is_taken_when_it_is_ours_and_swedish_otherwise(
    header: str, language: str
) -> None:
    assert negotiate(header) == language


def catalogue(path: Path, *entries: str) -> Path:
    head = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n'
    path.write_text("\n\n".join((head, *entries)) + "\n", encoding="utf-8")
    return path


def test_a_catalogue_gives_its_texts_and_the_source_where_it_has_none(tmp_path: Path) -> None:
    plural = (
        'msgid "%(num)d year"\nmsgid_plural "%(num)d years"\nmsgstr[0] "%(num)d år"\nmsgstr[1] "%(num)d år."'
    )
    loaded = load_catalogue(
        "sv", [catalogue(tmp_path / "a.po", 'msgid "Notes"\nmsgstr "Anteckningar"', plural)]
    )
    swedish = Translator("sv", loaded.messages)
    assert swedish.gettext("Notes") == "Anteckningar"
    assert swedish.gettext("Unknown") == "Unknown"
    assert swedish.ngettext("%(num)d year", "%(num)d years", 1) == "%(num)d år"
    assert swedish.ngettext("%(num)d year", "%(num)d years", 2) == "%(num)d år."


def test_two_catalogues_that_disagree_are_refused(tmp_path: Path) -> None:
    one = catalogue(tmp_path / "a.po", 'msgid "Notes"\nmsgstr "Anteckningar"')
    other = catalogue(tmp_path / "b.po", 'msgid "Notes"\nmsgstr "Noteringar"')
    with pytest.raises(ValueError, match="translated in two ways"):
        load_catalogue("sv", [one, other])
