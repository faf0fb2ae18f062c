"""The FHIRPath engine as its users meet it: values, nodes, conditions, errors."""

from __future__ import annotations

import contextlib
import threading
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontinuum.fhir import fhirpath
from kontinuum.fhir.fhirpath import Date, DateTime, FHIRPathError, Node, Quantity, Time
from kontinuum.kernel.clock import FixedClock

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "contained": [{"resourceType": "Organization", "id": "org", "name": "Vårdcentralen Kajen"}],
    "active": True,
    "name": [
        {"use": "official", "family": "Lind", "given": ["Åsa", "Maria"]},
        {
            "use": "nickname",
            "given": ["Ossi"],
            "_given": [{"extension": [{"url": "urn:x", "valueCode": "sv"}]}],
        },
    ],
    "birthDate": "1974-12-25",
    "_birthDate": {"extension": [{"url": "urn:time", "valueDateTime": "1974-12-25T14:35:45+01:00"}]},
    "deceasedBoolean": False,
    "telecom": [{"system": "phone", "value": "08-465 001"}, {"system": "email", "value": "a@example.org"}],
    "managingOrganization": {"reference": "#org"},
    "generalPractitioner": [
        {"reference": "Practitioner/7"},
        {"reference": "https://x.example/Organization/8"},
    ],
}
OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
    "valueQuantity": {
        "value": Decimal("70.50"),
        "unit": "kg",
        "system": "http://unitsofmeasure.org",
        "code": "kg",
    },
    "component": [{"code": {"text": "a"}, "valueString": "x"}, {"code": {"text": "b"}, "valueInteger": 3}],
}


def evaluate(expression: str, resource: Any = PATIENT, **options: Any) -> list[Any]:
    return fhirpath.compile(expression).evaluate(resource, **options)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("Patient.name.given", ["Åsa", "Maria", "Ossi"]),
        ("name.where(use = 'official').family", ["Lind"]),
        ("name[1].given", ["Ossi"]),
        ("Patient.name.first().given.last()", ["Maria"]),
        ("deceased", [False]),
        ("birthDate", ["1974-12-25"]),
        ("birthDate.extension('urn:time').value", ["1974-12-25T14:35:45+01:00"]),
        ("name.given.extension.value", ["sv"]),
        ("name.given.where(extension.exists())", ["Ossi"]),
        ("telecom.where(system = 'phone').value", ["08-465 001"]),
        ("name.given.count() > 2 and active", [True]),
        ("name.select(given.first() & ' ' & family)", ["Åsa Lind", "Ossi "]),
        ("contained.ofType(Organization).name", ["Vårdcentralen Kajen"]),
        ("managingOrganization.resolve().name", ["Vårdcentralen Kajen"]),
        (
            "generalPractitioner.where(resolve() is Organization).reference",
            ["https://x.example/Organization/8"],
        ),
        ("Encounter.status", []),
        ("name.nonsense", []),
        ("%resource.id | %rootResource.id | %context.id", ["p1"]),
        ("%`vs-administrative-gender`", ["http://hl7.org/fhir/ValueSet/administrative-gender"]),
        ("gender.memberOf(%`vs-administrative-gender`)", []),
    ],
)
def test_paths_find_what_stands_in_the_resource(expression: str, expected: list[Any]) -> None:
    assert evaluate(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("Observation.value.unit", ["kg"]),
        ("(Observation.value as Quantity).value", [Decimal("70.50")]),
        ("Observation.value as CodeableConcept", []),
        ("value.is(Quantity)", [True]),
        ("value > 70 'kg' and value < 71000 'g'", [True]),
        ("value = 70.5 'kg'", [True]),
        ("value < 1 'm'", []),
        ("component.value", ["x", 3]),
        ("component.value.ofType(integer)", [3]),
        ("component.value as string", ["x"]),
        ("status.memberOf('http://hl7.org/fhir/ValueSet/observation-status')", [True]),
        ("conformsTo('http://hl7.org/fhir/StructureDefinition/Observation')", [True]),
        ("value.value.toString()", ["70.50"]),
    ],
)
def test_choice_elements_are_found_by_their_type(expression: str, expected: list[Any]) -> None:
    assert evaluate(expression, OBSERVATION) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("2 + 3 & '' = '5'", FHIRPathError),
        ("1 | 2 = 2 | 1", False),
        ("true or false and false", True),
        ("false implies false implies false", False),
        ("1 < 2 = true", True),
        ("-2.abs()", -2),
        ("1 is Integer and 1 is Decimal = false", True),
        ("3 in 1 | 3", True),
    ],
)
def test_operators_bind_as_the_specification_orders_them(expression: str, expected: Any) -> None:
    if expected is FHIRPathError:
        with pytest.raises(FHIRPathError):
            evaluate(expression)
    else:
        assert evaluate(expression) == [expected]


