"""Whose a Subscription is: nobody else reads or changes it, as it tells whom somebody follows, and where to.

The server writes a tag into each that stands for the actor, the assignment and the client. Both forms of the
decision go by it: the check by the body, the predicate by the hash of the tag.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any, Final

from kontinuum.access.circumstances import Circumstances
from kontinuum.access.decision import Facts, Question, Reason
from kontinuum.access.sql import NOTHING, all_of, none_of
from kontinuum.fhir import json
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.fhir.search.hashing import value_hash
from kontinuum.kernel.principal import Principal
from kontinuum.kernel.sql import Fragment

SUBSCRIPTION: Final = "Subscription"
OWNER: Final = "urn:kontinuum:codes:subscriber"


@lru_cache(maxsize=1024)
def owner_of(principal: Principal) -> str:
    """What stands for a principal in its Subscriptions: the same for each of its tokens and permissions."""
    parts = (principal.actor.kind, principal.actor.id, principal.assignment.id, principal.client)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def owned(resource: dict[str, Any], principal: Principal) -> dict[str, Any]:
    """A Subscription with the tag of whose it is, in place of any that the client sent."""
    meta = resource.get("meta") or {}
    others = [each for each in meta.get("tag", []) if each.get("system") != OWNER]
    return {**resource, "meta": {**meta, "tag": [*others, {"system": OWNER, "code": owner_of(principal)}]}}


def _is_owned(body: bytes | None, principal: Principal) -> bool:
    if body is None:
        return False
    tags = (json.loads(body).get("meta") or {}).get("tag", [])
    return {"system": OWNER, "code": owner_of(principal)} in tags


def _tagged(question: Question) -> Fragment:
    owner = value_hash(SUBSCRIPTION, "_tag", "system-code", OWNER, owner_of(question.principal))
    return Fragment("r.hashes @> {}::bigint[]", ([owner],))


def _of_type(question: Question) -> Fragment:
    if question.type is not None:
        return Fragment("true") if question.type == SUBSCRIPTION else NOTHING
    return Fragment("r.type = {}::smallint", (TYPE_CODES[SUBSCRIPTION],))


class OwnSubscription:
    """Rule 6: who subscribes, under one assignment, has the Subscription to read, change and end."""

    name = "own-subscription"
    numbers: tuple[int, ...] = (6,)
    provision = "HSLF-FS 2016:40 ch. 4"
    reason = Reason("It is your own Subscription.", "Det är din egen prenumeration.")

    def holds(self, question: Question, facts: Facts, circumstances: Circumstances) -> bool:
        """The Subscription carries the tag of the one who asks."""
        return facts.type == SUBSCRIPTION and _is_owned(facts.body, question.principal)

    def predicate(self, question: Question) -> Fragment:
        """Rows of the type with the tag of the one who asks."""
        typed = _of_type(question)
        return NOTHING if typed == NOTHING else all_of(typed, _tagged(question))


class OthersSubscription:
    """Rule 6: a Subscription made under another assignment, or through another client, is not there."""

    name = "others-subscription"
    numbers: tuple[int, ...] = (6,)
    provision = "patientdatalagen (2008:355) 4:1-2; HSLF-FS 2016:40 ch. 4"
    hidden = True
    reason = Reason(
        "A Subscription is its maker's alone, under the assignment and through the client by which it was "
        "made.",
        "En prenumeration är bara till för den som gjort den, i samma uppdrag och genom samma klient.",
    )

    def holds(self, question: Question, facts: Facts, circumstances: Circumstances) -> bool:
        """The Subscription does not carry the tag of the one who asks."""
        return facts.type == SUBSCRIPTION and not _is_owned(facts.body, question.principal)

    def predicate(self, question: Question) -> Fragment:
        """Rows of the type without the tag of the one who asks."""
        typed = _of_type(question)
        return NOTHING if typed == NOTHING else all_of(typed, none_of(_tagged(question)))
