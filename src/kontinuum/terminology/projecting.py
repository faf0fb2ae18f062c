"""Resources into the tables: a CodeSystem, ValueSet or ConceptMap that is written by FHIR is usable at once.

The resource is the truth and the tables follow it, in the transaction that writes it.
"""

from __future__ import annotations

import hashlib
from typing import Any

from kontinuum.fhir import json
from kontinuum.store.terminology import artifacts
from kontinuum.terminology.resources import TYPES, read_resource
from kontinuum.terminology.storing import Source, store

__all__ = ["TYPES", "project"]


async def project(connection: Any, type_name: str, logical_id: str, body: bytes | None, moment: int) -> None:
    """Let the tables follow a version of a resource; `body` is None when it was deleted."""
    origin = f"{type_name}/{logical_id}"
    earlier = await artifacts.originated(connection, origin)
    if earlier:
        await artifacts.remove(connection, [row.key for row in earlier])
    content = None if body is None else read_resource(json.loads(body))
    if content is not None and body is not None:
        fingerprint = hashlib.sha256(body).digest()
        await store(connection, content, Source(origin, fingerprint, moment))
