"""What is hidden from somebody is not changed by that one either, and tells nothing when that is tried."""

from __future__ import annotations

from kontinuum.fhir.patch import JsonPatch, parse_json_patch
from kontinuum.kernel.principal import Principal
from kontinuum.record import Refusal, RefusalKind
from tests.law.cast import ADULT, CAST, PROVIDER, UNIT_A, UNIT_B, UNIT_C
from tests.law.conftest import Region
from tests.law.test_matrix import EXPECTED, REFERENCES, decided, entries

__all__ = ["decided"]


async def by_patch(region: Region, who: Principal) -> set[str]:
    """A patch that fits tells what stands there: one that only tests is a way to read."""
    change = parse_json_patch([{"op": "test", "path": "/resourceType", "value": "Other"}])
    assert isinstance(change, JsonPatch)
    shown = set()
    for reference in REFERENCES:
        kind, identity = reference.split("/")
        tried = [
            await region.record(who).patch(kind, identity, change),
            await region.record(who).conditional_patch(kind, f"_id={identity}", change),
        ]
        shown |= {
            reference for each in tried if isinstance(each, Refusal) and each.kind is RefusalKind.INVALID
        }
    return shown


async def test_nothing_that_is_hidden_can_be_patched(decided: Region) -> None:
    for name, who in CAST.items():
        assert await by_patch(decided, who) == EXPECTED[name], name


async def test_nothing_that_is_hidden_can_be_written(decided: Region) -> None:
    for name, who in CAST.items():
        for unit in (UNIT_A, UNIT_B, UNIT_C):
            for entry in entries(ADULT, unit):
                reference = f"{entry['resourceType']}/{entry['id']}"
                result = await decided.record(who).update(entry["resourceType"], entry["id"], entry)
                if not isinstance(result, Refusal):
                    own = who.assignment.provider == PROVIDER and reference in EXPECTED[name]
                    assert own or unit == who.assignment.unit, (name, reference)
