"""What XHTML a narrative may hold.

Source: http://hl7.org/fhir/R4/narrative.html#xhtml (invariants txt-1 and txt-2).
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError, XMLParser

_XHTML = "{http://www.w3.org/1999/xhtml}"
_ELEMENTS = frozenset(
    {
        "div",
        "p",
        "br",
        "hr",
        "span",
        "a",
        "img",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "ul",
        "ol",
        "li",
        "dl",
        "dt",
        "dd",
        "table",
        "caption",
        "colgroup",
        "col",
        "thead",
        "tbody",
        "tfoot",
        "tr",
        "td",
        "th",
        "b",
        "i",
        "em",
        "strong",
        "small",
        "big",
        "tt",
        "dfn",
        "code",
        "samp",
        "kbd",
        "var",
        "cite",
        "abbr",
        "acronym",
        "sub",
        "sup",
        "bdo",
        "pre",
        "blockquote",
        "q",
        "address",
        "ins",
        "del",
        "map",
        "area",
        "center",
        "font",
        "u",
        "s",
        "strike",
    }
)
_FORBIDDEN_SCHEMES = ("javascript:", "vbscript:")


def is_narrative(text: str) -> bool:
    """Whether the text is one well-formed XHTML `div` with content, of the elements a narrative may have.

    No scripts, forms, frames, objects or event attributes, and no document type: entities are never expanded.
    """
    if "<!" in text.replace("<!--", ""):
        return False
    parser = XMLParser()  # noqa: S314 - a text that could declare entities has been refused above
    try:
        parser.feed(_with_named_characters(text))
        root = parser.close()
    except ParseError:
        return False
    if not isinstance(root, Element) or root.tag != f"{_XHTML}div":
        return False
    return all(_allowed(element) for element in root.iter() if isinstance(element.tag, str)) and _has_content(
        root
    )


def _with_named_characters(text: str) -> str:
    # XML itself only names five characters; HTML's nbsp is common in narratives.
    return text.replace("&nbsp;", "&#160;")


def _allowed(element: Element) -> bool:
    if not element.tag.startswith(_XHTML) or element.tag[len(_XHTML) :] not in _ELEMENTS:
        return False
    for name, value in element.attrib.items():
        if name.lower().startswith("on"):
            return False
        if name in ("href", "src") and value.strip().lower().startswith(_FORBIDDEN_SCHEMES):
            return False
    return True


def _has_content(root: Element) -> bool:
    return bool("".join(root.itertext()).strip()) or any(e.tag == f"{_XHTML}img" for e in root.iter())
