"""Check the migrations: numbered without gaps, forward only, with timeouts, nothing destroyed unsaid.

A migration runs while the previous release still answers. One that destroys what that release uses carries
a line `-- destructive: REASON`, which says why nothing uses it any more.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

FOLDER = "src/kontinuum/store/migrations"

NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
TIMEOUTS = ("lock_timeout", "statement_timeout")
TIMEOUT = re.compile(r"set\s+local\s+(lock_timeout|statement_timeout)\s*=\s*'\d+(ms|s)'", re.IGNORECASE)
PERMISSION = re.compile(r"^-- destructive: \S.+$", re.MULTILINE)
DESTRUCTIVE = re.compile(
    r"""\b(
        drop\s+(table|column|index|schema|type|view|materialized\s+view|extension|database|owned)
      | truncate
      | delete\s+from
      | rename\s+(to|column)
      | alter\s+column\s+\S+\s+(set\s+data\s+)?type
      | alter\s+column\s+\S+\s+set\s+not\s+null
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
# A trigger names the commands that fire it.
TRIGGER = re.compile(r"create\s+(or\s+replace\s+)?(constraint\s+)?trigger\b", re.IGNORECASE)
TRANSACTION = re.compile(r"^(begin|start\s+transaction|commit|rollback|end)\b", re.IGNORECASE)
OUTSIDE_TRANSACTION = re.compile(r"\bconcurrently\b|^vacuum\b", re.IGNORECASE)


def main(root: Path) -> int:
    """Print every complaint; gives 1 if there are any."""
    found = list(complaints(root / FOLDER))
    print("\n".join(found))
    return 1 if found else 0


def complaints(folder: Path) -> Iterator[str]:
    """Give a line for each rule that a migration in the folder breaks."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.suffix != ".py")
    if not files:
        yield f"{folder} holds no migration"
    expected = 1
    for path in files:
        match = NAME.fullmatch(path.name)
        if match is None:
            yield f"{path}: the name must be NNNN_words.sql; a step back is a new step forward"
            continue
        if int(match[1]) != expected:
            yield f"{path}: number {expected:04} was expected"
        expected = int(match[1]) + 1
        yield from (f"{path}: {complaint}" for complaint in broken_rules(path.read_text(encoding="utf-8")))


def broken_rules(text: str) -> Iterator[str]:
    """Give the rules that one migration breaks."""
    statements = split(text)
    begin = [match[1].lower() for match in map(TIMEOUT.fullmatch, statements[:2]) if match]
    if sorted(begin) != sorted(TIMEOUTS):
        yield "must begin with `set local lock_timeout = '…s'` and `set local statement_timeout = '…s'`"
    permitted = PERMISSION.search(text) is not None
    for statement in statements:
        head = " ".join(statement.split())[:60]
        if DESTRUCTIVE.search(statement) and not TRIGGER.match(statement) and not permitted:
            yield f"`{head}` destroys something; say why it may in a line `-- destructive: REASON`"
        if TRANSACTION.match(statement):
            yield f"`{head}`: a migration is one transaction, begun and ended around it"
        if OUTSIDE_TRANSACTION.search(statement):
            yield f"`{head}` cannot run in a transaction"


def split(text: str) -> list[str]:
    """Split SQL into statements, without comments; quoted and dollar-quoted text is emptied."""
    plain = re.sub(r"--[^\n]*|/\*.*?\*/", " ", text, flags=re.DOTALL)
    plain = re.sub(r"\$(\w*)\$.*?\$\1\$", "$$", plain, flags=re.DOTALL)
    return [statement.strip() for statement in plain.split(";") if statement.strip()]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent))
