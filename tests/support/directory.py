"""A small delivery of the staff directory, as rows and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from kontinuum.organisation.files import ALL_COLUMNS

REGION = "SE2321000016-1003"

DELIVERY: list[dict[str, str]] = [
    {"kind": "provider", "hsa_id": REGION, "name": "Region Väst", "organisation_number": "232100-0016"},
    {"kind": "unit", "hsa_id": f"{REGION}S", "name": "Sjukhuset", "parent": REGION, "type": "hospital"},
    {"kind": "unit", "hsa_id": f"{REGION}A", "name": "Avdelning 1", "parent": f"{REGION}S", "type": "ward"},
    {
        "kind": "person",
        "hsa_id": "SE2321000016-P001",
        "given_name": "Anna Maria",
        "family_name": "Berg",
        "personal_number": "19801128-9801",
        "protected": "ja",
        "profession": "LK",
        "prescriber_code": "1234567",
    },
    {"kind": "employment", "person": "SE2321000016-P001", "unit": f"{REGION}S", "title": "Överläkare"},
    {
        "kind": "assignment",
        "hsa_id": "SE2321000016-U001",
        "person": "SE2321000016-P001",
        "unit": f"{REGION}A",
        "purpose": "Vård och behandling",
        "rights": "protected-identity|destruction",
        "from": "2026-01-01",
        "until": "2026-12-31",
    },
]


def csv_of(rows: Sequence[dict[str, str]], mark: str = ";") -> str:
    """Rows as a CSV file with every column."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ALL_COLUMNS, delimiter=mark, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
