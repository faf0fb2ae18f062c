"""What holds between one patient and the one who asks, at the moment of the question."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How far a block reaches (spärr): to other units of the provider, or to other providers only."""

    INNER = "inner"
    OUTER = "outer"


class Kind(StrEnum):
    """In which capacity somebody acts for a patient on the patient's own pages."""

    GUARDIAN = "guardian"
    PROXY = "proxy"
    DECISION = "decision"


class Protection(StrEnum):
    """The two levels of protected identity, and none."""

    NONE = "none"
    MARKED = "marked"
    PROTECTED = "protected"


@dataclass(frozen=True, slots=True)
class Block:
    """A block in force: whose data of which clinical time it covers, and which types stay visible.

    `unit` is empty where an outer block covers every unit of the provider. `lifted` says whether it is lifted
    for the one who asks. `key` names it.
    """

    key: int
    level: Level
    provider: str
    unit: str
    low: int
    high: int
    kept: frozenset[str]
    lifted: bool


@dataclass(frozen=True, slots=True)
class Representation:
    """Acting for the patient; an empty `types` is everything."""

    kind: Kind
    types: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Everything about one patient and one principal that a decision turns on.

    `relation` is the basis of the care relation of the assignment's unit or of the person, `chosen` the units
    whose data the person has chosen actively, `consented` whether the patient lets this provider read others'
    data, `opened` the end of an emergency opening (microseconds). `unoffered` are the other providers that
    have not told the patient that their data are offered, `informed` is when the own provider told it
    (microseconds). `own`: the one who asks is the patient. `born` are numbers yyyymmdd: several where
    Patients that are one person tell different birthdays. `unchecked`: the tables of the law do not hold yet
    what the record says.
    """

    relation: str | None = None
    chosen: frozenset[str] = frozenset()
    consented: bool = False
    opened: int | None = None
    blocks: tuple[Block, ...] = ()
    unoffered: frozenset[str] = frozenset()
    informed: int | None = None
    representations: tuple[Representation, ...] = ()
    own: bool = False
    born: frozenset[int] = frozenset()
    deceased: bool = False
    protection: Protection = Protection.NONE
    unchecked: bool = False


NOTHING_KNOWN = Circumstances()
"""Nothing is recorded between the patient and the one who asks; also for data about no patient."""
