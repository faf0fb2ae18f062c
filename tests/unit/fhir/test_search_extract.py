"""Index values: what is stored of a resource so that it can be found, sorted and filed under its patient."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontinuum.fhir.definitions import RESOURCE_TYPES, TYPE_CODES, compartment, search_parameters
from kontinuum.fhir.search import (
    MICROS_MAX,
    MICROS_MIN,
    SearchQuery,
    clinical_date_parameter,
    extract,
    hot_hashes_of,
    is_hot_type,
    normalise,
    param_code,
    parse_search,
    type_hash,
    value_hash,
)
from kontinuum.fhir.search.clinical import CLINICAL_DATES, UNDATED
from kontinuum.fhir.search.composites import components_of
from kontinuum.fhir.search.dates import date_range
from kontinuum.fhir.search.lookup import component_name
from kontinuum.fhir.search.paths import resolve_paths

MINIMAL = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}


class TestHashing:
    def test_no_two_parameters_of_r4_share_a_number(self) -> None:
        numbers: dict[int, str] = {}
        for type_name in RESOURCE_TYPES:
            for parameter in search_parameters(type_name).values():
                names = [parameter.name]
                names += [component_name(parameter.name, index) for index in range(len(parameter.components))]
                for name in names:
                    number = param_code(type_name, name)
                    assert 0 <= number < 2**31
                    assert numbers.setdefault(number, f"{type_name}.{name}") == f"{type_name}.{name}"
        assert len(numbers) > 2000

    def test_hashes_are_the_same_for_ever_because_databases_hold_them(self) -> None:
        assert param_code("Observation", "code") == 899250021
        assert (
            value_hash("Observation", "code", "system-code", "http://loinc.org", "8480-6")
            == 1432895739107147105
        )
        assert type_hash("Observation") == 5218289682472739227

    @given(st.lists(st.text(), min_size=1, max_size=3), st.lists(st.text(), min_size=1, max_size=3))
    def test_different_parts_have_different_hashes(self, first: list[str], second: list[str]) -> None:
        equal = value_hash("T", "p", "code", *first) == value_hash("T", "p", "code", *second)
        assert equal == (first == second)

    @given(st.text())
    def test_hashes_fit_a_bigint(self, text: str) -> None:
        assert -(2**63) <= value_hash("T", "p", "exact", text) < 2**63


class TestText:
    @given(st.text())
    def test_the_normal_form_is_final(self, text: str) -> None:
        assert normalise(normalise(text)) == normalise(text)

    @given(st.text())
    def test_case_does_not_matter(self, text: str) -> None:
        assert normalise(text.lower().upper()) == normalise(text.upper())

    @pytest.mark.parametrize(
        ("text", "normal"),
        [
            ("Åke", "ake"),
            ("ÖSTERLUND", "osterlund"),
            ("Straße", "strasse"),
            (" a\t\nb ", "a b"),
            ("ﬁ", "fi"),
            ("", ""),
        ],
    )
    def test_examples(self, text: str, normal: str) -> None:
        assert normalise(text) == normal


class TestDates:
    @given(st.datetimes(), st.sampled_from(["Z", "+02:00", "-11:30"]))
    def test_a_moment_lies_within_the_range_of_each_of_its_precisions(self, moment, zone: str) -> None:  # type: ignore[no-untyped-def]
        text = moment.isoformat(timespec="microseconds")
        exact = date_range(text + zone)
        second = date_range(text[:19] + zone)
        minute = date_range(text[:16] + zone)
        assert exact is not None
        assert second is not None
        assert minute is not None
        assert exact[1] - exact[0] == 1
        assert minute[0] <= second[0] <= exact[0] < exact[1] <= second[1] <= minute[1]
        day, month, year = date_range(text[:10]), date_range(text[:7]), date_range(text[:4])
        assert day is not None
        assert month is not None
        assert year is not None
        assert year[0] <= month[0] <= day[0] < day[1] <= month[1] <= year[1]

    def test_the_last_year_has_an_end(self) -> None:
        limits = date_range("9999-12-31")
        assert limits is not None
        assert limits[1] - limits[0] == 86_400_000_000

    def test_a_leap_second_is_a_time(self) -> None:
        assert date_range("2016-12-31T23:59:60Z") == date_range("2017-01-01T00:00:00Z")

    @pytest.mark.parametrize(
        "text", ["2024-00", "2024-02-30", "2024-1-1", "0000", "x", "", "2024-W01-1", "2024-01-01 10:00:00Z"]
    )
    def test_what_is_no_date_has_no_range(self, text: str) -> None:
        assert date_range(text) is None


class TestShape:
    def test_hashes_are_sorted_and_single(self) -> None:
        coding = {"system": "s", "code": "c"}
        index = extract({**MINIMAL, "category": [{"coding": [coding]}, {"coding": [coding]}]})
        assert index.hashes == sorted(set(index.hashes))

    def test_open_ends_of_time_are_the_ends_of_an_int64(self) -> None:
        index = extract({**MINIMAL, "effectivePeriod": {"end": "2024"}})
        ((_, low, high, tags, ordinal),) = index.dates
        assert (low, tags, ordinal) == (MICROS_MIN, None, 0)
        assert index.sort == high
        index = extract({**MINIMAL, "effectivePeriod": {"start": "2024"}})
        assert index.dates[0][2] == MICROS_MAX
        assert index.sort == index.dates[0][1]

    def test_digits_of_a_decimal_are_kept(self) -> None:
        from kontinuum.fhir import json

        index = extract({**MINIMAL, "valueQuantity": json.loads('{"value": 5.40}')})
        assert {str(low) for _, low, *_ in index.numbers} == {"5.40"}

    def test_contained_resources_are_not_indexed(self) -> None:
        contained = {**MINIMAL, "id": "c", "valueString": "hidden"}
        assert extract({**MINIMAL, "contained": [contained]}) == extract(MINIMAL)

    @pytest.mark.parametrize("resource", [{}, {"resourceType": "Observations"}, {"resourceType": "Resource"}])
    def test_what_is_no_resource_is_an_error(self, resource: dict[str, str]) -> None:
        with pytest.raises(ValueError, match="no resource type"):
            extract(resource)

    def test_every_type_can_be_indexed(self) -> None:
        for type_name in RESOURCE_TYPES:
            assert extract({"resourceType": type_name, "id": "x"}).strings == []

    def test_only_three_expressions_of_r4_need_the_fhirpath_engine(self) -> None:
        left = [
            (type_name, parameter.name)
            for type_name in RESOURCE_TYPES
            for parameter in search_parameters(type_name).values()
            if parameter.expression and resolve_paths(type_name, parameter.expression) is None
        ]
        assert left == [("Bundle", "composition"), ("Bundle", "message"), ("Patient", "deceased")]

    def test_every_composite_has_components_that_can_be_read(self) -> None:
        for type_name in RESOURCE_TYPES:
            for parameter in search_parameters(type_name).values():
                for context in (
                    (resolve_paths(type_name, parameter.expression) or ()) if parameter.components else ()
                ):
                    for component, expression in components_of(parameter):
                        paths = resolve_paths(context.type, expression)
                        assert paths, (type_name, parameter.name, component.name)


class TestCompartment:
    @pytest.mark.parametrize(
        ("resource", "patient"),
        [
            ({**MINIMAL, "subject": {"reference": "Patient/p1"}}, "p1"),
            ({**MINIMAL, "subject": {"reference": "Patient/p1/_history/2"}}, "p1"),
            (
                {**MINIMAL, "subject": {"reference": "Group/g"}, "performer": [{"reference": "Patient/p2"}]},
                "p2",
            ),
            ({**MINIMAL, "subject": {"reference": "https://other.example/Patient/p1"}}, None),
            ({**MINIMAL, "subject": {"reference": "#p"}}, None),
            (MINIMAL, None),
            ({"resourceType": "Patient", "id": "me", "link": [{"other": {"reference": "Patient/x"}}]}, "me"),
            ({"resourceType": "Organization", "id": "o"}, None),
            (
                {
                    "resourceType": "AllergyIntolerance",
                    "recorder": {"reference": "Patient/second"},
                    "patient": {"reference": "Patient/first"},
                },
                "first",
            ),
            (
                {
                    "resourceType": "Appointment",
                    "participant": [
                        {"actor": {"reference": "Practitioner/d"}},
                        {"actor": {"reference": "Patient/p"}},
                    ],
                },
                "p",
            ),
        ],
    )
    def test_a_resource_is_filed_under_its_patient(
        self, resource: dict[str, object], patient: str | None
    ) -> None:
        assert extract(resource).patient == patient


class TestHot:
    def test_type_code_category_and_encounter_are_hot(self) -> None:
        resource = {
            **MINIMAL,
            "code": {"coding": [{"system": "s", "code": "c"}]},
            "category": [{"coding": [{"code": "k"}]}],
            "encounter": {"reference": "Encounter/e"},
        }
        index = extract(resource)
        expected = {type_hash("Observation")}
        for name, text in (("code", "other|c"), ("category", "k"), ("encounter", "e")):
            query = parse_search("Observation", [(name, text)])
            assert isinstance(query, SearchQuery)
            hot = hot_hashes_of("Observation", query.criteria[0])
            assert hot is not None
            assert set(hot) & set(index.hot)
            expected |= set(hot) & set(index.hot)
        assert set(index.hot) == expected
        assert set(index.hot) <= {*index.hashes, type_hash("Observation")}

    @pytest.mark.parametrize(
        ("name", "text"), [("code", "s|"), ("code:not", "c"), ("code:missing", "true"), ("status", "final")]
    )
    def test_what_the_hot_index_cannot_answer_is_said(self, name: str, text: str) -> None:
        query = parse_search("Observation", [(name, text)])
        assert isinstance(query, SearchQuery)
        assert hot_hashes_of("Observation", query.criteria[0]) is None

    def test_a_task_is_filed_under_the_patient_it_is_for(self) -> None:
        task = {"resourceType": "Task", "for": {"reference": "Patient/p1"}, "authoredOn": "2024-03-01"}
        values = extract(task)
        assert values.patient == "p1"
        assert type_hash("Task") in values.hot
        assert values.sort is not None

    def test_types_without_a_patient_have_none(self) -> None:
        code = {"coding": [{"code": "c"}]}
        assert extract({"resourceType": "Medication", "code": code}).hot == []
        query = parse_search("Medication", [("code", "c")])
        assert isinstance(query, SearchQuery)
        assert hot_hashes_of("Medication", query.criteria[0]) is None
        assert not is_hot_type("Medication")


class TestClinicalDate:
    def test_every_type_of_the_patient_compartment_has_a_choice(self) -> None:
        types = {name for name in RESOURCE_TYPES if is_hot_type(name)}
        assert {*compartment("Patient"), "Patient", "Task"} <= types
        assert types == CLINICAL_DATES.keys() | UNDATED
        for type_name in types:
            dated_by = clinical_date_parameter(type_name)
            dates = {
                parameter.name
                for parameter in search_parameters(type_name).values()
                if parameter.type == "date" and not parameter.name.startswith("_")
            }
            assert (dated_by in dates) if dates else (dated_by is None)

    def test_other_types_have_none(self) -> None:
        assert clinical_date_parameter("Organization") is None
        assert TYPE_CODES["Organization"]

    def test_the_earliest_moment_counts(self) -> None:
        encounter = {"resourceType": "Encounter", "period": {"start": "2024-05-31", "end": "2024-06-02"}}
        limits = date_range("2024-05-31")
        assert limits is not None
        assert extract(encounter).sort == limits[0]
