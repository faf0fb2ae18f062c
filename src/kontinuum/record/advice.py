"""Asking the decision support services of others about a patient: what leaves, and what is answered.

https://cds-hooks.hl7.org/2.0/#calling-a-cds-service. What is sent, and what the service may read with its
token, is what the one who acts may read, narrowed by the service's scopes to this one patient, and never the
address or telephone of somebody with a protected identity. Each call is in the log before it leaves.
"""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

import httpx
import msgspec
import structlog

from kontinuum.audit import AuditLog, entry
from kontinuum.fhir import json
from kontinuum.fhir.hooks import Card, fill, read_cards
from kontinuum.identity import Identity
from kontinuum.identity.hooks import CdsService, CdsServices
from kontinuum.identity.oidc.network import exchange
from kontinuum.identity.oidc.outcome import Refused
from kontinuum.identity.smart.keys import SigningKeys
from kontinuum.kernel.clock import Clock, to_micros
from kontinuum.kernel.principal import App, Principal
from kontinuum.record.gate import Gate, Record
from kontinuum.record.outcome import Refusal, SearchPage
from kontinuum.store import persons

ALGORITHM: Final = "RS384"
FAILURES: Final = 3
"""After how many failures in a row a service is left alone for a while."""
REST: Final = 60.0
"""Seconds for which a service that keeps failing is not asked."""
_VALID: Final = timedelta(seconds=60)
_MOST: Final = 200
_log = structlog.get_logger(__name__)


class Fault(StrEnum):
    """Why a service gave no advice."""

    SILENT = "silent"
    WRONG = "wrong"
    LACKING = "lacking"
    RESTING = "resting"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a hook about a patient, perhaps at a contact; for orders the drafts and those selected.

    `origin` is the address of this installation, for tokens and links.
    """

    hook: str
    patient: str
    origin: str
    encounter: str | None = None
    orders: Mapping[str, Any] | None = None
    selections: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Advised:
    """What one service answered: its cards, or why there are none. `partly`: not all of it could be read."""

    service: CdsService
    cards: tuple[Card, ...] = ()
    fault: Fault | None = None
    partly: bool = False


@dataclass(slots=True)
class _Breaker:
    """Whether a service is asked, after what came of the last questions."""

    failures: int = 0
    until: float = 0.0

    def rests(self) -> bool:
        return self.failures >= FAILURES and time.monotonic() < self.until

    def note(self, good: bool) -> None:
        self.failures = 0 if good else self.failures + 1
        self.until = time.monotonic() + REST


@dataclass(slots=True)
class Advice:
    """Asks services, for whoever acts, within a time limit; one for each process."""

    pool: Any
    gate: Gate
    audit: AuditLog
    clock: Clock
    identity: Identity
    keys: SigningKeys
    services: CdsServices
    limit: timedelta
    _client: httpx.AsyncClient | None = None
    _breakers: dict[str, _Breaker] = field(default_factory=dict)

    async def close(self) -> None:
        """Close the connections to services."""
        if self._client is not None:
            await self._client.aclose()

    async def ask(self, principal: Principal, question: Question) -> list[Advised] | Refusal:
        """Ask every service that serves a hook at the principal's unit, all at once; none stops another."""
        at = principal.assignment
        serving = await self.services.serving(at.provider, at.unit, question.hook)
        if not serving:
            return []
        known = await self.gate.record(principal).read("Patient", question.patient)
        if isinstance(known, Refusal):
            return known
        whole = await persons.whole(self.pool, question.patient)
        asked = [self._ask(each, narrowed(principal, each, whole), question) for each in serving]
        return list(await asyncio.gather(*asked))

    async def _ask(self, service: CdsService, acting: Principal, question: Question) -> Advised:
        breaker = self._breakers.setdefault(service.id, _Breaker())
        if breaker.rests():
            return Advised(service, fault=Fault.RESTING)
        body, sent = await self._body(service, acting, question)
        token = await self._token(service, acting)
        if token is not None:
            seconds = round(self._lifetime.total_seconds())
            body |= {
                "fhirServer": f"{question.origin}/fhir",
                "fhirAuthorization": {
                    "access_token": token,
                    "token_type": "Bearer",
                    "expires_in": seconds,
                    "scope": " ".join(service.scopes),
                    "subject": service.id,
                    "patient": question.patient,
                },
            }
        try:
            await self._tell(service, acting, question, sent, token is not None)
            answer = await self._post(service, body, question.origin)
        finally:
            if token is not None:
                await self.identity.end_token(token, acting)
        advised = _read(service, answer)
        breaker.note(advised.fault in (None, Fault.LACKING))
        if advised.fault is not None or advised.partly:
            _log.warning("service_not_understood", service=service.id, fault=advised.fault)
        return advised

    async def _body(
        self, service: CdsService, acting: Principal, question: Question
    ) -> tuple[dict[str, Any], list[str]]:
        """The question as the service is sent it, and the references of what goes along."""
        user = acting.actor.reference or f"Practitioner/{acting.actor.id}"
        context: dict[str, Any] = {"userId": user, "patientId": question.patient}
        context |= {"encounterId": question.encounter} if question.encounter else {}
        prefetch: dict[str, Any] = {}
        sent: list[str] = []
        record = self.gate.record(acting)
        for name, template in service.prefetch.items():
            query = fill(template, context, user)
            found = None if query is None else await _fetched(record, query, question.origin)
            if found is not None:
                prefetch[name], references = found
                sent += references
        if question.orders is not None:
            context["draftOrders"] = msgspec.Raw(json.dumps(dict(question.orders)))
            context |= {"selections": list(question.selections)} if question.hook == "order-select" else {}
        asked = {"hook": question.hook, "hookInstance": str(uuid.uuid4()), "context": context}
        return {**asked, "prefetch": prefetch}, sent

    async def _token(self, service: CdsService, acting: Principal) -> str | None:
        return await self.identity.mint_token(acting, self._lifetime) if service.token else None

    @property
    def _lifetime(self) -> timedelta:
        """A token lasts as long as its question may, and is ended when that is answered."""
        return self.limit + timedelta(seconds=5)

    async def _tell(
        self, service: CdsService, acting: Principal, question: Question, sent: Sequence[str], token: bool
    ) -> None:
        what = (f"service/{service.id}", question.hook, *sent[:_MOST])
        made = entry(
            acting,
            to_micros(self.clock.now()),
            "ask-service",
            "permitted",
            "decision-support",
            patients=(question.patient,),
            what=what,
            count=len(sent),
            note=f"{service.address}{', with a token' if token else ''}",
        )
        await self.audit.durable(made)

    async def _post(self, service: CdsService, body: dict[str, Any], origin: str) -> Any:
        """The status and the answer, or why there is none."""
        now = int(self.clock.now().timestamp())
        claims = {
            "iss": origin,
            "aud": service.address,
            "iat": now,
            "exp": now + int(_VALID.total_seconds()),
            "jti": secrets.token_urlsafe(16),
        }
        signed = await self.keys.sign(claims, ALGORITHM, jku=f"{origin}/oauth/keys")
        headers = {"content-type": "application/json", "authorization": f"Bearer {signed}"}
        content = msgspec.json.encode(body)
        # Made late: reading the system's authorities takes longer than most processes ever need it.
        client = self._client = self._client or httpx.AsyncClient(follow_redirects=False, timeout=None)  # noqa: S113
        try:
            async with asyncio.timeout(self.limit.total_seconds()):
                return await exchange(client, "POST", service.address, headers=headers, content=content)
        except TimeoutError:
            return None


