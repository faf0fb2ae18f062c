"""What a search finds: each data type under each parameter type, by the index and by the plain reading.

Every question is put twice, to the index values of a resource (looked up in memory as the store does in
SQL) and to `matches`, which reads the resource itself; both must give the expected answer.
"""

import pytest
from search_oracle import LOINC, OBSERVATION, PATIENT, UCUM, asked, found

from kontinuum.fhir import json
from kontinuum.fhir.search import SearchQuery, matches, parse_search, recheck


class TestToken:
    @pytest.mark.parametrize(
        ("name", "text", "expected"),
        [
            ("code", "85354-9", True),
            ("code", f"{LOINC}|85354-9", True),
            ("code", f"{LOINC}|", True),
            ("code", "|85354-9", False),
            ("code", "|BP", True),
            ("code", "bp", False),
            ("code", "http://snomed.info/sct|85354-9", False),
            ("code", "nothing,BP", True),
            ("code:not", "BP", False),
            ("code:not", "other", True),
            ("code:not", "other,BP", False),
            ("combo-code", "8480-6", True),
            ("code", "8480-6", False),
            ("identifier", "urn:ids|A-1", True),
            ("identifier", "|bare", True),
            ("identifier", "urn:ids|bare", False),
            ("status", "final", True),
            ("status", "http://hl7.org/fhir/observation-status|final", True),
            ("status", "|final", False),
            ("_tag", "demo", True),
            ("method:not", "x", True),
        ],
    )
    def test_observation(self, name: str, text: str, expected: bool) -> None:
        assert found(OBSERVATION, name, text) is expected

    @pytest.mark.parametrize(
        ("name", "text", "expected"),
        [
            ("active", "true", True),
            ("active", "false", False),
            ("deceased", "false", True),
            ("deceased", "true", False),
            ("gender", "male", True),
            ("phone", "+46 8 123", True),
            ("phone", "ake@example.org", False),
            ("email", "ake@example.org", True),
            ("telecom", "|ake@example.org", True),
            ("identifier", "http://electronichealth.se/identifier/personnummer|199001012384", True),
        ],
    )
    def test_patient(self, name: str, text: str, expected: bool) -> None:
        assert found(PATIENT, name, text) is expected

    def test_a_date_of_death_is_a_death(self) -> None:
        assert found({**PATIENT, "deceasedDateTime": "2024"}, "deceased", "true")
        assert found({**PATIENT, "deceasedBoolean": False}, "deceased", "false")


class TestReferenceAndUri:
    @pytest.mark.parametrize(
        ("name", "text", "expected"),
        [
            ("subject", "p1", True),
            ("subject", "Patient/p1", True),
            ("subject", "Group/p1", False),
            ("subject:Patient", "p1", True),
            ("patient", "p1", True),
            ("patient", "Patient/p1/_history/1", False),
            ("encounter", "e1", True),
            ("encounter", "Encounter/e1/_history/3", True),
            ("encounter", "Encounter/e1/_history/2", False),
            ("performer", "https://other.example/fhir/Practitioner/x", True),
            ("performer", "x", False),
            ("derived-from", "c1", False),
            ("_profile", "http://example.org/profile", True),
            ("_profile", "http://example.org/profile\\|1.0", True),
            ("_profile", "http://example.org/profil", False),
        ],
    )
    def test_observation(self, name: str, text: str, expected: bool) -> None:
        assert found(OBSERVATION, name, text) is expected

    def test_an_absolute_url_below_the_own_base_finds_the_relative_reference(self) -> None:
        base = "https://record.example/fhir"
        assert found(OBSERVATION, "subject", f"{base}/Patient/p1", base=base)
        assert not found(OBSERVATION, "subject", f"{base}/Patient/p1")

    def test_canonicals_are_found_with_and_without_version(self) -> None:
        response = {
            "resourceType": "QuestionnaireResponse",
            "questionnaire": "http://x/q|2",
            "status": "completed",
        }
        assert found(response, "questionnaire", "http://x/q")
        assert found(response, "questionnaire", "http://x/q|2")
        assert not found(response, "questionnaire", "http://x/q|3")

    def test_related_artifacts_are_told_apart_by_their_kind(self) -> None:
        library = {
            "resourceType": "Library",
            "status": "active",
            "relatedArtifact": [
                {"type": "depends-on", "resource": "http://x/a"},
                {"type": "successor", "resource": "http://x/b"},
            ],
        }
        assert found(library, "depends-on", "http://x/a")
        assert not found(library, "depends-on", "http://x/b")

    def test_the_first_resource_of_a_document(self) -> None:
        bundle = {
            "resourceType": "Bundle",
            "type": "document",
            "entry": [{"resource": {"resourceType": "Composition", "id": "c"}}],
        }
        assert found(bundle, "composition", "Composition/c")
        assert not found(bundle, "composition", "Composition/d")


