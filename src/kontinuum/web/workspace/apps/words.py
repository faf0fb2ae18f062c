"""What a permission means, in words for the person who gives it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kontinuum.access.scopes import LAUNCH, Level, Scope, parse_scope
from kontinuum.audit.words import thing
from kontinuum.kernel.i18n import Translator, message

_READ = message("Read %(what)s")
_CHANGE = message("Read and change %(what)s")
_WRITE = message("Write %(what)s")
_ALL = message("everything in the record")
_ONLY = message("only where %(narrowing)s")
_IDENTITY = message("Know who you are: your name and your role")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One thing that an app may do; `everyone` says that it is not bound to one patient."""

    text: str
    narrowing: str = ""
    everyone: bool = False


def in_words(scopes: Sequence[str], translator: Translator) -> list[Sentence]:
    """What scopes let an app do, the most far-reaching first."""
    data = [parse_scope(each) for each in scopes if each not in LAUNCH]
    data.sort(key=lambda scope: (scope.level is Level.PATIENT, scope.type != "*"))
    found = [_sentence(scope, translator) for scope in data]
    if "openid" in scopes:
        found.append(Sentence(translator.gettext(_IDENTITY)))
    return list(dict.fromkeys(found))


def _sentence(scope: Scope, translator: Translator) -> Sentence:
    gettext = translator.gettext
    writes, reads = set(scope.letters) & set("cud"), set(scope.letters) & set("rs")
    verb = _READ if not writes else _CHANGE if reads else _WRITE
    what = gettext(_ALL) if scope.type == "*" else thing(scope.type, translator)
    narrowing = scope.text.partition("?")[2]
    only = gettext(_ONLY) % {"narrowing": narrowing} if narrowing else ""
    return Sentence(gettext(verb) % {"what": what}, only, scope.level is not Level.PATIENT)