def test_escapes_in_strings_and_delimited_names_stand_for_their_characters() -> None:
    assert evaluate(r"'\'\"\`\\\/\n\t\r\f\u00e5'") == ["'\"`\\/\n\t\r\få"]
    assert evaluate("Patient.`name`.`given`.first()") == ["Åsa"]


@pytest.mark.parametrize(
    ("expression", "message", "position"),
    [
        ("name.where(use = ", "Expected a value or a path", 17),
        ("'open", "never closed", 0),
        ("name /* x", "comment is never closed", 5),
        ("name.given(", "Expected a value", 11),
        ("name.givn()", "There is no function givn()", 5),
        ("name.where()", "where() takes 1 arguments, not 0", 5),
        ("name as Foo", "There is no type Foo", 5),
        ("@2023-02-30", "does not exist in the calendar", 0),
        ("@T25:00", "does not exist", 0),
        ('"text"', "single quotation marks", 0),
        (r"'\q'", "Unknown escape", 1),
        ("a ! b", "!=", 2),
        ("", "empty", None),
    ],
)
def test_a_mistake_is_told_with_its_place(expression: str, message: str, position: int | None) -> None:
    with pytest.raises(FHIRPathError) as caught:
        evaluate(expression)
    assert message in str(caught.value)
    assert caught.value.position == position


def test_strict_mode_refuses_what_the_type_does_not_have() -> None:
    for expression in (
        "Patient.name.given1",
        "Encounter.status",
        "Patient.deceasedBoolean",
        "children().first()",
        "(deceased as boolean).foo",
    ):
        assert evaluate(expression) is not None
        with pytest.raises(FHIRPathError):
            fhirpath.compile(expression, type="Patient", strict=True)
    with pytest.raises(FHIRPathError, match="ofType"):
        fhirpath.compile("name.as(HumanName)", strict=True).evaluate(PATIENT)


def test_errors_name_types_and_never_values() -> None:
    with pytest.raises(FHIRPathError) as caught:
        evaluate("name.family < 3")
    assert "String" in str(caught.value)
    assert "Lind" not in str(caught.value)


def test_nodes_carry_type_and_location() -> None:
    def found(expression: str, resource: Any) -> list[tuple[Any, str, str]]:
        return [(n.value, n.type, n.path) for n in fhirpath.compile(expression).nodes(resource)]

    assert found("name.given", PATIENT)[2] == ("Ossi", "string", "Patient.name[1].given[0]")
    assert found("Observation.component.value", OBSERVATION) == [
        ("x", "string", "Observation.component[0].value"),
        (3, "integer", "Observation.component[1].value"),
    ]
    assert found("Observation.value as Quantity", OBSERVATION)[0][1:] == ("Quantity", "Observation.value")
    assert found("component", OBSERVATION)[1][1:] == ("Observation.component", "Observation.component[1]")
    assert found("name.count()", PATIENT) == [(2, "integer", "")]
    assert [n.type for n in fhirpath.compile("status | code | value").nodes(OBSERVATION)] == [
        "code",
        "CodeableConcept",
        "Quantity",
    ]


def test_an_element_can_be_the_context() -> None:
    component = Node(OBSERVATION["component"][1], "Observation.component")
    nodes = fhirpath.compile("value.as(integer)").nodes(OBSERVATION, context=component)
    assert [(node.value, node.type) for node in nodes] == [(3, "integer")]
    inside = fhirpath.compile("component").nodes(OBSERVATION)[1]
    assert fhirpath.compile("code.text").nodes(OBSERVATION, context=inside)[0].path == (
        "Observation.component[1].code.text"
    )


