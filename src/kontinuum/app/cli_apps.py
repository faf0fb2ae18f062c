"""The commands `kontinuum apps add`, `kontinuum apps list` and `kontinuum apps remove`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from kontinuum.kernel.config import Settings

apps = typer.Typer(
    name="apps", no_args_is_help=True, help="Register apps by SMART on FHIR, list and end them."
)


class Kind(StrEnum):
    """How an app proves who it is; a service does so by a key, and acts for nobody but itself."""

    NONE = "none"
    SECRET = "secret"
    KEY = "key"
    SERVICE = "service"


@apps.command()
def add(
    identity: Annotated[str, typer.Argument(metavar="ID", help="The app's client_id.")],
    name: Annotated[str, typer.Option(help="What people know it by.")],
    kind: Annotated[Kind, typer.Option(help="How it proves who it is.")],
    scopes: Annotated[str, typer.Option(help="The most it may ask for, parted by spaces.")],
    redirect: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="Where answers may be sent; may be repeated.")
    ] = None,
    launch: Annotated[str | None, typer.Option(metavar="URL", help="What opens it from a chart.")] = None,
    jwks: Annotated[
        Path | None, typer.Option(help="A file with its public keys.", exists=True, dir_okay=False)
    ] = None,
    jwks_uri: Annotated[str | None, typer.Option(metavar="URL", help="Where its public keys are.")] = None,
    unit: Annotated[str | None, typer.Option(metavar="HSA-ID", help="The care unit of a service.")] = None,
    provider: Annotated[
        str | None, typer.Option(metavar="HSA-ID", help="The care provider that trusts the app.")
    ] = None,
) -> None:
    """Register an app. Its secret, where it has one, is printed once."""
    _in_database(
        "add",
        identity=identity,
        name=name,
        kind=kind.value,
        scopes=scopes,
        redirects=tuple(redirect or ()),
        launch=launch,
        jwks=jwks,
        jwks_uri=jwks_uri,
        unit=unit,
        provider=provider,
    )


@apps.command("list")
def list_() -> None:
    """List the registered apps."""
    _in_database("list_")


@apps.command()
def remove(identity: Annotated[str, typer.Argument(metavar="ID", help="The app's client_id.")]) -> None:
    """End an app, with everything that was permitted to it."""
    _in_database("remove", identity=identity)


def _in_database(task: str, /, **options: Any) -> None:
    from kontinuum.app import cli
    from kontinuum.app.commands import apps as body
    from kontinuum.app.serve import open_database

    def run(dsn: str, settings: Settings, _steps: list[str]) -> int:
        return int(getattr(body, task)(dsn, settings, **options))

    cli.finish(open_database(cli.settings(), run))
