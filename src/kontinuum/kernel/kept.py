"""What a pure function made of bytes, kept for when the same bytes come again: bounded in size and in time.

The bytes themselves are the key, so that what is kept is never out of date and cannot be reached without
having them: whoever may not read a body has no bytes to ask with. What is made must not be changed by who
is given it, as it is given to others.

Two generations stand for an order of use: what is asked for moves to the young one. When the young of all who
share a room fill half of it, or by the clock, everything grows older: the young become the old ones, and
what nobody had asked for since the last time is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Generic, Protocol, TypeVar

T = TypeVar("T")

SECONDS: Final = 300.0
"""How often everything grows older: what nobody asks for is out of memory after twice that at most."""

_OVERHEAD: Final = 300
"""Bytes that an entry takes besides what is told of it: the heads of objects, a place in a table."""


class Member(Protocol):
    """Who keeps something in a room."""

    def grow_older(self) -> None:
        """Let go of what nobody asked for since the last time."""

    @property
    def known(self) -> Mapping[bytes, object]:
        """What is kept."""
        ...


class Room:
    """The memory that several share; about `most` bytes."""

    def __init__(self, most: int) -> None:
        self._half = most // 2
        self._taken = 0
        self._members: list[Member] = []
        _rooms.append(self)

    def join(self, member: Member) -> None:
        """Share the room with the others."""
        self._members.append(member)

    def take(self, size: int) -> bool:
        """Whether there is room for so many bytes; what nobody asks for makes way."""
        if size > self._half:
            return False
        if self._taken + size > self._half:
            self.grow_older()
        self._taken += size
        return True

    def grow_older(self) -> None:
        """Let go of what nobody asked for since the last time."""
        for each in self._members:
            each.grow_older()
        self._taken = 0

    @property
    def known(self) -> list[tuple[bytes, object]]:
        """Everything that is kept in it, with the bytes that it was made of."""
        return [pair for each in self._members for pair in each.known.items()]

    def forget(self) -> None:
        """Let go of everything."""
        self.grow_older()
        self.grow_older()


class Kept(Generic[T]):
    """What `make` made of bytes, kept in a room; `weighs` tells how many bytes it takes with them."""

    def __init__(self, make: Callable[[bytes], T], weighs: Callable[[bytes, T], int], room: Room) -> None:
        self._make = make
        self._weighs = weighs
        self._room = room
        self._young: dict[bytes, T] = {}
        self._old: dict[bytes, T] = {}
        room.join(self)

    def of(self, source: bytes) -> T:
        """What is made of these bytes."""
        found = self._young.get(source)
        if found is not None:
            return found
        known = self._old.pop(source, None)
        made = self._make(source) if known is None else known
        if self._room.take(self._weighs(source, made) + _OVERHEAD):
            self._young[source] = made
        return made

    def grow_older(self) -> None:
        """Let go of what nobody asked for since the last time."""
        self._old, self._young = self._young, {}

    @property
    def known(self) -> dict[bytes, T]:
        """What is kept."""
        return self._old | self._young


_rooms: Final[list[Room]] = []


async def grow_older() -> None:
    """Let everything that this process keeps grow older; to be done every `SECONDS`."""
    for each in _rooms:
        each.grow_older()


def forget() -> None:
    """Let go of everything that this process keeps: something was destroyed."""
    for each in _rooms:
        each.forget()
