"""The phrases that the units of a new demo region share, from `demo/data/phrases.toml`."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any, Final

from kontinuum.app.commands import acting
from kontinuum.app.services import Services
from kontinuum.demo.region import Unit, region
from kontinuum.demo.tables import table
from kontinuum.kernel.i18n import local
from kontinuum.record import Incoming, Refusal
from kontinuum.web.workspace.studio import editing, life

_NAMES: Final = uuid.UUID("0f6f7f0c-1d0e-4f5a-9d7e-6c1a6f0a7b52")


async def make(services: Services) -> None:
    """Give each unit the phrases of its kind; one that is there already stays."""
    today = local(services.clock.now()).date().isoformat()
    units: dict[str, list[Incoming]] = {}
    for unit, name, text in phrases():
        units.setdefault(unit.key, []).append(Incoming(phrase(unit, name, text, today)))
    for key, incoming in units.items():
        unit = region().units[key]
        where = acting.Place(unit.hsa, unit.name, unit.provider.hsa, unit.provider.name)
        record = services.gate.record(acting.system("demo", where, client="kontinuum demo"))
        for result in await record.take_in(incoming):
            if isinstance(result, Refusal):
                raise RuntimeError(f"a phrase of {unit.name} is refused: {result.issues}")


def phrases() -> Iterator[tuple[Unit, str, str]]:
    """Each phrase, name and text, with the unit whose it is."""
    for kind in table("phrases").values():
        for key in kind["units"]:
            for name, text in kind["text"].items():
                yield region().units[key], name, text


def phrase(unit: Unit, name: str, text: str, day: str) -> dict[str, Any]:
    """A phrase in its first version, in use at a unit from a day."""
    identity = str(uuid.uuid5(_NAMES, f"{unit.hsa}/{name}"))
    made = life.placed(editing.begin_phrase(name, text), [unit.hsa], day)
    return {**made, "id": identity, "url": f"urn:uuid:{identity}", "version": "1"}
