"""The contract of every module: what it contributes is declared, translated, documented and can be shown."""

from __future__ import annotations

import ast
import inspect
from datetime import UTC, datetime
from importlib import import_module
from importlib.resources import files
from pathlib import Path

import httpx
import pytest
from tests.http.pages.conftest import PATIENT, patient, write

from kontinuum.app.modules import MODULES
from kontinuum.kernel.i18n import LANGUAGES
from kontinuum.kernel.module import AuditKind, Chart, Module, View
from kontinuum.kernel.principal import Purpose
from kontinuum.record import Record
from kontinuum.record.outcome import SearchPage
from kontinuum.web.workspace.assets import Assets
from kontinuum.web.workspace.templating import Templates

ROOT = Path(__file__).resolve().parents[3]
each_module = pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)


class NoNames:
    """A directory that knows nobody."""

    def unit(self, hsa_id: str) -> str:
        return hsa_id

    def name(self, reference: str | None, display: str | None = None) -> str:
        return display or ""


@pytest.fixture(scope="module")
def templates() -> Templates:
    return Templates(MODULES, Assets())


def chart(templates: Templates, language: str) -> Chart:
    now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    return Chart(PATIENT, now, templates.translators[language], NoNames())


def test_modules_have_names_of_their_own_and_anchors_of_their_own() -> None:
    names = [module.name for module in MODULES]
    anchors = [card.anchor for module in MODULES for card in module.cards]
    assert len(names) == len(set(names))
    assert len(anchors) == len(set(anchors))


@each_module
def test_a_module_is_a_folder_with_one_export_and_its_name(module: Module) -> None:
    assert module.package.rpartition(".")[2] == module.name
    source = inspect.getsource(import_module(module.package))
    assigned = [
        target.id
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    assert assigned == ["MODULE"]


@each_module
def test_a_module_has_a_page_of_documentation_and_a_test(module: Module) -> None:
    page = ROOT / "docs" / "modules" / f"{module.name}.md"
    assert page.read_text(encoding="utf-8").startswith("# ")
    assert list((ROOT / "tests" / "unit" / "care").glob(f"test_{module.name}*.py"))


@each_module
def test_every_route_names_its_purposes_and_what_it_does_to_the_record(module: Module) -> None:
    for route in module.routes:
        assert route.purposes
        assert Purpose.PATIENT not in route.purposes, "patients have pages of their own"
        assert isinstance(route.audit, AuditKind)
        assert not route.path.startswith("/")


@each_module
@pytest.mark.parametrize("language", LANGUAGES)
def test_cards_of_an_empty_chart_can_be_shown_in_every_language(
    module: Module, templates: Templates, language: str
) -> None:
    about = chart(templates, language)
    for card in module.cards:
        view = card.view(about, [SearchPage(()) for _ in card.queries(about)])
        if view is None:
            continue
        assert isinstance(view, View)
        html = templates.render(
            language,
            view.template,
            {**view.values, "chart": about, "anchor": card.anchor, "title": card.title},
        )
        assert f'id="{card.anchor}-title"' in html
    for part in module.banner:
        part.notes(about, [SearchPage(()) for _ in part.queries(about)])


@each_module
def test_every_search_names_the_patient_and_limits_what_it_asks_for(
    module: Module, templates: Templates
) -> None:
    about = chart(templates, "sv")
    parts = [*module.cards, *module.banner]
    for query in (query for part in parts for query in part.queries(about)):
        of_the_person = query == f"Patient?_id={PATIENT}"
        assert of_the_person or (f"patient={PATIENT}" in query and "_count=" in query), query


@each_module
def test_titles_are_translated_to_swedish(module: Module, templates: Templates) -> None:
    swedish = templates.translators["sv"]
    for text in (
        module.title,
        *(card.title for card in module.cards),
        *(route.title for route in module.routes),
    ):
        assert text in swedish._messages, text


@each_module
def test_every_template_compiles_and_carries_no_inline_code(module: Module, templates: Templates) -> None:
    for template in files(module.package).joinpath("pages").iterdir():
        text = template.read_text(encoding="utf-8")
        assert "style=" not in text
        assert "<script" not in text
        assert "|safe" not in text
    templates.load_all()


@each_module
async def test_every_search_of_a_module_is_one_that_the_record_runs(
    module: Module, doctors_record: Record, templates: Templates
) -> None:
    about = chart(templates, "sv")
    for part in [*module.cards, *module.banner]:
        assert len(await doctors_record.find_many(part.queries(about))) == len(part.queries(about))


@each_module
async def test_every_route_answers_for_a_patient_without_anything_recorded(
    module: Module, doctor: httpx.AsyncClient, doctors_record: Record
) -> None:
    await write(doctors_record, patient())
    for route in module.routes:
        for headers in ({}, {"hx-request": "true"}):
            answer = await doctor.get(f"/patient/{PATIENT}/{module.name}/{route.path}", headers=headers)
            assert answer.status_code in (200, 404)
            assert answer.headers["cache-control"] == "no-store"


@each_module
async def test_the_chart_can_be_shown_without_the_module(
    module: Module, application: object, doctors_record: Record
) -> None:
    from starlette.applications import Starlette
    from tests.http.pages.conftest import sign_in

    from kontinuum.web.workspace import routes

    await write(doctors_record, patient())
    others = [one for one in MODULES if one is not module]
    app = Starlette(routes=routes(application, others))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as browser:
        await sign_in(browser, "Anna Berglund")
        answer = await browser.get(f"/patient/{PATIENT}")
    assert answer.status_code == 200
    for card in module.cards:
        assert f'id="{card.anchor}"' not in answer.text
