"""What is written is held to the profiles that it says it follows (`meta.profile`), where they are known.

http://hl7.org/fhir/R4/profiling.html#resources. docs/decisions/0020-profiles.md says why a claim binds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from kontinuum.fhir import json
from kontinuum.fhir.issues import Issue
from kontinuum.record.context import Context
from kontinuum.record.outcome import Change, Refusal, RefusalKind, Written, refuse

Held = Refusal | tuple[Issue, ...]
"""What comes of holding a resource to its claims: the refusal, or remarks for who writes it."""


async def held(
    context: Context, connection: Any, resource: dict[str, Any] | None, before: bytes | None = None
) -> Held:
    """Hold a valid resource to its claims.

    What was wrong `before`, in the version that it supersedes, stands in nobody's way: a profile that was
    loaded since must not keep an entry from being corrected or withdrawn.
    """
    if resource is None:
        return ()
    services = context.services
    issues = await services.profiles.hold(connection, resource)
    wrong = {issue for issue in issues if issue.refuses}
    if wrong and before is not None:
        wrong -= set(await services.profiles.hold(connection, json.loads(before)))
    if wrong and services.claims_bind:
        return Refusal(
            RefusalKind.INVALID, tuple(issue for issue in issues if issue.severity != "information")
        )
    return tuple(replace(issue, severity="warning") if issue.refuses else issue for issue in issues)


def remarked(result: Written | Refusal, remarks: Sequence[Issue]) -> Written | Refusal:
    """The result of a write with what was remarked on its content."""
    if not remarks or isinstance(result, Refusal) or result.change is Change.UNCHANGED:
        return result
    return replace(result, remarks=tuple(remarks))


async def judge(context: Context, resource: dict[str, Any], profile: str | None) -> list[Issue] | Refusal:
    """All that is to be said of a valid resource by a profile, by its claims and of its extensions."""
    profiles = context.services.profiles
    if profile is not None and not await profiles.is_known(context.pool, profile):
        known = (await profiles.supported(context.pool)).get(resource["resourceType"], [])
        told = f" Known for {resource['resourceType']}: {', '.join(known)}." if known else ""
        return refuse(
            RefusalKind.INVALID,
            "not-supported",
            f"The profile {profile} is not known here, so it cannot be said whether the resource follows "
            f"it.{told}",
        )
    return await profiles.validate(context.pool, resource, profile)
