"""Check that every text of code and templates has its Swedish, with the same placeholders, and no more.

English is the source. Texts are those in `message(…)`, `phrase(…)`, `gettext(…)`, `ngettext(…)`, `_(…)` and
`{% trans %}`. `--missing` prints the missing entries in the form that a catalogue takes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po

SOURCE = "src/kontinuum"
CATALOGUES = "web/locale/sv/LC_MESSAGES"

Message = str | tuple[str, ...]

METHODS = [("**.py", "python"), ("**.html", "jinja2")]
OPTIONS = {"**.html": {"trimmed": "true", "silent": "false", "newstyle_gettext": "true"}}
KEYWORDS = {**DEFAULT_KEYWORDS, "message": None, "phrase": None}
PLACEHOLDER = re.compile(r"%\((\w+)\)[a-z]|%[sd]|\{(\w*)\}")


def main(root: Path, *, missing_only: bool) -> int:
    """Print every complaint; gives 1 if there are any."""
    used = texts(root / SOURCE)
    known = translations(root / SOURCE / CATALOGUES)
    if missing_only:
        for message, place in used.items():
            if message not in known:
                print(entry(message, place))
        return 0
    found = [*complaints(used, known), *disagreements(root / SOURCE / CATALOGUES)]
    print("\n".join(found))
    return 1 if found else 0


def texts(source: Path) -> dict[Message, str]:
    """Give every text for translation, with the place where it stands first."""
    found: dict[Message, str] = {}
    for name, line, message, _comments, _context in extract_from_dir(
        source, METHODS, OPTIONS, KEYWORDS, strip_comment_tags=True
    ):
        if any(message):
            found.setdefault(forms_of(message), f"{name}:{line}")
    return found


def translations(folder: Path) -> dict[Message, Message]:
    """Give the Swedish of every text that has one."""
    found: dict[Message, Message] = {}
    for path in sorted(folder.glob("*.po")):
        found.update(one_catalogue(path))
    return found


def one_catalogue(path: Path) -> Iterator[tuple[Message, Message]]:
    """Give every text of a catalogue that has its Swedish, with it."""
    with path.open("rb") as file:
        catalogue: Catalog = read_po(file, locale="sv")
    for item in catalogue:
        swedish = forms_of(item.string)
        complete = all(swedish) if isinstance(swedish, tuple) else bool(swedish)
        if item.id and complete and not item.fuzzy:
            yield forms_of(item.id), swedish


def disagreements(folder: Path) -> Iterator[str]:
    """Give a line for each text that two catalogues translate differently: no server starts with it."""
    first: dict[Message, tuple[Path, Message]] = {}
    for path in sorted(folder.glob("*.po")):
        for message, swedish in one_catalogue(path):
            where, said = first.setdefault(message, (path, swedish))
            if said != swedish:
                yield f"{path}: {message!r} is {swedish!r} here, and {said!r} in {where.name}"


def forms_of(given: Any) -> Message:
    """Give a text as a plain one, or as the tuple of its singular and plural."""
    return str(given or "") if given is None or isinstance(given, str) else tuple(map(str, given))


def complaints(used: dict[Message, str], known: dict[Message, Message]) -> Iterator[str]:
    """Give a line for each text that lacks Swedish, each that nothing uses, each with other placeholders."""
    for message, place in used.items():
        if message not in known:
            yield f"{SOURCE}/{place}: no Swedish for {message!r}"
        elif placeholders(message) != placeholders(known[message]):
            yield f"{SOURCE}/{place}: the Swedish of {message!r} has other placeholders"
    for message in known:
        if message not in used:
            yield f"{SOURCE}/{CATALOGUES}: nothing uses {message!r}"


def placeholders(message: Message) -> set[str]:
    """Give the placeholders of a text in all its forms."""
    forms = message if isinstance(message, tuple) else (message,)
    return {match.group() for form in forms for match in PLACEHOLDER.finditer(form)}


def entry(message: Message, place: str) -> str:
    """Give an empty entry of a catalogue for a text."""
    if isinstance(message, str):
        return f'#: {place}\nmsgid {quoted(message)}\nmsgstr ""\n'
    ids = f"msgid {quoted(message[0])}\nmsgid_plural {quoted(message[1])}"
    return f'#: {place}\n{ids}\nmsgstr[0] ""\nmsgstr[1] ""\n'


def quoted(text: str) -> str:
    """Write a text as a catalogue does."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--missing"]
    here = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    sys.exit(main(here, missing_only="--missing" in sys.argv))
