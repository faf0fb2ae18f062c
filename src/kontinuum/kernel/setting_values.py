"""What the text of one setting means: its value, or that it is refused. Pure but for looking at files."""

from __future__ import annotations

import ipaddress
import os
import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from kontinuum.kernel.providers import is_safe_url

MAX_WORKERS = 256
TELLABLE = ("early-hypothesis", "third-person", "concern-for-child")
"""The kinds of which a patient may be told that something is kept back: never exposure to violence."""

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*")


class Refusal:
    """What a parser gives for a text outside of the allowed values."""


REFUSED = Refusal()


def port(text: str) -> int | Refusal:
    """A TCP port."""
    return _whole_number(text, 1, 65535)


def workers(text: str) -> int | Refusal:
    """How many worker processes."""
    return _whole_number(text, 1, MAX_WORKERS)


def _whole_number(text: str, lowest: int, highest: int) -> int | Refusal:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        return REFUSED
    number = int(text)
    return number if lowest <= number <= highest else REFUSED


def host(text: str) -> str | Refusal:
    """An address or a host name."""
    if _HOST_NAME.fullmatch(text):
        return text
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return REFUSED


def hosts(text: str) -> tuple[str, ...] | Refusal | None:
    """Hosts that something may be sent to; None: any."""
    if text in ("any", "none"):
        return None if text == "any" else ()
    found = tuple(each.strip().lower() for each in text.split(","))
    fits = all(_HOST_NAME.fullmatch(each.removeprefix("*.")) for each in found)
    return found if fits else REFUSED


def event_days(text: str) -> int | Refusal:
    """For how many days events are kept."""
    return _whole_number(text, 1, 90)


def directory(text: str) -> Path | Refusal:
    """A directory, or where one can be made."""
    if "\0" in text:
        return REFUSED
    path = Path(text).expanduser().absolute()
    return REFUSED if path.exists() and not path.is_dir() else path


def database_url(text: str) -> str | Refusal:
    """The address of a PostgreSQL."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return REFUSED
    return text if parts.scheme in ("postgresql", "postgres") and text.count("://") else REFUSED


def public_url(text: str) -> str | Refusal:
    """An origin, without a slash at its end."""
    origin = text.removesuffix("/")
    return origin if is_safe_url(origin) and not urlsplit(origin).path else REFUSED


def file(text: str) -> Path | Refusal:
    """A file that can be read."""
    path = Path(text).expanduser().absolute()
    return path if "\0" not in text and path.is_file() and os.access(path, os.R_OK) else REFUSED


def session_hours(text: str) -> timedelta | Refusal:
    """The hours that a session may last."""
    number = _whole_number(text, 1, 24)
    return number if isinstance(number, Refusal) else timedelta(hours=number)


def bulk_jobs(text: str) -> int | Refusal:
    """How many jobs a client may have under way."""
    return _whole_number(text, 1, 100)


def bulk_hours(text: str) -> timedelta | Refusal:
    """Hours, up to a week."""
    number = _whole_number(text, 1, 168)
    return number if isinstance(number, Refusal) else timedelta(hours=number)


def minutes(text: str) -> timedelta | Refusal:
    """Minutes, up to twelve hours."""
    number = _whole_number(text, 1, 720)
    return number if isinstance(number, Refusal) else timedelta(minutes=number)


def seconds(text: str) -> timedelta | Refusal:
    """A number of seconds, a day at most."""
    number = _whole_number(text, 1, 86_400)
    return number if isinstance(number, Refusal) else timedelta(seconds=number)


def half_a_minute(text: str) -> timedelta | Refusal:
    """A number of seconds, half a minute at most."""
    number = _whole_number(text, 1, 30)
    return number if isinstance(number, Refusal) else timedelta(seconds=number)


def kinds(text: str) -> frozenset[str] | Refusal:
    """Kinds of what is kept back, with commas between them; `none` for none."""
    kinds = frozenset() if text == "none" else frozenset(text.split(","))
    return kinds if kinds <= set(TELLABLE) else REFUSED


def executable(text: str) -> Path | Refusal:
    """A program that can be run."""
    path = Path(text)
    return path if path.is_file() and os.access(path, os.X_OK) else REFUSED
