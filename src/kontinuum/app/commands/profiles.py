"""`kontinuum profiles`: load packages of profiles, list what is known, and remove a package."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from kontinuum.app.commands import acting
from kontinuum.app.commands.progress import Bar
from kontinuum.app.services import Services, open_services
from kontinuum.fhir import json
from kontinuum.fhir.profiles import Library, Structure, read_structure, untold
from kontinuum.kernel.clock import SystemClock, to_micros
from kontinuum.kernel.config import Settings
from kontinuum.profiles.packages import Package, PackageError, read_package, size_of
from kontinuum.profiles.service import library_of
from kontinuum.profiles.shipped import shipped
from kontinuum.record import Incoming, Refusal
from kontinuum.store import profiles as stored

T = TypeVar("T")

BUILT_IN = frozenset({"hl7.fhir.r4.core", "hl7.fhir.r4.expansions"})
"""Packages that every package depends on, and whose content is part of Kontinuum."""
_AT_ONCE = 50


def add(
    dsn: str, settings: Settings, *, path: Path, unit: str | None = None, provider: str | None = None
) -> int:
    """Load a package; 0 when it is there afterwards, 1 when it cannot be taken, 2 for a wrong option."""
    place = acting.place(settings, unit, provider)
    if isinstance(place, acting.Refused):
        print(place.message, file=sys.stderr)
        return 2
    try:
        with Bar("Reading", size_of(path)) as bar:
            package = read_package(path, lambda size: bar.advance(size, 0))
        code = asyncio.run(_add(dsn, settings, package, place))
    except (PackageError, OSError) as error:
        print(f"{error}\nNothing was loaded.", file=sys.stderr)
        return 1
    return code


async def _add(dsn: str, settings: Settings, package: Package, place: acting.Place) -> int:
    async with open_services(settings, dsn, connections=2) as services:
        present = await stored.packages(services.pool)
        same = next(
            (row for row in present if (row.name, row.version) == (package.name, package.version)), None
        )
        if same is not None and same.fingerprint == package.fingerprint:
            print(f"{package.told} was there already, nothing changed.")
            return 0
        if same is not None or package.told in {each.told for each in shipped()}:
            raise PackageError(
                f"{package.told} is there with other content; a version that is published does not change. "
                f"Remove it first (kontinuum profiles remove {package.told}), or load another version."
            )
        origins = [_origin(each) for each in package.resources]
        if not await _write(services, package, origins, place):
            return 1
        await _keep(services, package, origins)
        known = {row.name for row in present} | {each.name for each in shipped()} | BUILT_IN
        library = library_of(await stored.definitions(services.pool))
    _tell(package, library, known)
    return 0


def _origin(resource: dict[str, Any]) -> str:
    """The resource's name in the record: the same whichever package brings it."""
    told = f"{resource['url']}|{resource.get('version', '')}"
    return f"{resource['resourceType']}/package-{hashlib.sha256(told.encode()).hexdigest()[:20]}"


async def _write(services: Services, package: Package, origins: list[str], place: acting.Place) -> bool:
    """Write the resources to the record, as any client would; False when one was refused, which is told."""
    record = services.gate.record(acting.system("profiles", place, client="kontinuum profiles"))
    pairs = list(zip(package.resources, origins, strict=True))
    with Bar("Writing", len(pairs)) as bar:
        for some in _parts(pairs):
            named = [{**each, "id": origin.partition("/")[2]} for each, origin in some]
            results = await record.take_in([Incoming(each) for each in named])
            bar.advance(len(some), len(some))
            for resource, result in zip(named, results, strict=True):
                if isinstance(result, Refusal):
                    name = f"{resource['resourceType']} {resource['url']}"
                    print(
                        f"{name}: refused: {result.issues[0].message}\nThe package was not loaded.",
                        file=sys.stderr,
                    )
                    return False
    return True


def _parts(pairs: list[T]) -> Iterator[list[T]]:
    return (pairs[start : start + _AT_ONCE] for start in range(0, len(pairs), _AT_ONCE))


async def _keep(services: Services, package: Package, origins: list[str]) -> None:
    row = stored.PackageRow(
        0,
        package.name,
        package.version,
        package.title,
        package.dependencies,
        dict(package.unused),
        package.fingerprint,
        to_micros(SystemClock().now()),
    )
    defined = [
        (each["resourceType"], origin, json.dumps(each))
        for each, origin in zip(package.resources, origins, strict=True)
    ]
    async with services.pool.acquire() as connection, connection.transaction():
        await stored.add(connection, row, defined)