class TestString:
    @pytest.mark.parametrize(
        ("name", "text", "expected"),
        [
            ("name", "ake", True),
            ("name", "ÅKE", True),
            ("name", "A\u030ake", True),
            ("name", "ke", False),
            ("name:contains", "LINDQ", True),
            ("name:exact", "Åke", True),
            ("name:exact", "åke", False),
            ("name:exact", "Åke ", False),
            ("family", "ostrom", True),
            ("given", "göran", True),
            ("name", "dr", True),
            ("address", "storgatan 1", True),
            ("address", "621", True),
            ("address-city", "vis", True),
            ("address-country", "SE", True),
        ],
    )
    def test_patient(self, name: str, text: str, expected: bool) -> None:
        assert found(PATIENT, name, text) is expected

    def test_text_of_a_concept(self) -> None:
        observation = {**OBSERVATION, "valueCodeableConcept": {"text": "Much better"}}
        assert found(observation, "value-string", "much")


class TestDate:
    @pytest.mark.parametrize(
        ("value", "text", "expected"),
        [
            # eq: the search value holds the whole of the resource's
            ("2024-05-31", "2024-05", True),
            ("2024-05", "2024-05-31", False),
            ("2024-05-31T10:00:00Z", "2024-05-31T12:00:00+02:00", True),
            ("2024-05-31", "ne2024-05", False),
            ("2024-05", "ne2024-05-31", True),
            ("2024-05", "gt2024-05-15", True),
            ("2024-05", "gt2024-05-31", False),
            ("2024-05", "lt2024-05-15", True),
            ("2024-05", "lt2024-05-01", False),
            ("2024-05", "ge2024-05", True),
            ("2024-05", "ge2024", True),
            ("2023", "ge2024", False),
            ("2024-05", "le2024-05", True),
            ("2025", "le2024", False),
            ("2024-05", "sa2024-04-30", True),
            ("2024-05", "sa2024-05-01", False),
            ("2024-05", "eb2024-06-01", True),
            ("2024-05", "eb2024-05-31", False),
            ("2024-05", "ap2024-05-15", True),
        ],
    )
    def test_prefixes(self, value: str, text: str, expected: bool) -> None:
        observation = {**OBSERVATION, "effectiveDateTime": value}
        del observation["effectivePeriod"]
        assert found(observation, "date", text) is expected

    @pytest.mark.parametrize(
        ("text", "expected"), [("gt2100", True), ("sa2024-05-30", True), ("2024", False), ("eb2030", False)]
    )
    def test_a_period_without_end_goes_on(self, text: str, expected: bool) -> None:
        assert found(OBSERVATION, "date", text) is expected

    def test_a_timing_spans_its_events_and_bounds(self) -> None:
        timing = {"event": ["2024-01-10", "2024-03-01"], "repeat": {"boundsPeriod": {"end": "2024-02"}}}
        request = {
            "resourceType": "ServiceRequest",
            "status": "active",
            "intent": "order",
            "occurrenceTiming": timing,
        }
        assert found(request, "occurrence", "le2024-01-10")
        assert found(request, "occurrence", "gt2024-02-29")
        assert not found(request, "occurrence", "gt2024-03-01")
        assert not found(request, "occurrence", "sa2023")
        timing["repeat"] = {}
        assert found(request, "occurrence", "sa2023")

    def test_a_type_without_dates_is_only_present(self) -> None:
        procedure = {"resourceType": "Procedure", "status": "completed", "performedString": "last summer"}
        assert found(procedure, "date:missing", "false")
        assert not found(procedure, "date", "ge1900")

    def test_partial_dates_of_birth(self) -> None:
        assert found(PATIENT, "birthdate", "1990")
        assert not found(PATIENT, "birthdate", "1990-01-01")


