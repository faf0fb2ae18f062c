"""Settings: one table drives parsing, help, documentation and `kontinuum doctor`.

Every setting is an environment variable `KONTINUUM_<NAME>`. A wrong value and an unknown name are refused
at start, all of them at once, each with its name, its value and what is allowed.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

from kontinuum.kernel import provider_settings, setting_values
from kontinuum.kernel.provider_settings import (
    INFORMED_GENERALLY,
    PROVIDER_SETTINGS,
    ProviderSetting,
)
from kontinuum.kernel.providers import OidcProvider, Wrong, read_providers
from kontinuum.kernel.setting_values import MAX_WORKERS, REFUSED, TELLABLE, Refusal

PREFIX = "KONTINUUM_"

Environment = Literal["development", "production", "test"]
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["auto", "console", "json"]

ENVIRONMENTS: tuple[Environment, ...] = ("development", "production", "test")
LOG_LEVELS: tuple[LogLevel, ...] = ("debug", "info", "warning", "error")
LOG_FORMATS: tuple[LogFormat, ...] = ("console", "json")


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
class LogSetting:
    """The least severe level that is written, and how: `auto` is console on a terminal, else JSON."""

    level: LogLevel
    format: LogFormat


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
    claimed_profiles: str = "refuse"
    oidc: tuple[OidcProvider, ...] = ()
    provider_overrides: Mapping[str, provider_settings.Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table of settings.

    `field` is the attribute of `Settings`, or None for a variable that only the test tools read. `default` is
    None where an unset variable has a meaning of its own, told in `default_text`. `parse` gives the value or,
    for a text that is not allowed, a `Refusal`.
    """

    name: str
    field: str | None
    type: str
    default: str | None
    default_text: str
    allowed: str
    description: str
    parse: Callable[[str], Any]

    @property
    def variable(self) -> str:
        """The name of the environment variable."""
        return PREFIX + self.name


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


def _log(text: str) -> LogSetting | Refusal:
    level, colon, form = text.partition(":")
    for known_level in LOG_LEVELS:
        if known_level == level and not colon:
            return LogSetting(known_level, "auto")
        for known_format in LOG_FORMATS:
            if (known_level, known_format) == (level, form):
                return LogSetting(known_level, known_format)
    return REFUSED


def _environment(text: str) -> Environment | Refusal:
    for known in ENVIRONMENTS:
        if known == text:
            return known
    return REFUSED


def _claimed_profiles(text: str) -> str | Refusal:
    return text if text in ("refuse", "warn") else REFUSED


def _of_providers(one: ProviderSetting) -> Setting:
    """The row of a care provider's setting: set here, it holds for all of them."""

    def parsed(text: str) -> provider_settings.Value | Refusal:
        value = provider_settings.parse(one, text)
        return REFUSED if isinstance(value, provider_settings.NotAllowed) else value

    return Setting(
        name=one.variable,
        field="provider_overrides",
        type={"number": "whole number", "yes-no": "word", "series": "text", "responses": "text"}[one.kind],
        default=None,
        default_text=f"each care provider's own; {provider_settings.shown(one, one.default) or 'none'}",
        allowed=one.allowed,
        description=f"{one.title}: {one.meaning} Set here, it holds for every care provider.",
        parse=parsed,
    )


SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="PORT",
        field="port",
        type="whole number",
        default="8000",
        default_text="8000",
        allowed="1 to 65535",
        description="The TCP port that the server listens on.",
        parse=setting_values.port,
    ),
    Setting(
        name="HOST",
        field="host",
        type="address",
        default="127.0.0.1",
        default_text="127.0.0.1",
        allowed="an IP address or host name of this machine, without scheme, port or brackets",
        description="The address that the server listens on. Traffic from other machines needs a proxy that "
        "terminates TLS; keep the default when it runs on the same machine.",
        parse=setting_values.host,
    ),
    Setting(
        name="WORKERS",
        field="workers",
        type="whole number",
        default=None,
        default_text="one a core",
        allowed=f"1 to {MAX_WORKERS}",
        description="The number of worker processes that answer requests.",
        parse=setting_values.workers,
    ),
    Setting(
        name="DATA_DIR",
        field="data_dir",
        type="directory",
        default="./var",
        default_text="./var",
        allowed="a directory, or a path where one can be made",
        description="Where the embedded PostgreSQL keeps the record, and the server its lock. A relative "
        "path starts from the working directory.",
        parse=setting_values.directory,
    ),
    Setting(
        name="DATABASE_URL",
        field="database_url",
        type="URL",
        default=None,
        default_text="the embedded PostgreSQL",
        allowed="postgresql://USER:PASSWORD@HOST:PORT/DATABASE, PostgreSQL 15 or newer, encoding UTF8",
        description="A PostgreSQL to use in place of the embedded one, which is then never started.",
        parse=setting_values.database_url,
    ),
    Setting(
        name="LOG",
        field="log",
        type="level[:format]",
        default="info",
        default_text="info",
        allowed=f"a level ({', '.join(LOG_LEVELS)}), optionally with a format ({', '.join(LOG_FORMATS)}) "
        "after a colon, such as info:json",
        description="The least severe events that are logged, and in which form. Without a format: console "
        "on a terminal, else JSON, one line an event. Logs never hold patient data.",
        parse=_log,
    ),
    Setting(
        name="ENV",
        field="environment",
        type="word",
        default="development",
        default_text="development",
        allowed=", ".join(ENVIRONMENTS),
        description="What the installation is for. Only in development is an empty record filled with the "
        "demo region at start; in production no demo region and no demo token is made at all.",
        parse=_environment,
    ),
    Setting(
        name="PUBLIC_URL",
        field="public_url",
        type="URL",
        default=None,
        default_text="none",
        allowed="https://HOST or https://HOST:PORT, without a path; http only for this machine itself",
        description="The address under which people reach the workspace. Needed for sign-in by OpenID "
        "Connect, whose answers are sent there. With https, cookies are bound to encryption and to the host.",
        parse=setting_values.public_url,
    ),
    Setting(
        name="OIDC_FILE",
        field="oidc_file",
        type="file",
        default=None,
        default_text="none",
        allowed="the path of a readable TOML file with one [[provider]] or more, as docs/sign-in.md explains",
        description="The OpenID Connect providers by which people sign in: SITHS, Sweden Connect, the "
        "region's own.",
        parse=setting_values.file,
    ),
    Setting(
        name="SESSION_HOURS",
        field="session_lifetime",
        type="whole number",
        default="12",
        default_text="12",
        allowed="1 to 24",
        description="How long a session may last, whatever happens in it; then one signs in again. Set "
        "here, it holds for every care provider; else each may decide its own.",
        parse=setting_values.session_hours,
    ),
    Setting(
        name="SESSION_IDLE_MINUTES",
        field="session_idle",
        type="whole number",
        default="120",
        default_text="120",
        allowed="1 to 720, and not less than KONTINUUM_LOCK_MINUTES",
        description="After how many minutes without use a session ends. Drafts stay. Set here, it holds for "
        "every care provider; else each may decide its own.",
        parse=setting_values.minutes,
    ),
    Setting(
        name="LOCK_MINUTES",
        field="lock_after",
        type="whole number",
        default="15",
        default_text="15",
        allowed="1 to 720",
        description="After how many minutes without use the screen is locked until the person is asked for "
        "again. What was being written stays.",
        parse=setting_values.minutes,
    ),
    *(
        _of_providers(one)
        for one in PROVIDER_SETTINGS
        if one.name not in ("session_hours", "idle_minutes", INFORMED_GENERALLY)
    ),
    Setting(
        name="KEPT_BACK_TOLD",
        field="kept_back_told",
        type="list",
        default="early-hypothesis",
        default_text="early-hypothesis",
        allowed=f"none, or kinds with commas between them: {', '.join(TELLABLE)}",
        description="The kinds of which a patient is told that something is kept back. Of exposure to "
        "violence the patient is never told.",
        parse=setting_values.kinds,
    ),
    Setting(
        name="BULK_JOBS",
        field="bulk_jobs",
        type="whole number",
        default="3",
        default_text="3",
        allowed="1 to 100",
        description="How many exports and imports in bulk one client may have under way at once.",
        parse=setting_values.bulk_jobs,
    ),
    Setting(
        name="BULK_KEPT_HOURS",
        field="bulk_kept",
        type="whole number",
        default="24",
        default_text="24",
        allowed="1 to 168",
        description="For how many hours the files of an export or import in bulk can be fetched. They are "
        "removed then. They lie in KONTINUUM_DATA_DIR, in the folder bulk, and hold patient data.",
        parse=setting_values.bulk_hours,
    ),
    Setting(
        name="CLAIMED_PROFILES",
        field="claimed_profiles",
        type="word",
        default="refuse",
        default_text="refuse",
        allowed="refuse, warn",
        description="What happens to a resource that says in meta.profile that it follows a profile which is "
        "loaded, and does not: it is refused, or taken with a warning (Prefer: return=OperationOutcome).",
        parse=_claimed_profiles,
    ),
    Setting(
        name="TEST_CHROMIUM",
        field=None,
        type="file",
        default=None,
        default_text="the first one found",
        allowed="the path of a Chromium or Chrome program",
        description="The browser that `make test` drives. Read by the test tools only.",
        parse=setting_values.executable,
    ),
    Setting(
        name="TEST_SOAK",
        field=None,
        type="whole number",
        default=None,
        default_text="10",
        allowed="1 to 86400",
        description="For how many seconds twenty people work at once in `make soak`. Read by the tests only.",
        parse=setting_values.seconds,
    ),
)

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
