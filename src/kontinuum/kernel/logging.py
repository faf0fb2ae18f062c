"""Structured logs: one event, one line, and never patient data.

Events are named by short constant words and carry ids, counts and times as fields. Code logs
`get_logger(__name__).info("bundle stored", entries=12)`, never a text with values put into it.

Two nets hold what slips through: anything shaped like a Swedish personal identity number is withheld, and
exceptions are logged by type and place but without their message, which may quote a value of the record.
"""

from __future__ import annotations

import logging
import logging.config
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from types import TracebackType
from typing import Any, TextIO

import structlog

from kontinuum.kernel.config import LogLevel, LogSetting

WITHHELD = "[withheld]"

# Personnummer and samordningsnummer (day + 60): a date, then four digits; and the local reserve numbers 99….
_IDENTITY_NUMBER = re.compile(
    r"""(?<![0-9A-Fa-f-])
        (?:(?:1[89]|20)?\d\d (?:0[1-9]|1[0-2]) (?:[06][1-9]|[1278]\d|[39][01]) [-+\ ]?\d{4}
          |99\d{10})
        (?![0-9A-Fa-f])""",
    re.VERBOSE,
)

_LEVELS: dict[LogLevel, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def get_logger(name: str) -> Any:
    """Give a logger; `name` is the module's `__name__` and becomes the field `logger`."""
    return structlog.stdlib.get_logger(name)


def configure(setting: LogSetting, stream: TextIO | None = None) -> None:
    """Direct the logs of this process, those of libraries included, to a stream (standard error)."""
    structlog.configure(
        processors=[*_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    logging.config.dictConfig(dict_config(setting, stream))


def dict_config(setting: LogSetting, stream: TextIO | None = None) -> dict[str, Any]:
    """Give the same arrangement for `logging.config.dictConfig`, as servers want it for their own loggers.

    Without a stream it can be sent to another process.
    """
    target: Any = "ext://sys.stderr" if stream is None else stream
    # Libraries speak of their own doings below a warning, which nobody asked for.
    quiet = "DEBUG" if setting.level == "debug" else max(_LEVELS[setting.level], logging.WARNING)
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"kontinuum": {"()": _formatter, "pretty": _is_pretty(setting, stream or sys.stderr)}},
        "handlers": {
            "kontinuum": {"class": "logging.StreamHandler", "formatter": "kontinuum", "stream": target}
        },
        "root": {"handlers": ["kontinuum"], "level": quiet},
        "loggers": {
            "kontinuum": {"level": _LEVELS[setting.level]},
            "_granian": {"level": quiet},
            "granian.access": {"level": quiet},
        },
    }


def _is_pretty(setting: LogSetting, stream: TextIO) -> bool:
    return setting.format == "console" or (setting.format == "auto" and stream.isatty())


def _formatter(pretty: bool) -> logging.Formatter:
    last: Any = (
        structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared(),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
    )


def _shared() -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        describe_exception,
        withhold_identity_numbers,
    ]


def describe_exception(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replace an exception by its type and the places it passed, innermost last, without its message."""
    given = event.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()
    error = given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["exception"] = _chain(error)
    return event


def _chain(error: BaseException) -> list[dict[str, Any]]:
    chain: list[dict[str, Any]] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        kind = type(current)
        chain.append({"type": f"{kind.__module__}.{kind.__qualname__}", "at": _places(current.__traceback__)})
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return chain


def _places(trace: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(trace, limit=-12)
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]


def withhold_identity_numbers(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Withhold everything in an event that is shaped like a personal identity number."""
    for key, value in event.items():
        event[key] = _withheld(value)
    return event


def _withheld(value: Any) -> Any:
    if isinstance(value, str):
        return _IDENTITY_NUMBER.sub(WITHHELD, value)
    if isinstance(value, Mapping):
        return {key: _withheld(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_withheld(item) for item in value]
    return value