def _tell(package: Package, library: Library, known: Iterable[str]) -> None:
    """What was loaded, and everything of it that does not work as one might think."""
    counted = Counter(each["resourceType"] for each in package.resources)
    print(f"{package.told}: loaded, {_listed(counted)}.")
    for name, version in sorted(package.dependencies.items()):
        if name not in known:
            print(f"It depends on {name}#{version}, which is not loaded.")
    if package.unused:
        print(f"Not used here: {_listed(package.unused)}.")
    for line in package.passed:
        print(f"Not used here: {line}.")
    found = [library.find(each.canonical) for each in package.structures]
    for structure in [each for each in found if each is not None]:
        derived = library.derived(structure)
        faults = [issue for issue in derived.faults if issue.refuses]
        for issue in faults:
            print(f"{structure.name} cannot be used: {issue.location}: {issue.message}.")
        for line in [] if faults else untold(structure, library):
            print(f"{structure.name}: {line}; it is not checked.")


def _listed(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(counted.items())) or "nothing"


def list_(dsn: str, _settings: Settings) -> int:
    """Print every package, and below it its profiles by the type of resource that they are for."""
    rows, definitions = asyncio.run(_connected(dsn, _all))
    library = library_of(definitions)
    for package in shipped():
        print(f"{package.told}  {package.title} (part of Kontinuum)")
        _list(package.structures, library)
    for row in rows:
        print(f"{row.name}#{row.version}  {row.title}")
        bodies = (json.loads(each.body) for each in definitions if each.package == row.key)
        read = (read_structure(each) for each in bodies if each["resourceType"] == "StructureDefinition")
        _list([each for each in read if isinstance(each, Structure)], library)
    return 0


def _list(structures: Iterable[Structure], library: Library) -> None:
    for structure in sorted(structures, key=lambda one: (one.type, one.canonical)):
        known = library.find(structure.canonical)
        usable = known is not None and library.derived(known).usable
        print(f"  {structure.type:24}{structure.canonical}{'' if usable else '  (cannot be used)'}")


async def _all(connection: Any) -> tuple[list[stored.PackageRow], list[stored.DefinitionRow]]:
    return await stored.packages(connection), await stored.definitions(connection)


def remove(
    dsn: str, settings: Settings, *, package: str, unit: str | None = None, provider: str | None = None
) -> int:
    """Remove a package; 1 when there is none of that name, 2 for a wrong option."""
    place = acting.place(settings, unit, provider)
    if isinstance(place, acting.Refused):
        print(place.message, file=sys.stderr)
        return 2
    return asyncio.run(_remove(dsn, settings, package, place))


async def _remove(dsn: str, settings: Settings, named: str, place: acting.Place) -> int:
    async with open_services(settings, dsn, connections=2) as services:
        rows = await stored.packages(services.pool)
        row = next((each for each in rows if f"{each.name}#{each.version}" == named), None)
        if row is None:
            told = ", ".join(f"{each.name}#{each.version}" for each in rows) or "none"
            part = " It is part of Kontinuum and stays." if named in {p.told for p in shipped()} else ""
            print(f"There is no loaded package {named}.{part} Loaded: {told}.", file=sys.stderr)
            return 1
        record = services.gate.record(acting.system("profiles", place, client="kontinuum profiles"))
        origins = await stored.only_in(services.pool, row.key)
        async with services.pool.acquire() as connection, connection.transaction():
            await stored.remove(connection, row.key)
        refused = 0
        for origin in origins:
            type_name, _, logical_id = origin.partition("/")
            result = await record.delete(type_name, logical_id)
            if isinstance(result, Refusal):
                refused += 1
                print(f"{origin}: stays: {result.issues[0].message}", file=sys.stderr)
    print(f"{named}: removed, with {len(origins) - refused} resources.")
    return 1 if refused else 0


async def _connected(dsn: str, use: Callable[[Any], Awaitable[T]]) -> T:
    connection: Any = await asyncpg.connect(dsn)
    try:
        return await use(connection)
    finally:
        await connection.close()
