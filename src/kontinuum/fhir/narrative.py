"""What XHTML a resource's human-readable text may hold.

http://hl7.org/fhir/R4/narrative.html#xhtml: one well-formed `div` in the XHTML namespace, with formatting
only; rules txt-1 (nothing active or external) and txt-2 (some content).
"""

from __future__ import annotations

from typing import NamedTuple
from xml.parsers import expat

__all__ = ["Fault", "fault_of"]


class Fault(NamedTuple):
    """What is not allowed in a narrative: a FHIR issue type, and words for whoever wrote it."""

    code: str
    message: str


_NAMESPACE = "http://www.w3.org/1999/xhtml"

# HTML 4.0 chapters 7 to 11 (without 9.4) and 15, `a` and `img`, as txt-1 says.
_ELEMENTS = """
    a abbr acronym address b bdo big blockquote br caption center cite code col colgroup dd del dfn div dl dt
    em font h1 h2 h3 h4 h5 h6 hr i img ins kbd li ol p pre q s samp small span strike strong sub sup table
    tbody td tfoot th thead tr tt u ul var
"""
_ATTRIBUTES = """
    abbr accesskey align alt axis bgcolor border cellpadding cellspacing char charoff charset cite class clear
    color colspan compact coords datetime dir face frame headers height href hreflang hspace id ismap lang
    longdesc name noshade nowrap rel rev rowspan rules scope shape size span src start style summary tabindex
    title type usemap valign value vspace width
"""
_SCHEMES = ("javascript:", "vbscript:", "data:text")
_is_element = frozenset(_ELEMENTS.split()).__contains__
_is_attribute = frozenset(_ATTRIBUTES.split()).__contains__


def fault_of(text: str) -> Fault | None:
    """The first thing in the `div` of a Narrative that is not allowed, None when all of it is.

    http://hl7.org/fhir/R4/narrative.html, txt-1 and txt-2.
    """
    return _Reader().read(text)


class _Reader:
    """Reads one `div`; keeps the first thing that is not allowed."""

    def __init__(self) -> None:
        self.found: Fault | None = None
        self.content = False
        self.depth = 0

    def read(self, text: str) -> Fault | None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.ProcessingInstructionHandler = self._refuse_instruction
        # Without a document type there are no entities, so none can expand without end.
        parser.StartDoctypeDeclHandler = self._refuse_document_type
        try:
            parser.Parse(text.encode(), True)
        except expat.ExpatError as error:
            if self.found is None:
                reason = expat.ErrorString(error.code)
                return Fault(
                    "value",
                    f"the text is not well-formed XHTML: {reason} at line {error.lineno}, "
                    f"column {error.offset}; write one closed <div>, "
                    "with numbers for named characters (&#160;, not &nbsp;)",
                )
        except UnicodeEncodeError:
            return Fault("value", "the text holds half a surrogate pair; write the whole character")
        if self.found is None and not self.content:
            return Fault(
                "invariant", "txt-2: the text has no content; write some, or leave the narrative out"
            )
        return self.found

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        if namespace != _NAMESPACE:
            self._refuse("value", f'<{local}> is not of the namespace "{_NAMESPACE}"; put xmlns on the div')
        elif self.depth == 0 and local != "div":
            self._refuse("value", f"the text begins with <{local}>; put it in one <div>")
        elif not _is_element(local):
            self._refuse("invariant", f"txt-1: <{local}> is not formatting; remove it")
        self.depth += 1
        self.content = self.content or local == "img"
        for attribute, content in attributes.items():
            self._attribute(local, attribute, content)

    def _attribute(self, element: str, name: str, content: str) -> None:
        if not _is_attribute(name) and not name.startswith("http://www.w3.org/XML/1998/namespace "):
            self._refuse(
                "invariant", f'txt-1: the attribute "{name}" of <{element}> is not formatting; remove it'
            )
        elif name in ("href", "src") and "".join(content.split()).lower().startswith(_SCHEMES):
            self._refuse("invariant", f'txt-1: the "{name}" of <{element}> is active content; remove it')

    def _end(self, name: str) -> None:
        self.depth -= 1

    def _characters(self, text: str) -> None:
        self.content = self.content or not text.isspace()

    def _refuse_instruction(self, target: str, data: str) -> None:
        self._refuse("value", f"the processing instruction <?{target}?> is not allowed; remove it")

    def _refuse_document_type(self, *_: object) -> None:
        self._refuse("value", "a document type is not allowed in a narrative; remove <!DOCTYPE>")
        raise expat.ExpatError("document type")

    def _refuse(self, code: str, message: str) -> None:
        if self.found is None:
            self.found = Fault(code, message)
