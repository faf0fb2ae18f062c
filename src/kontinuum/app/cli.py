"""The command line `kontinuum`: one thin function a command, whose body is imported when it is called.

The bodies stand in `kontinuum.app.commands.<name>`, each with a function `run` that is given the connection
URI of a migrated database, the settings, and the command's own options, and gives the exit code.
"""

from __future__ import annotations

import importlib
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from kontinuum.app.cli_apps import apps
from kontinuum.app.cli_profiles import profiles
from kontinuum.app.cli_services import cds
from kontinuum.app.cli_terminology import terminology
from kontinuum.kernel.config import SETTINGS, Settings, read_settings

PANEL_RECORD = "The record"
PANEL_SERVER = "The server"


class LawTask(StrEnum):
    """What can be done with the law's tables."""

    REBUILD = "rebuild"


def _settings_help() -> str:
    rows = [f"[bold]{setting.variable}[/]: {setting.default_text}" for setting in SETTINGS if setting.field]
    return "\n\n".join(
        ["Settings are environment variables, told in docs/settings.md. Their defaults:", *rows]
    )


UNIT = typer.Option(metavar="HSA-ID", help="The care unit that acts.")
PROVIDER = typer.Option(metavar="HSA-ID", help="The care provider of that unit.")

app = typer.Typer(
    name="kontinuum",
    help="Kontinuum, an open health-record platform on FHIR R4.",
    epilog=_settings_help(),
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


organisation_app = typer.Typer(
    name="organisation",
    help="Units, staff and assignments.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(organisation_app, rich_help_panel=PANEL_RECORD)


app.add_typer(terminology, rich_help_panel=PANEL_RECORD)
app.add_typer(profiles, rich_help_panel=PANEL_RECORD)
app.add_typer(apps, rich_help_panel=PANEL_SERVER)
app.add_typer(cds, rich_help_panel=PANEL_SERVER)


def main() -> None:
    """Run the command line on the arguments of this process."""
    app(prog_name="kontinuum")


@app.command(rich_help_panel=PANEL_SERVER)
def serve() -> None:
    """Start the server; Ctrl-C stops it.

    Starts the database, migrates it, makes the demo region if the record is
    empty, and starts the worker processes. With KONTINUUM_DATABASE_URL the
    embedded PostgreSQL is not started. With KONTINUUM_ENV=production no demo
    region is made.
    """
    from kontinuum.app.serve import serve as run

    _finish(run(_settings()))


@app.command(rich_help_panel=PANEL_SERVER)
def migrate() -> None:
    """Bring the database to the newest schema, and say which steps were taken.

    If the law's tables are younger than the record, they are made from it.
    """
    from kontinuum.app.serve import complete_law, open_database

    def told(dsn: str, _settings: Settings, steps: list[str]) -> int:
        typer.echo("\n".join(f"Applied {step}." for step in steps) or "The database is up to date.")
        complete_law(dsn)
        return 0

    _finish(open_database(_settings(), told))


@app.command("import", rich_help_panel=PANEL_RECORD)
def import_(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            help="Files and folders: JSON resources and bundles, NDJSON, and those in .zip or .gz.",
            exists=True,
            readable=True,
        ),
    ],
    processes: Annotated[
        int | None, typer.Option(min=1, help="Processes that work at once. [dim]\\[default: one a core][/]")
    ] = None,
    refused: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where refused resources and the reasons are written. [dim]\\[default: refused.ndjson, "
            "if there are any][/]",
        ),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Read every file, also those of an import that was interrupted.")
    ] = False,
    unit: Annotated[str | None, UNIT] = None,
    provider: Annotated[str | None, PROVIDER] = None,
) -> None:
    """Read FHIR resources into the record.

    An interrupted import continues where it stopped when the same command is
    given again. At the end a report says, for each type, how many resources
    were created, updated, unchanged and refused.

    The unit and its provider become accountable for what is new. In
    development they may be left out: then it is the demo region's office. A
    folder that `kontinuum export` has written is restored instead: with its
    versions, times and accountable units.

    Exit code 0: all went in. 3: some was refused, the rest went in.
    """
    _run_in_database(
        "import_",
        paths=paths,
        processes=processes,
        refused=refused,
        again=again,
        unit=unit,
        provider=provider,
    )


@app.command(rich_help_panel=PANEL_RECORD)
def export(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.", file_okay=False)],
    types: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="TYPE", help="Only this resource type; may be given several times."),
    ] = None,
) -> None:
    """Write the record as NDJSON, one file for each resource type."""
    _run_in_database("export", directory=directory, types=types)


@app.command(rich_help_panel=PANEL_RECORD)
def jobs() -> None:
    """List exports and imports in bulk that were ordered by the API."""
    _run_in_database("jobs")


@organisation_app.command("import")
def organisation_import(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="CSV files as docs/organisation.md tells.",
            exists=True,
            dir_okay=False,
            readable=True,
        ),
    ],
    write: Annotated[
        bool, typer.Option("--write", help="Write what is shown; else nothing is changed.")
    ] = False,
    complete: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HSA-ID",
            help="The files hold all of this care provider: what they lack ends. May be repeated.",
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Show every change, however many.")] = False,
) -> None:
    """Bring units, staff and assignments into the record.

    Shows what is new, changed, ended and unchanged, and writes nothing unless
    told to. Nothing is deleted: what is no more gets an end.

    Exit code 0: good. 2: a line is not understood; nothing is written.
    """
    _run_in_database(
        "organisation", paths=paths, write=write, complete=tuple(complete or ()), everything=everything
    )


