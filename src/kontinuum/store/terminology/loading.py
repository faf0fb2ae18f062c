"""Writing what a release holds: concepts, words and mappings by COPY, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

CONCEPT_COLUMNS = (
    "key artifact ord active selectable code display folded names properties parents ancestors sets".split()
)

WORD_COLUMNS = ("artifact", "rank", "concept", "word")

MAPPING_COLUMNS = "artifact ord source source_code target target_code equivalence display comment".split()

OPENINGS_KEPT = 300
"""How many concepts are kept for each beginning of one to three letters."""

DRAW_KEYS = """
select coalesce(array_agg(nextval('terminology_concept_key')::int), '{}') from generate_series(1, $1)
"""

VOCABULARY = """
insert into terminology_vocabulary (artifact, uses, word)
select $1, count(*), word from terminology_word where artifact = $1 group by word
"""

OPENINGS = """
insert into terminology_opening (artifact, opening, concepts)
select $1, opening, (array_agg(concept order by rank, concept))[1:$3]
  from (select left(word, $2) as opening, concept, min(rank) as rank
          from terminology_word
         where artifact = $1 and length(word) >= $2
         group by 1, 2) as best
 group by opening
"""

COUNT = "update terminology_artifact set concepts = $2 where key = $1"

TABLES = ("terminology_concept", "terminology_word", "terminology_vocabulary", "terminology_mapping")


async def draw_keys(connection: Any, number: int) -> list[int]:
    """So many concept keys that nobody else gets, ascending."""
    found: list[int] = await connection.fetchval(DRAW_KEYS, number, timeout=600)
    return found


async def add_concepts(connection: Any, rows: Iterable[tuple[Any, ...]]) -> None:
    """Write concepts, each a tuple in the order of `CONCEPT_COLUMNS`."""
    await connection.copy_records_to_table(
        "terminology_concept", records=rows, columns=CONCEPT_COLUMNS, timeout=3600
    )


async def add_words(connection: Any, rows: Iterable[tuple[int, int, int, str]]) -> None:
    """Write words, each a tuple in the order of `WORD_COLUMNS`."""
    await connection.copy_records_to_table(
        "terminology_word", records=rows, columns=WORD_COLUMNS, timeout=3600
    )


async def add_mappings(connection: Any, rows: Iterable[tuple[Any, ...]]) -> None:
    """Write mappings, each a tuple in the order of `MAPPING_COLUMNS`."""
    await connection.copy_records_to_table(
        "terminology_mapping", records=rows, columns=MAPPING_COLUMNS, timeout=3600
    )


async def derive(connection: Any, artifact: int, concepts: int) -> None:
    """Make what follows from the words: the vocabulary, and the best of each short beginning."""
    await connection.execute(VOCABULARY, artifact, timeout=3600)
    for letters in (1, 2, 3):
        await connection.execute(OPENINGS, artifact, letters, OPENINGS_KEPT, timeout=3600)
    await connection.execute(COUNT, artifact, concepts)


async def refresh_statistics(connection: Any) -> None:
    """Let the planner know what a large load has changed, and indexes answer alone; outside a transaction."""
    for table in TABLES:
        await connection.execute(f"vacuum (analyze) {table}", timeout=600)
