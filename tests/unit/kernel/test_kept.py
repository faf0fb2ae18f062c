"""What is kept of bytes: never another's, never more than its room, never longer than it is asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontinuum.kernel import kept
from kontinuum.kernel.kept import Kept, Room


def lengths(made: list[bytes], most: int = 100_000) -> Kept[int]:
    """Keeps the length of bytes, and notes each time that it is worked out."""

    def make(source: bytes) -> int:
        made.append(source)
        return len(source)

    return Kept(make, lambda source, _: len(source), Room(most))


def test_what_is_made_of_bytes_is_made_once_and_of_other_bytes_anew() -> None:
    made: list[bytes] = []
    some = lengths(made)
    assert [some.of(b"ab"), some.of(bytes(bytearray(b"ab"))), some.of(b"abc")] == [2, 2, 3]
    assert made == [b"ab", b"abc"]


def test_what_nobody_asks_for_is_gone_after_two_turns_and_what_is_asked_for_stays() -> None:
    made: list[bytes] = []
    some = lengths(made)
    some.of(b"asked")
    some.of(b"forgotten")
    for _ in range(2):
        some.of(b"asked")
        some.grow_older()
    assert set(some.known) == {b"asked"}
    some.of(b"asked")
    assert made == [b"asked", b"forgotten"]


def test_what_is_larger_than_half_of_the_room_is_made_and_not_kept() -> None:
    made: list[bytes] = []
    some = lengths(made, 2000)
    some.of(b"small")
    assert some.of(b"x" * 1500) == 1500
    assert set(some.known) == {b"small"}


@given(st.lists(st.integers(0, 60), max_size=200))
def test_all_who_share_a_room_stay_within_it(asked: list[int]) -> None:
    room = Room(10_000)
    one, other = (Kept(len, lambda source, _: len(source), room) for _ in range(2))
    for number in asked:
        source = b"x" * (number * 20)
        assert (one if number % 2 else other).of(source) == len(source)
        held = [*one.known, *other.known]
        assert sum(map(len, held)) <= 10_000
        assert len(held) <= 10_000 // 300, "what is small counts as well"


def test_everything_is_forgotten_at_once_where_something_was_destroyed() -> None:
    some = lengths([])
    some.of(b"secret")
    some.grow_older()
    some.of(b"other")
    kept.forget()
    assert some.known == {}


async def test_everything_in_the_process_grows_older_by_the_clock() -> None:
    some = lengths([])
    some.of(b"secret")
    await kept.grow_older()
    await kept.grow_older()
    assert some.known == {}


def test_what_cannot_be_made_is_not_kept() -> None:
    def refuse(source: bytes) -> int:
        raise ValueError(source.decode())

    some = Kept(refuse, lambda source, _: len(source), Room(10_000))
    for _ in range(2):
        with pytest.raises(ValueError, match="odd"):
            some.of(b"odd")
