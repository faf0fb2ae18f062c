"""A file beside what somebody writes, as modules see it."""

from __future__ import annotations

from typing import Protocol


class DraftFile(Protocol):
    """A file beside a draft of the signed-in author (`record.draft_files.DraftFile`)."""

    @property
    def id(self) -> str:
        """Its id, which the document in the record gets."""
        ...

    @property
    def kind(self) -> str:
        """What it is for: "attachment" goes with the note, "dictation" is sound to be written out."""
        ...

    @property
    def name(self) -> str:
        """What the file was called."""
        ...

    @property
    def media_type(self) -> str:
        """What it is, by its first bytes."""
        ...

    @property
    def heading(self) -> str:
        """Under which heading it belongs, as the module names it; empty for the whole."""
        ...

    @property
    def description(self) -> str:
        """What it shows, in the author's words."""
        ...

    @property
    def size(self) -> int:
        """How many bytes it holds."""
        ...
