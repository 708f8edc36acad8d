"""What was asked and answered, read back from evidence: bodies as JSON where they are, secrets already out of them."""

from __future__ import annotations

from urllib.parse import parse_qsl

from turnout.document import Document, Json
from turnout.event.wire import check
from turnout.evidence import frame
from turnout.evidence.frame import Talk
from turnout.exchange import Answer, Ask
from turnout.manifest import markup
from turnout.manifest.bodies import readable
from turnout.store.unit import View

_FORM = "application/x-www-form-urlencoded"
_TOLD = ("text/csv", "multipart/")
"""Bodies that are shown by what they are made of: rows and parts."""


def talk(view: View, request: int) -> Talk:
    """Give a request's exchange as kept; without turns where it is not."""
    found = frame.find(view.exchanges.frames(request), request) if request else None
    return found or Talk(request, ())


def shown(ask: Ask, secrets: tuple[tuple[str, str], ...]) -> Document:
    """Show a request that would leave as evidence would keep it: method, url, headers, body."""
    asked = frame.turn(ask, Answer(200), secrets)["asked"]
    assert isinstance(asked, dict)
    if "append" in asked:
        return {"method": "append", "url": asked["append"], "headers": {}, "body": body_of(asked)}
    return {**asked, "headers": headers_of(asked), "body": body_of(asked)}


def hidden(value: Json, secrets: tuple[tuple[str, str], ...]) -> Json:
    """Put the settings' names in the place of their values, in every text of a JSON value."""
    if isinstance(value, str):
        for secret, mark in secrets:
            value = value.replace(secret, mark)
        return value
    if isinstance(value, dict):
        return {key: hidden(below, secrets) for key, below in value.items()}
    return [hidden(below, secrets) for below in value] if isinstance(value, list) else value


def headers_of(asked: Document) -> Document:
    """Read the headers of a kept request or answer, names in small letters."""
    pairs = asked.get("headers")
    return {str(pair[0]).lower(): pair[1] for pair in pairs} if isinstance(pairs, list) else {}


def body_of(asked: Document) -> Json:
    """Read a kept body back: JSON, lines of JSON, form fields, XML, rows, parts, or text; null when there is none."""
    text = asked.get("body")
    if not isinstance(text, str) or not text:
        return None
    media = str(headers_of(asked).get("content-type", ""))
    if media.startswith(_TOLD):
        return readable(media, text.encode())
    if "xml" in media:
        return markup.read(text.encode()) or text
    if media.partition(";")[0].strip() == _FORM:
        return {name: _json(value) for name, value in parse_qsl(text, keep_blank_values=True)}
    whole = _json(text)
    if whole is not text or "\n" not in text.strip():
        return whole
    lines: list[Json] = [_json(line) for line in text.splitlines() if line]
    return text if any(isinstance(line, str) for line in lines) else lines


def _json(text: str) -> Json:
    """Read JSON that may come from outside; what is none, or a bare scalar, stays text."""
    value = check(text.encode("utf-8", "replace"))
    return value if isinstance(value, dict | list) else text
