"""`make check` fails when a rule is broken: each rule with a violation planted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROGRAMS = Path(sys.executable).parent
TIMEOUTS = "set local lock_timeout = '4s';\nset local statement_timeout = '5s';\n"


def check(name: str, tree: Path) -> subprocess.CompletedProcess[str]:
    """Run one of the checks on a tree."""
    return subprocess.run(
        [sys.executable, str(ROOT / "tools" / f"check_{name}.py"), str(tree)],
        capture_output=True,
        text=True,
        check=False,
    )


def lint_imports(tree: Path) -> subprocess.CompletedProcess[str]:
    """Run the import contracts on a tree."""
    return subprocess.run(
        [str(PROGRAMS / "lint-imports"), "--no-cache"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree / "src")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the source tree and its contracts."""
    leave_out = shutil.ignore_patterns("__pycache__", "static", "data")
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=leave_out)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_layers_hold_as_they_are(tree: Path) -> None:
    result = lint_imports(tree)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("module", "statement", "contract"),
    [
        ("kernel/clock.py", "import kontinuum.store.pool", "Layers"),
        ("fhir/issues.py", "import kontinuum.record", "Layers"),
        ("sweden/persons.py", "import kontinuum.fhir.issues", "Layers"),
        ("audit/entry.py", "import kontinuum.identity", "Layers"),
        ("record/context.py", "import kontinuum.app.cli", "Layers"),
        ("kernel/clock.py", "import asyncpg", "Pure"),
        ("access/decide.py", "import starlette.responses", "Pure"),
        ("web/workspace/pages.py", "import kontinuum.store.resources", "gate"),
        ("care/notes/views.py", "import kontinuum.care.problems", "independent"),
        ("care/problems/rules.py", "import jinja2", "rules"),
    ],
)
def test_an_import_against_the_layers_is_found(
    tree: Path, module: str, statement: str, contract: str
) -> None:
    file = tree / "src" / "kontinuum" / module
    file.write_text(f"{file.read_text(encoding='utf-8')}\n{statement}\n", encoding="utf-8")
    result = lint_imports(tree)
    assert result.returncode != 0
    broken = [line for line in result.stdout.splitlines() if line.endswith("BROKEN")]
    assert any(contract in line for line in broken), result.stdout


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    """A folder with one good migration."""
    folder = tmp_path / "src" / "kontinuum" / "store" / "migrations"
    folder.mkdir(parents=True)
    (folder / "0001_first.sql").write_text(f"-- First.\n{TIMEOUTS}create table t (x int);\n")
    return folder


def test_the_migrations_of_this_release_are_in_order() -> None:
    result = check("migrations", ROOT)
    assert result.returncode == 0, result.stdout


def test_a_destructive_step_with_its_reason_is_allowed(migrations: Path, tmp_path: Path) -> None:
    (migrations / "0002_drop.sql").write_text(f"{TIMEOUTS}-- destructive: unused since 0.2\ndrop table t;\n")
    assert check("migrations", tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("0003_gap.sql", f"{TIMEOUTS}create table u (x int);", "number 0002 was expected"),
        ("0001_again.sql", f"{TIMEOUTS}create table u (x int);", "was expected"),
        ("0002_down.sql.txt", "drop table t;", "a step back is a new step forward"),
        ("0002_slow.sql", "create table u (x int);", "must begin with"),
        ("0002_half.sql", "set local lock_timeout = '4s';\ncreate table u (x int);", "must begin with"),
        ("0002_drop.sql", f"{TIMEOUTS}drop table t;", "destructive"),
        ("0002_drop.sql", f"{TIMEOUTS}alter table t drop column x;", "destructive"),
        ("0002_type.sql", f"{TIMEOUTS}alter table t alter column x type bigint;", "destructive"),
        ("0002_name.sql", f"{TIMEOUTS}alter table t rename to u;", "destructive"),
        ("0002_delete.sql", f"{TIMEOUTS}delete from t;", "destructive"),
        ("0002_begin.sql", f"{TIMEOUTS}begin; create table u (x int); commit;", "one transaction"),
        ("0002_index.sql", f"{TIMEOUTS}create index concurrently on t (x);", "in a transaction"),
    ],
)
def test_a_migration_that_breaks_a_rule_is_found(
    migrations: Path, tmp_path: Path, name: str, text: str, complaint: str
) -> None:
    (migrations / name).write_text(text)
    result = check("migrations", tmp_path)
    assert result.returncode == 1
    assert complaint in result.stdout


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """A small tree whose every text has its Swedish."""
    source = tmp_path / "src" / "kontinuum"
    (source / "web" / "locale" / "sv" / "LC_MESSAGES").mkdir(parents=True)
    (source / "views.py").write_text("from kontinuum.kernel.i18n import message\nTITLE = message('Notes')\n")
    (source / "page.html").write_text("<h1>{{ _('Vitals') }}</h1>{% trans n=3 %}{{ n }} beds{% endtrans %}")
    file = source / "web" / "locale" / "sv" / "LC_MESSAGES" / "all.po"
    header = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
    entries = {"Notes": "Anteckningar", "Vitals": "Vitalparametrar", "%(n)s beds": "%(n)s vårdplatser"}
    body = "\n".join(f'msgid "{english}"\nmsgstr "{swedish}"\n' for english, swedish in entries.items())
    file.write_text(header + body, encoding="utf-8")
    return file


