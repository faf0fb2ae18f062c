"""Loading: read whatever format, then write all of it in one transaction. Nothing is ever half loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from kontinuum.store.terminology import artifacts, loading
from kontinuum.terminology.content import CodeSystem, Content, ContentError, ValueSet
from kontinuum.terminology.loading import classifications, laboratory, packages, snomed, starter
from kontinuum.terminology.loading.tables import Advance
from kontinuum.terminology.storing import Source, store

LARGE = 20_000
READERS = 1
"""Raised when a reader makes something else of the same file, so that it may be loaded again."""


class Format(StrEnum):
    """What can be loaded."""

    STARTER = "starter"
    ICD_10_SE = "icd-10-se"
    KVA = "kva"
    SNOMED = "snomed"
    LOINC = "loinc"
    ATC = "atc"
    NPU = "npu"
    FHIR = "fhir"


_READERS: dict[Format, Callable[[Path, str | None, Advance], CodeSystem]] = {
    Format.ICD_10_SE: classifications.read_icd,
    Format.KVA: classifications.read_kva,
    Format.ATC: classifications.read_atc,
    Format.SNOMED: snomed.read_snomed,
    Format.LOINC: laboratory.read_loinc,
    Format.NPU: laboratory.read_npu,
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """What was read: contents, and the resources that say so in the record, all of one fingerprint."""

    contents: list[Content]
    resources: list[dict[str, Any]]
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of one content: its name and number of concepts, and whether it was there already."""

    name: str
    concepts: int
    new: bool


def size(form: Format, path: Path | None) -> int:
    """The bytes there are to read, for a progress bar; packed ones count as they are."""
    if path is None or form is Format.STARTER:
        return 0
    return sum(each.stat().st_size for each in path.rglob("*")) if path.is_dir() else path.stat().st_size


def read(form: Format, path: Path | None, version: str | None, advance: Advance) -> Delivery:
    """Read a delivery. Raises ContentError, with file, line and column where there are any."""
    if form is Format.STARTER:
        contents: list[Content] = list(starter.contents())
        return Delivery(contents, [_stub(each) for each in contents], starter.fingerprint())
    if path is None:
        raise ContentError(f"Say where the file or folder is: kontinuum terminology load {form.value} PATH")
    fingerprint = _fingerprint(form, path)
    if form is Format.FHIR:
        resources = packages.read_fhir(path, advance)
        return Delivery([], [_named(each) for each in resources], fingerprint)
    system = _READERS[form](path, version, advance)
    _with_everyday_names(system)
    return Delivery([system], [_stub(system)], fingerprint)


def _with_everyday_names(system: CodeSystem) -> None:
    """What people call things, from the starter set, also finds the concepts of a whole release."""
    everyday = starter.everyday_names(system.url)
    for concept in system.concepts:
        concept.names += everyday.get(concept.code, ())


def _fingerprint(form: Format, path: Path) -> bytes:
    digest = hashlib.sha256(f"{form.value} {READERS}".encode())
    found = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    for each in found:
        with each.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
    return digest.digest()


def _stub(content: Content) -> dict[str, Any]:
    """The resource that tells of what a command has loaded; its concepts are in the tables alone."""
    name = hashlib.sha256(f"{content.url}|{content.version}".encode()).hexdigest()[:20]
    resource: dict[str, Any] = {
        "resourceType": type(content).__name__,
        "id": f"release-{name}",
        "url": content.url,
        "version": content.version,
        "name": content.name.replace("-", "_"),
        "title": content.title,
        "status": "active",
    }
    if isinstance(content, CodeSystem):
        resource["content"] = content.content
        resource["count"] = len(content.concepts)
        resource["caseSensitive"] = content.case_sensitive
        if content.publisher:
            resource["publisher"] = content.publisher
        if content.copyright:
            resource["copyright"] = content.copyright
    elif isinstance(content, ValueSet):
        resource["compose"] = content.compose
    return resource


def _named(resource: dict[str, Any]) -> dict[str, Any]:
    """The resource with an id of its canonical URL and version, so that loading it again updates it."""
    if "id" in resource or "url" not in resource:
        return resource
    told = f"{resource['url']}|{resource.get('version', '')}"
    return {**resource, "id": f"loaded-{hashlib.sha256(told.encode()).hexdigest()[:20]}"}


async def write(
    connection: Any, delivery: Delivery, moment: int, *, replace: bool, advance: Advance
) -> list[Loaded]:
    """Write the contents of a delivery in one transaction; what is there already is left as it is.

    Raises ContentError when a version is there with other content and is not to be replaced.
    """
    async with connection.transaction():
        done = [
            await _write_one(connection, each, delivery.fingerprint, moment, replace, advance)
            for each in delivery.contents
        ]
    if sum(each.concepts for each in done if each.new) > LARGE:
        await loading.refresh_statistics(connection)
    return done


async def _write_one(
    connection: Any, content: Content, fingerprint: bytes, moment: int, replace: bool, advance: Advance
) -> Loaded:
    kind = type(content).__name__
    name = f"{content.title} {content.version}"
    number = len(content.concepts) if isinstance(content, CodeSystem) else 0
    await artifacts.lock(connection, content.url)
    there = [
        row
        for row in await artifacts.named(connection, kind, [content.url])
        if row.version == content.version and not row.origin
    ]
    if there and there[0].fingerprint == fingerprint:
        return Loaded(name, there[0].concepts, new=False)
    if there and not replace:
        raise ContentError(
            f"{name} is loaded already, with other content. Give --replace to load this instead, or another "
            "--version to keep both. Nothing was changed."
        )
    await artifacts.remove(connection, [row.key for row in there])
    await store(connection, content, Source("", fingerprint, moment), advance)
    return Loaded(name, number, new=True)


async def write_starter(connection: Any, moment: int) -> list[Loaded]:
    """Write the starter sets if these are not there yet; earlier ones of ours are replaced."""
    delivery = read(Format.STARTER, None, None, lambda _: None)
    return await write(connection, delivery, moment, replace=True, advance=lambda _: None)
