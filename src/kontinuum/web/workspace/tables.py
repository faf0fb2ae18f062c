"""Tables to save: as any program reads them (RFC 4180), with a mark for UTF-8."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from starlette.responses import Response


def table(name: str, titles: Iterable[str], rows: Iterable[Sequence[str]]) -> Response:
    """A table to be saved as `<name>.csv`."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(titles)
    writer.writerows([_plain(value) for value in row] for row in rows)
    headers = {
        "content-disposition": f'attachment; filename="{name}.csv"',
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    return Response("\ufeff" + text.getvalue(), media_type="text/csv", headers=headers)


def _plain(value: str) -> str:
    """A value that no spreadsheet takes for a formula."""
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t") else value
