"""One style sheet and one script out of many: a page asks for two files where their sources are sixty.

A browser takes about a millisecond for each file, also for one that it has kept. The sources are joined as
they are: sheets one after the other, each ES module as a function that gives what it exports. Only the plain
forms of `import` and `export` that `static/js` is written in are known; any other is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

SHEETS: Final = (
    "tokens", "base", "shell", "search", "banner", "sign-in", "administration", "chart", "notes", "measures",
    "access", "entry", "log", "writing", "files", "work", "beside", "phrases", "rail", "studio", "advice",
    "findings", "vitals", "flowsheet", "shaping", "nursing", "medication", "contacts", "orders", "timeline",
    "compare", "feedback", "words", "touch", "print",
)  # fmt: skip
"""The style sheets of every page, in the order of reading: a later one decides over an earlier."""
JOINED_SHEET: Final = "css/workspace.css"
SCRIPT: Final = "js/workspace.js"

_IMPORT: Final = re.compile(r'^import \{ ([\w, ]+) \} from "\./([\w-]+\.js)";$', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?=(?:async function|function|const|class) (\w+))", re.MULTILINE)
_ANY: Final = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def sheet(files: Mapping[str, bytes]) -> bytes:
    """The style sheets of every page as one; it lies beside its sources, so that their addresses hold."""
    names = ["vendor/uplot/uPlot.min.css", *(f"css/{name}.css" for name in SHEETS)]
    return b"\n".join(files[name] for name in names)


def script(files: Mapping[str, bytes]) -> bytes:
    """The module `SCRIPT` and all that it imports as one module, each after those that it needs.

    Raises ValueError for modules that need each other, and for a form of import or export that is not known.
    """
    done: dict[str, str] = {}
    _join(files, SCRIPT.removeprefix("js/"), done, ())
    return "\n".join(done.values()).encode()


def _join(files: Mapping[str, bytes], name: str, done: dict[str, str], above: tuple[str, ...]) -> None:
    if name in above:
        raise ValueError(f"modules need each other: {' → '.join((*above, name))}")
    if name in done:
        return
    source = files[f"js/{name}"].decode()
    for _, needed in _IMPORT.findall(source):
        _join(files, needed, done, (*above, name))
    exported = ", ".join(_EXPORT.findall(source))
    body = _EXPORT.sub("", _IMPORT.sub(lambda found: f"const {{ {found[1]} }} = {_named(found[2])};", source))
    if unknown := _ANY.search(body):
        raise ValueError(f"{name}: this cannot be joined with other modules: {unknown[0]}")
    done[name] = f"const {_named(name)} = (() => {{ // {name}\n{body}return {{ {exported} }};\n}})();\n"


def _named(name: str) -> str:
    """The name of a module's exports within the joined script."""
    return "$" + name.removesuffix(".js").replace("-", "_")
