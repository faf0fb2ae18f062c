"""The sign-in services that an installation trusts: the TOML file behind `KONTINUUM_OIDC_FILE`.

docs/sign-in.md explains every key. A key that is missing, unknown or wrong is told by provider and name.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

LONGEST_SKEW: Final = 300

_KEY = re.compile(r"[a-z][a-z0-9-]{0,31}")
_TAKEN: Final = frozenset({"assignment", "demo"})
_TEXTS: Final = ("key", "title", "issuer", "client_id")
_OPTIONAL: Final = ("client_secret_file", "private_key_file", "private_key_id", "ca_file")
_CLAIMS: Final = ("hsa_id_claim", "personnummer_claim")
_LISTS: Final = ("acr", "scopes")
_KNOWN: Final = frozenset({*_TEXTS, *_OPTIONAL, *_CLAIMS, *_LISTS, "clock_skew"})


@dataclass(frozen=True, slots=True)
class OidcProvider:
    """One OpenID Connect provider, and how its word is taken.

    `key` is its place in addresses. `acr` are the levels of assurance that are strong enough. A person is
    recognised by the HSA-id in `hsa_id_claim`, else by the number in `personnummer_claim`. `clock_skew` is in
    seconds. `directory` are care providers whose word on assignments is taken for every care provider.
    """

    key: str
    title: str
    issuer: str
    client_id: str
    acr: tuple[str, ...]
    hsa_id_claim: str | None = None
    personnummer_claim: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)
    private_key_id: str | None = None
    scopes: tuple[str, ...] = ("openid",)
    ca_file: Path | None = None
    clock_skew: int = 60
    directory: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing in the file that is refused, in words that say where and what to do."""

    text: str


def read_providers(path: Path) -> tuple[OidcProvider, ...] | tuple[Wrong, ...]:
    """Read the file; either every provider in it, or everything that is wrong with it."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return (Wrong(f"cannot be read as TOML: {error}"),)
    rows = content.get("provider")
    wrong = [Wrong(f"there is no key {name!r} there") for name in content if name not in _TOP]
    directory = content.get("directory", [])
    if not _is_texts(directory):
        wrong.append(Wrong("directory must be a list of HSA-ids of care providers"))
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        return (*wrong, Wrong("it must hold one [[provider]] or more"))
    wrong += [complaint for row in rows for complaint in _complaints(row, path.parent)]
    keys = [row.get("key") for row in rows]
    wrong += [Wrong(f"provider {key!r} is there twice") for key in sorted(_repeated(keys))]
    if wrong:
        return tuple(wrong)
    return tuple(_provider(row, path.parent, tuple(directory)) for row in rows)


_TOP: Final = frozenset({"provider", "directory"})


def _repeated(keys: list[Any]) -> set[str]:
    return {str(key) for key in keys if keys.count(key) > 1}


def _complaints(row: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """What is wrong with one provider."""
    name = f"provider {row.get('key', '?')!r}"
    for key in row:
        if key not in _KNOWN:
            yield Wrong(f"{name}: there is no key {key!r}")
    for key in _TEXTS:
        if not _is_text(row.get(key)):
            yield Wrong(f"{name}: {key} is missing; it is a text")
    for key in (*_OPTIONAL, *_CLAIMS):
        if key in row and not _is_text(row[key]):
            yield Wrong(f"{name}: {key} must be a text")
    if _is_text(row.get("key")) and (not _KEY.fullmatch(row["key"]) or row["key"] in _TAKEN):
        taken = ", ".join(sorted(_TAKEN))
        yield Wrong(f"{name}: key must be a-z, 0-9 and '-', begin with a letter, and be none of {taken}")
    if _is_text(row.get("issuer")) and not is_safe_url(row["issuer"]):
        yield Wrong(f"{name}: issuer must be an https address without query; http only on this machine")
    if not _is_texts(row.get("acr")) or not row["acr"]:
        yield Wrong(f"{name}: acr must list the levels of assurance that are strong enough")
    if not any(key in row for key in _CLAIMS):
        yield Wrong(f"{name}: hsa_id_claim or personnummer_claim must name the claim that tells who it is")
    if "scopes" in row and not (_is_texts(row["scopes"]) and "openid" in row["scopes"]):
        yield Wrong(f"{name}: scopes must be a list of texts with 'openid' among them")
    skew = row.get("clock_skew", 60)
    if type(skew) is not int or not 0 <= skew <= LONGEST_SKEW:
        yield Wrong(f"{name}: clock_skew must be 0 to {LONGEST_SKEW} seconds")
    yield from _file_complaints(name, row, folder)


def _file_complaints(name: str, row: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    if "client_secret_file" in row and "private_key_file" in row:
        yield Wrong(f"{name}: give client_secret_file or private_key_file, not both")
    for key in ("client_secret_file", "private_key_file", "ca_file"):
        if not _is_text(row.get(key)):
            continue
        try:
            text = (folder / row[key]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            text = ""
        if not text:
            yield Wrong(f"{name}: {key} cannot be read or is empty: {row[key]}")
        elif key == "ca_file":
            try:
                ssl.create_default_context(cadata=text)
            except (ssl.SSLError, ValueError):
                yield Wrong(f"{name}: ca_file holds no certificates in PEM form: {row[key]}")


def _provider(row: Mapping[str, Any], folder: Path, directory: tuple[str, ...]) -> OidcProvider:
    def secret(key: str) -> str | None:
        return (folder / row[key]).read_text(encoding="utf-8").strip() if key in row else None

    return OidcProvider(
        key=row["key"],
        title=row["title"],
        issuer=row["issuer"],
        client_id=row["client_id"],
        acr=tuple(row["acr"]),
        hsa_id_claim=row.get("hsa_id_claim"),
        personnummer_claim=row.get("personnummer_claim"),
        client_secret=secret("client_secret_file"),
        private_key=secret("private_key_file"),
        private_key_id=row.get("private_key_id"),
        scopes=tuple(row.get("scopes", ("openid",))),
        ca_file=folder / row["ca_file"] if "ca_file" in row else None,
        clock_skew=row.get("clock_skew", 60),
        directory=directory,
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(_is_text(each) for each in value)


def is_safe_url(text: str) -> bool:
    """Whether an address may be spoken to with secrets: https, or http on this machine."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    if not parts.hostname or parts.query or parts.fragment or parts.username is not None:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
