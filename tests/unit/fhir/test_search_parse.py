"""A search request is read as R4 means it, or refused with a message that says what to write instead."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from kontinuum.fhir.definitions import RESOURCE_TYPES, search_parameters
from kontinuum.fhir.issues import Issue
from kontinuum.fhir.search import (
    CompositeValue,
    DateValue,
    Include,
    NumberValue,
    QuantityValue,
    ReferenceValue,
    SearchQuery,
    StringValue,
    TokenValue,
    UriValue,
    Value,
    parse_search,
)

DAY = 86_400_000_000


def query(type_name: str, *params: tuple[str, str], **options: Any) -> SearchQuery:
    parsed = parse_search(type_name, params, **options)
    assert isinstance(parsed, SearchQuery), parsed
    return parsed


def values(type_name: str, name: str, text: str, **options: Any) -> tuple[Value, ...]:
    (criterion,) = query(type_name, (name, text), **options).criteria
    return criterion.values


def value(type_name: str, name: str, text: str, **options: Any) -> Value:
    (only,) = values(type_name, name, text, **options)
    return only


def refusals(type_name: str, *params: tuple[str, str], **options: Any) -> list[Issue]:
    parsed = parse_search(type_name, params, **options)
    assert isinstance(parsed, list), parsed
    assert parsed
    assert all(issue.severity == "error" for issue in parsed)
    return parsed


def refusal(type_name: str, name: str, text: str, **options: Any) -> Issue:
    (issue,) = refusals(type_name, (name, text), **options)
    assert name.partition(":")[0] in issue.message
    return issue


def micros(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


class TestToken:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("8480-6", TokenValue(None, "8480-6")),
            ("http://loinc.org|8480-6", TokenValue("http://loinc.org", "8480-6")),
            ("|8480-6", TokenValue("", "8480-6")),
            ("http://loinc.org|", TokenValue("http://loinc.org", None)),
            (r"a\,b\|c\$d\\e", TokenValue(None, "a,b|c$d\\e")),
            ("ge5", TokenValue(None, "ge5")),
        ],
    )
    def test_forms(self, text: str, expected: TokenValue) -> None:
        assert value("Observation", "code", text) == expected

    def test_commas_are_alternatives_and_repetition_is_conjunction(self) -> None:
        parsed = query("Observation", ("code", "a,b"), ("code", "c"))
        assert [criterion.values for criterion in parsed.criteria] == [
            (TokenValue(None, "a"), TokenValue(None, "b")),
            (TokenValue(None, "c"),),
        ]

    @pytest.mark.parametrize("text", ["", "a,,b", "|", "a|b|c", "a\\b", "a\\"])
    def test_malformed_values_are_refused(self, text: str) -> None:
        issue = refusal("Observation", "code", text)
        assert issue.code == "value"
        assert repr(text) in issue.message

    def test_a_boolean_parameter_takes_only_true_and_false(self) -> None:
        assert value("Patient", "active", "true") == TokenValue(None, "true")
        assert "true or false" in refusal("Patient", "active", "yes").message
        assert "true or false" in refusal("Patient", "deceased", "netrue").message


class TestReference:
    def test_an_id_may_be_of_any_target_type(self) -> None:
        expected = ReferenceValue(("Group", "Device", "Patient", "Location"), "1", None, None)
        assert value("Observation", "subject", "1") == expected

    def test_a_parameter_with_any_target_accepts_every_type(self) -> None:
        reference = value("Provenance", "target", "1")
        assert isinstance(reference, ReferenceValue)
        assert set(reference.types) == set(RESOURCE_TYPES) - {"Parameters"}

    @pytest.mark.parametrize(("name", "text"), [("subject", "Patient/1"), ("subject:Patient", "1")])
    def test_the_type_can_be_named_in_the_value_or_as_a_modifier(self, name: str, text: str) -> None:
        (criterion,) = query("Observation", (name, text)).criteria
        assert criterion.modifier is None
        assert criterion.values == (ReferenceValue(("Patient",), "1", None, None),)

    def test_a_version_is_kept(self) -> None:
        expected = ReferenceValue(("Patient",), "1", None, "2")
        assert value("Observation", "subject", "Patient/1/_history/2") == expected

    def test_absolute_urls_below_the_own_base_are_found_in_either_form(self) -> None:
        url = "https://record.example/fhir/Patient/1"
        foreign = value("Observation", "subject", url, base="https://other.example/fhir")
        own = value("Observation", "subject", url, base="https://record.example/fhir/")
        assert foreign == ReferenceValue((), None, url, None)
        assert own == ReferenceValue(("Patient",), "1", url, None)

    def test_a_canonical_may_carry_its_version(self) -> None:
        parsed = value("QuestionnaireResponse", "questionnaire", "http://example.org/Questionnaire/q|2.0")
        assert parsed == ReferenceValue((), None, "http://example.org/Questionnaire/q", "2.0")

    @pytest.mark.parametrize(
        ("name", "text", "why"),
        [
            ("subject", "Practitioner/1", "never to Practitioner"),
            ("subject", "Patientt/1", "no resource type"),
            ("subject:Practitioner", "1", "never to Practitioner"),
            ("subject:Patient", "Group/1", "another type"),
            ("subject", "Patient/1/2", "expected an id"),
            ("subject", "å", "expected an id"),
        ],
    )
    def test_impossible_references_are_refused(self, name: str, text: str, why: str) -> None:
        assert why in refusal("Observation", name, text).message


class TestStringAndUri:
    def test_text_keeps_its_characters_and_knows_its_normal_form(self) -> None:
        text = value("Patient", "name", r"  Åke \,  B")
        assert text == StringValue("  Åke ,  B")
        assert isinstance(text, StringValue)
        assert text.normalised == "ake , b"

    @pytest.mark.parametrize("modifier", ["exact", "contains"])
    def test_modifiers(self, modifier: str) -> None:
        (criterion,) = query("Patient", (f"name:{modifier}", "Åke")).criteria
        assert (criterion.modifier, criterion.values) == (modifier, (StringValue("Åke"),))

    def test_blank_text_is_refused(self) -> None:
        assert "blank" in refusal("Patient", "name", "  ").message

    def test_uris_are_kept_whole(self) -> None:
        assert value("ValueSet", "url", "urn:oid:1.2|x") == UriValue("urn:oid:1.2|x")


class TestDate:
    @pytest.mark.parametrize(
        ("text", "prefix", "low", "high"),
        [
            ("2024", "eq", "2024-01-01", "2025-01-01"),
            ("ge2024-02", "ge", "2024-02-01", "2024-03-01"),
            ("2024-12", "eq", "2024-12-01", "2025-01-01"),
            ("sa2024-02-29", "sa", "2024-02-29", "2024-03-01"),
            ("2024-02-29T13:30", "eq", "2024-02-29T13:30:00", "2024-02-29T13:31:00"),
            ("2024-02-29T13:30:05Z", "eq", "2024-02-29T13:30:05", "2024-02-29T13:30:06"),
            ("lt2024-02-29T13:30:05+02:00", "lt", "2024-02-29T11:30:05", "2024-02-29T11:30:06"),
            ("2024-02-29T23:30:05-02:00", "eq", "2024-03-01T01:30:05", "2024-03-01T01:30:06"),
        ],
    )
    def test_a_date_is_the_range_of_its_precision(self, text: str, prefix: Any, low: str, high: str) -> None:
        assert value("Observation", "date", text) == DateValue(prefix, micros(low), micros(high))

    def test_fractions_of_a_second_narrow_the_range(self) -> None:
        parsed = value("Observation", "date", "2024-02-29T13:30:05.250Z")
        start = micros("2024-02-29T13:30:05") + 250_000
        assert parsed == DateValue("eq", start, start + 1_000)

    def test_approximately_is_a_tenth_of_the_distance_from_now(self) -> None:
        now = datetime(2024, 1, 21, tzinfo=UTC)
        parsed = value("Observation", "date", "ap2024-01-10", now=lambda: now)
        assert parsed == DateValue("ap", micros("2024-01-10") - DAY, micros("2024-01-11") + DAY)

    @pytest.mark.parametrize(
        "text",
        ["", "ge", "2024-13", "2023-02-29", "24-01-01", "2024-W01-1", "2024-01-01T25:00", "xx2024",
         "2024-01-01T10:00:00 02:00", "20240101", "２０２４"],
    )  # fmt: skip
    def test_what_is_no_date_is_refused(self, text: str) -> None:
        assert refusal("Observation", "date", text).code == "value"

    def test_a_plus_that_the_url_lost_is_explained(self) -> None:
        assert "%2B" in refusal("Observation", "date", "2024-01-01T10:00:00 02:00").message


class TestNumberAndQuantity:
    @pytest.mark.parametrize(
        ("text", "low", "high"),
        [
            ("5.4", "5.35", "5.45"),
            ("100", "99.5", "100.5"),
            ("100.00", "99.995", "100.005"),
            ("1e2", "95", "105"),
            ("-3", "-3.5", "-2.5"),
            ("ap100", "90", "110"),
            ("ap-100", "-110", "-90"),
        ],
    )
    def test_digits_imply_a_range(self, text: str, low: str, high: str) -> None:
        parsed = value("RiskAssessment", "probability", text)
        assert isinstance(parsed, NumberValue)
        assert (parsed.low, parsed.high) == (Decimal(low), Decimal(high))

    def test_prefixes_keep_the_exact_value(self) -> None:
        parsed = value("RiskAssessment", "probability", "gt0.80")
        assert isinstance(parsed, NumberValue)
        assert (parsed.prefix, str(parsed.value)) == ("gt", "0.80")

    @pytest.mark.parametrize(
        "text", ["", "five", "1,5x", "0x10", "NaN", "Infinity", "1e999", "1_000", "gt", ".5"]
    )
    def test_what_is_no_number_is_refused(self, text: str) -> None:
        for issue in refusals("RiskAssessment", ("probability", text)):
            assert "'probability'" in issue.message

    @pytest.mark.parametrize(
        ("text", "system", "code"),
        [
            ("5.4", None, None),
            ("5.4|http://unitsofmeasure.org|mg", "http://unitsofmeasure.org", "mg"),
            ("5.4||mg", None, "mg"),
            ("le5.4||mg\\|l", None, "mg|l"),
            ("5.4||", None, None),
        ],
    )
    def test_units(self, text: str, system: str | None, code: str | None) -> None:
        parsed = value("Observation", "value-quantity", text)
        assert isinstance(parsed, QuantityValue)
        assert (parsed.number.value, parsed.system, parsed.code) == (Decimal("5.4"), system, code)

    @pytest.mark.parametrize("text", ["5.4|mg", "5.4|http://unitsofmeasure.org|", "mg", "5.4|a|b|c"])
    def test_incomplete_units_are_refused(self, text: str) -> None:
        assert refusal("Observation", "value-quantity", text).code == "value"


class TestComposite:
    def test_each_part_is_read_by_its_component(self) -> None:
        parsed = value("Observation", "code-value-quantity", "http://loinc.org|8480-6$gt140||mm[Hg]")
        assert isinstance(parsed, CompositeValue)
        code, quantity = parsed.parts
        assert code == TokenValue("http://loinc.org", "8480-6")
        assert isinstance(quantity, QuantityValue)
        assert (quantity.number.prefix, quantity.code) == ("gt", "mm[Hg]")

    def test_relationship_of_a_document_is_target_then_code(self) -> None:
        parsed = value("DocumentReference", "relationship", "DocumentReference/1$replaces")
        assert parsed == CompositeValue(
            (ReferenceValue(("DocumentReference",), "1", None, None), TokenValue(None, "replaces"))
        )

    @pytest.mark.parametrize(
        ("text", "why"), [("8480-6", "2 parts"), ("a$b$c", "2 parts"), ("a$many", "'many'"), ("$5", "empty")]
    )
    def test_a_wrong_part_is_refused(self, text: str, why: str) -> None:
        assert why in refusal("Observation", "code-value-quantity", text).message


class TestModifiers:
    @pytest.mark.parametrize(("text", "expected"), [("true", "true"), ("false", "false")])
    def test_missing_applies_to_every_type(self, text: str, expected: str) -> None:
        for name in ("code", "subject", "date", "value-quantity", "value-string", "code-value-quantity"):
            (criterion,) = query("Observation", (f"{name}:missing", text)).criteria
            assert (criterion.modifier, criterion.values) == ("missing", (TokenValue(None, expected),))

    def test_missing_takes_only_true_and_false(self) -> None:
        assert "true or false" in refusal("Observation", "code:missing", "no").message

    @pytest.mark.parametrize(
        "name",
        ["code:exact", "subject:text", "subject:above", "value-quantity:below", "value-string:text",
         "date:exact", "code-value-quantity:not", "code:Patient", "code:foo", "code:", "_sort:foo", "_id:not",
         "_include:recurse", "_content:exact", "_lastUpdated:missing"],
    )  # fmt: skip
    @pytest.mark.parametrize("lenient", [False, True])
    def test_a_modifier_that_cannot_be_honoured_is_always_refused(self, name: str, lenient: bool) -> None:
        issue = refusal("Observation", name, "x", lenient=lenient)
        assert issue.code == "not-supported"


class TestUnknown:
    def test_an_unknown_parameter_is_named_with_its_nearest_kin(self) -> None:
        issue = refusal("Observation", "categry", "x")
        assert issue.message.startswith("Unknown search parameter 'categry' for Observation. Known: category")

    @pytest.mark.parametrize(
        "name",
        ["_filter", "_query", "_type", "_contained", "_containedType", "_score"],
    )
    def test_what_this_server_does_not_do_is_refused_by_name(self, name: str) -> None:
        (issue,) = refusals("Observation", (name, "x"))
        assert issue.code == "not-supported"
        assert name.partition(":")[0] in issue.message

    def test_near_is_a_parameter_of_places_alone(self) -> None:
        assert refusal("Observation", "near", "59|18").code == "not-found"

    def test_every_problem_is_reported_at_once(self) -> None:
        issues = refusals("Observation", ("cod", "x"), ("date", "soon"), ("_count", "-1"))
        assert len(issues) == 3

    def test_lenient_handling_leaves_unknown_parameters_out_and_names_them(self) -> None:
        parsed = query("Observation", ("cod", "x"), ("code", "a"), ("_filter", "y"), lenient=True)
        assert [criterion.parameter.name for criterion in parsed.criteria] == ["code"]
        assert [issue.severity for issue in parsed.ignored] == ["warning", "warning"]
        assert "'cod'" in parsed.ignored[0].message
        assert parsed.self_params == (("code", "a"),)

    def test_lenient_handling_does_not_excuse_a_wrong_value(self) -> None:
        assert refusal("Observation", "date", "soon", lenient=True).code == "value"

    def test_an_unknown_type_is_refused(self) -> None:
        assert "Observations" in refusals("Observations")[0].message

    def test_a_value_beyond_all_measure_is_refused(self) -> None:
        assert "longer than" in refusal("Observation", "code", "x" * 10_000).message


class TestControls:
    def test_all_of_them(self) -> None:
        params = (
            ("_sort", "-date,code,_id"),
            ("_count", "20"),
            ("_cursor", "opaque"),
            ("_include", "Observation:subject:Patient"),
            ("_include", "Observation:encounter"),
            ("_revinclude", "Provenance:target"),
            ("_summary", "data"),
            ("_elements", "code,value"),
            ("_total", "accurate"),
        )
        parsed = query("Observation", *params, ("_format", "json"), ("_pretty", "true"))
        sort = [
            (key.parameter if isinstance(key.parameter, str) else key.parameter.name, key.descending)
            for key in parsed.sort
        ]
        assert sort == [("date", True), ("code", False), ("_id", False)]
        assert (parsed.count, parsed.cursor, parsed.summary, parsed.total) == (
            20,
            "opaque",
            "data",
            "accurate",
        )
        assert parsed.includes == (
            Include("Observation", "subject", "Patient", iterate=False),
            Include("Observation", "encounter", None, iterate=False),
        )
        assert parsed.revincludes == (Include("Provenance", "target", None, iterate=False),)
        assert parsed.elements == ("code", "value")
        assert parsed.self_params == params

    def test_a_wildcard_means_every_reference_that_can_be_followed(self) -> None:
        assert (
            query("Observation", ("_include", "*")).includes
            == query("Observation", ("_include", "Observation:*")).includes
        )
        leading = query("Patient", ("_revinclude", "Observation:*")).revincludes
        assert {each.parameter for each in leading} == {"focus", "patient", "performer", "subject"}

    def test_that_contained_resources_are_not_searched_may_be_said(self) -> None:
        parsed = query("Observation", ("_contained", "false"), ("code", "a"))
        assert [each.parameter.name for each in parsed.criteria] == ["code"]
        assert parsed.self_params[0] == ("_contained", "false")
        assert refusal("Observation", "subject._contained", "false").code == "not-supported"

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("_count", "-1"), ("_count", "many"), ("_count", ""), ("_count", "99999999999"),
            ("_sort", "nonsense"), ("_sort", ""), ("_sort", "code-value-quantity"), ("_sort", "_text"),
            ("_include", "Observation"), ("_revinclude", "Patient:*"), ("_include", "Observation:code"),
            ("_include:iterate", "*"), ("_revinclude", "*"), ("_revinclude:iterate", "Observation:*"),
            ("_include", "Observation:nothing"), ("_include", "Patient:link"),
            ("_include", "Observations:subject"), ("_include", "Observation:subject:Claim"),
            ("_include", "Observation:subject:Nobody"),
            ("_revinclude", "Claim:item-udi"), ("_revinclude", "Provenance:target:Patient"),
            ("_summary", "yes"), ("_total", "3"), ("_elements", "kod"), ("_elements", ""), ("_cursor", ""),
        ],
    )  # fmt: skip
    def test_wrong_values_are_refused(self, name: str, text: str) -> None:
        assert refusal("Observation", name, text).code == "value"

    def test_a_control_given_twice_is_refused(self) -> None:
        assert "more than once" in refusals("Observation", ("_count", "1"), ("_count", "2"))[0].message

    def test_ids_are_alternatives_and_repetition_narrows(self) -> None:
        assert query("Observation", ("_id", "a,b,c"), ("_id", "c,b")).ids == ("b", "c")
        assert query("Observation", ("_id", "a"), ("_id", "b")).ids == ()
        assert refusal("Observation", "_id", "a,").code == "value"

    def test_last_updated_is_a_conjunction(self) -> None:
        parsed = query("Observation", ("_lastUpdated", "ge2024-01"), ("_lastUpdated", "lt2024-02"))
        assert [each.prefix for each in parsed.last_updated] == ["ge", "lt"]
        assert "repeat" in refusal("Observation", "_lastUpdated", "2024,2025").message


def test_parameters_of_every_resource_are_there() -> None:
    parsed = query(
        "Observation", ("_tag", "a|b"), ("_security", "c"), ("_profile", "http://x"), ("_source", "http://y")
    )
    assert [criterion.parameter.name for criterion in parsed.criteria] == [
        "_tag",
        "_security",
        "_profile",
        "_source",
    ]


SAMPLES = {
    "token": "a|b",
    "reference": "1",
    "string": "text",
    "uri": "urn:x",
    "date": "ge2024",
    "number": "5",
    "quantity": "5||kg",
}


def test_every_parameter_of_r4_can_be_asked_for() -> None:
    asked = 0
    for type_name in RESOURCE_TYPES:
        for parameter in search_parameters(type_name).values():
            if parameter.name.startswith("_") or parameter.type == "special":
                continue
            text = "$".join(SAMPLES[part.type] for part, _ in parameter.components) or SAMPLES[parameter.type]
            parsed = parse_search(type_name, [(parameter.name, text)])
            if isinstance(parsed, list):  # a boolean takes neither system nor other codes
                assert parameter.type == "token", parsed
                assert query(type_name, (parameter.name, "true")).criteria
            asked += 1
    assert asked > 1300