def narrowed(principal: Principal, service: CdsService, patients: Sequence[str]) -> Principal:
    """Whoever acts, by way of a service: within its scopes, for one patient, without rights of their own."""
    name = f"cds:{service.id}"
    app = App(name, f"{name}:{secrets.token_hex(8)}", service.scopes, tuple(patients))
    assignment = replace(principal.assignment, rights=())
    return replace(principal, assignment=assignment, client=f"service:{service.id}", app=app)


async def _fetched(record: Record, query: str, origin: str) -> tuple[Any, list[str]] | None:
    """What a template finds, and its references; None where the gate does not show it."""
    if "?" not in query:
        read = await record.read(*query.split("/", 1))
        if isinstance(read, Refusal) or read.body is None:
            return None
        return msgspec.Raw(read.body), [read.reference]
    page = await record.find(query)
    if isinstance(page, Refusal):
        return None
    return _bundle(page, query, origin), [one.reference for one in (*page.matches, *page.included)]


def _bundle(page: SearchPage, query: str, origin: str) -> dict[str, Any]:
    """The first page of a search; where there is more, its link says so."""
    link = [{"relation": "self", "url": f"{origin}/fhir/{query}"}]
    if page.next is not None:
        link.append({"relation": "next", "url": f"{origin}/fhir/{query}&_cursor={page.next}"})
    entries = [
        {
            "fullUrl": f"{origin}/fhir/{one.reference}",
            "resource": msgspec.Raw(one.body),
            "search": {"mode": mode},
        }
        for mode, found in (("match", page.matches), ("include", page.included))
        for one in found
        if one.body is not None
    ]
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "link": link}
    return bundle | ({"entry": entries} if entries else {})


def _read(service: CdsService, answer: Any) -> Advised:
    if answer is None or isinstance(answer, Refused):
        answered = answer is not None and "not a JSON object" in answer.detail
        return Advised(service, fault=Fault.WRONG if answered else Fault.SILENT)
    status, content = answer
    if status != 200:
        return Advised(service, fault=Fault.LACKING if status == 412 else Fault.WRONG)
    cards, wrong = read_cards(content)
    if wrong and not cards:
        return Advised(service, fault=Fault.WRONG)
    return Advised(service, tuple(cards), partly=bool(wrong))
