"""How bodies lie in the database: compressed one by one, against a dictionary of what FHIR JSON repeats.

A body alone is too short to compress well, and PostgreSQL leaves rows below two kilobytes as they are. A
packed body is an ordinary zstd frame (RFC 8878, https://www.rfc-editor.org/rfc/rfc8878); the number of the
dictionary stands in its header. A body that begins with `{` is not packed: as rows were before, and
as those are that would not become shorter, and those that SQL looks into (`LEGIBLE`, `LEGIBLE_TYPES`).

A dictionary is needed as long as one row was packed with it: files in `dictionaries` are never changed
and never removed. A better one is added under a new number, and new rows are packed with it.
"""

from __future__ import annotations

import threading
from functools import cache
from importlib import resources

import zstandard

from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.kernel.kept import Kept, Room

NEWEST = 40001
"""The dictionary with which rows are packed now; its file is `dictionaries/NUMBER.zdict`."""

LEGIBLE = (b'"NOPAT"',)
"""Bodies that hold one of these are not packed: the law's scope looks for them in SQL."""

LEGIBLE_TYPES = frozenset({TYPE_CODES["PractitionerRole"]})
"""Types that are not packed: the trigger that ends sessions with their assignment reads them."""

LEVEL = 3
_BEGINNING = b"("  # the first byte of a frame; JSON begins with another


class _PerThread(threading.local):
    """zstd's working memory must not be used by two threads at once."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(
            level=LEVEL, dict_data=_dictionary(NEWEST), write_checksum=False
        )
        self.decompressors: dict[int, zstandard.ZstdDecompressor] = {}

    def decompressor(self, number: int) -> zstandard.ZstdDecompressor:
        known = self.decompressors.get(number)
        if known is None:
            known = zstandard.ZstdDecompressor(dict_data=_dictionary(number))
            self.decompressors[number] = known
        return known


def pack(body: bytes, type_code: int | None = None) -> bytes:
    """A body as it is stored."""
    if type_code in LEGIBLE_TYPES or any(mark in body for mark in LEGIBLE):
        return body
    packed = _tools().compressor.compress(body)
    return packed if len(packed) < len(body) else body


def unpack(stored: bytes) -> bytes:
    """A stored body as it was, byte by byte.

    Raises ValueError when it was packed with a dictionary that this version of the program does not have.
    """
    if stored[:1] != _BEGINNING:
        return stored
    return _tools().decompressor(zstandard.get_frame_parameters(stored).dict_id).decompress(stored)


def unpack_kept(stored: bytes) -> bytes:
    """The same, for bodies that are likely to be asked for again: those unpacked lately are kept."""
    return stored if stored[:1] != _BEGINNING else _unpacked.of(stored)


_unpacked = Kept(unpack, lambda stored, body: len(stored) + len(body), Room(12 * 2**20))


@cache
def _tools() -> _PerThread:
    return _PerThread()


@cache
def _dictionary(number: int) -> zstandard.ZstdCompressionDict:
    file = resources.files("kontinuum.store") / "dictionaries" / f"{number}.zdict"
    if not file.is_file():
        raise ValueError(
            f"A body is packed with dictionary {number}, which this version of Kontinuum does not have: "
            "the database was written by a newer version."
        )
    dictionary = zstandard.ZstdCompressionDict(file.read_bytes())
    if number == NEWEST:
        dictionary.precompute_compress(level=LEVEL)
    return dictionary
