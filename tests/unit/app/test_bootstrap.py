"""`make` on a fresh machine: .venv is made, left alone, repaired; and refusals say what to do.

The lock files of these tests are empty, so that nothing is downloaded.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.slow


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A copy of the parts that make .venv, in a folder whose name is not plain."""
    folder = tmp_path / "en klon åäö"
    shutil.copytree(ROOT / "tools", folder / "tools")
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "src" / "kontinuum" / "app").mkdir(parents=True)
    for package in ("src/kontinuum", "src/kontinuum/app"):
        (folder / package / "__init__.py").touch()
    (folder / "src/kontinuum/app/__main__.py").write_text("import sys; print('ran', *sys.argv[1:])\n")
    for lock in ("requirements.lock", "requirements-dev.lock"):
        (folder / lock).write_text("# nothing\n")
    return folder


def environment(**changes: str) -> dict[str, str]:
    """The environment of a make that installs from no index."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "MAKE", "PYTHON"))
    }
    return {**kept, "PIP_NO_INDEX": "1", **changes}


def make(clone: Path, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run make in the clone with this Python."""
    return subprocess.run(
        ["make", "--no-print-directory", f"PYTHON={sys.executable}", *arguments],
        cwd=clone,
        env=environment(**changes),
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_makes_venv_once_and_the_command_runs_from_there(clone: Path) -> None:
    first = make(clone, "setup")
    assert first.returncode == 0, first.stderr
    assert "making .venv" in first.stdout
    command = [str(clone / ".venv" / "bin" / "kontinuum"), "version", "två ord"]
    said = subprocess.check_output(command, text=True, cwd="/", env=environment())
    assert said == "ran version två ord\n"
    second = make(clone, "setup")
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")


def test_a_half_made_venv_is_made_again(clone: Path) -> None:
    (clone / ".venv" / "bin").mkdir(parents=True)
    (clone / ".venv" / "bin" / "python").write_text("not a program")
    result = make(clone, "setup")
    assert result.returncode == 0, result.stderr
    assert "removing an incomplete .venv" in result.stdout
    assert subprocess.check_output([clone / ".venv" / "bin" / "kontinuum"], env=environment()) == b"ran\n"


def test_a_changed_lock_is_installed_and_a_failed_install_is_not_taken_for_complete(clone: Path) -> None:
    assert make(clone, "setup").returncode == 0
    (clone / "requirements.lock").write_text(f"no-such-package==1.0 --hash=sha256:{'0' * 64}\n")
    for _ in range(2):
        result = make(clone, "setup")
        assert result.returncode != 0
        assert "no-such-package" in result.stderr
        assert "run make again" in result.stderr
    (clone / "requirements.lock").write_text("# nothing again\n")
    assert make(clone, "setup").returncode == 0


def test_two_makes_at_once_do_not_meet(clone: Path) -> None:
    command = ["make", f"PYTHON={sys.executable}", "setup"]
    both = [
        subprocess.Popen(command, cwd=clone, env=environment(), stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum("making .venv" in text for text in said) == 1
    assert sum("another make installs in this folder" in text for text in said) == 1


def test_a_killed_make_is_taken_up_by_the_next(clone: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "tools/bootstrap.py", "run"],
        cwd=clone,
        env=environment(),
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as killed:
        while not (clone / ".venv").exists():
            time.sleep(0.01)
        time.sleep(0.3)
        os.killpg(killed.pid, 9)
    result = make(clone, "setup")
    assert result.returncode == 0, result.stderr
    assert "removing an incomplete .venv" in result.stdout


def test_a_machine_without_python_gets_the_command_that_installs_it(clone: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    for name in ("sh", "dirname"):
        (old / name).symlink_to(shutil.which(name) or "/bin/false")
    (old / "python3").write_text("#!/bin/sh\n[ \"$1\" = --version ] && echo 'Python 3.9.2' || exit 1\n")
    (old / "python3").chmod(0o755)
    result = subprocess.run(
        ["/bin/sh", "tools/bootstrap.sh", "run"],
        cwd=clone,
        env={"PATH": str(old)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "this machine has Python 3.9.2" in result.stderr
    assert "sudo apt install python3 python3-venv" in result.stderr


def test_a_named_python_that_is_none_is_refused(clone: Path) -> None:
    result = make(clone, "setup", "PYTHON=/bin/false")
    assert result.returncode != 0
    assert "PYTHON=/bin/false is not a Python 3.11 or newer" in result.stderr


def test_clean_keeps_the_record(clone: Path) -> None:
    (clone / "var").mkdir()
    (clone / "var" / "record").write_text("kept")
    (clone / ".venv").mkdir()
    assert make(clone, "clean").returncode == 0
    assert not (clone / ".venv").exists()
    assert (clone / "var" / "record").read_text() == "kept"


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_pinned_package_has_hashes_and_no_index_is_named(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    pins = [line for line in text.splitlines() if "==" in line]
    assert pins
    assert all(pin.endswith("\\") for pin in pins)
    assert "://" not in text
    assert "index-url" not in text


def test_the_development_lock_holds_the_runtime_lock() -> None:
    def pins(name: str) -> set[str]:
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        return {line.split(" ;")[0].rstrip(" \\") for line in lines if "==" in line and line[0] != " "}

    assert pins("requirements.lock") <= pins("requirements-dev.lock")
