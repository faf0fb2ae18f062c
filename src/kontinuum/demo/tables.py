"""The demo's data tables: TOML files in `data/`, read once, as plain dictionaries.

Codes are official ones (ICD-10-SE, KVÅ, ATC, NPU, LOINC, SNOMED CT); the selection and all texts are ours.
"""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def table(name: str) -> dict[str, Any]:
    """Read `data/<name>.toml`; the result is shared and must not be changed."""
    return tomllib.loads(files("kontinuum.demo").joinpath("data", f"{name}.toml").read_text("utf-8"))
