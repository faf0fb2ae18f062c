"""The order in which the units of a new demo region offer templates: `demo/data/templates.toml`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from kontinuum.app.commands import acting
from kontinuum.app.services import Services
from kontinuum.demo.region import Unit, region
from kontinuum.demo.tables import table
from kontinuum.fhir.questionnaire.arranging import KIND, Place, content_of
from kontinuum.record import Incoming, Refusal
from kontinuum.web.workspace.shaping import shelf

_TITLE: Final = "Mallarnas ordning vid %s"
_SHIPPED: Final = "urn:kontinuum:questionnaire:"


async def make(services: Services) -> None:
    """Give each unit the order of its kind; one that is there already stays."""
    for unit, places in orders():
        where = acting.Place(unit.hsa, unit.name, unit.provider.hsa, unit.provider.name)
        record = services.gate.record(acting.system("demo", where, client="kontinuum demo"))
        identity = shelf.id_at(KIND, unit.provider.hsa, unit.hsa)
        tool = shelf.Tool(identity, 0, _TITLE % unit.name, content_of(places), unit.hsa, unit.provider.hsa)
        for result in await record.take_in([Incoming(shelf.library(KIND, tool, "kontinuum demo"))]):
            if isinstance(result, Refusal):
                raise RuntimeError(f"the order of {unit.name} is refused: {result.issues}")


def orders() -> Iterator[tuple[Unit, list[Place]]]:
    """Each unit that has decided an order, and the places of the templates in it."""
    for kind in table("templates").values():
        professions = kind.get("professions", {})
        names = dict.fromkeys([*kind["first"], *professions])
        for key in kind["units"]:
            yield (
                region().units[key],
                [Place(_SHIPPED + name, professions=tuple(professions.get(name, ()))) for name in names],
            )
