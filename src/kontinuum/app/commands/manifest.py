"""The folder that an export writes: NDJSON by resource type, who is accountable, and a manifest.

`accountable.ndjson` says for each file, in the order of its lines, how many resources in a row one care unit
is accountable for: `{"file": "Observation.ndjson", "count": 120, "unit": "SE…", "provider": "SE…"}`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

MANIFEST = "manifest.json"
ACCOUNTABLE = "accountable.ndjson"
FORMAT = "kontinuum-export"
FORMAT_VERSION = 1


class ManifestError(Exception):
    """The manifest is not one that this version reads; the message says why."""


class ExportedFile(msgspec.Struct, frozen=True):
    """One NDJSON file: its resource type, number of resources, size in bytes and SHA-256 in hex."""

    name: str
    type: str
    count: int
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, rename="camel"):
    """What an export holds. `made` is an instant, `version` the version of Kontinuum that wrote it."""

    format: str
    format_version: int
    version: str
    made: str
    resources: int
    files: list[ExportedFile]
    accountable_sha256: str


class Run(msgspec.Struct, frozen=True):
    """So many resources in a row in a file that one care unit of one provider is accountable for."""

    file: str
    count: int
    unit: str
    provider: str


def is_export(folder: Path) -> bool:
    """Whether a folder is an export of ours, whole or damaged."""
    try:
        text = (folder / MANIFEST).read_bytes()
        about = msgspec.json.decode(text)
    except (OSError, msgspec.DecodeError):
        return False
    return isinstance(about, dict) and about.get("format") == FORMAT


def read(folder: Path) -> Manifest:
    """Read the manifest of an export. Raises ManifestError."""
    try:
        about = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise ManifestError(f"{folder / MANIFEST} cannot be read: {error}") from None
    if about.format_version != FORMAT_VERSION:
        raise ManifestError(
            f"{folder} was written in format {about.format_version} by Kontinuum {about.version}; this "
            f"version reads format {FORMAT_VERSION}."
        )
    return about


def owners(folder: Path, name: str) -> Iterator[tuple[int, str, str]]:
    """Who is accountable for the lines of one file, in their order: (count, unit, provider)."""
    with (folder / ACCOUNTABLE).open("rb") as file:
        for line in file:
            run = msgspec.json.decode(line, type=Run)
            if run.file == name:
                yield run.count, run.unit, run.provider
