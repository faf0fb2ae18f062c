"""Counting what a task takes: an action is a click, a key command or a field filled in; typing is none."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from playwright.async_api import Locator, Page

STEPS: Final = "steps"
"""The property under which a test's report tells what a task took."""


PAINTED: Final = "performance.getEntriesByName('first-contentful-paint')"
WATCH: Final = """([event, until]) => {
  window.updated = null;
  addEventListener(event, one => document.addEventListener(until, () =>
    requestAnimationFrame(() => setTimeout(() => { window.updated = performance.now() - one.timeStamp; })),
  { once: true }), { capture: true, once: true });
}"""
"""Takes the time from an event until the part of the page that it asks for is there, and painted."""


async def until(page: Page, script: str) -> Any:
    """Wait until a script finds something on the page, and give that.

    `Page.wait_for_function` looks from within the page, whose policy refuses that whenever it looks twice.
    """
    async with asyncio.timeout(20):
        while not (found := await page.evaluate(script)):
            await asyncio.sleep(0.02)
    return found


class Steps:
    """The actions of one task on one page."""

    def __init__(self, page: Page, task: str, budget: int, tell: Callable[[str, object], None]) -> None:
        self.page = page
        self.taken = 0
        self._task = task
        self._budget = budget
        self._tell = tell
        self._begun = time.monotonic()

    async def click(self, target: Locator) -> None:
        """Click."""
        self.taken += 1
        await target.click()

    async def press(self, key: str, at: Locator | None = None) -> None:
        """Press a key command where the keyboard is, or in the field that was filled in."""
        self.taken += 1
        await (self.page.keyboard.press(key) if at is None else at.press(key))

    async def fill(self, target: Locator, text: str) -> None:
        """Fill in a field."""
        self.taken += 1
        await target.fill(text)

    async def select(self, target: Locator, label: str) -> None:
        """Choose in a list."""
        self.taken += 1
        await target.select_option(label=label)

    async def type(self, text: str) -> None:
        """Type a text where the keyboard is: no action."""
        await self.page.keyboard.type(text)

    async def watch(self, event: str, until: str = "htmx:afterSwap") -> None:
        """Before an action: have the page take the time from its event until what it asks for is there."""
        await self.page.evaluate(WATCH, [event, until])

    async def updated(self) -> float:
        """The seconds that `watch` took the time of."""
        return float(await until(self.page, "window.updated")) / 1000

    async def painted(self) -> float:
        """The seconds from an action that opened a page until that was first painted, by the page's clock."""
        return float(await until(self.page, f"{PAINTED}[0]?.startTime")) / 1000

    def done(self, waited: float | None = None) -> None:
        """The task is done: tell what it took, in actions and time, and fail above its budget of actions.

        `waited`: how long the person waited for the page after the last action, as the page measured it.
        """
        taken = time.monotonic() - self._begun
        self._tell(STEPS, [self._task, self._budget, self.taken, taken, waited])
        assert self.taken <= self._budget, f"{self._task}: {self.taken} actions, {self._budget} are allowed"
