"""Finding concepts while a person types: bounded work for every input, however large the system.

Four ways, each of which reads a bounded number of rows: what is used most; the kept best of a beginning of
one to three letters; words that begin with what was typed; words that hold it in their middle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from kontinuum.fhir.terminology.selection import Selection
from kontinuum.kernel.sql import Binder
from kontinuum.store.terminology.concepts import COLUMNS, ConceptRow, row
from kontinuum.store.terminology.conditions import condition

MOST_USED = 500
MOST_READ = 20_000
MOST_COMPARED = 60_000
MOST_WORDS = 60
RARE = 2000
"""So many words or fewer are looked up in their concepts, one by one, to see what else these hold."""
LAST = "\U0010ffff"


class Hit(NamedTuple):
    """A concept that fits, its rank (low is better) and how often it was chosen."""

    concept: ConceptRow
    rank: int
    uses: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: concepts of a selection that have a word beginning with each token.

    `tokens` are normalised words, the longest first. `keys` are those of the codes in the selection.
    """

    artifact: int
    tokens: tuple[str, ...]
    selection: Selection
    keys: dict[str, int]
    active_only: bool


FREQUENCIES = """
select t.token, (select coalesce(sum(v.uses), 0) from terminology_vocabulary v
                  where v.artifact = $1 and v.word >= t.token and v.word < t.token || $3)::bigint as words
  from unnest($2::text[]) t(token)
"""

USED = """
select {columns}, 0 as rank, u.uses
  from (select code, sum(uses)::bigint as uses
          from (select code, uses from terminology_use
                 where context = any({contexts}::text[]) and url = {url}
                 order by uses desc limit {most}) as top
         group by code) as u
  join terminology_concept c on c.artifact = {artifact} and c.code = u.code
 where {fits}
 order by u.uses desc
 limit {limit}
"""

OPENING = """
select {columns}, kept.place::int as rank, 0::bigint as uses
  from terminology_opening o
 cross join lateral unnest(o.concepts) with ordinality as kept (key, place)
 cross join lateral (select * from terminology_concept x where x.key = kept.key offset 0) as c
 where o.artifact = {artifact} and o.opening = {token} and {fits}
 order by kept.place
 limit {limit}
"""

BEGINNING = """
select {columns}, best.rank, 0::bigint as uses
  from (select concept, min(rank) as rank
          from (select concept, rank from terminology_word
                 where artifact = {artifact} and word >= {token} and word < {last} limit {most}) as near
         where {second}
         group by concept
         order by 2, 1) as best
 cross join lateral (select * from terminology_concept x where x.key = best.concept offset 0) as c
 where {fits}
 order by best.rank, best.concept
 limit {limit}
"""

SECOND = """
concept in (select concept from terminology_word
             where artifact = {artifact} and word >= {token} and word < {last} limit {most})
"""

MIDDLE = """
select {columns}, best.rank, 0::bigint as uses
  from (select concept, min(rank) as rank
          from (select w.concept, w.rank
                  from (select word from terminology_vocabulary
                         where artifact = {artifact} and word like {within}
                         order by length(word), uses desc, word limit {words}) as v
                 cross join lateral (select concept, rank from terminology_word
                                      where artifact = {artifact} and word = v.word
                                      order by rank limit {each}) as w) as near
         group by concept
         order by 2, 1) as best
 cross join lateral (select * from terminology_concept x where x.key = best.concept offset 0) as c
 where {fits}
 order by best.rank, best.concept
 limit {limit}
"""


async def used(connection: Any, wanted: Wanted, url: str, contexts: Sequence[str], limit: int) -> list[Hit]:
    """The most used that fit, in any of the contexts."""
    binder = Binder()
    return await _hits(
        connection,
        binder,
        USED.format(
            columns=COLUMNS,
            contexts=binder.bind(list(contexts)),
            url=binder.bind(url),
            most=binder.bind(MOST_USED),
            artifact=binder.bind(wanted.artifact),
            fits=_fits(binder, wanted, wanted.tokens, anywhere=True),
            limit=binder.bind(limit),
        ),
    )


