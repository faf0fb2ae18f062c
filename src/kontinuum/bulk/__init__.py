"""Exports and imports in bulk: jobs that any worker process takes up, and the files that come of them."""

from kontinuum.bulk.desk import (
    INPUT,
    Desk,
    Job,
    Open,
    Order,
    Place,
    Progress,
    Result,
    TooMany,
    new_id,
)
from kontinuum.bulk.files import NDJSON, Folder, ResultFile, make_durable
from kontinuum.bulk.runner import Carrier, Runner

__all__ = [
    "INPUT",
    "NDJSON",
    "Carrier",
    "Desk",
    "Folder",
    "Job",
    "Open",
    "Order",
    "Place",
    "Progress",
    "Result",
    "ResultFile",
    "Runner",
    "TooMany",
    "make_durable",
    "new_id",
]
