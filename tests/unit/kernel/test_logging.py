"""Logs: one JSON line an event, and no patient data even when code slips."""

from __future__ import annotations

import io
import json
import logging as standard
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from kontinuum.kernel import logging
from kontinuum.kernel.config import LogFormat, LogLevel, LogSetting


class Written:
    """What has been logged."""

    def __init__(self, level: LogLevel = "info", form: LogFormat = "json") -> None:
        self.stream = io.StringIO()
        logging.configure(LogSetting(level, form), self.stream)

    def events(self) -> list[dict[str, Any]]:
        """The logged lines, each read as JSON."""
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave logging as it was."""
    root = standard.getLogger()
    before = (root.level, root.handlers[:])
    yield
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    standard.getLogger("kontinuum").setLevel(standard.NOTSET)
    structlog.reset_defaults()


def test_an_event_is_one_json_line_with_its_fields() -> None:
    written = Written()
    logging.get_logger("kontinuum.store").info("bundle stored", entries=12, note="två\nrader")
    (event,) = written.events()
    assert event["event"] == "bundle stored"
    assert event["entries"] == 12
    assert event["note"] == "två\nrader"
    assert (event["level"], event["logger"]) == ("info", "kontinuum.store")
    assert event["timestamp"].endswith("Z")


def test_events_below_the_level_are_not_written() -> None:
    written = Written("warning")
    logging.get_logger("kontinuum.a").info("chatter")
    assert written.events() == []


def test_libraries_are_logged_from_warning_in_the_same_form() -> None:
    written = Written()
    standard.getLogger("asyncpg").info("chatter")
    standard.getLogger("asyncpg").warning("%s connections lost", 3)
    assert [event["event"] for event in written.events()] == ["3 connections lost"]


@pytest.mark.parametrize(
    "number",
    [
        "191212121212",
        "19121212-1212",
        "121212-1212",
        "121212+1212",
        "1212121212",
        "19700163-2391",
        "990001010012",
    ],
)
def test_what_looks_like_an_identity_number_is_withheld_wherever_it_stands(number: str) -> None:
    written = Written()
    logging.get_logger("kontinuum.a").warning(f"found {number}", who=number, deep={"list": [f"({number})"]})
    standard.getLogger("library").warning("found %s", number)
    text = written.stream.getvalue()
    assert number not in text
    assert text.count(logging.WITHHELD) == 4


@pytest.mark.parametrize(
    "harmless", ["2026-11-22T20:53:16Z", "12345678", "0190f3b2-1212-7000-8000-121212121212", "1700000000000"]
)
def test_times_and_keys_are_not_withheld(harmless: str) -> None:
    written = Written()
    logging.get_logger("kontinuum.a").info("seen", value=harmless)
    assert written.events()[0]["value"] == harmless


def test_an_exception_is_told_by_type_and_place_and_not_by_its_message() -> None:
    written = Written()
    try:
        try:
            raise ValueError("Tolvan Tolvansson")
        except ValueError as error:
            raise RuntimeError("Tolvan again") from error
    except RuntimeError:
        logging.get_logger("kontinuum.a").exception("write failed")
    (event,) = written.events()
    assert [link["type"] for link in event["exception"]] == ["builtins.RuntimeError", "builtins.ValueError"]
    assert "test_logging.py" in event["exception"][0]["at"][-1]
    assert "Tolvan" not in written.stream.getvalue()


def test_the_console_form_is_for_reading() -> None:
    written = Written(form="console")
    logging.get_logger("kontinuum.a").info("bundle stored", entries=12)
    assert "bundle stored" in written.stream.getvalue()
    assert not written.stream.getvalue().startswith("{")