def test_complete_translations_pass(catalogue: Path, tmp_path: Path) -> None:
    result = check("translations", tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ('msgstr "Anteckningar"', 'msgstr ""', "no Swedish for 'Notes'"),
        ('msgid "Vitals"', '#, fuzzy\nmsgid "Vitals"', "no Swedish for 'Vitals'"),
        ('msgstr "%(n)s vårdplatser"', 'msgstr "vårdplatser"', "other placeholders"),
        ('msgid "Vitals"', 'msgid "Vital signs"', "nothing uses 'Vital signs'"),
    ],
)
def test_a_text_without_good_swedish_is_found(
    catalogue: Path, tmp_path: Path, before: str, after: str, complaint: str
) -> None:
    catalogue.write_text(catalogue.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")
    result = check("translations", tmp_path)
    assert result.returncode == 1
    assert complaint in result.stdout


@pytest.fixture
def documented(tmp_path: Path) -> Path:
    """A copy of the documentation."""
    leave_out = shutil.ignore_patterns(".*", "node_modules", "var", "src", "tests", "tools", "bench")
    shutil.copytree(ROOT, tmp_path / "tree", ignore=leave_out)
    return tmp_path / "tree"


def complaints(tree: Path) -> list[str]:
    """What the docs check says about a tree."""
    return [line for line in check("docs", tree).stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("page", "change", "complaint"),
    [
        ("docs/operations.md", "\n[gone](no-such-page.md)\n", "the link no-such-page.md leads nowhere"),
        ("docs/operations.md", "\n[gone](settings.md#no-such-part)\n", "no heading #no-such-part"),
        ("docs/settings.md", "| `KONTINUUM_MADE_UP` | | | |\n", "not what the table says"),
    ],
)
def test_documentation_that_is_not_true_is_found(
    documented: Path, page: str, change: str, complaint: str
) -> None:
    before = complaints(documented)
    with open(documented / page, "a", encoding="utf-8") as file:
        file.write(change)
    (new,) = set(complaints(documented)) - set(before)
    assert complaint in new


def test_a_command_that_no_page_tells_of_is_found(documented: Path) -> None:
    page = documented / "docs" / "operations.md"
    page.write_text(page.read_text(encoding="utf-8").replace("`kontinuum doctor", "`the doctor"))
    assert any("kontinuum doctor" in complaint for complaint in complaints(documented))


def test_long_files_and_functions_are_found(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "good.py").write_text("def f() -> None:\n" + "    x = 1\n" * 59)
    assert check("sizes", tmp_path).returncode == 0
    (tmp_path / "src" / "bad.py").write_text("def g() -> None:\n" + "    x = 1\n" * 60 + "\n" * 500)
    result = check("sizes", tmp_path)
    assert result.returncode == 1
    assert "g has 61 lines" in result.stdout
    assert "bad.py: 561 lines" in result.stdout
