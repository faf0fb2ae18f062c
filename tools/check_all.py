"""Everything that `make check` holds the repository to, one line a check, all of them even if one fails."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

CHECKS = (
    ("format", ["ruff", "format", "--check", "--quiet", "."]),
    ("lint", ["ruff", "check", "--quiet", "."]),
    ("types", ["mypy"]),
    ("layers", ["lint-imports"]),
    ("sizes", ["python", "tools/check_sizes.py"]),
    ("migrations", ["python", "tools/check_migrations.py"]),
    ("translations", ["python", "tools/check_translations.py"]),
    ("docs", ["python", "tools/check_docs.py"]),
    ("law", ["python", "tools/generate_law_docs.py"]),
)


def main() -> int:
    """Run every check; gives 1 if any failed."""
    failed = [name for name, command in CHECKS if not passes(name, command)]
    if failed:
        print(f"\nmake check failed: {', '.join(failed)}")
        return 1
    print("\nmake check passed.")
    return 0


def passes(name: str, command: list[str]) -> bool:
    """Run one check with the programs beside this Python; show what it said only when it failed."""
    program = str(Path(sys.executable).parent / command[0])
    began = time.monotonic()
    done = subprocess.run(
        [program, *command[1:]],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    good = done.returncode == 0
    print(f"{name:<14}{'passed' if good else 'FAILED'}  {time.monotonic() - began:5.1f} s", flush=True)
    if not good:
        print("\n".join(f"    {line}" for line in done.stdout.rstrip().splitlines()), flush=True)
    return good


if __name__ == "__main__":
    sys.exit(main())
