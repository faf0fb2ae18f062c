"""The checks of an ID token and of a logout token. Pure: keys and time are passed in.

OpenID Connect Core 1.0 section 3.1.3.7 and Back-Channel Logout 1.0 section 2.6. Signatures are joserfc's;
only asymmetric algorithms are taken, so neither `none` nor a token signed with the client's own secret.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from kontinuum.identity.oidc.outcome import Fault, LoggedOut, Refused

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Every algorithm that a signature may be made with."""
LONGEST_TOKEN: Final = 32_768
OLDEST: Final = timedelta(minutes=10)
"""How long ago a token may have been issued: it is fetched within seconds of that."""
LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"

Key = RSAKey | ECKey
Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must agree with; `authenticated_after` is set when the person had to be asked again."""

    issuer: str
    client_id: str
    skew: timedelta
    nonce: str = ""
    acr: tuple[str, ...] = ()
    access_token: str = ""
    authenticated_after: datetime | None = None


class UnknownKeyError(Exception):
    """No key at hand can have made the signature: the provider may have new keys."""


def read_keys(found: Iterable[Any]) -> list[Key]:
    """The keys of a JWK set (RFC 7517) that sign; what we do not know or may not use is left out."""
    keys: list[Key] = []
    for each in found:
        if not isinstance(each, dict) or each.get("use", "sig") != "sig":
            continue
        try:
            if each.get("kty") == "RSA":
                keys.append(RSAKey.import_key(each))
            elif each.get("kty") == "EC":
                keys.append(ECKey.import_key(each))
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    return keys


def verified(token: str, keys: Iterable[Key]) -> tuple[Claims, Claims] | Refused:
    """The header and claims of a signed token. Raises UnknownKeyError when none of the keys made it."""
    if len(token) > LONGEST_TOKEN:
        return Refused(Fault.TOKEN, f"longer than {LONGEST_TOKEN} characters")
    try:
        header = jws.extract_compact(token.encode()).headers()
    except (JoseError, ValueError, KeyError, TypeError):
        return Refused(Fault.TOKEN, "not a signed token")
    algorithm, kid = header.get("alg"), header.get("kid")
    if algorithm not in ALGORITHMS:
        return Refused(Fault.SIGNATURE, f"algorithm {str(algorithm)[:20]!r} is not taken")
    for key in keys:
        if kid is not None and key.kid is not None and key.kid != kid:
            continue
        try:
            decoded = jwt.decode(token, key, algorithms=[algorithm])
        except (JoseError, ValueError, TypeError):
            continue
        return decoded.header, decoded.claims
    raise UnknownKeyError


def id_token_fault(
    header: Mapping[str, Any], claims: Claims, expected: Expected, now: datetime
) -> Refused | None:
    """What is wrong with a verified ID token; None when it may be believed."""
    for check in (_parties, _times, _nonce, _token_hash, _assurance, _freshness):
        fault = check(header, claims, expected, now)
        if fault is not None:
            return fault
    return None


def _parties(_header: Claims, claims: Claims, expected: Expected, _now: datetime) -> Refused | None:
    if claims.get("iss") != expected.issuer:
        return Refused(Fault.ISSUER, "the token was issued by another provider")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        return Refused(Fault.TOKEN, "the token has no subject")
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience
    if not isinstance(audiences, list) or expected.client_id not in audiences:
        return Refused(Fault.AUDIENCE, "the token is for another client")
    party = claims.get("azp")
    if party != expected.client_id and (party is not None or len(audiences) > 1):
        return Refused(Fault.AUDIENCE, "the token was asked for by another client")
    return None


def _times(_header: Claims, claims: Claims, expected: Expected, now: datetime) -> Refused | None:
    expires, issued = _moment(claims.get("exp")), _moment(claims.get("iat"))
    if expires is None or issued is None:
        return Refused(Fault.TOKEN, "exp and iat must be numbers")
    if expires + expected.skew <= now:
        return Refused(Fault.EXPIRED, "the token has expired")
    if issued - expected.skew > now:
        return Refused(Fault.NOT_YET, "the token is from the future: compare the clocks")
    if issued + OLDEST + expected.skew <= now:
        return Refused(Fault.EXPIRED, "the token was issued long ago")
    if "nbf" in claims:
        begins = _moment(claims["nbf"])
        if begins is None or begins - expected.skew > now:
            return Refused(Fault.NOT_YET, "the token does not hold yet: compare the clocks")
    return None


def _nonce(_header: Claims, claims: Claims, expected: Expected, _now: datetime) -> Refused | None:
    given = claims.get("nonce")
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), expected.nonce.encode()):
        return Refused(Fault.NONCE, "the token answers another question than ours")
    return None


def _token_hash(header: Claims, claims: Claims, expected: Expected, _now: datetime) -> Refused | None:
    """`at_hash` binds the access token to the ID token; in the code flow it may be absent."""
    given = claims.get("at_hash")
    if given is None or not expected.access_token:
        return None
    digest = hashlib.new(f"sha{str(header['alg'])[2:]}", expected.access_token.encode()).digest()
    half = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
    if isinstance(given, str) and hmac.compare_digest(given.encode(), half.encode()):
        return None
    return Refused(Fault.TOKEN, "the access token does not belong to the ID token")


def _assurance(_header: Claims, claims: Claims, expected: Expected, _now: datetime) -> Refused | None:
    level = claims.get("acr")
    if level in expected.acr:
        return None
    return Refused(Fault.WEAK, f"level of assurance {str(level)[:100]!r} is not strong enough")


def _freshness(_header: Claims, claims: Claims, expected: Expected, _now: datetime) -> Refused | None:
    if expected.authenticated_after is None:
        return None
    moment = _moment(claims.get("auth_time"))
    if moment is None or moment + expected.skew < expected.authenticated_after:
        return Refused(Fault.STALE, "the provider did not ask the person again")
    return None


def logout_of(header: Claims, claims: Claims, expected: Expected, now: datetime) -> LoggedOut | Refused:
    """What a verified logout token says has ended (Back-Channel Logout 1.0 section 2.4)."""
    subject, sid, events = claims.get("sub"), claims.get("sid"), claims.get("events")
    kind = header.get("typ")
    if isinstance(kind, str) and kind.lower().removeprefix("application/") not in ("jwt", "logout+jwt"):
        return Refused(Fault.TOKEN, "typ is not that of a logout token")
    if "nonce" in claims or not isinstance(events, dict) or LOGOUT_EVENT not in events:
        return Refused(Fault.TOKEN, "not a logout token")
    if not (isinstance(subject, str) and subject) and not (isinstance(sid, str) and sid):
        return Refused(Fault.TOKEN, "neither sub nor sid")
    if not isinstance(claims.get("jti"), str):
        return Refused(Fault.TOKEN, "no jti")
    # A logout token needs no subject when it names a session.
    fault = _parties(header, {"sub": "-", **claims}, expected, now) or _times(header, claims, expected, now)
    if fault is not None:
        return fault
    return LoggedOut(
        issuer=expected.issuer,
        subject=subject if isinstance(subject, str) and subject else None,
        sid=sid if isinstance(sid, str) and sid else None,
        token_id=f"{expected.issuer} {claims['jti']}",
    )


def _moment(value: Any) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 253_402_300_800:
        return None
    return datetime.fromtimestamp(value, UTC)