def test_conditions_have_three_results() -> None:
    def holds(expression: str, value: Any, type_name: str) -> bool | None:
        return fhirpath.compile(expression).test(value, type_name, PATIENT)

    assert holds("family.exists() implies given.exists()", PATIENT["name"][0], "HumanName") is True
    assert holds("family = 'Berg'", PATIENT["name"][0], "HumanName") is False
    assert holds("family = 'Berg'", PATIENT["name"][1], "HumanName") is None
    assert holds("$this = 'x' or empty()", "x", "code") is True
    assert holds("%resource.active and %context.use = 'official'", PATIENT["name"][0], "HumanName") is True


def test_a_primitive_without_value_has_no_value_but_exists() -> None:
    patient = {"resourceType": "Patient", "_birthDate": {"extension": [{"url": "u", "valueCode": "unknown"}]}}
    assert evaluate("birthDate.exists()", patient) == [True]
    assert evaluate("birthDate.hasValue()", patient) == [False]
    assert evaluate("birthDate.extension('u').value", patient) == ["unknown"]
    assert evaluate("birthDate < today()", patient) == []
    unsaid = {"resourceType": "Patient", "_active": {"id": "a"}, "_deceasedBoolean": {"id": "d"}}
    assert evaluate("active and true", unsaid) == []
    assert evaluate("deceased and true", unsaid) == []


def test_data_of_the_wrong_shape_finds_nothing_and_breaks_nothing() -> None:
    for broken in (
        {"resourceType": "Patient", "name": "Lind"},
        {"resourceType": ["Patient"]},
        {},
        [],
        "x",
        None,
    ):
        assert evaluate("Patient.name.given", broken) == []
        assert evaluate("Patient.name.where(use = 'x').given.exists()", broken) in ([False], [])
    assert evaluate("name.given", {"resourceType": "Patient", "name": {"given": "Åsa"}}) == ["Åsa"]


def test_the_present_comes_from_the_clock() -> None:
    clock = FixedClock(datetime(2024, 2, 29, 23, 59, 58, 500_000, tzinfo=UTC))
    assert evaluate("today()", clock=clock) == [Date("2024-02-29")]
    assert evaluate("now()", clock=clock) == [DateTime("2024-02-29T23:59:58.500+00:00")]
    assert evaluate("timeOfDay()", clock=clock) == [Time("23:59:58.500")]
    assert evaluate("birthDate < today() and birthDate + 49 years < today()", clock=clock) == [True]


def test_variables_are_given_by_the_caller_and_unknown_ones_refused() -> None:
    assert evaluate("%limit + 1", variables={"limit": 2}) == [3]
    assert evaluate("%none.empty()", variables={"none": None}) == [True]
    with pytest.raises(FHIRPathError, match="%missing is not"):
        evaluate("%missing")


def test_trace_tells_what_passes_and_changes_nothing() -> None:
    seen: list[tuple[str, list[Any]]] = []
    assert evaluate("name.given.trace('g').count()", tracer=lambda *told: seen.append(told)) == [3]
    assert seen == [("g", ["Åsa", "Maria", "Ossi"])]


def test_deep_nesting_is_refused_and_not_a_crash() -> None:
    for expression in ("(" * 5000 + "1" + ")" * 5000, "-" * 5000 + "1", "a" + ".a" * 5000, "1" + "+1" * 5000):
        with pytest.raises(FHIRPathError, match=r"nested|characters"):
            evaluate(expression)
    assert evaluate("1" + "+1" * 100) == [101]
    assert evaluate("(" * 100 + "1" + ")" * 100) == [1]


def test_repeat_that_never_ends_is_stopped() -> None:
    with pytest.raises(FHIRPathError, match="was stopped"):
        evaluate("1.repeat($this + 1)")


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|a)*b", ".*.*.*=", "(a?){20}a{20}b", "a?" * 30 + "a{30}b"])
def test_regular_expressions_that_go_back_and_forth_end_quickly(pattern: str) -> None:
    started = datetime.now(UTC)
    assert evaluate(f"%text.matches('{pattern}')", variables={"text": "a" * 1000}) == [False]
    assert (datetime.now(UTC) - started).total_seconds() < 5


