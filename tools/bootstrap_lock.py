"""Write the lock files anew from pyproject.toml: a maintainer's tool, needs `uv` on the path.

`requirements-dev.lock` holds everything of `requirements.lock` at the same versions. Both install on Linux
and macOS, x86-64 and ARM, Python 3.11 and newer; neither names a package index.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMPILE = ["pip", "compile", "--universal", "--python-version", "3.11", "--generate-hashes", "--upgrade"]
PLAIN = ["--no-emit-index-url", "--no-header", "--quiet"]


def main() -> int:
    """Compile both lock files; gives the exit code."""
    uv = shutil.which("uv") or shutil.which("uv", path=ROOT / ".venv" / "bin")
    if uv is None:
        print("`uv` is not on the path. Install it first; see CONTRIBUTING.md.", file=sys.stderr)
        return 1
    compile_lock(uv, "requirements.lock", [])
    compile_lock(uv, "requirements-dev.lock", ["--group", "dev", "-c", "requirements.lock"])
    return 0


def compile_lock(uv: str, lock: str, options: list[str]) -> None:
    """Write one lock file, newest versions first."""
    command = [uv, *COMPILE, *PLAIN, "pyproject.toml", *options, "--output-file", lock]
    subprocess.run(command, cwd=ROOT, check=True)
    print(f"{lock} is written.")


if __name__ == "__main__":
    sys.exit(main())
