"""An app's request for a permission: in order, or why not, and to whom that is told.

RFC 6749 section 4.1, RFC 7636, https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#obtain-authorization-code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from kontinuum.access.scopes import UnknownScopeError, parse_scopes
from kontinuum.identity.smart import App, Asked, Wrong
from kontinuum.kernel.i18n import message
from kontinuum.web.smart import addresses
from kontinuum.web.smart.endpoints import unpermitted

NO_APP: Final = message("There is no such app here, or it has been removed. Ask whoever gave you the link.")
NO_ADDRESS: Final = message(
    "The app asks for the answer at an address that is not registered for it, so nothing is sent there."
)
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_LONGEST: Final = 2000


@dataclass(frozen=True, slots=True)
class Told:
    """A fault that the app is told, at its registered address."""

    redirect_uri: str
    state: str
    wrong: Wrong


def redirection(app: App, given: Sequence[tuple[str, str]]) -> str | None:
    """The registered address for the answer, None when none is named: nothing is sent."""
    wanted = [value for name, value in given if name == "redirect_uri"]
    return wanted[0] if len(wanted) == 1 and wanted[0] in app.redirect_uris else None


def read_request(
    app: App, given: Sequence[tuple[str, str]], redirect_uri: str, origin: str, session: str
) -> Asked | Told:
    """What an app asks for. Launch and patient are not looked into yet."""
    fields = dict(given)
    state = fields.get("state", "")
    fault = _fault(fields, len(fields) != len(given), origin)
    if fault is not None:
        return Told(redirect_uri, state, Wrong("invalid_request", fault))
    if fields.get("response_type") != "code":
        return Told(redirect_uri, state, Wrong("unsupported_response_type", "response_type must be code."))
    try:
        scopes = parse_scopes(fields.get("scope", ""))
    except UnknownScopeError as unknown:
        return Told(redirect_uri, state, Wrong("invalid_scope", f"{unknown}."))
    beyond = unpermitted(app, scopes)
    if beyond or not scopes:
        text = f"The app is not registered for: {' '.join(beyond)}." if beyond else "Ask for some scope."
        return Told(redirect_uri, state, Wrong("invalid_scope", text))
    return Asked(
        session=session,
        app=app.id,
        scopes=scopes,
        redirect_uri=redirect_uri,
        state=state,
        challenge=fields["code_challenge"],
        nonce=fields.get("nonce"),
    )


def _fault(fields: Mapping[str, str], repeated: bool, origin: str) -> str | None:
    if repeated:
        return "Give each parameter once."
    if not fields.get("state"):
        return "state is missing: without it an answer could be forged."
    if any(len(value) > _LONGEST or "\0" in value for value in fields.values()):
        return f"A parameter is longer than {_LONGEST} characters, or holds U+0000."
    if fields.get("aud", "").rstrip("/") != origin + addresses.FHIR:
        return f"aud must be {origin}{addresses.FHIR}."
    if fields.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(
        fields.get("code_challenge", "")
    ):
        return "PKCE is required: code_challenge, and code_challenge_method S256."
    if {"offline_access", "online_access"} <= set(fields.get("scope", "").split()):
        return "offline_access and online_access exclude each other; ask for one of them."
    return "prompt=none is not offered: the person is asked." if fields.get("prompt") == "none" else None


def answered(redirect_uri: str, **values: str) -> str:
    """The address for an answer with its values."""
    return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{urlencode(values)}"


def told(fault: Told) -> str:
    """The address by which an app is told a fault."""
    values = {"error": fault.wrong.error, "error_description": fault.wrong.description}
    return answered(fault.redirect_uri, **values, **({"state": fault.state} if fault.state else {}))
