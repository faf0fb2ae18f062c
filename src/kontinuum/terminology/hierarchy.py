"""The hierarchy of a code system, several parents allowed: for each concept itself and all above it."""

from __future__ import annotations

from collections.abc import Sequence


class CycleError(Exception):
    """A concept stands above itself; `places` are the concepts of the circle."""

    def __init__(self, places: Sequence[int]) -> None:
        super().__init__(f"a circle of {len(places)} concepts")
        self.places = tuple(places)


def closure(parents: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    """For each concept the sorted places of itself and of all above it.

    Concepts are known by their place in the list; `parents[place]` are places too. Raises CycleError.
    """
    done: list[tuple[int, ...] | None] = [None] * len(parents)
    for start in range(len(parents)):
        if done[start] is None:
            _climb(start, parents, done)
    return [each for each in done if each is not None]


def _climb(start: int, parents: Sequence[Sequence[int]], done: list[tuple[int, ...] | None]) -> None:
    """Complete a concept and what is above it, without recursion: hierarchies may be deep."""
    path = [start]
    on_path = {start}
    while path:
        place = path[-1]
        waiting = next((parent for parent in parents[place] if done[parent] is None), None)
        if waiting is None:
            above = {place}
            for parent in parents[place]:
                above.update(done[parent] or ())
            done[place] = tuple(sorted(above))
            on_path.discard(path.pop())
        elif waiting in on_path:
            raise CycleError(path[path.index(waiting) :])
        else:
            path.append(waiting)
            on_path.add(waiting)
