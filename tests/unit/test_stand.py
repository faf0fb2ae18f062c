"""The stand on which `make bench` measures."""

from __future__ import annotations

from bench.stand import machine

from kontinuum import __version__


def test_what_figures_were_measured_on_is_told_where_only_the_bootstrap_was_run() -> None:
    told = machine()
    assert told["packages"]["kontinuum"] == __version__
    assert set(told["packages"]) >= {"asyncpg", "granian"}
    assert told["cores"] >= 1
