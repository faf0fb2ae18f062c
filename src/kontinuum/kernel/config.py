"""Settings: one table drives parsing, help, documentation and `kontinuum doctor`.

Every setting is an environment variable `KONTINUUM_<NAME>`. A wrong value and an unknown name are refused
at start, all of them at once, each with its name, its value and what is allowed.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from kontinuum.kernel import provider_settings
from kontinuum.kernel.provider_settings import PROVIDER_SETTINGS
from kontinuum.kernel.providers import OidcProvider, Wrong, read_providers
from kontinuum.kernel.setting_values import MAX_WORKERS, REFUSED, Refusal
from kontinuum.kernel.settings_table import (
    PREFIX,
    SETTINGS,
    Environment,
    LogFormat,
    LogLevel,
    LogSetting,
    Setting,
)

__all__ = [
    "PREFIX",
    "SETTINGS",
    "Environment",
    "LogFormat",
    "LogLevel",
    "LogSetting",
    "Problem",
    "Setting",
    "Settings",
    "SettingsError",
    "load_settings",
    "mask_password",
    "read_settings",
    "usable_cores",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """One refused setting: its full name, the value as it may be shown, and what is wrong with it.

    `value` is None under an unknown name, where it may be a misplaced secret.
    """

    name: str
    value: str | None
    reason: str

    def __str__(self) -> str:
        shown = "" if self.value is None else f"={self.value!r}"
        return f"{self.name}{shown}: {self.reason}"


class SettingsError(ValueError):
    """The environment holds settings that Kontinuum refuses; `problems` lists every one of them."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with its value, parsed and allowed; the fields are described by `SETTINGS`.

    `data_dir` is absolute. `database_url` is None when the embedded PostgreSQL is used. `public_url` is an
    origin, without a slash at its end. `oidc` are the providers that `oidc_file` holds.
    `provider_overrides` are the settings of care providers that the environment decides, by name.
    """

    port: int
    host: str
    workers: int
    data_dir: Path
    database_url: str | None
    log: LogSetting
    environment: Environment
    public_url: str | None
    oidc_file: Path | None
    session_lifetime: timedelta
    session_idle: timedelta
    lock_after: timedelta
    kept_back_told: frozenset[str]
    bulk_jobs: int
    bulk_kept: timedelta
    notify_hosts: tuple[str, ...] | None
    event_days: int
    claimed_profiles: str = "refuse"
    advice_limit: timedelta = timedelta(seconds=2)
    oidc: tuple[OidcProvider, ...] = ()
    provider_overrides: Mapping[str, provider_settings.Value] = field(default_factory=dict)


def usable_cores() -> int:
    """Count the processor cores this process may run on: at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def mask_password(url: str) -> str:
    """Give the URL with any password replaced by `***`, fit to be shown."""
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:
        return "***"
    if "password=" in parts.query:
        return f"{parts.scheme}://***"
    if password is None:
        return url
    credentials, _, place = parts.netloc.rpartition("@")
    user = credentials.partition(":")[0]
    return urlunsplit((parts.scheme, f"{user}:***@{place}", parts.path, parts.query, parts.fragment))


_BY_VARIABLE = {setting.variable: setting for setting in SETTINGS}


def read_settings(environ: Mapping[str, str]) -> Settings | tuple[Problem, ...]:
    """Parse the settings of an environment, or give every problem that stands in the way.

    Names outside of `KONTINUUM_*` are not looked at. An unknown name with that prefix is a problem, because a
    misspelt setting would otherwise be silently ignored. A set but empty variable counts as a wrong value.
    """
    problems = [_unknown(name) for name in sorted(environ) if _is_unknown(name)]
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        text = environ.get(setting.variable, setting.default)
        value = None if text is None else REFUSED if text == "" else setting.parse(text)
        if isinstance(value, Refusal):
            problems.append(_wrong(setting, text or ""))
        elif setting.field not in (None, "provider_overrides"):
            values[setting.field or ""] = value
    problems += [] if problems else _disagreements(values, environ)
    if problems:
        return tuple(problems)
    if values["environment"] == "production" and PREFIX + "NOTIFY_HOSTS" not in environ:
        values["notify_hosts"] = ()
    if values["workers"] is None:
        values["workers"] = min(usable_cores(), MAX_WORKERS)
    return Settings(**values, provider_overrides=_overrides(environ))


def _overrides(environ: Mapping[str, str]) -> dict[str, provider_settings.Value]:
    """What the environment decides of the settings of care providers; each value is allowed."""
    found = {}
    for one in PROVIDER_SETTINGS:
        text = environ.get(PREFIX + one.variable)
        value = None if text is None else provider_settings.parse(one, text)
        if value is not None and not isinstance(value, provider_settings.NotAllowed):
            found[one.name] = value
    return found


def _disagreements(values: dict[str, Any], environ: Mapping[str, str]) -> Iterator[Problem]:
    """What is wrong with values that are allowed each by itself; reads the providers into `values`."""
    if values["session_idle"] < values["lock_after"]:
        name = PREFIX + "SESSION_IDLE_MINUTES"
        yield Problem(name, environ.get(name), "not allowed; a session cannot end before the screen locks")
    file = values["oidc_file"]
    if file is None:
        return
    found = read_providers(file)
    for each in found:
        if isinstance(each, Wrong):
            yield Problem(PREFIX + "OIDC_FILE", str(file), each.text)
    values["oidc"] = found
    public = values["public_url"]
    if public is None:
        reason = "must be set, because providers send their answers there"
        yield Problem(PREFIX + "PUBLIC_URL", None, reason)
    elif values["environment"] == "production" and not public.startswith("https:"):
        yield Problem(PREFIX + "PUBLIC_URL", public, "not allowed; production needs https")


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Parse the settings of an environment.

    Raises `SettingsError` with every problem; `read_settings` gives the same problems as a value.
    """
    outcome = read_settings(environ)
    if isinstance(outcome, Settings):
        return outcome
    raise SettingsError(outcome)


def _is_unknown(name: str) -> bool:
    return name.startswith(PREFIX) and name not in _BY_VARIABLE


def _unknown(name: str) -> Problem:
    nearest = difflib.get_close_matches(name, _BY_VARIABLE, n=1, cutoff=0.0)[0]
    return Problem(name, None, f"there is no such setting; the nearest name is {nearest}")


def _wrong(setting: Setting, text: str) -> Problem:
    shown = mask_password(text) if setting.name == "DATABASE_URL" else text
    return Problem(setting.variable, shown, f"not allowed; allowed is {setting.allowed}")
