"""XML from a value and back: `@name` is an attribute, `#text` the text, and a list repeats its element.

What is read has no document type, so no entities of its own: nothing grows, and nothing is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.parsers import expat

from turnout.document import Document, Json
from turnout.manifest.values import Unsendable, gather, text_of

DEPTH = 64
"""Elements in each other that are read."""
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_START = "A-Z_a-z\xc0-\xd6\xd8-\xf6\xf8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d\u2070-\u218f\u2c00-\u2fef"
_START += "\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
_PART = f"[{_START}][{_START}.0-9\xb7\u0300-\u036f\u203f\u2040-]*"
_NAME = re.compile(f"{_PART}(?::{_PART})?")
"""Source: XML 1.0, 2.3, and Namespaces in XML 1.0, 4: a prefix at most."""
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML may hold, not even escaped. Source: XML 1.0, 2.2."""
_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}
_IN_TEXT = str.maketrans({key: _ESCAPED[key] for key in "&<>\r"})
_IN_ATTRIBUTE = str.maketrans(_ESCAPED)


def is_name(text: str) -> bool:
    """Tell whether an element or an attribute may be called so."""
    return bool(_NAME.fullmatch(text))


def write(value: Json) -> str:
    """Write a value of one root element as XML. Characters that XML forbids are left out. Raises: Unsendable."""
    roots = list(value.items()) if isinstance(value, dict) else []
    if len(roots) != 1 or isinstance(roots[0][1], list):
        raise Unsendable("an XML body has one root element")
    return DECLARATION + "".join(_element(*roots[0]))


def _element(name: str, value: Json) -> Iterator[str]:
    if not is_name(name):
        raise Unsendable("an element has a name that XML does not allow")
    if isinstance(value, list):
        for one in value:
            yield from _element(name, one)
        return
    inner = value if isinstance(value, dict) else {"#text": value}
    yield f"<{name}"
    for key, one in inner.items():
        if key.startswith("@") and one is not None:
            yield _attribute(key[1:], one)
    text = _clean(inner.get("#text")).translate(_IN_TEXT)
    below = [(key, one) for key, one in inner.items() if not key.startswith("@") and key != "#text"]
    if not text and not below:
        yield "/>"
        return
    yield f">{text}"
    for key, one in below:
        yield from _element(key, one)
    yield f"</{name}>"


def _attribute(name: str, value: Json) -> str:
    if not is_name(name):
        raise Unsendable("an attribute has a name that XML does not allow")
    return f' {name}="{_clean(value).translate(_IN_ATTRIBUTE)}"'


def _clean(value: Json) -> str:
    return _FORBIDDEN.sub("", text_of(value))


class _Refused(Exception):
    """What is read goes beyond what we read."""


class _Reader:
    """Gathers what the parser finds: for each open element its attributes and children, and its text."""

    def __init__(self) -> None:
        self.open: list[Document] = [{}]
        self.texts: list[list[str]] = [[]]

    def start(self, _: str, attributes: list[str]) -> None:
        if len(self.open) > DEPTH:
            raise _Refused
        pairs = zip(attributes[::2], attributes[1::2], strict=True)
        self.open.append({f"@{key}": value for key, value in pairs})
        self.texts.append([])

    def end(self, name: str) -> None:
        found, text = self.open.pop(), "".join(self.texts.pop())
        value: Json = found
        if not found:
            value = text
        elif text.strip():
            found["#text"] = text
        gather(self.open[-1], name, value)

    def text(self, data: str) -> None:
        self.texts[-1].append(data)

    def refuse(self, *_: object) -> int:
        raise _Refused


def read(body: bytes) -> Json:
    """Read XML as the shape that would write it, its values text; null for what is none, or has a document type."""
    reader, parser = _Reader(), expat.ParserCreate()
    parser.ordered_attributes = True
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.EntityDeclHandler = reader.refuse
    parser.ExternalEntityRefHandler = reader.refuse
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, _Refused, ValueError, LookupError):  # the last two: an encoding that Python lacks
        return None
    return reader.open[0]
