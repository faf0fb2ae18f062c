"""Train a dictionary for stored bodies, and tell what it saves: a maintainer's tool.

`python tools/train_dictionary.py NUMBER [FOLDER…]` writes `NUMBER.zdict` below `store/dictionaries` from the
demo generator's resources and every second bundle of the folders, and measures it on what it was not
shown: the other bundles, and another seed of the generator.

A dictionary that rows were packed with is needed to read them: an existing number is refused.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import zstandard

from kontinuum.demo import generate
from kontinuum.fhir import json
from kontinuum.record.preparing import stamped
from kontinuum.store.packing import LEVEL

FOLDER = Path(__file__).resolve().parent.parent / "src" / "kontinuum" / "store" / "dictionaries"
SIZE = 112 * 1024
SAMPLES = 1500
UPDATED = 1_790_000_000_000_000


def main(arguments: list[str]) -> int:
    """Train, measure, write; gives the exit code."""
    if not arguments or not arguments[0].isdigit():
        print(__doc__, file=sys.stderr)
        return 2
    number, folders = int(arguments[0]), [Path(each) for each in arguments[1:]]
    target = FOLDER / f"{number}.zdict"
    if target.exists():
        print(f"{target} exists, and rows may be packed with it: choose another number.", file=sys.stderr)
        return 1
    files = sorted(file for folder in folders for file in folder.glob("*.json"))
    shown = _some(_demo(1)) + _some(_bundles(files[::2]))
    dictionary = zstandard.train_dictionary(SIZE, [*shown], dict_id=number, level=LEVEL)
    for name, bodies in (("demo, another seed", _demo(2)), ("bundles not shown", _bundles(files[1::2]))):
        _tell(dictionary, name, _some(bodies))
    target.write_bytes(dictionary.as_bytes())
    print(f"{target}: {target.stat().st_size:,} bytes")
    return 0


def _demo(seed: int) -> list[bytes]:
    batches = generate(seed, 40, today=date(2026, 1, 1))
    return _stored(resource for batch in batches for resource in batch.resources)


def _bundles(files: Iterable[Path]) -> list[bytes]:
    return _stored(entry["resource"] for file in files for entry in json.loads(file.read_bytes())["entry"])


def _stored(resources: Iterable[dict[str, object]]) -> list[bytes]:
    return [stamped(each, str(each.get("id", "none")), 1, UPDATED + n) for n, each in enumerate(resources)]


def _some(bodies: list[bytes]) -> list[bytes]:
    return random.Random(1).sample(bodies, min(SAMPLES, len(bodies)))


def _tell(dictionary: zstandard.ZstdCompressionDict, name: str, bodies: list[bytes]) -> None:
    if not bodies:
        return
    dictionary.precompute_compress(level=LEVEL)
    pack = zstandard.ZstdCompressor(level=LEVEL, dict_data=dictionary, write_checksum=False).compress
    unpack = zstandard.ZstdDecompressor(dict_data=dictionary).decompress
    begin = time.perf_counter()
    packed = [pack(body) for body in bodies]
    between = time.perf_counter()
    if [unpack(each) for each in packed] != bodies:
        raise RuntimeError("what was unpacked is not what was packed")
    end = time.perf_counter()
    before, after = (sum(map(len, each)) / len(bodies) for each in (bodies, packed))
    costs = [(between - begin) / len(bodies) * 1e6, (end - between) / len(bodies) * 1e6]
    print(f"{name}: {before:,.0f} → {after:,.0f} bytes; {costs[0]:.1f} µs to pack, {costs[1]:.1f} to unpack")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
