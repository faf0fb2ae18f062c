"""Search over FHIR resources without a database: what was asked, what a resource answers, whether they meet.

https://hl7.org/fhir/R4/search.html. `parse_search` reads a request, `extract` gives the values to store,
`hashes_of`, `rows_of` and `tags_of` say what to look for, `matches` is the meaning of it all.
"""

from kontinuum.fhir.search.clinical import clinical_date_parameter
from kontinuum.fhir.search.extract import IndexValues, extract
from kontinuum.fhir.search.hashing import param_code, type_hash, value_hash
from kontinuum.fhir.search.lookup import (
    RowTest,
    hashes_of,
    hot_hashes_of,
    is_hot_type,
    negated,
    rows_of,
    tags_of,
)
from kontinuum.fhir.search.match import matches, recheck
from kontinuum.fhir.search.parse import parse_search
from kontinuum.fhir.search.query import (
    MICROS_MAX,
    MICROS_MIN,
    CompositeValue,
    Criterion,
    DateValue,
    Include,
    NumberValue,
    QuantityValue,
    ReferenceValue,
    SearchQuery,
    StringValue,
    TokenValue,
    UriValue,
    Value,
)
from kontinuum.fhir.search.ranges import range_holds
from kontinuum.fhir.search.text import normalise

__all__ = [
    "MICROS_MAX",
    "MICROS_MIN",
    "CompositeValue",
    "Criterion",
    "DateValue",
    "Include",
    "IndexValues",
    "NumberValue",
    "QuantityValue",
    "ReferenceValue",
    "RowTest",
    "SearchQuery",
    "StringValue",
    "TokenValue",
    "UriValue",
    "Value",
    "clinical_date_parameter",
    "extract",
    "hashes_of",
    "hot_hashes_of",
    "is_hot_type",
    "matches",
    "negated",
    "normalise",
    "param_code",
    "parse_search",
    "range_holds",
    "recheck",
    "rows_of",
    "tags_of",
    "type_hash",
    "value_hash",
]
