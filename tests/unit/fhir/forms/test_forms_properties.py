"""What holds of every form and every response to it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.forms import (
    SUBJECT,
    answered,
    calculated,
    expression,
    questionnaire,
    response,
    when,
    within,
)

from kontinuum.fhir.paragraphs import paragraphs
from kontinuum.fhir.questionnaire import (
    Form,
    compile_form,
    evaluate,
    extract,
    narrative,
    plain_text,
    reevaluate,
    render,
    sections,
    urls,
    validate_response,
)
from kontinuum.fhir.validation import validate

KINDS = ("integer", "boolean", "string", "text", "decimal")
LINKS = tuple("abcdefgh")
LETTERS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn"), exclude_characters="\ufffe\uffff"),
    max_size=30,
)
TEXTS = st.lists(LETTERS, min_size=1, max_size=4).map("\n".join).filter(lambda text: bool(text.strip()))

VALUES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "integer": st.integers(-5, 5).map(lambda value: {"valueInteger": value}),
    "boolean": st.booleans().map(lambda value: {"valueBoolean": value}),
    "string": LETTERS.filter(lambda text: bool(text.strip())).map(lambda value: {"valueString": value}),
    "text": TEXTS.map(lambda value: {"valueString": value}),
    "decimal": st.decimals("-9.99", "9.99", places=2).map(lambda value: {"valueDecimal": value}),
}
PATHS = st.sampled_from(
    [
        "%resource.item.where(linkId='{0}').answer.value",
        "%resource.descendants().where(linkId='{0}').answer.value",
        "%resource.repeat(item).where(linkId='{0}' or linkId='{1}').answer.value",
        "%resource.item.where(linkId='g').item.where(linkId in ('{0}' | '{1}')).answer.value",
        "%resource.item.where(linkId='g').item.answer.value",
        "(%resource.item.where(linkId='{0}') | %resource.item.where(linkId='{1}')).answer.value",
        "%resource.item.where(linkId='{0}').select(%resource.item.where(linkId='{1}').answer.value)",
        "%resource.item.where(linkId='{0}' and answer.exists()).answer.value",
        "%resource.item.answer.value",
        "%v",
    ]
)


@st.composite
def forms(draw: st.DrawFn) -> tuple[Form, dict[str, str]]:
    kinds = {link: draw(st.sampled_from(KINDS)) for link in LINKS}

    def one(link: str) -> dict[str, Any]:
        made: dict[str, Any] = {"linkId": link, "type": kinds[link], "text": f"Sökord {link}"}
        picked = [draw(st.sampled_from(LINKS)) for _ in range(2)]
        path = draw(PATHS).format(*picked)
        role = draw(st.sampled_from(["plain", "plain", "condition", "expression", "sum", "count"]))
        if role == "condition":
            made["enableWhen"] = [when(picked[0], "exists", answerBoolean=draw(st.booleans()))]
        elif role == "expression":
            made["extension"] = [expression(urls.ENABLE_WHEN, f"{path}.count() > 1")]
        elif role == "sum" and kinds[link] in ("integer", "decimal"):
            text = f"{path}.where($this is integer).aggregate($this + $total, 0)"
            made["extension"] = [calculated(text)]
        elif role == "count" and kinds[link] == "integer":
            made["extension"] = [calculated(f"{path}.count()")]
        return made

    variable = expression(urls.VARIABLE, draw(PATHS).format("a", "b").replace("%v", "1"), name="v")
    inside = [one(link) for link in "efgh".replace("g", "")]
    items = [one(link) for link in "abcd"]
    items.insert(
        draw(st.integers(0, 4)),
        {"linkId": "g", "type": "group", "text": "Grupp", "repeats": True, "item": inside},
    )
    made = compile_form(questionnaire(*items, extension=[variable]))
    return (made, kinds) if isinstance(made, Form) else draw(st.nothing())


@st.composite
def responses(draw: st.DrawFn, made: Form, kinds: dict[str, str]) -> dict[str, Any]:
    def some(links: list[str]) -> list[dict[str, Any]]:
        return [answered(link, **draw(VALUES[kinds[link]])) for link in links if draw(st.booleans())]

    items: list[dict[str, Any]] = []
    for child in made.children:
        if child.is_group:
            inside = [one.link_id for one in child.children]
            rows = [some(inside) for _ in range(draw(st.integers(0, 3)))]
            items += [within("g", *row) for row in rows if row]
        else:
            items += some([child.link_id])
    return response(*items)


def _everything(state: Any) -> tuple[Any, ...]:
    return state.response, state.problems, state.results


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_working_out_what_changed_gives_what_working_out_everything_gives(data: st.DataObject) -> None:
    made, kinds = data.draw(forms())
    state = evaluate(made, data.draw(responses(made, kinds)))
    for _ in range(3):
        following = data.draw(responses(made, kinds))
        state = reevaluate(state, following)
        assert _everything(state) == _everything(evaluate(made, following))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_what_is_not_asked_is_not_in_the_response_and_the_response_is_valid(data: st.DataObject) -> None:
    made, kinds = data.draw(forms())
    state = evaluate(made, data.draw(responses(made, kinds)))
    present: set[str] = set()
    waiting = [state.response]
    while waiting:
        here = waiting.pop()
        waiting += here.get("item", [])
        if "linkId" in here:
            present.add(here["linkId"])
    for link in present:
        assert state.enabled(link)
    again = evaluate(made, state.response)
    assert again.response == state.response
    assert validate_response(made, state.response) == list(state.problems)
    assert [issue for issue in validate(state.response) if issue.refuses] == []


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_the_text_holds_every_answer_letter_for_letter(data: st.DataObject) -> None:
    made, kinds = data.draw(forms())
    state = evaluate(made, data.draw(responses(made, kinds)))
    lines = render(state)
    text = plain_text(lines)
    read_back = "\n".join(
        paragraph for section in sections(state) for paragraph in paragraphs(section["text"]["div"])
    )
    for link, kind in kinds.items():
        if kind in ("string", "text") and link != "g":
            for answer in state.answers(link):
                assert answer["valueString"] in text
                assert answer["valueString"] in read_back
    assert narrative(lines).startswith('<div xmlns="http://www.w3.org/1999/xhtml">')


@settings(max_examples=40, deadline=None)
@given(st.lists(st.decimals("0.01", "300", places=2), min_size=1, max_size=4), st.integers(0, 30))
def test_extracting_twice_gives_the_same_resources(values: list[Decimal], count: int) -> None:
    code = [{"system": "http://loinc.org", "code": "8867-4"}]
    extracted = {"url": urls.OBSERVATION_EXTRACT, "valueBoolean": True}
    made = compile_form(
        questionnaire(
            {
                "linkId": "p",
                "type": "decimal",
                "repeats": True,
                "text": "Puls",
                "code": code,
                "extension": [extracted],
            },
            {"linkId": "n", "type": "integer", "text": "Antal", "code": code, "extension": [extracted]},
        )
    )
    assert isinstance(made, Form)
    answers = [{"valueDecimal": value} for value in dict.fromkeys(values)]
    given_response = response(answered("p", answers=answers), answered("n", valueInteger=count))
    bundle = extract(made, given_response)
    assert isinstance(bundle, dict)
    assert bundle == extract(made, given_response)
    ids = [entry["request"]["url"] for entry in bundle["entry"]]
    assert len(ids) == len(set(ids)) == len(answers) + 2
    for entry in bundle["entry"]:
        assert [issue for issue in validate(entry["resource"]) if issue.refuses] == []
    assert all(entry["resource"]["subject"] == SUBJECT for entry in bundle["entry"][:-1])