class TestNumberAndQuantity:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("0.8", True), ("0.80", True), ("0.85", False), ("0.8000001", False), ("ne0.8", False),
            ("ne0.7", True), ("gt0.8", False), ("ge0.8", True), ("lt0.8", False), ("le0.8", True),
            ("sa0.79", True), ("eb0.81", True), ("ap0.75", True), ("ap0.7", False),
        ],
    )  # fmt: skip
    def test_probability(self, text: str, expected: bool) -> None:
        assessment = {
            "resourceType": "RiskAssessment",
            "prediction": [{"probabilityDecimal": json.loads("0.80")}],
        }
        assert found(assessment, "probability", text) is expected

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("gt0.5", True),
            ("0.5", False),
            ("sa0.1", True),
            ("lt0.3", True),
            ("le0.2", False),
            ("ge0.6", False),
        ],
    )
    def test_a_range_of_probability(self, text: str, expected: bool) -> None:
        prediction = {
            "probabilityRange": {"low": {"value": json.loads("0.2")}, "high": {"value": json.loads("0.6")}}
        }
        assert (
            found({"resourceType": "RiskAssessment", "prediction": [prediction]}, "probability", text)
            is expected
        )

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("120", True),
            ("119.6", False),
            (f"120|{UCUM}|mm[Hg]", True),
            ("120||mm[Hg]", True),
            ("120||mmHg", True),
            (f"120|{UCUM}|mmHg", False),
            ("120|http://other|mm[Hg]", False),
            ("gt100||kPa", False),
        ],
    )
    def test_units(self, text: str, expected: bool) -> None:
        assert found(OBSERVATION, "combo-value-quantity", text) is expected

    @pytest.mark.parametrize(
        ("text", "expected"), [("lt5", True), ("gt5", False), ("eb6", True), ("5", False)]
    )
    def test_a_comparator_opens_the_range(self, text: str, expected: bool) -> None:
        observation = {**OBSERVATION, "valueQuantity": {"value": 5, "comparator": "<"}}
        assert found(observation, "value-quantity", text) is expected

    def test_ages_ranges_and_money(self) -> None:
        condition = {"resourceType": "Condition", "onsetAge": {"value": 52, "system": UCUM, "code": "a"}}
        assert found(condition, "onset-age", "52||a")
        ranged = {
            "resourceType": "Condition",
            "onsetRange": {"low": {"value": 50, "system": UCUM, "code": "a"}},
        }
        assert found(ranged, "onset-age", f"gt60|{UCUM}|a")
        invoice = {"resourceType": "Invoice", "totalNet": {"value": json.loads("99.50"), "currency": "SEK"}}
        assert found(invoice, "totalnet", "99.5|urn:iso:std:iso:4217|SEK")
        assert not found(invoice, "totalnet", "99.5||EUR")

    def test_sampled_data_spans_its_points(self) -> None:
        sampled = {
            "origin": {"value": 10, "code": "mV"},
            "period": 1,
            "factor": 2,
            "dimensions": 1,
            "data": "1 E 5 3",
        }
        observation = {**OBSERVATION, "valueSampledData": sampled}
        assert found(observation, "value-quantity", "gt19")
        assert not found(observation, "value-quantity", "gt20")
        assert found(observation, "value-quantity", "lt13||mV")
        sampled["data"] = "1 U"
        assert found(observation, "value-quantity", "gt1000")


class TestComposite:
    @pytest.mark.parametrize(
        ("name", "text", "expected"),
        [
            ("component-code-value-quantity", "8480-6$120", True),
            ("component-code-value-quantity", f"{LOINC}|8480-6$gt100|{UCUM}|mm[Hg]", True),
            ("component-code-value-quantity", "8480-6$80", False),
            ("component-code-value-quantity", "8462-4$80", True),
            ("component-code-value-quantity", "8462-4$80||kPa", False),
            ("combo-code-value-quantity", "8462-4$lt90,8462-4$gt200", True),
            ("code-value-quantity", "85354-9$120", False),
            ("code-value-quantity:missing", "true", True),
            ("component-code-value-quantity:missing", "false", True),
        ],
    )
    def test_components_belong_together(self, name: str, text: str, expected: bool) -> None:
        assert found(OBSERVATION, name, text) is expected

    def test_code_with_each_kind_of_value(self) -> None:
        concept = {**OBSERVATION, "valueCodeableConcept": {"coding": [{"system": "s", "code": "pos"}]}}
        assert found(concept, "code-value-concept", "85354-9$s|pos")
        assert not found(concept, "code-value-concept", "85354-9$s|neg")
        text = {**OBSERVATION, "valueString": "Ångest"}
        assert found(text, "code-value-string", "BP$ang")
        assert not found(text, "code-value-string", "XX$ang")
        date = {**OBSERVATION, "valueDateTime": "2024-05-31"}
        assert found(date, "code-value-date", "BP$ge2024-05")
        assert not found(date, "code-value-date", "BP$lt2024-05")

    def test_relationship_of_documents(self) -> None:
        document = {
            "resourceType": "DocumentReference",
            "relatesTo": [
                {"code": "replaces", "target": {"reference": "DocumentReference/1"}},
                {"code": "appends", "target": {"reference": "DocumentReference/2"}},
            ],
        }
        assert found(document, "relationship", "1$replaces")
        assert not found(document, "relationship", "1$appends")

    def test_usage_context(self) -> None:
        context = {"code": {"code": "age"}, "valueRange": {"low": {"value": 18}}}
        value_set = {"resourceType": "ValueSet", "status": "active", "useContext": [context]}
        assert found(value_set, "context-type-quantity", "age$gt30")
        assert not found(value_set, "context-type-quantity", "gender$gt30")

    def test_several_ranges_come_from_the_same_element(self) -> None:
        sequence = {
            "resourceType": "MolecularSequence",
            "coordinateSystem": 0,
            "referenceSeq": {"chromosome": {"coding": [{"code": "7"}]}, "windowStart": 1, "windowEnd": 9},
            "variant": [{"start": 10, "end": 20}, {"start": 30, "end": 40}],
        }
        assert found(sequence, "chromosome-variant-coordinate", "7$ge10$le20")
        assert found(sequence, "chromosome-variant-coordinate", "7$30$40")
        assert not found(sequence, "chromosome-variant-coordinate", "7$30$20")
        assert not found(sequence, "chromosome-variant-coordinate", "8$10$20")
        assert found(sequence, "chromosome-window-coordinate", "7$1$9")


