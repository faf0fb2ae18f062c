"""The 64-bit hashes by which the index finds exact values.

A hash stands for one value of one parameter of one type; a hit is rechecked against the resource, so
a collision costs time, never a wrong answer. Hashes and parameter codes are stored: the functions
here may never change their results without a rebuild of the index.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, TypeAlias

from xxhash import xxh3_64_intdigest, xxh32_intdigest

Kind: TypeAlias = Literal[
    "code",  # token, whatever its system:            code
    "system-code",  # token with that system:         system, code
    "system",  # any token of a system:               system
    "no-system",  # token that carries no system:     code
    "reference",  # literal relative reference:       type, id
    "reference-version",  # with a version:           type, id, version
    "url",  # absolute URL, canonical or urn:         url
    "url-version",  # with a version:                 url, version
    "uri",  # uri parameter:                          uri
    "exact",  # string, every character:              text
    "present",  # the parameter has some value:       nothing
    "text",  # token, by its words:                    normalised text
    "of-type",  # identifier of a type:               type's system, type's code, value
    "composite",  # combination of exact components:  their hashes as decimal text
    "type",  # the resource is of this type:          nothing
]

_SEPARATOR = b"\xff"  # never occurs in UTF-8, so the joined bytes can be read in one way only
_TO_SIGNED = 1 << 64
_SIGN = 1 << 63


@lru_cache(maxsize=8192)
def param_code(type_name: str, name: str) -> int:
    """The number of a search parameter in the index tables: positive, 31 bits, from its type and name.

    A component of a composite parameter has the name `composite$0`, `composite$1`, …
    No two parameters of R4 share a number (a test holds this).
    """
    return xxh32_intdigest(f"{type_name}.{name}".encode()) & 0x7FFFFFFF


def value_hash(type_name: str, param: str, kind: Kind, *parts: str) -> int:
    """The hash of one exact value: a signed 64-bit integer (PostgreSQL's `bigint`).

    The table at `Kind` says which parts a kind takes.
    """
    return digest(hash_prefix(type_name, param, kind), *parts)


def hash_prefix(type_name: str, param: str, kind: Kind) -> bytes:
    """The bytes that begin each hash of this parameter and kind; for `digest`."""
    return _SEPARATOR.join((type_name.encode(), param.encode(), kind.encode()))


def digest(prefix: bytes, *parts: str) -> int:
    """The hash of a prefix, as `hash_prefix` makes it, and parts."""
    number = xxh3_64_intdigest(
        _SEPARATOR.join((prefix, *[part.encode("utf-8", "surrogatepass") for part in parts]))
    )
    return number - _TO_SIGNED if number >= _SIGN else number


@lru_cache(maxsize=512)
def type_hash(type_name: str) -> int:
    """The hash that every patient-compartment resource of a type has among its hot hashes."""
    return value_hash(type_name, "_type", "type")


@lru_cache(maxsize=8192)
def unit_hash(system: str | None, code: str) -> int:
    """The hash of a unit in a number row: coded (with a system) or by code or printed text alone (None)."""
    if system is None:
        return digest(b"unit", code)
    return digest(b"coded-unit", system, code)
