"""Narrative as text: the words stay what they were, the markup never reaches the page."""

from __future__ import annotations

from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontinuum.fhir.paragraphs import paragraphs


@pytest.mark.parametrize(
    ("div", "expected"),
    [
        ("<div><p>Ingen blödning.</p></div>", ("Ingen blödning.",)),
        ("<div>Utan stycke</div>", ("Utan stycke",)),
        ("<div><p>Ett<br/>Två</p><p>Tre</p></div>", ("Ett\nTvå", "Tre")),
        ("<div><ul><li>a</li><li>b</li></ul></div>", ("– a", "– b")),
        ("<div><p>Hb <b>98</b> g/L, <i>inte</i> lägre</p></div>", ("Hb 98 g/L, inte lägre",)),
        ("<div><p>Hb &lt; 100 &amp; CRP &gt; 5&#160;mg</p></div>", ("Hb < 100 & CRP > 5\u00a0mg",)),
        ("<div><pre>a\n  b</pre></div>", ("a\n  b",)),
        ("<div><pre>  a \n</pre></div>", ("  a \n",)),
        ("<div><p>före</p><pre>\n\ta</pre></div>", ("före", "\n\ta")),
        ("<div><table><tr><td>Puls</td><td>72</td></tr></table></div>", ("Puls\t72",)),
        ("<div>\n  <p>rad\n  bruten i källan</p>\n</div>", ("rad bruten i källan",)),
        ("<div></div>", ()),
    ],
)
def test_paragraphs_are_read_as_a_browser_would_show_them(div: str, expected: tuple[str, ...]) -> None:
    assert paragraphs(div) == expected


words = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=12)


@given(st.lists(st.lists(words, min_size=1, max_size=8).map(" ".join), min_size=1, max_size=5))
def test_every_text_comes_back_letter_for_letter(texts: list[str]) -> None:
    div = "<div>" + "".join(f"<p>{escape(text)}</p>" for text in texts) + "</div>"
    assert paragraphs(div) == tuple(texts)
