"""SQL for deviations and ideas: what is reported at a unit, and what was said and done about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

Place = tuple[str, str]
"""The care provider and the unit, as HSA-ids."""


class Item(NamedTuple):
    """A report with how it stands; `name` is empty where none is shown, `text` None where it is not here.

    `at` and `unread` are microseconds; `attached` is JSON.
    """

    number: int
    kind: str
    reporter: str
    about_patient: bool
    attached: str
    state: str
    owner: str
    owner_name: str
    unread: int | None
    at: int
    name: str
    text: str | None
    withdrawn: int | None
    agreed: int
    comments: int


class Event(NamedTuple):
    """Something said or done; its text is here, or in the Communication `filed`, or withdrawn."""

    number: int
    kind: str
    at: int
    person: str
    name: str
    text: str | None
    filed: str | None
    state: str | None = None
    owner_name: str | None = None
    withdrawn: int | None = None
    reason: str | None = None


ITEMS = """
select f.number, f.kind, f.reporter, f.about_patient, f.attached, f.state, f.owner, f.owner_name, f.unread,
       r.at, r.name, r.text, r.withdrawn,
       (select count(*) from feedback_event e where e.feedback = f.number and e.kind = 'agree'),
       (select count(*) from feedback_event e where e.feedback = f.number and e.kind = 'comment')
  from feedback f join feedback_event r on r.feedback = f.number and r.kind = 'report'
 where f.provider = $1
"""

BOARD = f"""{ITEMS}
   and f.unit = $2 and f.state = any($3) and f.kind = any($4) and ($5::text is null or f.reporter = $5)
   and ($6::text is null or f.owner = $6)
 order by f.number desc limit $7
"""

ITEM = f"{ITEMS} and f.unit = $2 and f.number = $3"

UNREAD = f"{ITEMS} and f.reporter = $2 and f.unread is not null order by f.unread"

EVENTS = """
select number, kind, at, person, name, text, filed, state, owner_name, withdrawn, reason
  from feedback_event where feedback = $1 order by number
"""

REPORT = """
with made as (
    insert into feedback (provider, unit, kind, reporter, about_patient, attached)
    values ($1, $2, $3, $4, $5, $6) returning number
)
insert into feedback_event (feedback, kind, at, person, name, text, filed)
select number, 'report', $7, $4, $8, $9, $10 from made
returning feedback
"""

SAY = """
with changed as (
    update feedback
       set state = coalesce($5, state), owner = coalesce($6, owner), owner_name = coalesce($7, owner_name),
           unread = case when reporter = $9 then unread else coalesce(unread, $8) end
     where number = $1 and provider = $2 and unit = $3 and state = coalesce($4, state)
    returning number
)
insert into feedback_event (feedback, kind, at, person, name, text, filed, state, owner_name)
select number, case when $5::text is null then 'comment' else 'change' end, $8, $9, $10, $11, $12, $5, $7
  from changed
returning number
"""

AGREE = """
insert into feedback_event (feedback, kind, at, person, name)
select number, 'agree', $4, $5, $6 from feedback
 where number = $1 and provider = $2 and unit = $3 and reporter <> $5
on conflict (feedback, person) where kind = 'agree' do nothing
"""

WITHDRAW = """
update feedback_event set text = null, withdrawn = $4, reason = $5
 where feedback = $1 and number = $2 and person = $3 and withdrawn is null
"""

SEEN = "update feedback set unread = null where number = $1 and unread is not null"


async def board(
    connection: Any,
    place: Place,
    states: Sequence[str],
    kinds: Sequence[str],
    reporter: str | None,
    owner: str | None,
    most: int,
) -> list[Item]:
    """What is on a unit's board, the newest first."""
    rows = await connection.fetch(BOARD, *place, states, kinds, reporter, owner, most)
    return [Item(*row) for row in rows]


async def item(connection: Any, place: Place, number: int) -> Item | None:
    """One report of a unit."""
    row = await connection.fetchrow(ITEM, *place, number)
    return None if row is None else Item(*row)


async def unread(connection: Any, provider: str, reporter: str) -> list[Item]:
    """What became of somebody's reports at a care provider that the one has not seen."""
    return [Item(*row) for row in await connection.fetch(UNREAD, provider, reporter)]


async def events(connection: Any, number: int) -> list[Event]:
    """What was said and done about a report, in order."""
    return [Event(*row) for row in await connection.fetch(EVENTS, number)]


async def report(
    connection: Any, place: Place, kind: str, attached: str, said: Event, *, about_patient: bool
) -> int:
    """Put a report on the board; gives its number."""
    values = (kind, said.person, about_patient, attached, said.at, said.name, said.text, said.filed)
    number: int = await connection.fetchval(REPORT, *place, *values)
    return number


async def say(
    connection: Any, place: Place, number: int, said: Event, was: str | None = None, owner: str | None = None
) -> bool:
    """Add a comment, or with a state a change of how it stands; false when it does not stand as it `was`."""
    changed = (
        was,
        said.state,
        owner,
        said.owner_name,
        said.at,
        said.person,
        said.name,
        said.text,
        said.filed,
    )
    return await connection.fetchval(SAY, number, *place, *changed) is not None


async def agree(connection: Any, place: Place, number: int, now: int, person: str, name: str) -> None:
    """Count somebody else than the reporter as one who has met the same, once."""
    await connection.execute(AGREE, number, *place, now, person, name)


async def withdraw(connection: Any, number: int, event: int, person: str, now: int, reason: str) -> None:
    """Take the text of an own event away; when and why stays."""
    await connection.execute(WITHDRAW, number, event, person, now, reason)


async def seen(connection: Any, number: int) -> None:
    """Note that the reporter has seen how it stands."""
    await connection.execute(SEEN, number)
