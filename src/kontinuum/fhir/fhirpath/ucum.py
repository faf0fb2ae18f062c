"""The part of UCUM that comparing quantities needs: units to a factor and dimensions.

Source: The Unified Code for Units of Measure, https://ucum.org/ucum (case sensitive codes). Covered are the
SI and clinical units of everyday records with prefixes, powers, products and annotations. Units whose
conversion is not a factor (Cel, [degF], [pH], …) and arbitrary units ([iU], …) are comparable with
themselves only.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple


class Unit(NamedTuple):
    """A unit as a multiple of base units: {'m': 1, 's': -2} as sorted pairs."""

    factor: Decimal
    dimensions: tuple[tuple[str, int], ...]


_PREFIXES = {
    "Y": 24,
    "Z": 21,
    "E": 18,
    "P": 15,
    "T": 12,
    "G": 9,
    "M": 6,
    "k": 3,
    "h": 2,
    "da": 1,
    "d": -1,
    "c": -2,
    "m": -3,
    "u": -6,
    "n": -9,
    "p": -12,
    "f": -15,
    "a": -18,
    "z": -21,
    "y": -24,
}
_PI = Decimal("3.1415926535897932384626433832795028841971693993751")
_AVOGADRO = Decimal("6.0221367E23")  # the value that UCUM gives the mole

# code: (factor, definition in base units). Base units are m, s, g, rad, K, C, cd (UCUM table 1).
_METRIC: dict[str, tuple[str, str]] = {
    "m": ("1", "m"),
    "s": ("1", "s"),
    "g": ("1", "g"),
    "rad": ("1", "rad"),
    "K": ("1", "K"),
    "C": ("1", "C"),
    "cd": ("1", "cd"),
    "mol": (str(_AVOGADRO), ""),
    "eq": (str(_AVOGADRO), ""),
    "osm": (str(_AVOGADRO), ""),
    "L": ("0.001", "m3"),
    "l": ("0.001", "m3"),
    "ar": ("100", "m2"),
    "t": ("1000000", "g"),
    "Hz": ("1", "s-1"),
    "N": ("1000", "g.m.s-2"),
    "Pa": ("1000", "g.m-1.s-2"),
    "J": ("1000", "g.m2.s-2"),
    "W": ("1000", "g.m2.s-3"),
    "A": ("1", "C.s-1"),
    "V": ("1000", "g.m2.s-2.C-1"),
    "Ohm": ("1000", "g.m2.s-1.C-2"),
    "S": ("0.001", "g-1.m-2.s.C2"),
    "F": ("0.001", "g-1.m-2.s2.C2"),
    "Wb": ("1000", "g.m2.s-1.C-1"),
    "T": ("1000", "g.s-1.C-1"),
    "H": ("1000", "g.m2.C-2"),
    "lm": ("1", "cd"),
    "lx": ("1", "cd.m-2"),
    "Bq": ("1", "s-1"),
    "Gy": ("1", "m2.s-2"),
    "Sv": ("1", "m2.s-2"),
    "kat": (str(_AVOGADRO), "s-1"),
    "U": (str(_AVOGADRO / 60 / 1000000), "s-1"),
    "bar": ("100000000", "g.m-1.s-2"),
    "m[H2O]": ("9806650", "g.m-1.s-2"),
    "m[Hg]": ("133322000", "g.m-1.s-2"),
    "cal": ("4184", "g.m2.s-2"),
    "eV": ("1.60217733E-16", "g.m2.s-2"),
    "dyn": ("0.01", "g.m.s-2"),
    "erg": ("0.0001", "g.m2.s-2"),
    "P": ("100", "g.m-1.s-1"),
    "u": ("1.6605402E-24", "g"),
    "[iU]": ("1", "[iU]"),
    "[IU]": ("1", "[iU]"),
    "[arb'U]": ("1", "[arb'U]"),
}
_OTHER: dict[str, tuple[str, str]] = {
    "%": ("0.01", ""),
    "[ppth]": ("0.001", ""),
    "[ppm]": ("0.000001", ""),
    "[ppb]": ("1E-9", ""),
    "10*": ("10", ""),
    "10^": ("10", ""),
    "[pi]": (str(_PI), ""),
    "min": ("60", "s"),
    "h": ("3600", "s"),
    "d": ("86400", "s"),
    "wk": ("604800", "s"),
    "a": ("31557600", "s"),
    "a_j": ("31557600", "s"),
    "mo": ("2629800", "s"),
    "mo_j": ("2629800", "s"),
    "deg": (str(_PI / 180), "rad"),
    "'": (str(_PI / 10800), "rad"),
    "''": (str(_PI / 648000), "rad"),
    "[in_i]": ("0.0254", "m"),
    "[ft_i]": ("0.3048", "m"),
    "[yd_i]": ("0.9144", "m"),
    "[mi_i]": ("1609.344", "m"),
    "[nmi_i]": ("1852", "m"),
    "[sin_i]": ("0.00064516", "m2"),
    "[cin_i]": ("0.000016387064", "m3"),
    "[gr]": ("0.06479891", "g"),
    "[oz_av]": ("28.349523125", "g"),
    "[lb_av]": ("453.59237", "g"),
    "[stone_av]": ("6350.29318", "g"),
    "[oz_tr]": ("31.1034768", "g"),
    "[lb_tr]": ("373.2417216", "g"),
    "[gal_us]": ("0.003785411784", "m3"),
    "[qt_us]": ("0.000946352946", "m3"),
    "[pt_us]": ("0.000473176473", "m3"),
    "[cup_us]": ("0.0002365882365", "m3"),
    "[foz_us]": ("0.0000295735295625", "m3"),
    "[tbs_us]": ("0.00001478676478125", "m3"),
    "[tsp_us]": ("0.00000492892159375", "m3"),
    "[drp]": ("5E-8", "m3"),
    "atm": ("101325000", "g.m-1.s-2"),
    "[psi]": ("6894757.293168361", "g.m-1.s-2"),
    "[ch]": ("1", "[ch]"),
    "Cel": ("1", "Cel"),
    "[degF]": ("1", "[degF]"),
    "[pH]": ("1", "[pH]"),
    "B": ("1", "B"),
    "[diop]": ("1", "m-1"),
}

_COMPONENT = re.compile(r"(?P<unit>10[*^]|(?:\[[^\]]*\]|[^\d\s.()/{}*^+-])+)(?P<power>[+-]?\d+)?")


@lru_cache(maxsize=4096)
def parse(code: str) -> Unit | None:
    """The unit with this UCUM code, or None where it is not known."""
    try:
        unit, rest = _term(code.strip() or "1", 0)
    except _NotUcumError:
        return None
    return unit if not rest else None


class _NotUcumError(Exception):
    pass


def _term(text: str, depth: int) -> tuple[Unit, str]:
    if depth > 10:
        raise _NotUcumError
    divide = text.startswith("/")
    unit = Unit(Decimal(1), ())
    text = text[1:] if divide else text
    while True:
        part, text = _part(text, depth)
        unit = _product(unit, part, -1 if divide else 1)
        if not text or text[0] not in "./":
            return unit, text
        divide, text = text[0] == "/", text[1:]


def _part(text: str, depth: int) -> tuple[Unit, str]:
    if text.startswith("("):
        unit, rest = _term(text[1:], depth + 1)
        if not rest.startswith(")"):
            raise _NotUcumError
        return unit, _without_annotation(rest[1:])
    if text.startswith("{"):
        return Unit(Decimal(1), ()), _without_annotation(text)
    if number := re.match(r"\d+(?![*^\d])", text):
        return Unit(Decimal(number.group()), ()), _without_annotation(text[number.end() :])
    match = _COMPONENT.match(text)
    if match is None:
        raise _NotUcumError
    power = int(match["power"] or 1)
    if abs(power) > 40:
        raise _NotUcumError
    unit = _power(_atom(match["unit"], depth), power)
    return unit, _without_annotation(text[match.end() :])


def _without_annotation(text: str) -> str:
    return re.sub(r"^\{[^{}]*\}", "", text)


@lru_cache(maxsize=1024)
def _atom(code: str, depth: int) -> Unit:
    definition = _METRIC.get(code) or _OTHER.get(code)
    if definition is not None:
        return _defined(code, definition, depth)
    for prefix, exponent in _PREFIXES.items():
        definition = _METRIC.get(code[len(prefix) :]) if code.startswith(prefix) else None
        if definition is not None:
            unit = _defined(code[len(prefix) :], definition, depth)
            return Unit(unit.factor.scaleb(exponent), unit.dimensions)
    raise _NotUcumError


def _defined(code: str, definition: tuple[str, str], depth: int) -> Unit:
    factor, base = definition
    if base == code:
        return Unit(Decimal(factor), ((code, 1),))
    unit = _term(base, depth + 1)[0] if base else Unit(Decimal(1), ())
    return Unit(unit.factor * Decimal(factor), unit.dimensions)


def _power(unit: Unit, power: int) -> Unit:
    return Unit(unit.factor**power, tuple((name, exponent * power) for name, exponent in unit.dimensions))


def _product(left: Unit, right: Unit, sign: int) -> Unit:
    dimensions = dict(left.dimensions)
    for name, exponent in right.dimensions:
        dimensions[name] = dimensions.get(name, 0) + sign * exponent
    factor = left.factor * right.factor if sign > 0 else left.factor / right.factor
    return Unit(factor, tuple(sorted((name, power) for name, power in dimensions.items() if power)))
