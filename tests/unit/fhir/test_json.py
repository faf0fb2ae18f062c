"""Reading and writing JSON without losing or inventing anything."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontinuum.fhir.json import MAX_DEPTH, JsonError, dumps, loads

NUMBERS = [
    "1.00",
    "0.0",
    "-0.5",
    "100",
    "0.10",
    "-3",
    "123456789012345678901234567890",
    "0.123456789012345678901234567890",
]

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.decimals(allow_nan=False, allow_infinity=False, places=3)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_comes_back_with_the_digits_it_was_sent_with(number: str) -> None:
    assert dumps(loads(b'{"value":' + number.encode() + b"}")) == b'{"value":' + number.encode() + b"}"


def test_a_number_with_an_exponent_keeps_value_and_precision() -> None:
    assert loads("1.50e3") == Decimal("1.50E+3")
    assert loads(dumps(loads("1.50e3"))).as_tuple() == Decimal("1.50E+3").as_tuple()


def test_a_number_without_fraction_is_an_int_of_any_size() -> None:
    assert loads("18446744073709551616") == 18446744073709551616
    assert isinstance(loads("1"), int)


@given(VALUES)
def test_what_is_written_is_read_back(value: object) -> None:
    assert loads(dumps(value)) == value


@given(
    st.dictionaries(st.text('":\\ a{}[],\n', max_size=6), st.text('":\\ a{}[],\n', max_size=6), max_size=5)
)
def test_text_that_looks_like_syntax_is_not_taken_for_a_duplicate(value: dict[str, str]) -> None:
    assert loads(dumps(value)) == value
    assert loads(dumps(value).replace(b'":"', b'" : "')) is not None


@pytest.mark.parametrize(
    "text",
    [
        '{"id":"a","id":"b"}',
        '{"id":"a", "id" : "b"}',
        '{"x":{"id":1,"id":1}}',
        '[{"a":[{"b":1,"b":1}]}]',
        '{"a\\u0022:":1,"b":2,"b":3}',
        '{"a":"\\":","b":2,"b":3}',
        '{"id":1,"\\u0069d":2}',
    ],
)
def test_a_name_given_twice_in_one_object_is_refused(text: str) -> None:
    with pytest.raises(JsonError, match="occurs twice in one object"):
        loads(text)


def test_the_same_name_in_two_objects_is_no_duplicate() -> None:
    assert loads('[{"id":1},{"id":1}]') == [{"id": 1}, {"id": 1}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "empty"),
        (b"  ", "empty"),
        (b"{", "ends"),
        (b'{"a":1}x', "trailing characters"),
        (b'{"a":01}', "invalid number"),
        (b"NaN", "invalid character"),
        (b"[1,]", "not JSON"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b'"\xff"', "not UTF-8"),
        (b'{"name":"\xe5"}', "not UTF-8"),
        (b'"\\ud800"', "escape"),
        (b'"\\udc00"', "surrogate"),
        (b'"\x01"', "invalid character"),
        (b"1e99999999999999999999", "exponent"),
        (b"9" * 5000, "digits"),
    ],
)
def test_what_is_not_json_is_refused_with_a_reason(text: bytes, message: str) -> None:
    with pytest.raises(JsonError, match=message):
        loads(text)


def test_a_string_with_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(JsonError, match="surrogate"):
        loads('"\ud800"')


def test_the_position_is_that_of_the_fault() -> None:
    with pytest.raises(JsonError) as caught:
        loads(b'{"a": tru}')
    assert caught.value.position is not None
    assert 6 <= caught.value.position <= 10
    assert "byte" in str(caught.value)


def test_bytes_that_are_not_utf8_are_placed_in_the_whole_text() -> None:
    with pytest.raises(JsonError) as caught:
        loads(b'{"a":"ok","b":"\xff"}')
    assert caught.value.position == 15


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_nesting_is_taken_up_to_the_limit_and_refused_beyond(opening: str) -> None:
    closing = {"[": "]"}.get(opening, "}")
    inner = MAX_DEPTH - 1
    assert loads(opening * inner + "[]" + closing * inner) is not None
    with pytest.raises(JsonError, match="nested"):
        loads(opening * (MAX_DEPTH + 1) + "[]" + closing * (MAX_DEPTH + 1))


def test_nesting_of_any_depth_does_not_exhaust_the_stack() -> None:
    with pytest.raises(JsonError, match="nested"):
        loads("[" * 200_000)


def test_a_wide_document_is_not_deep() -> None:
    assert len(loads("[" + ",".join(["{}"] * 1000) + "]")) == 1000


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), [{"a": Decimal("-Infinity")}]])
def test_a_decimal_that_is_no_number_is_not_written(value: object) -> None:
    with pytest.raises(ValueError, match="NaN or an infinity"):
        dumps(value)


def test_the_words_nan_and_infinity_are_text_like_any_other() -> None:
    assert dumps("NaN Infinity") == b'"NaN Infinity"'


def test_swedish_text_is_written_as_utf8() -> None:
    assert dumps({"name": "Åsa Öberg"}) == '{"name":"Åsa Öberg"}'.encode()
