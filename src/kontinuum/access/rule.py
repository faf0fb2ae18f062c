"""What a rule of access is. Each has one home and two forms that always agree.

`holds` answers for one resource at hand; `predicate` is the same question as SQL over a resource row `r`
and its accountability `a`, with the tables of the law beside them. A property test holds that both agree.
"""

from __future__ import annotations

from typing import Protocol

from kontinuum.access.circumstances import Circumstances
from kontinuum.access.decision import Facts, Question, Reason
from kontinuum.kernel.sql import Fragment


class Rule(Protocol):
    """One rule: a ground on which access is permitted, a need that a ground has, or a bar that stops it.

    `numbers` are the rules of the list of behaviours (docs/law/) that it carries out.
    """

    @property
    def name(self) -> str:
        """What the log calls it."""
        ...

    @property
    def numbers(self) -> tuple[int, ...]:
        """Which behaviours it carries out."""
        ...

    @property
    def provision(self) -> str:
        """The statute."""
        ...

    @property
    def reason(self) -> Reason:
        """What it says, in words for the person whom it concerns."""
        ...

    def holds(self, question: Question, facts: Facts, circumstances: Circumstances) -> bool:
        """Whether the rule applies to a resource with these facts."""
        ...

    def predicate(self, question: Question) -> Fragment:
        """The resources to which the rule applies."""
        ...
