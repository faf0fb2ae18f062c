"""The commands `kontinuum terminology load` and `kontinuum terminology list`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kontinuum.kernel.config import Settings
from kontinuum.terminology.loading.loader import Format

terminology = typer.Typer(
    name="terminology", no_args_is_help=True, help="Load code systems, and list what is known."
)


@terminology.command()
def load(
    form: Annotated[Format, typer.Argument(metavar="FORMAT", help=", ".join(each.value for each in Format))],
    path: Annotated[
        Path | None,
        typer.Argument(metavar="PATH", help="A file, folder, .zip or .tgz.", exists=True, readable=True),
    ] = None,
    version: Annotated[
        str | None, typer.Option(help="The version, where the files do not tell it: 2026, say.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Load this instead of the same version loaded before.")
    ] = False,
    unit: Annotated[str | None, typer.Option(metavar="HSA-ID", help="The care unit that acts.")] = None,
    provider: Annotated[
        str | None, typer.Option(metavar="HSA-ID", help="The care provider of that unit.")
    ] = None,
) -> None:
    """Load a release of a code system in the format in which it is published.

    The same again changes nothing. Everything is loaded or nothing: a release
    that is broken or interrupted leaves what was there before. `starter` needs
    no path: the small sets that come with Kontinuum.
    """
    options = {"path": path, "version": version, "replace": replace, "unit": unit, "provider": provider}
    _in_database("load", form=form, **options)


@terminology.command("list")
def list_() -> None:
    """List every version of a code system, value set and concept map that is known."""
    _in_database("list_")


def _in_database(name: str, **options: Any) -> None:
    from kontinuum.app import cli
    from kontinuum.app.commands import terminology as body
    from kontinuum.app.serve import open_database

    def run(dsn: str, settings: Settings, _steps: list[str]) -> int:
        return int(getattr(body, name)(dsn, settings, **options))

    cli.finish(open_database(cli.settings(), run))
