"""What others write in Markdown, fit for a page: none of their HTML, no pictures, links by https alone."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from functools import lru_cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    # `html` off escapes what looks like HTML; a picture would tell another host who reads about whom.
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")
    parser.add_render_rule("link_open", _link)
    for name in ("heading_open", "heading_close"):
        parser.add_render_rule(name, _heading)
    return parser


def _link(self: Any, tokens: Sequence[Token], index: int, options: Any, env: MutableMapping[str, Any]) -> str:
    token = tokens[index]
    if not str(token.attrGet("href") or "").startswith("https://"):
        token.attrSet("href", "#")
    token.attrSet("rel", "noopener noreferrer")
    token.attrSet("target", "_blank")
    return str(self.renderToken(tokens, index, options, env))


def _heading(
    self: Any, tokens: Sequence[Token], index: int, options: Any, env: MutableMapping[str, Any]
) -> str:
    """A heading is a paragraph in bold: the page has its own order of headings."""
    return "<p><strong>" if tokens[index].nesting == 1 else "</strong></p>\n"


def as_html(text: str) -> Markup:
    """Markdown as HTML that is safe in a page."""
    return Markup(_parser().render(text))  # noqa: S704 - everything of theirs is escaped
