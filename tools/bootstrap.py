"""Make `.venv` with the pinned and hashed dependencies: `python tools/bootstrap.py run|dev`.

Runs on any Python >= 3.11 with nothing installed. Does nothing when `.venv` is complete; makes it again when
it is half-made, was made by another Python, or when the lock files have changed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCKS = {"run": ROOT / "requirements.lock", "dev": ROOT / "requirements-dev.lock"}

# Finds the source folder from the place of .venv, so that the folder can be moved. ASCII on one line, as the
# encoding of .pth files differs between Python versions.
PATH_FILE = "import os, sys; sys.path.append(os.path.join(os.path.dirname(sys.prefix), 'src'))\n"

# Not a Python script: the interpreter's path may be too long for a #! line, or hold a space.
COMMAND = '#!/bin/sh\nexec "$(dirname "$0")/python" -m kontinuum.app "$@"\n'


_held: list[int] = []


class CannotInstallError(Exception):
    """Tells what is wrong and what to do about it."""


def main(kind: str) -> int:
    """Make `.venv` complete for `run` or for `dev`; gives the exit code."""
    with open(ROOT / ".venv.lock", "a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another make installs in this folder; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        # Held by the commands as well: a pip whose parent was killed still writes to .venv.
        _held.append(lock.fileno())
        try:
            if not is_complete(kind):
                make(kind)
            compile_sources()
        except CannotInstallError as refusal:
            print(f"\n{refusal}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\nInterrupted; the next make starts over.", file=sys.stderr)
            return 130
        except OSError as error:
            print(f"\n.venv cannot be made: {error}. Nothing else was changed.", file=sys.stderr)
            return 1
    return 0


def say(message: str) -> None:
    """Tell what is being done."""
    print(f"Kontinuum: {message}", flush=True)


def stamp(kind: str) -> Path:
    """Give the file that says `.venv` is complete for `kind`, and for which lock file."""
    return VENV / f"complete-{kind}"


def fingerprint(kind: str) -> str:
    """Give what a complete `.venv` was made from."""
    parts = (LOCKS[kind].read_bytes(), PATH_FILE.encode(), COMMAND.encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def is_complete(kind: str) -> bool:
    """Say whether `.venv` needs nothing: made from today's lock file, and its Python still starts."""
    try:
        made_from = stamp(kind).read_text(encoding="utf-8")
    except OSError:
        return False
    return made_from == fingerprint(kind) and python_starts()


def python_starts() -> bool:
    """Say whether the Python of `.venv` starts and is of the version that its packages were installed for."""
    probe = "import sys, sysconfig, os; sys.exit(not os.path.isdir(sysconfig.get_path('purelib')))"
    try:
        return subprocess.run([PYTHON, "-c", probe], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def make(kind: str) -> None:
    """Make `.venv`, from nothing unless it is complete for the other kind."""
    if not any(stamp(other).exists() for other in LOCKS) or not python_starts():
        if VENV.exists():
            say("removing an incomplete .venv")
            shutil.rmtree(VENV)
        say(f"making .venv with Python {sys.version.split()[0]}")
        make_venv()
    # Without a stamp, an interruption from here on starts over.
    for other in LOCKS:
        stamp(other).unlink(missing_ok=True)
    say("installing dependencies; the first time this takes a minute")
    install(LOCKS[kind])
    site = subprocess.run(
        [PYTHON, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    (Path(site) / "kontinuum.pth").write_text(PATH_FILE, encoding="ascii")
    command = VENV / "bin" / "kontinuum"
    command.write_text(COMMAND, encoding="ascii")
    command.chmod(0o755)
    # What `dev` installs is everything that `run` needs.
    for done in LOCKS if kind == "dev" else (kind,):
        stamp(done).write_text(fingerprint(done), encoding="utf-8")


def compile_sources() -> None:
    """Compile what was changed since the last time, so that no start has to.

    Done here because an environment may keep Python from writing what it compiles while it runs.
    """
    mark = VENV / "compiled"
    sources = (ROOT / "src").rglob("*.py")
    if mark.exists() and all(source.stat().st_mtime < mark.stat().st_mtime for source in sources):
        return
    mark.touch()
    run_quietly([str(PYTHON), "-m", "compileall", "-q", "-j", "0", str(ROOT / "src")])


def make_venv() -> None:
    """Make an empty `.venv` with pip in it, by the first way that works on this machine."""
    if run_quietly([sys.executable, "-I", "-m", "venv", str(VENV)]) is None:
        return
    # Debian splits off the part of Python that puts pip into a venv.
    shutil.rmtree(VENV, ignore_errors=True)
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    if os.geteuid() == 0 and shutil.which("apt-get"):
        say(f"installing {package}")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-q", "-y", package]):
            run_quietly(command, environment)
        if run_quietly([sys.executable, "-I", "-m", "venv", str(VENV)]) is None:
            return
        shutil.rmtree(VENV, ignore_errors=True)
    # A pip outside of the venv can install into it.
    bare = run_quietly([sys.executable, "-I", "-m", "venv", "--without-pip", str(VENV)])
    if bare is None and run_quietly([sys.executable, "-m", "pip", "--version"]) is None:
        return
    shutil.rmtree(VENV, ignore_errors=True)
    raise CannotInstallError(
        f"This Python ({sys.executable}) lacks its venv module.\n"
        f"Install it, then run make again: sudo apt install {package}"
    )


def install(lock: Path) -> None:
    """Install what the lock file lists, every file checked against its hash."""
    pip = [str(PYTHON), "-m", "pip"]
    if run_quietly([*pip, "--version"]) is not None:
        pip = [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    options = ["--require-hashes", "--no-deps", "--no-input", "--disable-pip-version-check", "--quiet"]
    command = [*pip, "install", *options, "-r", str(lock)]
    environment = {**os.environ, "PIP_REQUIRE_VIRTUALENV": "0", "PIP_USER": "0"}
    said = run_quietly(command, environment)
    if said is None:
        return
    raise CannotInstallError(f"{said.strip()[-2000:]}\n\n{advice(said)}")


def advice(said: str) -> str:
    """Give what to do about pip's complaint."""
    if "No space left" in said:
        return "The disk is full. Free about 500 MB and run make again."
    if "THESE PACKAGES DO NOT MATCH THE HASHES" in said:
        return (
            "A downloaded file is not the one that was locked. Do not use it; try another network or mirror."
        )
    if "No matching distribution" in said and sys.version_info >= (3, 14):
        return "There may be no build for this Python yet: make run PYTHON=python3.13"
    return (
        "The dependencies could not be installed. Check the network and pip's settings, and run make again."
    )


def run_quietly(command: list[str], environment: dict[str, str] | None = None) -> str | None:
    """Run a command; gives None if it succeeded, else all that it said."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            env=environment,
            pass_fds=_held,
        )
    except OSError as error:
        return str(error)
    return None if done.returncode == 0 else done.stdout or f"{command[0]} failed"


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in LOCKS:
        sys.exit("usage: python tools/bootstrap.py run|dev")
    sys.exit(main(sys.argv[1]))
