"""Check that the documentation is true: links, settings, commands, modules, decisions.

`--write` writes docs/settings.md anew from the table of settings.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from kontinuum.app.cli import app
from kontinuum.app.modules import MODULES
from kontinuum.kernel.config import SETTINGS

SKIPPED = {".venv", "var", "node_modules", ".git", "build", "dist"}
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
DECISION = re.compile(r"(\d{4})-[a-z0-9-]+\.md")

SETTINGS_BEGIN = """\
# Settings

Every setting is an environment variable. All are read at start; a wrong value and an unknown name that
begins with `KONTINUUM_` are refused, all at once, with the name, the value and what is allowed.
`kontinuum doctor` shows the values in force. This page is written from the table in
`src/kontinuum/kernel/settings_table.py` by `tools/check_docs.py --write`.

| variable | default | allowed | meaning |
|---|---|---|---|
"""


def main(root: Path) -> int:
    """Print every complaint; gives 1 if there are any."""
    found = [*links(root), *settings(root), *commands(root), *modules(root), *decisions(root)]
    print("\n".join(found))
    return 1 if found else 0


def pages(root: Path) -> Iterator[Path]:
    """Give every Markdown file of the repository."""
    for path in sorted(root.rglob("*.md")):
        if not SKIPPED & set(path.relative_to(root).parts):
            yield path


def links(root: Path) -> Iterator[str]:
    """Give a line for each link within the repository that leads nowhere."""
    for page in pages(root):
        text = FENCE.sub("", page.read_text(encoding="utf-8"))
        for target in LINK.findall(text):
            if re.match(r"[a-z][a-z0-9+.-]*:", target):
                continue
            name, _, anchor = unquote(target).partition("#")
            place = (
                page if not name else root / name.lstrip("/") if name.startswith("/") else page.parent / name
            )
            if not place.exists():
                yield f"{page}: the link {target} leads nowhere"
            elif anchor and place.suffix == ".md" and anchor not in anchors(place):
                yield f"{page}: {place.name} has no heading #{anchor}"


def anchors(page: Path) -> set[str]:
    """Give the anchors of a page's headings, formed as Git hosts form them."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(text))
    return {heading.strip().replace(" ", "-") for heading in plain}


def settings_page() -> str:
    """Write docs/settings.md from the table of settings."""
    rows = (
        f"| `{setting.variable}` | {setting.default_text} | {setting.type}: {setting.allowed} | "
        f"{setting.description} |\n"
        for setting in SETTINGS
    )
    return SETTINGS_BEGIN + "".join(rows)


def settings(root: Path) -> Iterator[str]:
    """Complain when docs/settings.md is not what the table says."""
    page = root / "docs" / "settings.md"
    if not page.exists() or page.read_text(encoding="utf-8") != settings_page():
        yield f"{page} is not what the table says; write it anew: python tools/check_docs.py --write"


def commands(root: Path) -> Iterator[str]:
    """Give a line for each command that docs/operations.md does not tell of."""
    page = root / "docs" / "operations.md"
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    named = [("", command) for command in app.registered_commands]
    for group in app.registered_groups:
        inner = group.typer_instance
        named += [(f"{inner.info.name!s} ", one) for one in inner.registered_commands] if inner else []
    for prefix, command in named:
        name = f"{prefix}{command.name or getattr(command.callback, '__name__', '')}"
        if f"`kontinuum {name}" not in text:
            yield f"{page}: the command `kontinuum {name}` is not told of"


def modules(root: Path) -> Iterator[str]:
    """Give a line for each module without a page."""
    for module in MODULES:
        page = root / "docs" / "modules" / f"{module.name}.md"
        if not page.exists():
            yield f"{page}: the module {module.name} has no page"


def decisions(root: Path) -> Iterator[str]:
    """Give a line for each decision that is not numbered in order."""
    for number, page in enumerate(sorted((root / "docs" / "decisions").glob("*.md")), start=1):
        match = DECISION.fullmatch(page.name)
        if match is None or int(match[1]) != number:
            yield f"{page}: the name must be {number:04}-title.md"


if __name__ == "__main__":
    if "--write" in sys.argv:
        own = Path(__file__).resolve().parent.parent / "docs" / "settings.md"
        own.write_text(settings_page(), encoding="utf-8")
        sys.exit(0)
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent))
