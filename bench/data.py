"""What is measured with: the Synthea samples in several copies, or the demo generator's region."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from kontinuum.demo import generate
from kontinuum.fhir import json

SAMPLES = Path(__file__).resolve().parents[2] / "shared" / "samples" / "synthea"
_UUID = re.compile(rb"\b([0-9a-f]{4})([0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\b")


@dataclass(frozen=True)
class Dataset:
    """Bundles in a folder: how many resources they hold, and where they come from."""

    folder: Path
    resources: int
    size: int
    told: str


def prepare(folder: Path, copies: int, patients: int) -> Dataset:
    """Write the bundles: copies of the samples under other ids, else generated patients."""
    folder.mkdir(parents=True)
    bundles = _copies(copies) if SAMPLES.is_dir() else _generated(patients)
    told = f"Synthea samples, {copies} copies" if SAMPLES.is_dir() else f"demo generator, {patients} patients"
    resources = size = 0
    for number, text in enumerate(bundles):
        (folder / f"{number:05}.json").write_bytes(text)
        resources += len(json.loads(text)["entry"])
        size += len(text)
    return Dataset(folder, resources, size, told)


def _copies(copies: int) -> Iterator[bytes]:
    """Each copy with its own ids, so that it counts as other people."""
    for copy in range(copies):
        for file in sorted(SAMPLES.glob("*.json")):
            yield with_other_ids(file.read_bytes(), copy)


def with_other_ids(text: bytes, copy: int) -> bytes:
    """The same bundle with every UUID shifted by a number."""

    def shift(found: re.Match[bytes]) -> bytes:
        return b"%04x" % ((int(found[1], 16) + copy * 7919) & 0xFFFF) + found[2]

    return _UUID.sub(shift, text)


def _generated(patients: int) -> Iterator[bytes]:
    entries: list[dict[str, Any]] = []
    last: str | None = None
    for batch in generate(1, patients, today=date(2026, 1, 1)):
        if batch.patient != last and entries:
            yield json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries})
            entries = []
        last = batch.patient
        for resource in batch.resources:
            url = f"{resource['resourceType']}/{resource['id']}"
            entries.append({"request": {"method": "PUT", "url": url}, "resource": resource})
    yield json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries})


def observations(dataset: Dataset, count: int = 500) -> list[bytes]:
    """Observations without their ids, to be created; their patients are those of the dataset."""
    found: list[bytes] = []
    for file in sorted(dataset.folder.glob("*.json")):
        entries = json.loads(file.read_bytes())["entry"]
        patient = next(
            (e["resource"]["id"] for e in entries if e["resource"]["resourceType"] == "Patient"), None
        )
        for entry in entries:
            resource = entry["resource"]
            if resource["resourceType"] == "Observation" and patient is not None:
                resource = {
                    name: value for name, value in resource.items() if name not in ("id", "encounter")
                }
                found.append(json.dumps({**resource, "subject": {"reference": f"Patient/{patient}"}}))
                if len(found) == count:
                    return found
    return found


def transactions(dataset: Dataset) -> list[tuple[bytes, int]]:
    """The first bundles as they are posted to a server that has them already: all entries are new again."""
    found = []
    for file in sorted(dataset.folder.glob("*.json"))[:23]:
        text = with_other_ids(file.read_bytes(), 40_000)
        entries = json.loads(text)["entry"]
        if entries[0]["request"]["method"] == "PUT":
            entries = _renamed(entries)
            text = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries})
        found.append((text, len(entries)))
    return found


def _renamed(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Created anew under ids of the server's, with references between them by fullUrl."""
    names = {f"{e['resource']['resourceType']}/{e['resource']['id']}": "" for e in entries}
    rng = random.Random(1)
    for name in names:
        names[name] = f"urn:uuid:{rng.getrandbits(128):032x}"
    text = json.dumps(entries)
    for name, uuid in names.items():
        text = text.replace(f'"reference":"{name}"'.encode(), f'"reference":"{uuid}"'.encode())
    fresh: list[dict[str, Any]] = json.loads(text)
    for entry, uuid in zip(fresh, names.values(), strict=True):
        type_name = entry["resource"]["resourceType"]
        entry["fullUrl"] = uuid
        entry["request"] = {"method": "POST", "url": type_name}
        del entry["resource"]["id"]
    return fresh