@pytest.mark.parametrize(
    ("pattern", "text", "matches", "whole"),
    [
        (r"[A-Za-z]+(\\.[a-z]+(\\[x\\])?)*", "Observation.value[x]", True, True),
        (r"[A-Za-z]+(\\.[a-z]+(\\[x\\])?)*", "Observation.Value", True, False),
        (r"^(\\d{3}-)*\\d+$", "123-456-7", True, True),
        (r"^(ab|a)(c|bcd)*$", "abcd", True, True),
        (r"A.*B", "A\nB", True, True),
    ],
)
def test_nested_repetitions_match_as_elsewhere(pattern: str, text: str, matches: bool, whole: bool) -> None:
    assert evaluate(f"%text.matches('{pattern}')", variables={"text": text}) == [matches]
    assert evaluate(f"%text.matchesFull('{pattern}')", variables={"text": text}) == [whole]


def test_regular_expressions_have_limits() -> None:
    with pytest.raises(FHIRPathError, match="at most"):
        evaluate("%text.matches('a')", variables={"text": "a" * 30_000})
    with pytest.raises(FHIRPathError, match="cannot be read"):
        evaluate("'a'.matches('(')")
    with pytest.raises(FHIRPathError, match="references to groups"):
        evaluate(r"'aa'.matches('(a+)\\1')")
    assert evaluate("'a1b22'.replaceMatches('([0-9]+)', '<$1>')") == ["a<1>b<22>"]


