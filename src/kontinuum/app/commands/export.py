"""`kontinuum export`: write the record as NDJSON, one file for each resource type."""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import hashlib
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import msgspec

from kontinuum import __version__
from kontinuum.app.commands import acting, manifest
from kontinuum.app.commands.progress import Bar
from kontinuum.app.services import open_services
from kontinuum.fhir.definitions import RESOURCE_TYPES
from kontinuum.kernel.clock import instant, to_micros
from kontinuum.kernel.config import Settings
from kontinuum.record import Exported

CLIENT = "kontinuum export"
UNFINISHED = ".unfinished"
STEPS = 1000
BUFFER = 1 << 20


def run(dsn: str, settings: Settings, *, directory: Path, types: Sequence[str] | None = None) -> int:
    """Export everything, or some types, into a new or empty folder."""
    refusal = _refusal(directory, types)
    if refusal is not None:
        print(refusal, file=sys.stderr)
        return 2
    try:
        # A folder below a data directory of root's must still not be open to everyone: this is patient data.
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in directory.glob(f"*{UNFINISHED}"):
            left.unlink()
        about, seconds = asyncio.run(_export(dsn, settings, directory, types))
    except OSError as error:
        print(f"The export into {directory} failed: {error}", file=sys.stderr)
        return 1
    rate = about.resources / max(seconds, 1e-9)
    print(
        f"{about.resources:,} resources of {len(about.files)} types in {directory}, "
        f"{seconds:.1f} s ({rate:,.0f}/s)."
    )
    return 0


def _refusal(directory: Path, types: Sequence[str] | None) -> str | None:
    if directory.exists() and not directory.is_dir():
        return f"{directory} is not a folder."
    if directory.is_dir():
        # What an interrupted export left behind is not in the way: it was never an export.
        held = [path for path in directory.iterdir() if not path.name.endswith(UNFINISHED)]
        if held:
            return f"{directory} is not empty ({held[0].name} is in it): give a new or empty folder."
    for name in types or ():
        if name not in RESOURCE_TYPES:
            near = difflib.get_close_matches(name, RESOURCE_TYPES, n=1, cutoff=0.0)[0]
            return f"--type {name} is not a resource type of FHIR R4. The nearest name is {near}."
    return None


async def _export(
    dsn: str, settings: Settings, directory: Path, types: Sequence[str] | None
) -> tuple[manifest.Manifest, float]:
    async with open_services(settings, dsn, connections=2) as services:
        principals = [
            acting.system(
                "export", acting.Place(hsa, hsa, hsa, hsa), client=CLIENT, rights=acting.OPERATOR_RIGHTS
            )
            for hsa in await services.gate.providers()
        ]
        made = instant(to_micros(services.clock.now()))
        with contextlib.ExitStack() as held, Bar("Export", STEPS) as bar:
            folder = _Folder(directory, held)
            shown = 0
            if principals:
                async for page in services.gate.export(principals, types):
                    folder.write(page.resources)
                    steps = int(page.share * STEPS)
                    bar.advance(steps - shown, len(page.resources))
                    shown = steps
            about = folder.finish(made)
            bar.advance(STEPS - shown, 0)
        return about, bar.seconds


@dataclass(slots=True)
class _File:
    """One NDJSON file under way, with the runs of those accountable for its lines."""

    type: str
    stream: IO[bytes]
    runs: IO[bytes]
    count: int = 0
    size: int = 0
    digest: Any = field(default_factory=hashlib.sha256)
    owner: tuple[str, str] = ("", "")
    owned: int = 0

    @property
    def name(self) -> str:
        """Under which the file stands when it is complete."""
        return f"{self.type}.ndjson"

    def write(self, resources: Sequence[Exported]) -> None:
        """Add lines."""
        text = b"\n".join([resource.body for resource in resources]) + b"\n"
        self.stream.write(text)
        self.digest.update(text)
        self.size += len(text)
        self.count += len(resources)
        for resource in resources:
            owner = resource[2:4]
            if owner != self.owner:
                self.end_run()
                self.owner = owner
            self.owned += 1

    def end_run(self) -> None:
        """Write down for how many lines the owner until now was accountable."""
        if self.owned:
            run = manifest.Run(self.name, self.owned, *self.owner)
            self.runs.write(msgspec.json.encode(run) + b"\n")
        self.owned = 0


class _Folder:
    """The folder under way: files have other names until all are complete, and the manifest comes last."""

    def __init__(self, directory: Path, held: contextlib.ExitStack) -> None:
        self._directory = directory
        self._held = held
        self._files: dict[str, _File] = {}

    def write(self, resources: Sequence[Exported]) -> None:
        """Add resources, in runs of the same type."""
        begin = 0
        for end in range(1, len(resources) + 1):
            if end == len(resources) or resources[end].type != resources[begin].type:
                self._file(resources[begin].type).write(resources[begin:end])
                begin = end

    def finish(self, made: str) -> manifest.Manifest:
        """Make everything durable, give the files their names, and write the manifest."""
        files = [self._files[name] for name in sorted(self._files)]
        accountable = self._open(manifest.ACCOUNTABLE)
        digest = hashlib.sha256()
        for file in files:
            file.end_run()
            file.runs.flush()
            file.runs.seek(0)
            while block := file.runs.read(BUFFER):
                accountable.write(block)
                digest.update(block)
        about = manifest.Manifest(
            format=manifest.FORMAT,
            format_version=manifest.FORMAT_VERSION,
            version=__version__,
            made=made,
            resources=sum(file.count for file in files),
            files=[
                manifest.ExportedFile(file.name, file.type, file.count, file.size, file.digest.hexdigest())
                for file in files
            ],
            accountable_sha256=digest.hexdigest(),
        )
        for stream in (accountable, *(file.stream for file in files)):
            _make_durable(stream)
        for name in (manifest.ACCOUNTABLE, *(file.name for file in files)):
            self._complete(name)
        with self._open(manifest.MANIFEST) as stream:
            stream.write(msgspec.json.format(msgspec.json.encode(about), indent=2) + b"\n")
            _make_durable(stream)
        self._complete(manifest.MANIFEST)
        return about

    def _file(self, type_name: str) -> _File:
        file = self._files.get(type_name)
        if file is None:
            runs = self._held.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - closed by `held`
            file = _File(type_name, self._open(f"{type_name}.ndjson"), runs)
            self._files[type_name] = file
        return file

    def _open(self, name: str) -> IO[bytes]:
        path = self._directory / f"{name}{UNFINISHED}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        return self._held.enter_context(os.fdopen(descriptor, "w+b", buffering=BUFFER))

    def _complete(self, name: str) -> None:
        (self._directory / f"{name}{UNFINISHED}").rename(self._directory / name)


def _make_durable(stream: IO[bytes]) -> None:
    stream.flush()
    os.fsync(stream.fileno())
