"""Bring third-party browser files into the tree: a maintainer's tool, never run by `make run` or `make test`.

Each package is fetched by exact name and version with `npm pack`, its archive is held against the integrity
hash written here, and the few files we use are unpacked beside its licence. To move to a new version: change
name@version, run the tool, and put the hash it prints into `PACKAGES` after having looked at the difference.

    .venv/bin/python tools/vendor_assets.py [--check]
"""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "src" / "kontinuum" / "web" / "static" / "vendor"
FOR_TESTS = ROOT / "tests" / "browser" / "vendor"


@dataclass(frozen=True, slots=True)
class Package:
    """One npm package: what to take from it (path in the archive -> file name here) and where it goes."""

    name: str
    version: str
    integrity: str
    folder: Path
    files: dict[str, str]


PACKAGES = (
    Package(
        "htmx.org",
        "2.0.11",
        "sha512-Thx/WtpeOQqSrqBCw/A1cwGJGg4UrVa3+sW0GmrM3p4gJgO89ecH4qtbnyzDDWFvBTqjnIMCgELTNt636dtamA==",
        STATIC / "htmx",
        {"dist/htmx.min.js": "htmx.min.js", "LICENSE": "LICENSE"},
    ),
    Package(
        "uplot",
        "1.6.32",
        "sha512-KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw==",
        STATIC / "uplot",
        {"dist/uPlot.esm.js": "uPlot.esm.js", "dist/uPlot.min.css": "uPlot.min.css", "LICENSE": "LICENSE"},
    ),
    Package(
        "inter-ui",
        "4.1.1",
        "sha512-451h0J29HyOmA+JXgSi/6M12tL7ZCZ8arYKZUXiOXTJpJbAKqJvFh3k5SiV3x7tKe0C0KyrKUUiQIvvZ2PQDcA==",
        STATIC / "inter",
        {"variable-latin/InterVariable-subset.woff2": "inter-latin.woff2", "LICENSE.txt": "LICENSE"},
    ),
    Package(
        "@fontsource-variable/inter",
        "5.3.0",
        "sha512-OupL48va4JNofb97w6NYeF9S7W/kHNKM0Er8Dem5nqi4jeOLrVJDoE8tZEpnMJmtkvNbB1EIPPwHcdkF6b1oUA==",
        STATIC / "inter-extended",
        {"files/inter-latin-ext-wght-normal.woff2": "inter-latin-extended.woff2", "LICENSE": "LICENSE"},
    ),
    Package(
        "axe-core",
        "4.14.1",
        "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
        FOR_TESTS / "axe-core",
        {"axe.min.js": "axe.min.js", "LICENSE": "LICENSE", "LICENSE-3RD-PARTY.txt": "LICENSE-3RD-PARTY.txt"},
    ),
    Package(
        "fhirclient",
        "2.6.3",
        "sha512-CirZixcwWelbkIXxpxlNQx5+ZdJirl6F1s4y4yvA1X7hHAkr9n99aVHaMi0wX+97nATjKQ65X6NB5as/wZoJzg==",
        FOR_TESTS / "fhirclient",
        {
            "build/fhir-client.pure.min.js": "fhir-client.pure.min.js",
            "build/fhir-client.pure.min.js.LICENSE.txt": "LICENSE-3RD-PARTY.txt",
            "LICENSE": "LICENSE",
        },
    ),
)


def main() -> int:
    """Vendor every package; with `--check` only compare what is committed. 0 when all agree."""
    check_only = "--check" in sys.argv[1:]
    failures = 0
    for package in PACKAGES:
        with tempfile.TemporaryDirectory() as scratch:
            archive = _pack(package, Path(scratch))
            found = _integrity(archive)
            if found != package.integrity:
                print(f"{package.name}@{package.version}: expected {package.integrity}, got {found}")
                failures += 1
                continue
            failures += _place(package, archive, check_only=check_only)
    return 1 if failures else 0


def _pack(package: Package, folder: Path) -> Path:
    """Fetch the package's archive with the npm client."""
    command = ["npm", "pack", "--silent", f"{package.name}@{package.version}"]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return folder / done.stdout.strip().splitlines()[-1]


def _integrity(archive: Path) -> str:
    """The archive's hash in the form npm writes it: `sha512-` and base 64."""
    return "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()


def _place(package: Package, archive: Path, *, check_only: bool) -> int:
    """Write (or compare) the files of one package; the number of differences."""
    differences = 0
    package.folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as contents:
        for inside, name in package.files.items():
            member = contents.extractfile(f"package/{inside}")
            if member is None:
                raise FileNotFoundError(f"{package.name}@{package.version} has no {inside}")
            new, target = member.read(), package.folder / name
            if check_only and (not target.exists() or target.read_bytes() != new):
                print(f"{target.relative_to(ROOT)} differs from {package.name}@{package.version}")
                differences += 1
            elif not check_only:
                target.write_bytes(new)
                print(f"{target.relative_to(ROOT)} ({len(new):,} bytes)")
    return differences


if __name__ == "__main__":
    raise SystemExit(main())
