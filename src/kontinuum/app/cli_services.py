"""The commands `kontinuum cds add`, `list`, `on`, `off` and `remove`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from kontinuum.kernel.config import Settings

cds = typer.Typer(
    name="cds",
    no_args_is_help=True,
    help="Register decision support services of others (CDS Hooks), list, switch and end them.",
)
Identity = Annotated[str, typer.Argument(metavar="ID", help="The service's id in the list.")]


@cds.command()
def add(
    base: Annotated[str, typer.Argument(metavar="URL", help="The address above /cds-services.")],
    unit: Annotated[
        list[str] | None, typer.Option(metavar="HSA-ID", help="Where they are asked; may be repeated.")
    ] = None,
    scopes: Annotated[
        str, typer.Option(help="What they are sent, parted by spaces; without: what they say they need.")
    ] = "",
    token: Annotated[bool, typer.Option("--token", help="Let them read by themselves while asked.")] = False,
    on: Annotated[bool, typer.Option("--on", help="Ask them from now on.")] = False,
    provider: Annotated[
        str | None, typer.Option(metavar="HSA-ID", help="The care provider that trusts them.")
    ] = None,
) -> None:
    """Register the services that an address offers."""
    units = tuple(unit or ())
    _in_database("add", base=base, units=units, scopes=scopes, token=token, on=on, provider=provider)


@cds.command("list")
def list_() -> None:
    """List the registered services."""
    _in_database("list_")


@cds.command()
def on(identity: Identity) -> None:
    """Ask a service from now on."""
    _in_database("switch", identity=identity, active=True)


@cds.command()
def off(identity: Identity) -> None:
    """Do not ask a service from now on."""
    _in_database("switch", identity=identity, active=False)


@cds.command()
def remove(identity: Identity) -> None:
    """End a service."""
    _in_database("remove", identity=identity)


def _in_database(task: str, /, **options: Any) -> None:
    from kontinuum.app import cli
    from kontinuum.app.commands import services as body
    from kontinuum.app.serve import open_database

    def run(dsn: str, settings: Settings, _steps: list[str]) -> int:
        return int(getattr(body, task)(dsn, settings, **options))

    cli.finish(open_database(cli.settings(), run))