async def opening(connection: Any, wanted: Wanted, limit: int) -> list[Hit]:
    """The best whose words begin with a single token of at most three letters."""
    binder = Binder()
    return await _hits(
        connection,
        binder,
        OPENING.format(
            columns=COLUMNS,
            artifact=binder.bind(wanted.artifact),
            token=binder.bind(wanted.tokens[0]),
            fits=_fits(binder, wanted, ()),
            limit=binder.bind(limit),
        ),
    )


async def beginning(connection: Any, wanted: Wanted, limit: int) -> list[Hit]:
    """The best that have a word beginning with each token: the rarest leads."""
    binder = Binder()
    tokens, second = wanted.tokens, ""
    if len(tokens) > 1:
        words = {
            row["token"]: row["words"]
            for row in await connection.fetch(FREQUENCIES, wanted.artifact, tokens, LAST)
        }
        tokens = tuple(sorted(tokens, key=lambda each: words[each]))
        if words[tokens[0]] == 0:
            return []
        second = tokens[1] if words[tokens[0]] > RARE else ""
    token = tokens[0]
    return await _hits(
        connection,
        binder,
        BEGINNING.format(
            columns=COLUMNS,
            artifact=binder.bind(wanted.artifact),
            token=binder.bind(token),
            last=binder.bind(token + LAST),
            most=binder.bind(MOST_READ),
            second=_second(binder, wanted, second),
            fits=_fits(binder, wanted, tokens[1:]),
            limit=binder.bind(limit),
        ),
    )


async def middle(connection: Any, wanted: Wanted, limit: int) -> list[Hit]:
    """The best that have a word with the longest token anywhere in it, and the others as beginnings."""
    binder = Binder()
    return await _hits(
        connection,
        binder,
        MIDDLE.format(
            columns=COLUMNS,
            artifact=binder.bind(wanted.artifact),
            within=binder.bind(f"%{wanted.tokens[0]}%"),
            words=binder.bind(MOST_WORDS),
            each=binder.bind(limit * 4),
            fits=_fits(binder, wanted, wanted.tokens[1:]),
            limit=binder.bind(limit),
        ),
    )


def _second(binder: Binder, wanted: Wanted, token: str) -> str:
    """The next rarest word typed, from the index alone; without one the concepts tell."""
    if not token:
        return "true"
    return SECOND.format(
        artifact=binder.bind(wanted.artifact),
        token=binder.bind(token),
        last=binder.bind(token + LAST),
        most=binder.bind(MOST_COMPARED),
    )


def _fits(binder: Binder, wanted: Wanted, tokens: Sequence[str], *, anywhere: bool = False) -> str:
    """The condition on `c`. Tokens are letters and digits only, so none means anything to `like`.

    A token begins a word; `anywhere` lets one of three letters or more stand in the middle of one.
    """
    chosen = binder.add(condition(wanted.selection, wanted.keys))
    parts = [f"({chosen})"]
    if tokens:
        patterns = [f"%{token}%" if anywhere and len(token) >= 3 else f"% {token}%" for token in tokens]
        parts.append(f"c.folded like all({binder.bind(patterns)}::text[])")
    if wanted.active_only:
        parts.append("c.active")
    return " and ".join(parts)


async def _hits(connection: Any, binder: Binder, statement: str) -> list[Hit]:
    found = await connection.fetch(statement, *binder.values)
    return [Hit(row(each), each["rank"], each["uses"]) for each in found]


USES = "select code, uses from terminology_use where context = $1 and url = $2"


async def uses(connection: Any, context: str, url: str) -> dict[str, int]:
    """How often each code was chosen in a context."""
    return {one["code"]: one["uses"] for one in await connection.fetch(USES, context, url)}


COUNT_USE = """
insert into terminology_use (context, url, code, uses) values ($1, $2, $3, 1)
    on conflict (context, url, code) do update set uses = terminology_use.uses + 1
"""


async def count_use(connection: Any, context: str, url: str, code: str) -> None:
    """Count that a code was chosen."""
    await connection.execute(COUNT_USE, context, url, code)
