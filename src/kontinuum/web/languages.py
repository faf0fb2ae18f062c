"""The translations of everything that people read, loaded once in a process."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from kontinuum.access.catalogue import RULES
from kontinuum.kernel.i18n import LANGUAGES, SOURCE_LANGUAGE, Translator, load_catalogue, translators

LOCALE: Final = Path(__file__).resolve().parent / "locale"


@lru_cache(maxsize=1)
def load_translators() -> Mapping[str, Translator]:
    """A translator for each language."""
    return translators(
        load_catalogue(
            language,
            sorted((LOCALE / language / "LC_MESSAGES").glob("*.po")),
            # The law's reasons stand in both languages at its rules.
            {rule.reason.en: rule.reason.sv for rule in RULES} if language == "sv" else {},
        )
        for language in LANGUAGES
        if language != SOURCE_LANGUAGE
    )
