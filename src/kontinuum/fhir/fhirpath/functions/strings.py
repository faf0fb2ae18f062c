"""Functions on strings.

Source: https://hl7.org/fhirpath/N1/#string-manipulation and https://hl7.org/fhirpath/#additional-string-functions
"""

from __future__ import annotations

import base64
import binascii
import html
import json
from typing import Any

from kontinuum.fhir.fhirpath import syntax
from kontinuum.fhir.fhirpath.code import EMPTY, Code, Environment, single_run, system_run
from kontinuum.fhir.fhirpath.compiler import Compiler, Scope, function
from kontinuum.fhir.fhirpath.errors import FHIRPathError
from kontinuum.fhir.fhirpath.functions.scalars import is_integer, is_string, scalar
from kontinuum.fhir.fhirpath.patterns import compiled
from kontinuum.fhir.fhirpath.values import Items

_STRING, _INTEGER, _BOOLEAN = "System.String", "System.Integer", "System.Boolean"
# Replacing the empty text or a short one by a long one multiplies; a record's texts stay far below this.
MAX_TEXT = 1_000_000


@scalar("indexOf", is_string, (is_string,), result=_INTEGER)
def _index_of(text: str, part: str) -> int:
    return text.find(part)


@scalar("lastIndexOf", is_string, (is_string,), result=_INTEGER)
def _last_index_of(text: str, part: str) -> int:
    return text.rfind(part)


@scalar("substring", is_string, (is_integer, is_integer), optional=1, result=_STRING)
def _substring(text: str, start: int, length: int | None = None) -> str | None:
    if not 0 <= start < len(text):
        return None
    return text[start:] if length is None else text[start : start + max(length, 0)]


@scalar("startsWith", is_string, (is_string,), result=_BOOLEAN)
def _starts_with(text: str, part: str) -> bool:
    return text.startswith(part)


@scalar("endsWith", is_string, (is_string,), result=_BOOLEAN)
def _ends_with(text: str, part: str) -> bool:
    return text.endswith(part)


@scalar("contains", is_string, (is_string,), result=_BOOLEAN)
def _contains(text: str, part: str) -> bool:
    return part in text


@scalar("upper", is_string, result=_STRING)
def _upper(text: str) -> str:
    return text.upper()


@scalar("lower", is_string, result=_STRING)
def _lower(text: str) -> str:
    return text.lower()


@scalar("trim", is_string, result=_STRING)
def _trim(text: str) -> str:
    return text.strip()


@scalar("length", is_string, result=_INTEGER)
def _length(text: str) -> int:
    return len(text)


@scalar("replace", is_string, (is_string, is_string), result=_STRING)
def _replace(text: str, pattern: str, substitution: str) -> str:
    return _not_too_long(text.replace(pattern, substitution))


@scalar("matches", is_string, (is_string,), result=_BOOLEAN)
def _matches(text: str, pattern: str) -> bool:
    return compiled(pattern).search(text)


@scalar("matchesFull", is_string, (is_string,), result=_BOOLEAN)
def _matches_full(text: str, pattern: str) -> bool:
    return compiled(pattern).fullmatch(text)


@scalar("replaceMatches", is_string, (is_string, is_string), result=_STRING)
def _replace_matches(text: str, pattern: str, substitution: str) -> str:
    if not pattern:
        return text
    return _not_too_long(compiled(pattern).replace(text, substitution))


def _not_too_long(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise FHIRPathError(f"The replaced text would have more than {MAX_TEXT} characters.")
    return text


@scalar("encode", is_string, (is_string,), result=_STRING)
def _encode(text: str, form: str) -> str | None:
    data = text.encode()
    if form == "hex":
        return data.hex()
    if form == "base64":
        return base64.b64encode(data).decode()
    if form == "urlbase64":
        return base64.urlsafe_b64encode(data).decode()
    return None


@scalar("decode", is_string, (is_string,), result=_STRING)
def _decode(text: str, form: str) -> str | None:
    try:
        if form == "hex":
            return bytes.fromhex(text).decode()
        if form == "base64":
            return base64.b64decode(text, validate=True).decode()
        if form == "urlbase64":
            return base64.urlsafe_b64decode(text).decode()
    except (ValueError, binascii.Error) as error:
        raise FHIRPathError(f"decode({form!r}) was given text that is not {form}.") from error
    return None


@scalar("escape", is_string, (is_string,), result=_STRING)
def _escape(text: str, form: str) -> str | None:
    if form == "html":
        return html.escape(text, quote=True)
    return json.dumps(text, ensure_ascii=False)[1:-1] if form == "json" else None


@scalar("unescape", is_string, (is_string,), result=_STRING)
def _unescape(text: str, form: str) -> str | None:
    if form == "html":
        return html.unescape(text)
    if form != "json":
        return None
    try:
        # A quotation mark that is not escaped is taken for itself.
        value = json.loads('"' + text.replace('\\"', '"').replace('"', '\\"') + '"', strict=False)
    except ValueError as error:
        raise FHIRPathError(
            "unescape('json') was given text with an escape that JSON does not have."
        ) from error
    return str(value)


def _several(name: str, split: Any) -> None:
    least = 0 if name == "toChars" else 1

    @function(name, least)
    def _build(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
        value_of = single_run(focus, f"{name}()")
        by = single_run(compiler.compile(call.arguments[0], scope), f"{name}()") if least else None

        def run(env: Environment, this: Any) -> Items:
            text = value_of(env, this)
            separator = by(env, this) if by is not None else ""
            if text is None or separator is None:
                return ()
            if not is_string(text) or not is_string(separator):
                raise FHIRPathError(f"{name}() needs Strings.")
            return list(split(text, separator))

        return Code(run, _STRING)


_several("toChars", lambda text, _separator: text)
_several("split", lambda text, separator: text.split(separator) if separator else list(text))


@function("join", 0, 1)
def _join(compiler: Compiler, call: syntax.Call, focus: Code, scope: Scope) -> Code:
    run = system_run(focus)
    by = single_run(compiler.compile(call.arguments[0], scope) if call.arguments else EMPTY, "join()")

    def join(env: Environment, this: Any) -> Items:
        texts = [text for text in run(env, this) if text is not None]
        if not texts:
            return ()
        separator = by(env, this)
        if not all(is_string(text) for text in texts) or not is_string(separator or ""):
            raise FHIRPathError("join() needs Strings.")
        return ((separator or "").join(texts),)

    return Code(join, _STRING)
