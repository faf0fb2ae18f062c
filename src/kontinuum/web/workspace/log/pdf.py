"""The extract as a tagged PDF that can be read aloud (PDF/UA-1), set by Typst from `extract.typ`.

What the extract says is handed to the template as data and never as markup, so that no text from the record
can become code.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import typst

from kontinuum.kernel.i18n import Translator

_TEMPLATE = (Path(__file__).parent / "extract.typ").read_bytes()


def extract_pdf(translator: Translator, values: Mapping[str, Any]) -> bytes:
    """The extract's values (see `extract.py`) as the bytes of a PDF."""
    gettext = translator.gettext
    patient = f"{values['patient_name']} {values['patient_number']}".strip()
    about = [
        [gettext("Patient"), patient],
        [gettext("Care provider"), values["provider"] or gettext("All care providers in this record")],
        [gettext("Made"), translator.moment(values["made"])],
    ]
    notes = [
        gettext("Each line tells when somebody had access to the record, at which care unit, and to what."),
        ""
        if values["names"]
        else gettext("The names of staff are not given. Ask the care provider if you want to know more."),
        ""
        if values["complete"]
        else gettext("There are earlier accesses that this extract has no room for. Ask for them."),
    ]
    data = {
        "language": translator.language,
        "title": gettext("Who has had access to the record"),
        "page": gettext("Page"),
        "about": about,
        "notes": [note for note in notes if note],
        "columns": [gettext("When"), gettext("Care unit"), gettext("Who"), gettext("What")],
        "empty": gettext("Nobody has had access to the record."),
        "rows": [
            [line.when, line.unit + (f", {line.provider}" if line.provider else ""), line.who, line.said]
            for line in values["lines"]
        ],
    }
    made = typst.compile(
        _TEMPLATE,
        format="pdf",
        sys_inputs={"data": msgspec.json.encode(data).decode()},
        pdf_standards=["ua-1"],
        ignore_system_fonts=True,
    )
    assert isinstance(made, bytes)
    return made
