"""Writing about one patient: nothing of a page can be written about another."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from kontinuum.kernel.clock import to_micros
from kontinuum.kernel.files import DraftFile
from kontinuum.kernel.module import Chart, Refused, SavedDraft
from kontinuum.kernel.orders import OrderWriter
from kontinuum.record import provenance
from kontinuum.record.correcting import check_reason, kept_back_too
from kontinuum.record.outcome import Refusal, RefusalKind

_SUBJECTS = ("subject", "patient", "for")
_WITHOUT_SUBJECT = frozenset({"Provenance"})


class PatientWriter:
    """The gate, narrowed to one patient; implements `kernel.module.RecordWriter`."""

    def __init__(self, record: Any, chart: Chart) -> None:
        self._record = record
        self._chart = chart

    async def draft(self, template: str, /) -> SavedDraft | Refused | None:
        """The author's open draft."""
        found: SavedDraft | Refused | None = self._answer(
            await self._record.draft(self._chart.patient, template)
        )
        return found

    async def drafts(self) -> Sequence[SavedDraft] | Refused:
        """The author's open drafts for the patient."""
        found = await self._record.drafts(self._chart.patient)
        return self._refused(found) if isinstance(found, Refusal) else found

    async def save_draft(self, template: str, content: bytes, version: int, /) -> SavedDraft | Refused:
        """Save over a version, 0 for a new draft; a conflict when another window was first."""
        saved: SavedDraft | Refused = self._answer(
            await self._record.save_draft(self._chart.patient, template, content, version)
        )
        return saved

    async def discard_draft(self, identity: str, /) -> SavedDraft | Refused:
        """Put a draft aside."""
        done: SavedDraft | Refused = self._answer(
            await self._record.discard_draft(self._chart.patient, identity)
        )
        return done

    async def restore_draft(self, identity: str, /) -> SavedDraft | Refused:
        """Take a discarded draft back."""
        done: SavedDraft | Refused = self._answer(
            await self._record.restore_draft(self._chart.patient, identity)
        )
        return done

    async def remove_draft(self, identity: str, /) -> None:
        """Remove a draft whose content is in the record; its sound stays."""
        await self._record.remove_draft(self._chart.patient, identity)

    async def sounds(self, note: str, /) -> Sequence[DraftFile]:
        """The sound that was handed over with a note, for who may hear it."""
        found: Sequence[DraftFile] = await self._record.files.of_note(self._chart.patient, note)
        return found

    async def files(self, draft: str, /) -> Sequence[DraftFile] | Refused:
        """What the author has put beside a draft."""
        found = await self._record.files.of_draft(self._chart.patient, draft)
        return self._refused(found) if isinstance(found, Refusal) else found

    async def file_content(self, file: DraftFile, /) -> bytes:
        """The bytes of one of these."""
        content: bytes = await self._record.files.content(file)
        return content

    async def write(
        self,
        resources: Sequence[Mapping[str, object]],
        /,
        versions: Mapping[str, int] | None = None,
    ) -> Refused | None:
        """Write resources under their ids, all in one transaction or none."""
        entries = []
        for resource in resources:
            self._refuse_other_patients(resource)
            url = f"{resource['resourceType']}/{resource['id']}"
            request = {"method": "PUT", "url": url}
            if versions and url in versions:
                request["ifMatch"] = f'W/"{versions[url]}"'
            entries.append({"resource": resource, "request": request})
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        done = await self._record.transaction(bundle)
        return self._refused(done) if isinstance(done, Refusal) else None

    async def receive(
        self,
        contact: str,
        version: int,
        here: Sequence[Mapping[str, Any]],
        responsible: Mapping[str, Any],
        unit: Mapping[str, Any],
        /,
    ) -> Refused | None:
        """Take the patient in, who is on the way from another unit."""
        mine = [one for one in await self._record.coming() if one.patient == self._chart.patient]
        known = contact if any(one.contact == contact for one in mine) else ""
        done = await self._record.receive(known, version, here, responsible, unit)
        return self._refused(done) if isinstance(done, Refusal) else None

    async def correct(self, resource: Mapping[str, object], reason: str, version: int, /) -> Refused | None:
        """Give an entry another content; what it said in `version` stays readable beside the reason."""
        self._refuse_other_patients(resource)
        done = await self._record.text.correct({**resource}, reason, version=version)
        return self._refused(done) if isinstance(done, Refusal) else None

    async def withdraw(self, type_name: str, identity: str, reason: str, version: int, /) -> Refused | None:
        """Mark an entry as entered in error. The caller has found it in this patient's record."""
        done = await self._record.text.withdraw(type_name, identity, reason, version=version)
        return self._refused(done) if isinstance(done, Refusal) else None

    @property
    def orders(self) -> OrderWriter:
        """What is done with orders and referrals besides writing them."""
        return self

    async def refer(self, request: Mapping[str, object], awaited: Mapping[str, object], /) -> Refused | None:
        """Send a referral: the ServiceRequest, which names the receiver, and the Task of its sender."""
        for one in (request, awaited):
            self._refuse_other_patients(one)
        done = await self._record.work.orders.refer({**request}, {**awaited})
        return self._refused(done) if isinstance(done, Refusal) else None

    async def reply(self, task: str, version: int, deed: str, text: str, /) -> Refused | None:
        """Accept, ask about, decline, answer or complete a referral."""
        done = await self._record.work.orders.reply(task, version, deed, text)
        return self._refused(done) if isinstance(done, Refusal) else None

    async def revoke(self, task: str, version: int, reason: str, /) -> Refused | None:
        """Take back what was ordered."""
        done = await self._record.work.orders.revoke(task, version, reason)
        return self._refused(done) if isinstance(done, Refusal) else None

    async def correct_together(
        self, resources: Sequence[Mapping[str, object]], reason: str, versions: Mapping[str, int], /
    ) -> Refused | None:
        """Give entries a new content, each with who, when and why beside it, all or none."""
        unreasoned = check_reason(reason)
        if unreasoned is not None:
            return self._refused(unreasoned)
        known = [one for one in resources if f"{one['resourceType']}/{one['id']}" in versions]
        told = [self._why(resource, reason, versions) for resource in known]
        return await self.write([*resources, *told], versions)

    def _why(
        self, resource: Mapping[str, object], reason: str, versions: Mapping[str, int]
    ) -> dict[str, Any]:
        name = f"{resource['resourceType']}/{resource['id']}"
        withdrawn = resource.get("status") == "entered-in-error"
        activity = provenance.NULLIFY if withdrawn else provenance.AMEND
        before = versions[name]
        made = provenance.provenance(
            self._record.principal,
            to_micros(self._chart.now),
            (provenance.LIFECYCLE, activity),
            reason,
            f"{name}/_history/{before + 1}",
            f"{name}/_history/{before}",
            self._chart.patient,
        )
        return {**kept_back_too(made, dict(resource)), "id": str(uuid.uuid4())}

    def _refuse_other_patients(self, resource: Mapping[str, object]) -> None:
        if resource["resourceType"] in _WITHOUT_SUBJECT:
            return
        subjects = ("securityContext",) if resource["resourceType"] == "Binary" else _SUBJECTS
        named: list[Any] = [resource[name] for name in subjects if name in resource]
        if resource["resourceType"] == "Appointment":
            named = _patients_of(resource)
        expected = f"Patient/{self._chart.patient}"
        references = [one.get("reference") if isinstance(one, dict) else None for one in named]
        if references != [expected]:
            raise ValueError(f"what a patient's page writes must be about that patient: {references}")

    def _answer(self, result: Any) -> Any:
        return self._refused(result) if isinstance(result, Refusal) else result

    def _refused(self, refusal: Refusal) -> Refused:
        reasons = refusal.in_words(self._chart.translator)
        changed = refusal.kind in (RefusalKind.CONFLICT, RefusalKind.PRECONDITION_FAILED)
        return Refused(reasons, conflict=changed)


def _patients_of(appointment: Mapping[str, Any]) -> list[Any]:
    """The participants of a booking that are neither staff nor places nor things."""
    actors = [one.get("actor") for one in appointment.get("participant", ())]
    others = ("Practitioner/", "PractitionerRole/", "Location/", "Device/", "HealthcareService/")
    return [
        one for one in actors if not (one or {}).get("reference", "").startswith((*others, "RelatedPerson/"))
    ]
