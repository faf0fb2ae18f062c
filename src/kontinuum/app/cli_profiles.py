"""The commands `kontinuum profiles add`, `kontinuum profiles list` and `kontinuum profiles remove`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kontinuum.kernel.config import Settings

profiles = typer.Typer(
    name="profiles",
    no_args_is_help=True,
    help="Load packages of profiles (implementation guides), list and remove them.",
)

UNIT = typer.Option(metavar="HSA-ID", help="The care unit that acts.")
PROVIDER = typer.Option(metavar="HSA-ID", help="The care provider of that unit.")


@profiles.command()
def add(
    path: Annotated[
        Path, typer.Argument(metavar="PACKAGE", help="A .tgz, or a folder.", exists=True, readable=True)
    ],
    unit: Annotated[str | None, UNIT] = None,
    provider: Annotated[str | None, PROVIDER] = None,
) -> None:
    """Load a package: its profiles, value sets and code systems.

    The same again changes nothing. Everything is loaded or nothing. From then
    on a resource that claims one of the profiles is held to it.
    """
    _in_database("add", path=path, unit=unit, provider=provider)


@profiles.command("list")
def list_() -> None:
    """List every package, and every profile by the type of resource that it is for."""
    _in_database("list_")


@profiles.command()
def remove(
    package: Annotated[str, typer.Argument(metavar="NAME#VERSION", help="As `profiles list` shows it.")],
    unit: Annotated[str | None, UNIT] = None,
    provider: Annotated[str | None, PROVIDER] = None,
) -> None:
    """Remove a package. What claims its profiles stays as it is, and is no longer held to them."""
    _in_database("remove", package=package, unit=unit, provider=provider)


def _in_database(name: str, **options: Any) -> None:
    from kontinuum.app import cli
    from kontinuum.app.commands import profiles as body
    from kontinuum.app.serve import open_database

    def run(dsn: str, settings: Settings, _steps: list[str]) -> int:
        return int(getattr(body, name)(dsn, settings, **options))

    cli.finish(open_database(cli.settings(), run))
