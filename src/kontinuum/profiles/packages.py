"""Packages of profiles as they are published: `package/package.json` and a file for each resource.

https://hl7.org/fhir/packages.html. A package is a .tgz, or a folder that holds the same. Nothing is ever
unpacked: files are read where they lie.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from kontinuum.fhir import json
from kontinuum.fhir.profiles import Structure, read_structure
from kontinuum.fhir.validation import validate

__all__ = ["USED", "Package", "PackageError", "read_package", "size_of"]

USED = ("StructureDefinition", "ValueSet", "CodeSystem")
"""The types of resources that are worked with here."""

_MANIFEST = "package.json"
_MOST_BYTES = 1 << 30
_NO_RESOURCES = {_MANIFEST, ".index.json", "validation-summary.json", "validation-oo.json"}

Advance = Callable[[int], None]


class PackageError(Exception):
    """A package that cannot be taken: the message says which file, what is wrong and what to do."""


@dataclass(slots=True)
class Package:
    """A package that was read: its resources of the `USED` types are valid R4.

    `structures` are those of them that a resource can be held to; `unused` counts the other types, `passed`
    tells of StructureDefinitions that are no profiles.
    """

    name: str
    version: str
    title: str
    dependencies: dict[str, str]
    resources: list[dict[str, Any]] = field(default_factory=list)
    structures: list[Structure] = field(default_factory=list)
    unused: Counter[str] = field(default_factory=Counter)
    passed: list[str] = field(default_factory=list)
    fingerprint: bytes = b""

    @property
    def told(self) -> str:
        """The package as the registries write it: `name#version`."""
        return f"{self.name}#{self.version}"


def size_of(path: Path) -> int:
    """The bytes there are to read, for a progress bar."""
    return sum(each.stat().st_size for each in path.rglob("*.json")) if path.is_dir() else path.stat().st_size


def read_package(path: Path, advance: Advance = lambda size: None) -> Package:
    """Read a package. Raises PackageError with the file and place of the first fault."""
    digest = hashlib.sha256()
    texts: dict[str, bytes] = {}
    for name, text in _folder(path, advance) if path.is_dir() else _archive(path, advance):
        texts[name] = text
        digest.update(name.encode() + b"\0" + hashlib.sha256(text).digest())
    if _MANIFEST not in texts:
        raise PackageError(
            f"{path}: there is no package/package.json, which says what the package is; give the .tgz of an "
            "implementation guide, or a folder with the same files."
        )
    package = _named(f"{path}!{_MANIFEST}", _decoded(f"{path}!{_MANIFEST}", texts.pop(_MANIFEST)))
    for name, text in texts.items():
        if name not in _NO_RESOURCES:
            _take(package, f"{path}!{name}", text)
    package.fingerprint = digest.digest()
    return package


def _folder(path: Path, advance: Advance) -> Iterator[tuple[str, bytes]]:
    inner = path / "package"
    for each in sorted((inner if inner.is_dir() else path).glob("*.json")):
        advance(each.stat().st_size)
        yield each.name, each.read_bytes()


def _archive(path: Path, advance: Advance) -> Iterator[tuple[str, bytes]]:
    """The JSON files directly in `package/`: examples and other material lie in folders below."""
    total = 0
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                place = PurePosixPath(member.name)
                if place.is_absolute() or ".." in place.parts:
                    raise PackageError(
                        f"{path}!{member.name}: the name leads out of the package; do not use it, and "
                        "fetch the package anew from who publishes it."
                    )
                if member.issym() or member.islnk() or member.isdev():
                    raise PackageError(f"{path}!{member.name}: a link or device has no place in a package.")
                total += member.size
                if total > _MOST_BYTES:
                    raise PackageError(
                        f"{path}: holds more than {_MOST_BYTES >> 20:,} MB; that is no package."
                    )
                file = archive.extractfile(member) if member.isfile() else None
                if file is not None and place.parent == PurePosixPath("package") and place.suffix == ".json":
                    yield place.name, file.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise PackageError(f"{path}: not a package that can be read ({error}); fetch it again.") from error
    advance(path.stat().st_size)


def _decoded(name: str, text: bytes) -> dict[str, Any]:
    try:
        decoded = json.loads(text)
    except json.JsonError as error:
        raise PackageError(f"{name}: {error}.") from error
    if not isinstance(decoded, dict):
        raise PackageError(f"{name}: holds no JSON object.")
    return decoded


def _named(where: str, manifest: dict[str, Any]) -> Package:
    name, version = manifest.get("name"), manifest.get("version")
    if not isinstance(name, str) or not isinstance(version, str) or not name or not version:
        raise PackageError(f"{where}: says no name and version.")
    versions = manifest.get("fhirVersions") or manifest.get("fhir-version-list") or []
    if not isinstance(versions, list) or not any(str(each).startswith("4.0") for each in versions):
        shown = ", ".join(map(str, versions)) if isinstance(versions, list) and versions else "none"
        raise PackageError(
            f"{where}: the package is for FHIR {shown}, and this server is FHIR R4 (4.0.1); fetch its "
            "edition for R4."
        )
    title = manifest.get("title") or manifest.get("description") or name
    dependencies = manifest.get("dependencies") or {}
    if not isinstance(dependencies, dict):
        raise PackageError(f"{where}: dependencies must be an object of names and versions.")
    return Package(name, version, str(title), {str(k): str(v) for k, v in dependencies.items()})


def _take(package: Package, where: str, text: bytes) -> None:
    resource = _decoded(where, text)
    type_name = resource.get("resourceType")
    if type_name not in USED:
        if isinstance(type_name, str):
            package.unused[type_name] += 1
        return
    issue = next((issue for issue in validate(resource) if issue.refuses), None)
    if issue is not None:
        raise PackageError(f"{where}, {issue.location or type_name}: {issue.message}")
    if "url" not in resource:
        raise PackageError(f"{where}: has no url, by which others could name it.")
    package.resources.append(resource)
    if type_name != "StructureDefinition":
        return
    structure = read_structure(resource, package.told)
    if isinstance(structure, Structure):
        package.structures.append(structure)
    elif structure.refuses:
        raise PackageError(f"{where}, {structure.location}: {structure.message}")
    else:
        package.passed.append(f"{resource['name']}: {structure.message}")
