"""Resource keys and the logical ids that the server assigns.

A key is a 63-bit integer: 41 bits of milliseconds since 2020, 10 bits of writer, 12 bits of sequence.
It is time-ordered, so that new rows land at the right edge of every index, and unique without a
round trip to the database as long as each writer process holds its own writer number.

A server-assigned id is sixteen characters of Crockford's base 32: the key (13) and the bucket (3)
of the resource, so that `GET /Observation/{id}` finds its shard and row without a look-up.
"""

from __future__ import annotations

import re
import threading

import xxhash

from kontinuum.kernel.clock import Clock, to_micros

BUCKETS = 1024
"""How many distribution buckets there are. May never change: it is baked into stored ids and keys."""

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
ID_LENGTH = 16
KEY_DIGITS = 13

_EPOCH_MILLIS = 1_577_836_800_000  # 2020-01-01T00:00Z; may never change, keys are stored
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_WRITER_BITS = 10
_SEQUENCE_BITS = 12
MAX_WRITERS = 1 << _WRITER_BITS
_MAX_KEY = (1 << 63) - 1


def is_id(text: str) -> bool:
    """Whether a text can be a logical id at all (http://hl7.org/fhir/R4/datatypes.html#id)."""
    return _ID.fullmatch(text) is not None


class KeySource:
    """Makes time-ordered unique keys for one writer process; safe to use from several threads.

    Should the clock step backwards, or more than 4,096 keys be asked for within a millisecond, the
    source runs ahead of the clock instead of repeating itself.
    """

    def __init__(self, clock: Clock, writer: int) -> None:
        if not 0 <= writer < MAX_WRITERS:
            raise ValueError(f"writer must lie in 0..{MAX_WRITERS - 1}, not {writer}")
        self._clock = clock
        self._writer = writer
        self._millis = 0
        self._sequence = 0
        self._lock = threading.Lock()

    def next(self) -> int:
        """A key greater than every key this source gave before."""
        with self._lock:
            millis = to_micros(self._clock.now()) // 1000 - _EPOCH_MILLIS
            if millis > self._millis:
                self._millis, self._sequence = millis, 0
            elif self._sequence + 1 < 1 << _SEQUENCE_BITS:
                self._sequence += 1
            else:
                self._millis, self._sequence = self._millis + 1, 0
            return (
                self._millis << (_WRITER_BITS + _SEQUENCE_BITS)
                | self._writer << _SEQUENCE_BITS
                | self._sequence
            )


def encode_id(key: int, bucket: int) -> str:
    """The logical id of a resource that the server named: 16 lower-case characters."""
    number = key << 10 | bucket
    characters = []
    for _ in range(ID_LENGTH):
        characters.append(_ALPHABET[number & 31])
        number >>= 5
    return "".join(reversed(characters))


def decode_id(logical_id: str) -> tuple[int, int] | None:
    """The (key, bucket) inside a server-assigned id, or None when the id has another form."""
    if len(logical_id) != ID_LENGTH:
        return None
    number = 0
    for character in logical_id:
        value = _VALUES.get(character)
        if value is None:
            return None
        number = number << 5 | value
    key = number >> 10
    return (key, number & 1023) if key <= _MAX_KEY else None


def bucket_of(logical_id: str) -> int:
    """The distribution bucket of a patient, or of a resource outside every patient's compartment.

    It depends on the logical id alone, so that whoever holds a reference knows the shard. May never
    change: stored rows lie where it says.
    """
    decoded = decode_id(logical_id)
    return decoded[1] if decoded else xxhash.xxh3_64_intdigest(logical_id.encode()) % BUCKETS


def id_hash(logical_id: str) -> int:
    """A signed 64-bit hash of a logical id, for the covering index. May never change: it is stored."""
    number = xxhash.xxh3_64_intdigest(logical_id.encode())
    return number - (1 << 64) if number >> 63 else number
