"""Templates: one Jinja2 environment a language, strict about undefined names, everything escaped.

A template sees the values of its view and a handful of names: `_`, `ngettext`, `lang`, `day`, `moment`,
`clock`, `number`, `asset` and `icon`. Modules' templates are addressed as `<module>/<file>.html` and the
shell's own, which modules may import for a common look, as `parts/<file>.html`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from jinja2 import (
    BaseLoader,
    BytecodeCache,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
)
from jinja2.bccache import Bucket
from markupsafe import Markup, escape

from kontinuum.kernel.i18n import Translator
from kontinuum.kernel.module import Module
from kontinuum.web.languages import load_translators
from kontinuum.web.workspace.assets import Assets
from kontinuum.web.workspace.icons import ICONS

HERE = Path(__file__).resolve().parent
_TEXTS = 8192
"""How many texts are kept as markup in each language: more than there are."""


class Templates:
    """Renders templates in every language."""

    def __init__(self, modules: Iterable[Module], assets: Assets) -> None:
        self.translators = load_translators()
        modules = tuple(modules)
        loader = _loader(modules)
        unit_pages = [page for module in modules for page in module.unit_pages]
        self._environments = {
            language: _environment(loader, translator, assets)
            for language, translator in self.translators.items()
        }
        for environment in self._environments.values():
            environment.globals["unit_pages"] = unit_pages

    def render(self, language: str, template: str, values: Mapping[str, object]) -> str:
        """The page or fragment as text."""
        return self._environments[language].get_template(template).render(values)

    def load_all(self) -> None:
        """Compile every template, so that hardly a request pays for it."""
        for environment in self._environments.values():
            for name in environment.list_templates(extensions=["html"]):
                environment.get_template(name)


class _Compiled(BytecodeCache):
    """What was compiled in this process: the languages, and applications made anew, compile nothing again.

    A template whose text is another is compiled anew.
    """

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take the code of a template that was compiled before."""
        if bucket.key in self._code:
            bucket.bytecode_from_string(self._code[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code of a template."""
        self._code[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _Compiled()


def _loader(modules: Iterable[Module]) -> BaseLoader:
    pages = {module.name: FileSystemLoader(str(files(module.package) / "pages")) for module in modules}
    return ChoiceLoader([FileSystemLoader(HERE / "templates"), PrefixLoader(pages)])


def _environment(loader: BaseLoader, translator: Translator, assets: Assets) -> Environment:
    environment = Environment(
        loader=loader,
        bytecode_cache=_COMPILED,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )
    environment.filters["without_title"] = _without_title
    environment.filters["exact"] = _exact
    environment.filters["in_css"] = _in_css
    environment.globals.update(
        _=_gettext(translator),
        ngettext=_ngettext(translator),
        lang=translator.language,
        day=translator.day,
        moment=translator.moment,
        clock=translator.clock,
        number=translator.number,
        provision=translator.provision,
        asset=assets.url,
        icon=_icon,
    )
    return environment


def _gettext(translator: Translator) -> Callable[..., Markup]:
    """`_("… %(name)s …", name=value)`: our text is markup, values are escaped as they are put into it.

    A page says some hundred texts without values: what each of them is as markup is worked out once.
    """
    said = lru_cache(maxsize=_TEXTS)(lambda text: Markup(translator.gettext(text)))  # noqa: S704 - our texts
    plain = lru_cache(maxsize=_TEXTS)(lambda text: said(text) % {})

    def gettext(text: str, /, **values: object) -> Markup:
        return said(text) % values if values else plain(text)

    return gettext


def _ngettext(translator: Translator) -> Callable[..., Markup]:
    """`ngettext("%(num)d day", "%(num)d days", number)`: the form that fits the number."""

    def ngettext(singular: str, plural: str, number: int, /, **values: object) -> Markup:
        text = Markup(translator.ngettext(singular, plural, number))  # noqa: S704 - our own texts
        return text % {"num": number, **values}

    return ngettext


def _without_title(name: str) -> str:
    """`Anna Berglund` of `Anna Berglund, Distriktsläkare`: where many lines name their author."""
    return name.partition(", ")[0]


def _exact(text: str) -> Markup:
    """A text that arrives in the page as it is: a browser would read a carriage return as a line feed."""
    return Markup(str(escape(text)).replace("\r", "&#13;"))  # noqa: S704 - escaped just here


def _in_css(text: str) -> Markup:
    """A text as a string of a style sheet: whatever it holds, it ends neither the string nor the sheet."""
    written = "".join(one if one.isascii() and one.isalnum() else f"\\{ord(one):x} " for one in str(text))
    return Markup(f'"{written}"')  # noqa: S704 - letters, digits and escapes alone


def _icon(name: str) -> Markup:
    """A small drawing in the colour of the text around it, unseen by screen readers."""
    return Markup(  # noqa: S704 - our own drawings, no text from elsewhere
        '<svg class="icon" viewBox="0 0 16 16" width="16" height="16" fill="none" stroke="currentColor" '
        'stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" '
        f'focusable="false">{ICONS[name]}</svg>'
    )
