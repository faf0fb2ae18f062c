"""The phrases that the units of a new demo region share, from `demo/data/phrases.toml`."""

from __future__ import annotations

from collections.abc import Iterator

from kontinuum.app.commands import acting
from kontinuum.app.services import Services
from kontinuum.demo.region import Unit, region
from kontinuum.demo.tables import table
from kontinuum.record import Incoming, Refusal
from kontinuum.sweden import systems
from kontinuum.web.workspace.work.phrases import Phrase, identity_of, library


async def make(services: Services) -> None:
    """Give each unit the phrases of its kind; one that is there already stays."""
    units: dict[str, list[Incoming]] = {}
    for unit, phrase in phrases():
        resource = library((systems.HSA_ID, unit.hsa), phrase)
        units.setdefault(unit.key, []).append(Incoming(resource))
    for key, incoming in units.items():
        unit = region().units[key]
        where = acting.Place(unit.hsa, unit.name, unit.provider.hsa, unit.provider.name)
        record = services.gate.record(acting.system("demo", where, client="kontinuum demo"))
        for result in await record.take_in(incoming):
            if isinstance(result, Refusal):
                raise RuntimeError(f"a phrase of {unit.name} is refused: {result.issues}")


def phrases() -> Iterator[tuple[Unit, Phrase]]:
    """Each phrase with the unit whose it is."""
    for kind in table("phrases").values():
        for key in kind["units"]:
            unit = region().units[key]
            for name, text in kind["text"].items():
                yield unit, Phrase(identity_of((systems.HSA_ID, unit.hsa), name), 0, name, text, False)