@app.command(rich_help_panel=PANEL_RECORD)
def demo(
    patients: Annotated[int, typer.Option(min=1, max=10_000_000, help="How many patients.")] = 62,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same region.")] = 1,
) -> None:
    """Build the synthetic demo region in the record.

    Refused when KONTINUUM_ENV=production.
    """
    settings = _settings()
    _refuse_in_production(settings, "A demo region")
    _run_in_database("demo", settings=settings, patients=patients, seed=seed)


@app.command(rich_help_panel=PANEL_RECORD)
def destroy(
    by: Annotated[str, typer.Option(metavar="ID", help="The member of staff who answers, a Practitioner.")],
    decision: Annotated[
        int | None, typer.Option(min=1, help="The number of the registered decision to carry out.")
    ] = None,
    patient: Annotated[
        str | None, typer.Option(metavar="ID", help="The patient whom the decision names, once more.")
    ] = None,
    unit: Annotated[str | None, UNIT] = None,
    provider: Annotated[str | None, PROVIDER] = None,
) -> None:
    """Carry out a decision on destruction, registered by somebody else.

    Without --decision: list what is registered, and the records whose last
    entry is more than ten years old. Exit code 3: refused by law.
    """
    _run_in_database("destroy", by=by, decision=decision, patient=patient, unit=unit, provider=provider)


@app.command(rich_help_panel=PANEL_SERVER)
def token(
    client: Annotated[
        str | None, typer.Option(metavar="NAME", help="For a system client of the demo region.")
    ] = None,
    persona: Annotated[
        str | None, typer.Option(metavar="NAME", help="For a person of the demo region.")
    ] = None,
    unit: Annotated[str | None, UNIT] = None,
    provider: Annotated[str | None, PROVIDER] = None,
) -> None:
    """Print a bearer token for the API.

    For the demo region only: refused when KONTINUUM_ENV=production.
    """
    if (client is None) == (persona is None):
        _refuse("Give one of --client NAME and --persona NAME.", code=2)
    settings = _settings()
    _refuse_in_production(settings, "A token without a sign-in")
    _run_in_database("token", settings=settings, client=client, persona=persona, unit=unit, provider=provider)


audit = typer.Typer(
    name="audit", help="The log of accesses: prove it, anchor it, export it, keep it.", no_args_is_help=True
)
app.add_typer(audit, rich_help_panel=PANEL_SERVER)


@audit.command()
def verify(
    anchor: Annotated[
        str | None, typer.Option(metavar="ANCHOR", help="An anchor that was kept elsewhere, to compare with.")
    ] = None,
) -> None:
    """Prove that the log is whole: compute every hash again and compare.

    Exit code 3, and each broken place with its time, when it is not.
    """
    _run_in_database("audit", task="verify", kept=anchor)


@audit.command("anchor")
def audit_anchor() -> None:
    """Make an anchor over the whole log and print it, to be kept elsewhere."""
    _run_in_database("audit", task="anchor")


@audit.command("export")
def audit_export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file; - for standard output.")],
    provider: Annotated[
        str | None, typer.Option(metavar="HSA-ID", help="Only accesses under this care provider.")
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="From the start of this day.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Until the end of this day.")] = None,
) -> None:
    """Write the log as FHIR AuditEvent, NDJSON; that it was exported is itself logged."""
    _run_in_database("audit_export", file=file, provider=provider, since=since, until=until)


@audit.command()
def retain(
    by: Annotated[str, typer.Option(metavar="NAME", help="Who decided.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; stays in the log.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
) -> None:
    """Remove what was kept longer than KONTINUUM_LOG_YEARS, under a recorded decision."""
    _run_in_database("audit", task="retain", by=by, reason=reason, dry_run=dry_run)


@app.command(rich_help_panel=PANEL_SERVER)
def law(
    what: Annotated[LawTask, typer.Argument(help="rebuild: read blocks, consents and relations anew.")],
    again: Annotated[
        bool, typer.Option("--again", help="Begin from the start, also where all has been read.")
    ] = False,
) -> None:
    """Make the tables by which access is decided from the record.

    Goes on where an interrupted run stopped. Run it with --again once the last
    server of a version without the law has stopped.
    """
    assert what is LawTask.REBUILD
    _run_in_database("law", again=again)


@app.command(rich_help_panel=PANEL_SERVER)
def doctor() -> None:
    """Check settings, disk, clock, versions and database, and say what to do."""
    from kontinuum.app.doctor import doctor as run

    _finish(run(os.environ))


@app.command(rich_help_panel=PANEL_SERVER)
def version() -> None:
    """Print the version."""
    from kontinuum import __version__

    typer.echo(f"Kontinuum {__version__}")


def _settings() -> Settings:
    outcome = read_settings(os.environ)
    if isinstance(outcome, Settings):
        return outcome
    return _refuse("\n".join(map(str, outcome)), code=2)


def settings() -> Settings:
    """The settings of this process; a wrong one ends it."""
    return _settings()


def finish(code: int) -> NoReturn:
    """End the process with this exit code."""
    raise typer.Exit(code)


def _run_in_database(name: str, *, settings: Settings | None = None, **options: Any) -> None:
    from kontinuum.app.serve import open_database

    body = importlib.import_module(f"kontinuum.app.commands.{name}")

    def run(dsn: str, settings: Settings, _steps: list[str]) -> int:
        return int(body.run(dsn, settings, **options))

    _finish(open_database(settings or _settings(), run))


def _refuse_in_production(settings: Settings, what: str) -> None:
    if settings.environment == "production":
        _refuse(f"{what} is for development and test only, and KONTINUUM_ENV is production.")


def _finish(code: int) -> None:
    raise typer.Exit(code)


def _refuse(message: str, code: int = 1) -> NoReturn:
    typer.secho(message, err=True, fg="red")
    raise typer.Exit(code)
