"""The one normal form of text that string search compares."""

from __future__ import annotations

from unicodedata import combining
from unicodedata import normalize as unicode_form


def normalise(text: str) -> str:
    """Text without case, accents and surplus white space, so that `ake` finds `Åke`.

    https://hl7.org/fhir/R4/search.html#string asks for a comparison that ignores case and combining
    characters. Compatibility decomposition, marks dropped, case folded, white space collapsed to
    single spaces and trimmed. Normalising twice changes nothing.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    # Folding can bring in new marks (İ → i̇), and decomposing new capitals (ℌ → H): hence both, in this order.
    folded = unicode_form("NFKD", unicode_form("NFKD", text).casefold()).casefold()
    bare = "".join(character for character in folded if not combining(character))
    return " ".join(bare.split())
