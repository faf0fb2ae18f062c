"""How children grow: rough Swedish averages, for length and weight that look right on a curve."""

from datetime import date
from random import Random

_AGES = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0, 18.0)
_LENGTH = {
    "female": (50, 60, 66, 75, 82, 87, 96, 103, 110, 117, 128, 139, 152, 162, 166, 167),
    "male": (51, 61, 68, 76, 83, 89, 97, 104, 111, 118, 130, 140, 151, 166, 177, 180),
}
_WEIGHT = {
    "female": (3.5, 5.8, 7.5, 9.6, 11, 12.4, 14.6, 17, 19, 21.5, 27, 34, 43, 52, 57, 60),
    "male": (3.6, 6.3, 8.0, 10.2, 11.6, 13, 15.2, 17.5, 19.5, 22, 28, 35, 43, 55, 66, 71),
}


def child_size(born: date, day: date, sex: str, rng: Random) -> tuple[float, float]:
    """Draw length in cm and weight in kg near the average for age and sex."""
    age = (day - born).days / 365.25
    length = _between(_LENGTH[sex], age) * (1 + rng.gauss(0, 0.006))
    return length, _between(_WEIGHT[sex], age) * (1 + rng.gauss(0, 0.02))


def _between(values: tuple[float, ...], age: float) -> float:
    if age >= _AGES[-1]:
        return values[-1]
    upper = next(index for index, limit in enumerate(_AGES) if limit > age)
    share = (age - _AGES[upper - 1]) / (_AGES[upper] - _AGES[upper - 1])
    return values[upper - 1] + (values[upper] - values[upper - 1]) * share
