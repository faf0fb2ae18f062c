"""`kontinuum apps`: register apps, list and end them; each change stands in the log."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from kontinuum.access.scopes import UnknownScopeError, parse_scopes
from kontinuum.app.commands import acting, operating
from kontinuum.app.services import Services
from kontinuum.identity.smart import App, Authentication
from kontinuum.identity.smart.apps import read_jwks, service_of
from kontinuum.kernel.config import Settings


def add(
    dsn: str,
    settings: Settings,
    *,
    identity: str,
    name: str,
    kind: str,
    scopes: str,
    redirects: tuple[str, ...] = (),
    launch: str | None = None,
    jwks: Path | None = None,
    jwks_uri: str | None = None,
    unit: str | None = None,
    provider: str | None = None,
) -> int:
    """Register an app; 0 when it is registered, 2 when an option is wrong."""
    place = acting.place(settings, unit, provider)
    if isinstance(place, acting.Refused):
        return operating.refused(place.message)
    keys = read_jwks("" if jwks is None else jwks.read_text(encoding="utf-8"))
    if keys is None:
        return operating.refused(f"{jwks}: not a JWK set.")
    try:
        wanted = parse_scopes(scopes)
    except UnknownScopeError as unknown:
        return operating.refused(f"{unknown}.")
    assignment = acting.system(name, place, client="kontinuum apps").assignment
    app = App(
        id=identity,
        name=name,
        provider=place.provider,
        authentication=Authentication.KEY if kind == "service" else Authentication(kind),
        scopes=wanted,
        redirect_uris=redirects,
        launch_url=launch,
        keys=keys,
        jwks_uri=jwks_uri,
        service=service_of(identity, name, assignment) if kind == "service" else None,
    )

    async def register(services: Services) -> int:
        secret, wrong = await services.smart.apps.add(app, getpass.getuser())
        if wrong:
            return operating.refused("\n".join(wrong))
        await operating.log(services, "register-app", f"app/{identity}", *wanted)
        print(f"{name} is registered at {place.provider_name} as {identity}.", file=sys.stderr)
        if secret is not None:
            print("Its secret, shown only now:", file=sys.stderr)
            print(secret)
        return 0

    return operating.with_services(dsn, settings, register)


def list_(dsn: str, settings: Settings) -> int:
    """Print the apps that have not ended."""
    found = operating.with_services(dsn, settings, lambda services: services.smart.apps.all())
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("Id", "Name", "Care provider", "Proves itself by", "May ask for"):
        table.add_column(heading, overflow="fold")
    for app in found:
        kind = "key, as a service" if app.service is not None else app.authentication.value
        table.add_row(app.id, app.name, app.provider, kind, " ".join(app.scopes))
    Console(highlight=False).print(table)
    return 0


def remove(dsn: str, settings: Settings, *, identity: str) -> int:
    """End an app; 1 when there is none."""

    async def end(services: Services) -> int:
        if not await services.smart.apps.end(identity):
            print(f"There is no app '{identity}', or it has ended already.", file=sys.stderr)
            return 1
        await operating.log(services, "end-app", f"app/{identity}")
        print(f"{identity} has ended, with everything that was permitted to it.", file=sys.stderr)
        return 0

    return operating.with_services(dsn, settings, end)
