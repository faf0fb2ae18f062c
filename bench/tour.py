"""Walk through days of work in the demo region and keep what is seen: `make tour`.

Makes a region of its own, works in it with a browser, and writes pictures with captions to `docs/tour/`
and the picture of the readme. `make tour ARGS=http://127.0.0.1:8000` walks in a region that runs already.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

from bench.stand import Stand, bench_settings
from bench.tour_days import DAYS
from kontinuum.app.postgres import database, scratch_database
from kontinuum.kernel.config import load_settings
from kontinuum.store.migrate import migrate

ROOT = Path(__file__).resolve().parent.parent
TOUR = ROOT / "docs" / "tour"
PICTURE = ROOT / "docs" / "pictures" / "chart.png"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--lang=sv-SE"]
HEAD = """\
# A day in the demo

A walk through the synthetic region, one picture a step. `make tour` makes it anew: it builds a region, works
in it with a browser as the pages say, and stops if something is not where it should be. All persons are
made up.

"""
STILL = """
async () => {
  await document.fonts.ready;
  const moving = () => document.querySelector(".htmx-request, .htmx-settling, .rail.is-old");
  const patience = performance.now() + 10000;
  while (moving() && performance.now() < patience) await new Promise((next) => requestAnimationFrame(next));
  await Promise.all(document.getAnimations().map((one) => one.finished.catch(() => 0)));
}
"""


@dataclass
class Walk:
    """What is seen on a day: windows of those who work, and a picture of each thing worth seeing."""

    browser: Browser
    address: str
    name: str
    steps: list[str] = field(default_factory=list)

    async def window(self, *, width: int = 1440, theme: str = "light") -> Page:
        """An empty window of a browser of its own."""
        context = await self.browser.new_context(
            base_url=self.address,
            viewport={"width": width, "height": 900 if width > 800 else 844},
            color_scheme="dark" if theme == "dark" else "light",
            locale="sv-SE",
            timezone_id="Europe/Stockholm",
        )
        return await context.new_page()

    async def sign_in(self, page: Page, name: str, unit: str) -> None:
        """Be somebody of the demo at a unit."""
        await page.goto("/sign-in")
        await page.get_by_role("button", name=re.compile(f"{name}: {unit}")).first.click()
        await page.wait_for_url("**/")

    async def works(self, name: str, unit: str, *, width: int = 1440, theme: str = "light") -> Page:
        """A window in which somebody is signed in."""
        page = await self.window(width=width, theme=theme)
        await self.sign_in(page, name, unit)
        return page

    async def see(self, page: Page, title: str, text: str) -> None:
        """Keep a picture of what the window shows, under a title and what is to be said of it."""
        await page.evaluate(STILL)
        picture = f"{self.name}-{len(self.steps) + 1:02}.webp"
        session = await page.context.new_cdp_session(page)
        taken = await session.send("Page.captureScreenshot", {"format": "webp", "quality": 82})
        (TOUR / picture).write_bytes(base64.b64decode(taken["data"]))
        self.steps.append(f"## {len(self.steps) + 1}. {title}\n\n{text}\n\n![{title}]({picture})\n")
        print(f"  {picture}  {title}", flush=True)


async def walk(address: str) -> None:
    """Walk all days in the region at an address."""
    TOUR.mkdir(exist_ok=True)
    for old in TOUR.glob("*.webp"):
        old.unlink()
    index = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=os.environ.get("KONTINUUM_TEST_CHROMIUM") or None,
            args=ARGUMENTS,
            env={**os.environ, "LANGUAGE": "sv_SE"},
        )
        for name, (title, text, day) in DAYS.items():
            print(title, flush=True)
            steps = Walk(browser, address, name)
            await day(steps)
            body = "\n".join([f"# {title}\n\n{text} [All days](README.md)\n", *steps.steps])
            (TOUR / f"{name}.md").write_text(body, encoding="utf-8")
            index.append(f"- [{title}]({name}.md): {text}\n")
        page = await Walk(browser, address, "").works("Anna Berglund", "Tallbackens vårdcentral")
        await page.goto("/patient/p-0001")
        await page.evaluate(STILL)
        await page.screenshot(path=PICTURE)
        await browser.close()
    (TOUR / "README.md").write_text(HEAD + "".join(index), encoding="utf-8")


def main() -> None:
    """Make the region unless one is given, walk, and write the pages."""
    if sys.argv[1:]:
        asyncio.run(walk(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory(prefix="kontinuum-tour-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        settings = bench_settings(load_settings(os.environ), folder)
        with database(settings) as server, scratch_database(server) as dsn:
            asyncio.run(migrate(dsn))
            stand = Stand(dsn, settings, folder)
            stand.command("demo")
            with stand.server() as served:
                asyncio.run(walk(f"http://127.0.0.1:{served.port}"))


if __name__ == "__main__":
    main()
