"""How much a single request may ask for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of the REST API; each is refused with an OperationOutcome that names it.

    `body_bytes` bounds a request's body (413), `import_bytes` that of an import in bulk, `url_bytes` its
    address with query (414), `parameters` the number of query or form parameters (400). `count_default` is
    the size of a page when `_count` is not given and `count_max` the largest: a larger `_count` is lowered to
    it, which the self link shows (http://hl7.org/fhir/R4/search.html#count).
    """

    body_bytes: int = 64 * 1024 * 1024
    url_bytes: int = 16 * 1024
    parameters: int = 200
    count_default: int = 50
    count_max: int = 1000
    import_bytes: int = 8 * 1024 * 1024 * 1024
