"""The starter sets: well-formed codes, no code twice, and everything that the demo region uses."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from importlib.resources import files
from typing import Any

import pytest

from kontinuum.demo import generate
from kontinuum.sweden import systems
from kontinuum.terminology.content import CodeSystem
from kontinuum.terminology.loading import starter

SHAPES = {
    systems.ICD_10_SE: re.compile(r"[A-Z]\d\d\.\d[A-Z]?"),
    systems.ATC: re.compile(r"[A-Z](\d\d([A-Z]([A-Z](\d\d)?)?)?)?"),
    systems.KVA: re.compile(r"[A-Z]{2,3}\d{2,3}"),
    systems.NPU: re.compile(r"NPU\d{5}"),
}


def shipped() -> dict[str, CodeSystem]:
    """The code systems by URL."""
    return {each.url: each for each in starter.contents() if isinstance(each, CodeSystem)}


def demo_table(name: str) -> dict[str, Any]:
    """A table of the demo region."""
    return tomllib.loads(files("kontinuum.demo").joinpath("data", f"{name}.toml").read_text("utf-8"))


@pytest.mark.parametrize("url", SHAPES)
def test_codes_are_well_formed_and_come_once(url: str) -> None:
    codes = [each.code for each in shipped()[url].concepts]
    assert len(codes) == len(set(codes))
    assert [code for code in codes if not SHAPES[url].fullmatch(code)] == []


def test_the_sets_are_as_large_as_promised() -> None:
    sizes = {url: len(each.concepts) for url, each in shipped().items()}
    assert sizes[systems.ICD_10_SE] >= 600
    assert sizes[systems.ATC] >= 250
    assert sizes[systems.NPU] + sizes[starter.LOCAL_ANALYSES] >= 200
    assert sizes[starter.ALERT_TYPES] == 10


def test_a_part_says_that_it_is_a_part() -> None:
    own = {starter.ALERT_TYPES, starter.LOCAL_ANALYSES}
    assert {each.content for url, each in shipped().items() if url not in own} == {"fragment"}
    assert {shipped()[url].content for url in own} == {"complete"}


def test_every_name_is_written_out() -> None:
    for system in shipped().values():
        for concept in system.concepts:
            texts = (concept.display, *(name.text for name in concept.names))
            assert all(text and text == " ".join(text.split()) for text in texts), concept


def test_everyday_names_lead_to_their_diagnosis() -> None:
    named = {each.code: {name.text for name in each.names} for each in shipped()[systems.ICD_10_SE].concepts}
    for words, code in (
        ("högt blodtryck", "I10.9"),
        ("förkylning", "J06.9"),
        ("utbränd", "F43.8A"),
        ("hälsporre", "M77.3"),
        ("hotande förtidsbörd", "O47.0"),
        ("ikterus", "R17.0"),
    ):
        assert words in named[code]
    assert "bakteriell vaginos" not in named["N76.0"]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        (systems.ICD_10_SE, "K58.0"),
        (systems.ICD_10_SE, "K58.9"),
        (systems.ICD_10_SE, "Z50.9"),
        (systems.ATC, "J07AE02"),
    ],
)
def test_what_the_publishers_do_not_have_or_mean_otherwise_is_not_shipped(url: str, code: str) -> None:
    assert code not in {each.code for each in shipped()[url].concepts}


def test_the_demo_region_writes_the_headings_of_the_sets() -> None:
    written = demo_table("classifications")
    for url, group in ((systems.ICD_10_SE, "diagnosis"), (systems.KVA, "procedure")):
        headings = {each.code: each.display for each in shipped()[url].concepts}
        assert written[group] == {code: headings[code] for code in written[group]}


def test_codes_of_the_demo_region_are_in_the_sets() -> None:
    codes = {url: {each.code for each in system.concepts} for url, system in shipped().items()}
    classifications = demo_table("classifications")
    assert set(classifications["diagnosis"]) <= codes[systems.ICD_10_SE]
    assert set(classifications["procedure"]) <= codes[systems.KVA]
    vaccines = {each["atc"] for each in classifications["vaccine"].values()}
    drugs = {each["atc"] for each in demo_table("drugs")["drug"].values()}
    assert vaccines | drugs <= codes[systems.ATC]
    analyses = demo_table("laboratory")["analysis"].values()
    assert {each["npu"] for each in analyses if "npu" in each} <= codes[systems.NPU]


def test_codings_of_a_demo_chart_are_in_the_sets() -> None:
    known = {url: {each.code for each in system.concepts} for url, system in shipped().items()}
    missing: set[tuple[str, str]] = set()

    def visit(element: Any) -> None:
        if isinstance(element, dict):
            system, code = element.get("system"), element.get("code")
            if system in known and code not in known[system]:
                missing.add((system, code))
            for each in element.values():
                visit(each)
        elif isinstance(element, list):
            for each in element:
                visit(each)

    for batch in generate(seed=1, patients=25, today=date(2026, 11, 20)):
        visit(list(batch.resources))
    assert missing == set()
