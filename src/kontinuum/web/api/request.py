"""One HTTP request as the handlers see it: headers, parameters, the base of its links, its preferences.

http://hl7.org/fhir/R4/http.html#general and #parameters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

from kontinuum.web.api.answer import Problem, bad_request, problem
from kontinuum.web.api.interactions import BELOW_BULK
from kontinuum.web.api.limits import Limits
from kontinuum.web.api.negotiation import Preferences, answer_type, parse_prefer, refuse_unknown_pretty

Parameters = Sequence[tuple[str, str]]

_HOST = re.compile(r"[A-Za-z0-9.\-_]+(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?")
_A_BINARY = re.compile(r"/Binary/[A-Za-z0-9\-.]{1,64}(?:/_history/[^/]{1,64})?/?")
FORM_PARAMETERS = ("_format", "_pretty")
"""Parameters of any request, which say in what form it is answered."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose form is in order.

    `base` is the absolute URL of the FHIR endpoint, without a slash at its end; `path` is what follows it.
    `content_type` is the answer's. `parameters` are those of the address, decoded, in their order.
    """

    method: str
    path: str
    base: str
    headers: Mapping[bytes, bytes]
    parameters: Parameters
    prefer: Preferences
    content_type: str
    pretty: bool

    def header(self, name: bytes) -> str | None:
        """The value of a header, its name in lower case; repeated headers are joined by commas."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")


def open_request(scope: Mapping[str, Any], prefix: str, limits: Limits) -> Request | Problem:
    """The request in an ASGI scope, or what is wrong with its address, headers or general parameters."""
    query: bytes = scope["query_string"]
    path: str = scope["path"][len(scope.get("root_path", "")) + len(prefix) :]
    if len(path) + len(query) > limits.url_bytes:
        return problem(
            414,
            "too-long",
            f"The address is longer than {limits.url_bytes} bytes; send a search as a form to /Type/_search.",
        )
    headers = _headers(scope["headers"])
    base = _base(scope, headers, prefix)
    parameters = parse_parameters(query, limits) if query else ()
    if isinstance(base, Problem):
        return base
    if isinstance(parameters, Problem):
        return parameters
    # What is fetched there has one form, and is asked for by another name than resources are.
    accepted = None if path.startswith(BELOW_BULK) else _text(headers, b"accept")
    form = _answer_form(accepted, parameters)
    if isinstance(form, Problem) and _A_BINARY.fullmatch(path) is not None:
        # Its content has a type of its own, which is known when it has been read.
        form = _answer_form(None, parameters)
    if isinstance(form, Problem):
        return form
    prefer = parse_prefer(_text(headers, b"prefer"))
    return Request(scope["method"], path, base, headers, parameters, prefer, *form)


def parse_parameters(encoded: bytes, limits: Limits) -> Parameters | Problem:
    """The parameters in a query string or form, or why it cannot be read."""
    try:
        parameters = parse_qsl(
            encoded.decode(), keep_blank_values=True, errors="strict", max_num_fields=limits.parameters
        )
    except UnicodeDecodeError:
        return bad_request("value", "The parameters are not percent-encoded UTF-8.")
    except ValueError:
        return bad_request("too-long", f"There are more than {limits.parameters} parameters.")
    for name, value in parameters:
        if "\0" in name or "\0" in value:
            return bad_request(
                "value", f"The parameter '{name}' holds the character U+0000.".replace("\0", "\\0")
            )
    return parameters


def refuse_parameters(parameters: Parameters, taken: Iterable[str] = ()) -> Problem | None:
    """Refuse the first parameter that the interaction does not know.

    Nothing is silently ignored: a parameter without effect is more often a mistake than a wish.
    """
    for name, _ in parameters:
        if name not in taken and name not in FORM_PARAMETERS:
            known = ", ".join((*taken, *FORM_PARAMETERS))
            return bad_request(
                "not-supported", f"The parameter '{name}' has no meaning here. Known: {known}."
            )
    return None


def form_of(parameters: Parameters) -> Parameters:
    """Those among the parameters that say in what form the answer is wanted."""
    return [pair for pair in parameters if pair[0] in FORM_PARAMETERS]


def refuse_form(parameters: Parameters) -> Problem | None:
    """Why the form that the parameters of a posted search ask for cannot be given; None when it can."""
    found = _answer_form(None, parameters)
    return found if isinstance(found, Problem) else None


def single(parameters: Parameters, name: str) -> str | Problem | None:
    """The value of a parameter that may be given once; None when it is absent."""
    values = [value for key, value in parameters if key == name]
    if len(values) > 1:
        return bad_request("value", f"{name} is given {len(values)} times; give it once.")
    return values[0] if values else None


def _headers(pairs: Iterable[tuple[bytes, bytes]]) -> Mapping[bytes, bytes]:
    pairs = list(pairs)
    headers = dict(pairs)
    if len(headers) != len(pairs):
        headers = {}
        for name, value in pairs:
            headers[name] = headers[name] + b", " + value if name in headers else value
    return headers


def _text(headers: Mapping[bytes, bytes], name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")


def _base(scope: Mapping[str, Any], headers: Mapping[bytes, bytes], prefix: str) -> str | Problem:
    host = _text(headers, b"host")
    if not host:
        name, port = scope.get("server") or ("localhost", None)
        host = f"{name}:{port}" if port is not None else name
    return _base_of(scope["scheme"], host, scope.get("root_path", "") + prefix)


@lru_cache(maxsize=256)
def _base_of(scheme: str, host: str, prefix: str) -> str | Problem:
    if _HOST.fullmatch(host) is None:
        return bad_request("value", "The Host header is not a host name with an optional port.")
    return f"{scheme}://{host}{prefix}"


def _answer_form(accepted: str | None, parameters: Parameters) -> tuple[str, bool] | Problem:
    wanted = pretty = None
    if parameters:
        wanted, pretty = single(parameters, "_format"), single(parameters, "_pretty")
        if isinstance(wanted, Problem):
            return wanted
        if isinstance(pretty, Problem):
            return pretty
        if pretty is not None and (refused := refuse_unknown_pretty(pretty)):
            return refused
    content_type = answer_type(accepted, wanted)
    return content_type if isinstance(content_type, Problem) else (content_type, pretty == "true")


def criteria_of(request: Request) -> str:
    """The search criteria of the address, encoded as a query string; "" when there are none."""
    return urlencode([pair for pair in request.parameters if pair[0] not in FORM_PARAMETERS])
