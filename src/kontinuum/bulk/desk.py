"""Where jobs are ordered, asked after, given up, and their files fetched: by the one who ordered them."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from kontinuum.bulk.files import Folder, ResultFile, served
from kontinuum.kernel.clock import Clock, to_micros
from kontinuum.kernel.principal import Principal, Purpose
from kontinuum.record import Gate, Refusal
from kontinuum.record.extracting import Extent
from kontinuum.store import jobs as store

Kind = Literal["export", "import"]
State = Literal["waiting", "running", "done", "failed", "cancelled"]
INPUT: Final = "input"
"""The name of the file that holds what an import was given."""
_ID: Final = re.compile(r"[a-z0-9]{1,64}")


class Place(msgspec.Struct, frozen=True):
    """Where an import goes on: the byte and line of its input, and what it has come to until there.

    `refused` and `told` are the bytes of the files of refused lines and of their reasons.
    """

    offset: int
    line: int
    refused: int
    told: int
    changes: tuple[tuple[str, str, int], ...]


class Progress(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far a job has come: its share (0 to 1) and the resources so far."""

    share: float = 0.0
    count: int = 0
    place: Place | None = None


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of a job: its moment in microseconds and its files, or why it failed.

    `changes` are (type, created or refused and so on, how many) of an import.
    """

    moment: int = 0
    files: tuple[ResultFile, ...] = ()
    failure: str | None = None
    changes: tuple[tuple[str, str, int], ...] = ()


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was ordered; `remarks` are told beside the result. An import has no extent.

    `elements` are those that are wanted of each resource, as `name` or `Type.name`; all when there are none.
    """

    extent: Extent | None = None
    remarks: tuple[str, ...] = ()
    elements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stands; times in microseconds."""

    number: int
    id: str
    kind: Kind
    state: State
    principal: Principal
    request: str
    order: Order
    ordered: int
    attempts: int
    progress: Progress
    result: Result
    expires: int | None

    @property
    def name(self) -> str:
        """As the log names it."""
        return f"bulk/{self.id}"


@dataclass(frozen=True, slots=True)
class TooMany:
    """The client has as many jobs under way as it may have."""

    most: int


@dataclass(frozen=True, slots=True)
class Open:
    """A file that may be read."""

    file: ResultFile
    path: Path
    without: tuple[str, ...] = ()
    """Ids of persons whose lines are left out."""

    def read(self, *, compressed: bool) -> AsyncGenerator[bytes, None]:
        """Its content, piece by piece."""
        return served(self.path, self.without, compressed=compressed)


def new_id() -> str:
    """An id of a job, as it stands in addresses: nobody can guess it."""
    return secrets.token_hex(16)


def job_of(row: store.JobRow) -> Job:
    """A row of the table as a job."""
    decode = msgspec.json.decode
    return Job(
        number=row.number,
        id=row.id,
        kind="export" if row.kind == "export" else "import",
        state=decode(msgspec.json.encode(row.state), type=State),
        principal=decode(row.principal, type=Principal),
        request=row.request,
        order=decode(row.wanted, type=Order),
        ordered=row.ordered,
        attempts=row.attempts,
        progress=decode(row.progress, type=Progress),
        result=Result() if row.result is None else decode(row.result, type=Result),
        expires=row.expires,
    )


def owner_of(principal: Principal) -> str:
    """Who may ask for a job: the same actor, under the same assignment, by the same client."""
    return "\n".join((principal.actor.id, principal.assignment.id, principal.client))


class Desk:
    """The jobs of an installation.

    `folder` is where their files lie, `most` how many a client may have at once, `kept` how long files stay.
    """

    def __init__(
        self, pool: Any, gate: Gate, clock: Clock, folder: Path, *, most: int, kept: timedelta
    ) -> None:
        self.pool = pool
        self.gate = gate
        self.clock = clock
        self.kept = kept
        self.ordered = asyncio.Event()
        self._root = folder
        self._most = most

    def now(self) -> int:
        """The present in microseconds."""
        return to_micros(self.clock.now())

    def folder(self, job: str) -> Folder:
        """Where the files of a job lie."""
        return Folder(self._root, job)

    async def order(
        self, principal: Principal, kind: Kind, identity: str, request: str, order: Order
    ) -> TooMany | None:
        """Keep an order under an id that nobody can guess, to be taken up by a worker process."""
        encode = msgspec.json.encode
        wanted = encode(order).decode()
        who = encode(principal).decode()
        row = (identity, kind, owner_of(principal), who, request, wanted, self.now())
        async with self.pool.acquire() as connection, connection.transaction():
            if not await store.insert(connection, row, self._most):
                return TooMany(self._most)
            await self.gate.record(principal).bulk.ordered(kind, identity, request)
        self.ordered.set()
        return None

    async def has_room(self, principal: Principal) -> TooMany | None:
        """Whether a client may order one more, before much is sent for it."""
        held = await store.unfinished(self.pool, owner_of(principal))
        return TooMany(self._most) if held >= self._most else None

    async def find(self, principal: Principal, identity: str) -> Job | None:
        """A job that the principal ordered; None when there is none, or it is another's or over."""
        if _ID.fullmatch(identity) is None:
            return None
        row = await store.find(self.pool, identity, owner_of(principal))
        job = None if row is None else job_of(row)
        over = job is not None and job.expires is not None and job.expires <= self.now()
        return None if over else job

    async def cancel(self, principal: Principal, identity: str) -> bool:
        """Give a job up: it stops, and its files are removed. False when there is no such job."""
        job = await self.find(principal, identity)
        if job is None or not await store.cancel(self.pool, identity, owner_of(principal)):
            return False
        if job.state in ("done", "failed"):
            self.folder(identity).remove()
        await self.gate.record(principal).bulk.ended(job.kind, identity, "failed")
        return True

    async def open(self, principal: Principal, identity: str, name: str) -> Open | Refusal | None:
        """A file of a job that is done, if it may be handed to the principal now; None without one."""
        job = await self.find(principal, identity)
        file = None if job is None else next((each for each in job.result.files if each.name == name), None)
        if job is None or file is None:
            return None
        type_name = file.type if file.role == "output" else None
        bulk = self.gate.record(principal).bulk
        refused = await bulk.may_have(job.kind, job.principal, f"{job.name}/{name}", type_name, file.count)
        if refused is not None:
            return refused
        hidden = await bulk.protected_since(job.result.moment) if file.role != "error" else []
        path = self.folder(identity).find(name)
        return None if path is None else Open(file, path, tuple(hidden))

    async def stands(self, principal: Principal) -> bool:
        """Whether the right under which something was ordered still holds: assignment, app, permission."""
        app, assignment = principal.app, principal.assignment.id
        if app is None:
            return await store.stands(self.pool, assignment, None, None, self.now())
        # A service is permitted for minutes at a time, and stands as long as it is registered.
        grant = None if principal.purpose is Purpose.SYSTEM else app.grant
        return await store.stands(self.pool, assignment, app.id, grant, self.now())
