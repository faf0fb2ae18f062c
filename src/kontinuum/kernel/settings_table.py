"""The table of settings: what each is called, what it takes and means, and how it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from kontinuum.kernel import provider_settings, setting_values
from kontinuum.kernel.provider_settings import INFORMED_GENERALLY, PROVIDER_SETTINGS, ProviderSetting
from kontinuum.kernel.setting_values import MAX_WORKERS, REFUSED, TELLABLE, Refusal

PREFIX = "KONTINUUM_"

Environment = Literal["development", "production", "test"]
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["auto", "console", "json"]

ENVIRONMENTS: tuple[Environment, ...] = ("development", "production", "test")
LOG_LEVELS: tuple[LogLevel, ...] = ("debug", "info", "warning", "error")
LOG_FORMATS: tuple[LogFormat, ...] = ("console", "json")


@dataclass(frozen=True, slots=True)
class LogSetting:
    """The least severe level that is written, and how: `auto` is console on a terminal, else JSON."""

    level: LogLevel
    format: LogFormat


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

    usual = provider_settings.shown(one, one.default).replace("\n", ", ")
    return Setting(
        name=one.variable,
        field="provider_overrides",
        type={
            "number": "whole number",
            "yes-no": "word",
            "series": "text",
            "responses": "text",
            "units": "text",
            "kinds": "text",
            "steps": "text",
            "times": "text",
        }[one.kind],
        default=None,
        default_text=f"each care provider's own; {usual or 'none'}",
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
        name="ADVICE_SECONDS",
        field="advice_limit",
        type="whole number",
        default="2",
        default_text="2",
        allowed="1 to 30",
        description="How long a decision support service of others (CDS Hooks) may take to answer. The page "
        "does not wait for it; one that is slower is shown as not having answered.",
        parse=setting_values.half_a_minute,
    ),
    Setting(
        name="NOTIFY_HOSTS",
        field="notify_hosts",
        type="list",
        default=None,
        default_text="in production none, else any",
        allowed="any, none, or host names with commas between them; *.region.se is every host below it",
        description="The hosts to which notifications of Subscriptions may be sent. Everything that a "
        "subscriber may read can leave by them.",
        parse=setting_values.hosts,
    ),
    Setting(
        name="EVENT_DAYS",
        field="event_days",
        type="whole number",
        default="7",
        default_text="7",
        allowed="1 to 90",
        description="For how many days changes are kept for subscribers who cannot be reached, and events "
        "for repetition ($events). A Subscription that has not received older ones is stopped and says so.",
        parse=setting_values.event_days,
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
