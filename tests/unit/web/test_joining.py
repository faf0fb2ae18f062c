"""The one sheet and the one script of every page: nothing of their sources is left out, or said twice."""

from __future__ import annotations

import re

import pytest

from kontinuum.web.workspace import joining
from kontinuum.web.workspace.assets import STATIC

ON_SOME_PAGES = {"persons"}
"""Sheets that their own pages ask for."""


def sources() -> dict[str, bytes]:
    """The files as they are written."""
    files = (path for path in STATIC.rglob("*") if path.suffix in (".css", ".js"))
    return {path.relative_to(STATIC).as_posix(): path.read_bytes() for path in files}


def test_every_sheet_is_joined_once_and_its_addresses_hold() -> None:
    written = {path.stem for path in (STATIC / "css").glob("*.css")}
    assert sorted(joining.SHEETS) == sorted(written - ON_SOME_PAGES)
    joined = joining.sheet(sources()).decode()
    for address in re.findall(r'url\("([^"]+)"\)', joined):
        assert (STATIC / joining.JOINED_SHEET).parent.joinpath(address).resolve().is_file(), address


def test_every_module_is_joined_once_after_those_it_needs_or_loaded_later() -> None:
    files = sources()
    joined = joining.script(files).decode()
    order = re.findall(r"^const \$\w+ = \(\(\) => \{ // ([\w-]+\.js)$", joined, re.MULTILINE)
    later = set(re.findall(r'import\("\./([\w-]+\.js)"\)', joined))
    assert sorted([*order, *later]) == sorted(path.name for path in (STATIC / "js").glob("*.js"))
    for name in order:
        for needed in re.findall(r'^import .* from "\./([^"]+)"', files[f"js/{name}"].decode(), re.MULTILINE):
            assert order.index(needed) < order.index(name)
    for name in later:  # a module that were in both would be there twice, with a memory each
        assert not re.search(r'from "\./', files[f"js/{name}"].decode()), name


def test_what_is_exported_is_given_to_who_imports_it_and_to_nobody_else() -> None:
    files = {
        "js/workspace.js": b'import { one, Two } from "./as-sent.js";\none(Two);\n',
        "js/as-sent.js": b"const own = 1;\nexport async function one() {}\nexport class Two {}\n",
    }
    assert joining.script(files).decode() == (
        "const $as_sent = (() => { // as-sent.js\n"
        "const own = 1;\nasync function one() {}\nclass Two {}\nreturn { one, Two };\n})();\n\n"
        "const $workspace = (() => { // workspace.js\n"
        "const { one, Two } = $as_sent;\none(Two);\nreturn {  };\n})();\n"
    )


@pytest.mark.parametrize(
    "source",
    [b'import all from "./a.js";\n', b"export default 1;\n", b"export let many = 1;\n", b"export { a };\n"],
)
def test_a_form_of_import_or_export_that_is_not_known_is_refused(source: bytes) -> None:
    with pytest.raises(ValueError, match=r"workspace\.js: this cannot be joined"):
        joining.script({"js/workspace.js": source, "js/a.js": b""})


def test_modules_that_need_each_other_are_refused() -> None:
    files = {
        "js/workspace.js": b'import { a } from "./a.js";\n',
        "js/a.js": b'import { b } from "./b.js";\n',
        "js/b.js": b'import { a } from "./a.js";\n',
    }
    with pytest.raises(ValueError, match=r"workspace\.js → a\.js → b\.js → a\.js"):
        joining.script(files)