def test_the_same_text_is_compiled_once_and_shared_between_threads() -> None:
    expression = fhirpath.compile("Patient.name.where(use = 'official').given.first()")
    assert fhirpath.compile("Patient.name.where(use = 'official').given.first()") is expression
    results: list[list[Any]] = []
    threads = [
        threading.Thread(target=lambda: results.extend(expression.evaluate(PATIENT) for _ in range(200)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [["Åsa"]] * 800


def test_a_result_may_be_changed_without_touching_the_resource() -> None:
    names = evaluate("Patient.name")
    names.clear()
    assert len(PATIENT["name"]) == 2


@pytest.mark.parametrize(
    ("left", "right", "order"),
    [
        ("@2024-01", "@2024-02", "<"),
        ("@2024", "@2024-02", None),
        ("@2024-01-01T10:00+01:00", "@2024-01-01T09:00Z", "="),
        ("@2024-01-01T10:00", "@2024-01-01T09:00Z", None),
        ("@2024-01-01T23:30-05:00", "@2024-01-02T04:00Z", ">"),
        ("@T10:30:00", "@T10:30:00.0", "="),
        ("@T10", "@T10:30", None),
        ("1000 'mg'", "1 'g'", "="),
        ("1 'mmol/L'", "1 'mol/L'", "<"),
        ("1 'm'", "1 's'", None),
        ("1 year", "13 months", "<"),
        ("1 week", "7 'd'", "="),
    ],
)
def test_order_is_open_where_precision_zone_or_unit_leave_it_so(
    left: str, right: str, order: str | None
) -> None:
    for operator in ("<", ">"):
        expected = [] if order is None else [order == operator]
        assert evaluate(f"{left} {operator} {right}") == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("@2024-01-31 + 1 month", "2024-02-29"),
        ("@2024-02-29 - 1 year", "2023-02-28"),
        ("@2024-12 + 2 months", "2025-02"),
        ("@2024 + 23 months", "2025"),
        ("@2024-03-31T02:30+01:00 + 24 hours", "2024-04-01T02:30+01:00"),
        ("@T23:30 + 45 minutes", "00:15"),
        ("@2024-01-01 + 48 hours", "2024-01-03"),
        ("@9999-12-31 + 1 day", None),
    ],
)
def test_dates_move_by_calendar_durations(expression: str, expected: str | None) -> None:
    assert evaluate(expression) == ([] if expected is None else [expected])


def test_quantities_multiply_their_units() -> None:
    assert evaluate("2 'm' * 3 'm' = 6 'm2'") == [True]
    assert evaluate("70.5 'kg' / (1.8 'm' * 1.8 'm') > 21 'kg/m2'") == [True]
    assert evaluate("'5 mg'.toQuantity()") == []
    assert evaluate("'5 \\'mg\\''.toQuantity()") == [Quantity(Decimal(5), "mg")]
    assert evaluate("1 'g'.toQuantity('mg')") == [Quantity(Decimal(1000), "mg")]


@pytest.mark.parametrize(
    ("div", "valid"),
    [
        ('<div xmlns="http://www.w3.org/1999/xhtml"><p>Hej &amp; hå&#160;</p></div>', True),
        ('<div xmlns="http://www.w3.org/1999/xhtml"><p>Hej &amp; hå&nbsp;</p></div>', False),
        ('<div xmlns="http://www.w3.org/1999/xhtml"></div>', False),
        ('<div xmlns="http://www.w3.org/1999/xhtml"><script>x</script></div>', False),
        ('<div xmlns="http://www.w3.org/1999/xhtml"><p onclick="x">y</p></div>', False),
        ('<div xmlns="http://www.w3.org/1999/xhtml"><a href=" JavaScript:x">y</a></div>', False),
        ('<!DOCTYPE a [<!ENTITY b "c">]><div xmlns="http://www.w3.org/1999/xhtml">&b;</div>', False),
        ("<div>no namespace</div>", False),
        ('<div xmlns="http://www.w3.org/1999/xhtml"><p>open</div>', False),
    ],
)
def test_html_checks_let_only_narrative_through(div: str, valid: bool) -> None:
    resource = {"resourceType": "Patient", "text": {"status": "generated", "div": div}}
    assert evaluate("text.`div`.htmlChecks()", resource) == [valid]


values = st.lists(
    st.one_of(
        st.integers(-5, 5), st.booleans(), st.sampled_from(["a", "b", "1"]), st.decimals(-2, 2, places=1)
    ),
    max_size=8,
)


def _identity(value: Any) -> tuple[str, Any]:
    kind = "boolean" if isinstance(value, bool) else ("string" if isinstance(value, str) else "number")
    return kind, value


@given(values, values)
def test_sets_follow_their_definitions(a: list[Any], b: list[Any]) -> None:
    def run(expression: str) -> list[Any]:
        return evaluate(expression, variables={"a": a, "b": b})

    keys_a, keys_b = {_identity(v) for v in a}, {_identity(v) for v in b}
    union = run("%a | %b")
    assert len(union) == len({_identity(v) for v in union})
    assert {_identity(v) for v in union} == keys_a | keys_b
    assert [_identity(v) for v in run("%a.distinct()")] == list(dict.fromkeys(map(_identity, a)))
    assert {_identity(v) for v in run("%a.intersect(%b)")} == keys_a & keys_b
    assert [_identity(v) for v in run("%a.exclude(%b)")] == [
        _identity(v) for v in a if _identity(v) not in keys_b
    ]
    assert run("%a.subsetOf(%b)") == [keys_a <= keys_b]
    assert run("%a.isDistinct()") == [len(keys_a) == len(a)]
    assert run("%a.combine(%b).count()") == [len(a) + len(b)]
    assert run("%a.skip(2).count() + %a.take(2).count()") == [len(a)]
    assert run("%a ~ %a") == [True]
    assert run("(%a = %b) != (%a != %b)") in ([True], [])


@given(st.text(max_size=30))
def test_any_string_can_be_written_as_a_literal(text: str) -> None:
    literal = "".join(f"\\u{ord(c):04x}" if ord(c) < 0x10000 else c for c in text)
    assert evaluate(f"'{literal}'") == [text]


@given(st.text(alphabet="ab.()[]{}'\"`|&=<>!~+-*/%$@0129 TZ:,\\\nis", max_size=40))
def test_any_text_is_an_expression_or_a_fhirpath_error(text: str) -> None:
    with contextlib.suppress(FHIRPathError):
        assert isinstance(evaluate(text), list)


@given(st.datetimes(), st.integers(-14 * 4, 14 * 4), st.integers(-14 * 4, 14 * 4))
def test_the_same_instant_is_equal_in_every_zone(moment: datetime, first: int, second: int) -> None:
    if not 2 < moment.year < 9998:
        return
    texts = [
        moment.replace(tzinfo=UTC)
        .astimezone(timezone(timedelta(minutes=15 * quarter)))
        .isoformat(timespec="milliseconds")
        for quarter in (first, second)
    ]
    assert evaluate(f"@{texts[0]} = @{texts[1]}") == [True]
    assert evaluate(f"@{texts[0]} + 1 hour > @{texts[1]}") == [True]
    assert evaluate(f"@{texts[0]} <= @{texts[1]}") == [True]
