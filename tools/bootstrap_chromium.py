"""Print the path of a Chromium for the browser tests; install what they lack.

The first that starts: KONTINUUM_TEST_CHROMIUM, one on the path, macOS' Chrome, Playwright's own. Else it is
installed: by apt when root on Debian, else by Playwright. Playwright's driver must start as well: it needs a
library that the smallest Debian is without. Messages go to standard error.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")
APPLICATIONS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
DEBIAN_PACKAGES = ("chromium", "libatomic1")
"""The browser, and what the driver's program is linked to; no other package brings the second for sure."""

DRIVER_HELP = """\
The browser tests need Playwright's driver, and it does not start here; it said:
  {said}
On Debian: sudo apt install libatomic1
"""
HELP = """\
The browser tests need Chromium, none was found, and it could not be installed. Do one of these:
  sudo apt install chromium                        on Debian
  .venv/bin/playwright install --with-deps chromium
  KONTINUUM_TEST_CHROMIUM=/path/to/chrome make test
"""


def main() -> int:
    """Print the path; gives 1 when there is no Chromium and none could be installed."""
    named = os.environ.get("KONTINUUM_TEST_CHROMIUM")
    if named is not None and not starts(named):
        print(
            f"KONTINUUM_TEST_CHROMIUM={named} does not start. Name a Chromium, or unset it.", file=sys.stderr
        )
        return 1
    for install in (None, install_by_apt, install_by_playwright):
        if install is not None:
            install()
        found = find_chromium() if driver_problem() is None else None
        if found is not None:
            print(found)
            return 0
    problem = driver_problem()
    print(HELP if problem is None else DRIVER_HELP.format(said=problem), file=sys.stderr, end="")
    return 1


def driver_problem() -> str | None:
    """Say why Playwright's driver does not start; None when it does."""
    from playwright._impl._driver import compute_driver_executable

    program, script = compute_driver_executable()
    try:
        asked = subprocess.run(
            [program, script, "--version"], capture_output=True, check=False, timeout=60, text=True
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return str(problem)
    return None if asked.returncode == 0 else (asked.stderr.strip() or f"exit code {asked.returncode}")


def find_chromium() -> str | None:
    """Give the path of the first Chromium that starts."""
    return next((path for path in candidates() if starts(path)), None)


def candidates() -> Iterator[str]:
    """Give the places where a Chromium may be, the most wanted first."""
    named = os.environ.get("KONTINUUM_TEST_CHROMIUM")
    if named is not None:
        yield named
    for name in NAMES:
        path = shutil.which(name)
        if path is not None:
            yield path
    yield from filter(os.path.exists, APPLICATIONS)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    yield own


def starts(path: str) -> bool:
    """Say whether the program starts: some names are left behind by packages that are not there."""
    try:
        asked = subprocess.run([path, "--version"], capture_output=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0


def install_by_apt() -> None:
    """Install Debian's packages, when this is root on a machine that has apt."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    print(f"Kontinuum: installing {' and '.join(DEBIAN_PACKAGES)} by apt", file=sys.stderr)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", *DEBIAN_PACKAGES]):
        run(["apt-get", *command], environment)


def install_by_playwright() -> None:
    """Install Playwright's own Chromium, below the user's cache folder."""
    print("Kontinuum: installing chromium by Playwright", file=sys.stderr)
    run([sys.executable, "-m", "playwright", "install", "chromium"], dict(os.environ))


def run(command: list[str], environment: dict[str, str]) -> None:
    """Run a command whose output is for reading, not part of the printed path."""
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False, env=environment)


if __name__ == "__main__":
    sys.exit(main())
