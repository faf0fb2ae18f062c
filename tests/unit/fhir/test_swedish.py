"""Swedish words as people search for them: in every form, in compounds, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontinuum.fhir.swedish import folded, marks, stem, terms


def found(typed: str, text: str) -> list[str]:
    """What is marked in a text."""
    return [text[start:end] for start, end in marks(text, terms(typed))]


@pytest.mark.parametrize(
    ("typed", "text", "marked"),
    [
        ("blödning", "Inga blödningar i dag.", ["blödningar"]),
        ("svikt", "Hjärtsvikten är stabil.", ["svikten"]),
        ("hjärt", "Hjärtsvikten är stabil.", ["Hjärt"]),
        ("hjärt svikt", "Hjärtsvikten är stabil.", ["Hjärtsvikten"]),
        ("svikt", "Kroppsvikt 62 kg, behandlingssvikt", ["svikt"]),
        ("puls", "Impulsiv. Fotpulsar finns.", ["pulsar"]),
        ("Hb", "HbA1c 48, Hb 116, snabb", ["Hb", "Hb"]),
        ("hb", "B-Hemoglobin", ["Hemoglobin"]),
        ("KOL", "Kolesterol högt. Känd KOL.", ["KOL"]),
        ("I50", "I50.9 men inte DI50 eller 150", ["I50"]),
        ("38,5", "Temp 38,5 i går, 138,5 aldrig", ["38,5"]),
        ('"ingen blödning"', "Ingen  blödning. Blödning ingen.", ["Ingen  blödning"]),
        ("blod", "Blödning, blodtryck", ["blod"]),
        ("mage", "magen gör ont", ["magen"]),
        ("trycket", "Blodtryck 140/80", ["tryck"]),
        ("blo\u0308dning", "Ingen blo\u0308dning", ["blo\u0308dning"]),
        ("100%", "100% och 1000", ["100%"]),
    ],
)
def test_a_word_is_found_where_people_mean_it(typed: str, text: str, marked: list[str]) -> None:
    assert found(typed, text) == marked


def test_a_single_letter_is_no_term_and_there_are_at_most_eight() -> None:
    assert terms("a ! ,") == ()
    assert len(terms(" ".join(f"ord{'abcdefghijkl'[n]}" for n in range(12)))) == 8


WORDS = st.text(st.sampled_from("abdefghiklmnoprstuvyåäö"), min_size=4, max_size=14)


@given(WORDS, WORDS)
def test_what_is_found_in_a_word_stands_among_the_letters_by_which_the_index_is_asked(
    word: str, head: str
) -> None:
    """Else the index would leave out an entry in which the term stands."""
    for text in (word, head + word, word.capitalize(), word + "erna"):
        for term in terms(word):
            if list(term.places(text)):
                assert any(needle in folded(text) for needle in term.needles)


@given(st.text(max_size=60), st.text(max_size=200))
def test_marks_lie_within_any_text_in_order_and_apart(typed: str, text: str) -> None:
    end_before = -1
    for start, end in marks(text, terms(typed)):
        assert end_before < start < end <= len(text)
        end_before = end


def test_stems_are_the_algorithms() -> None:
    assert [stem(word) for word in ("ben", "barnens", "utlöst", "hoppfullt", "läkemedels")] == [
        "ben",
        "barn",
        "utlös",
        "hoppfull",
        "läkemedel",
    ]
