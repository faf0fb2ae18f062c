"""The application without the law in its searches: what the law's scope costs is measured against it.

Everything else is done as always: authentication, parsing, the log. Never serve anybody with it.
"""

from __future__ import annotations

from typing import Any

from kontinuum.app import asgi
from kontinuum.kernel.sql import Fragment
from kontinuum.record import searching


def create_app() -> Any:
    """Make the application, in which every search finds whatever there is."""
    searching.scope_of = lambda context, query, leading="": Fragment("true")
    return asgi.create_app()