class TestMissing:
    @pytest.mark.parametrize(
        ("name", "missing"),
        [
            ("code", False), ("method", True), ("subject", False), ("device", True), ("date", False),
            ("value-quantity", True), ("performer", False), ("derived-from", False), ("specimen", True),
        ],
    )  # fmt: skip
    def test_presence(self, name: str, missing: bool) -> None:
        assert found(OBSERVATION, f"{name}:missing", "true") is missing
        assert found(OBSERVATION, f"{name}:missing", "false") is not missing

    def test_a_value_that_is_only_an_extension_is_missing(self) -> None:
        patient = {**PATIENT, "_birthDate": {"extension": [{"url": "http://x", "valueCode": "unknown"}]}}
        del patient["birthDate"]
        assert found(patient, "birthdate:missing", "true")

    def test_a_reference_by_identifier_is_present_but_not_found(self) -> None:
        assert found(PATIENT, "general-practitioner:missing", "false")

    def test_the_declared_type_of_a_reference_counts(self) -> None:
        by_identifier = {**OBSERVATION, "subject": {"type": "Patient", "identifier": {"value": "1"}}}
        assert found(by_identifier, "patient:missing", "false")
        group = {**OBSERVATION, "subject": {"type": "Group", "identifier": {"value": "1"}}}
        assert found(group, "patient:missing", "true")
        assert found(
            {**OBSERVATION, "subject": {"reference": "#p"}, "contained": [PATIENT | {"id": "p"}]},
            "patient:missing",
            "false",
        )


class TestQuery:
    def test_type_ids_and_time_of_update_count(self) -> None:
        def holds(*params: tuple[str, str], type_name: str = "Observation") -> bool:
            parsed = parse_search(type_name, params)
            assert isinstance(parsed, SearchQuery), parsed
            return matches(parsed, OBSERVATION)

        assert holds(("_id", "x,o1"), ("_lastUpdated", "2024-05-31"), ("code", "BP"))
        assert not holds(("_id", "x"))
        assert not holds(("_lastUpdated", "gt2024-05-31"))
        assert not holds(("code", "BP"), ("code", "other"))
        assert not holds(type_name="Patient")


class TestRecheck:
    def test_a_collision_is_found_out(self) -> None:
        body = json.dumps(OBSERVATION)
        for name, text in (("code", "absent"), ("subject", "Patient/absent"), ("method:missing", "false")):
            assert not recheck(asked("Observation", name, text).criteria, body)

    def test_escaped_json_is_decoded_before_it_is_refused(self) -> None:
        body = json.dumps(OBSERVATION).replace(b"http://loinc.org", b"http:\\/\\/loinc.org")
        assert recheck(asked("Observation", "code", f"{LOINC}|85354-9").criteria, body)

    def test_an_implied_system_is_understood(self) -> None:
        query = asked("Observation", "status", "http://hl7.org/fhir/observation-status|final")
        assert recheck(query.criteria, json.dumps(OBSERVATION))
