"""From values to a request: URL, query, headers, body and proof, ready to leave."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TypeAlias
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from turnout.document import Json
from turnout.exchange import Moment, Request
from turnout.manifest import auth, bodies, multipart
from turnout.manifest.casts import signing_keys
from turnout.manifest.headers import refusal
from turnout.manifest.model import Auth, Manifest, Send
from turnout.manifest.nodes import Const, Node, Text
from turnout.manifest.values import Unsendable, text_of

Evaluate: TypeAlias = "Callable[[str], Json]"
"""Computes a value of the request by its name, null where there is none."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_KIND = "content-type"
_URL_SAFE = "%/:?#[]@!$&'()*+,;=~-._"
PACKED = 3
"""Level of gzip: takes half the time of 6, and a seventh more bytes (measured, a batch of a shop's events)."""
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})


def _version() -> str:
    try:
        return version("turnout")
    except PackageNotFoundError:
        return "0"


USER_AGENT = f"Turnout/{_version()}"


def shapes(send: Send, manifest: Manifest, *, proof: Auth) -> dict[str, Node]:
    """Name the values that a request is made of: its head, and `body`."""
    found: dict[str, Node | None] = {
        "method": send.method,
        "url": send.url,
        "body": send.body,
        "query": send.query,
        "headers": send.headers,
        "gzip": send.gzip,
        "base": manifest.base,
        "http.query": manifest.query,
        "http.headers": manifest.headers,
        "auth.bearer": proof.bearer,
        "auth.user": proof.basic[0] if proof.basic else None,
        "auth.password": proof.basic[1] if proof.basic else None,
        "auth.hook": proof.standard_webhooks,
    }
    found |= {f"auth.header.{name}": node for name, node in proof.header}
    found |= {f"auth.query.{name}": node for name, node in proof.query}
    found |= {f"url.{place}": node for place, node in enumerate(_places(send.url))}
    return {name: node for name, node in found.items() if node is not None}


@dataclass(frozen=True, slots=True)
class Head:
    """A request without its body. `keys` sign it; None: it is not signed."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    gzip: bool
    keys: tuple[bytes, ...] | None


def head(send: Send, proof: Auth, evaluate: Evaluate, endpoint: str) -> Head:
    """Make what does not depend on the body. Raises: Unsendable."""
    method = text_of(evaluate("method")).upper()
    if method not in METHODS:
        raise Unsendable("the method is not one of GET, POST, PUT, PATCH, DELETE")
    headers: dict[str, str] = {"user-agent": USER_AGENT}
    if send.kind:
        headers[_KIND] = send.media or bodies.MEDIA[send.kind]
    for part in ("http.headers", "headers"):
        _put(headers, evaluate(part))
    packed = bool(send.kind and evaluate("gzip"))
    if packed:
        headers["content-encoding"] = "gzip"
    headers |= _proved(proof, evaluate)
    refuse(headers)
    keys = None
    if proof.standard_webhooks:
        keys = _keys(evaluate)
        headers = {name: value for name, value in headers.items() if name not in auth.SIGNATURE}
    return Head(method, _url(send, evaluate, proof, endpoint), tuple(headers.items()), packed, keys)


def request(head: Head, send: Send, value: Json | bytes, moment: Moment) -> Request:
    """Make the request, whose body is made of a value, or written already. Raises: Unsendable."""
    headers = head.headers
    if isinstance(value, bytes):
        body = value
    elif send.kind == "multipart":
        body, boundary = multipart.write(value, moment.request_id)
        headers = tuple((name, f"{text}; boundary={boundary}" if name == _KIND else text) for name, text in headers)
    else:
        body = bodies.written(send.kind, value)
    if head.gzip:
        body = gzip.compress(body, PACKED, mtime=0)
    if head.keys is not None:
        if not moment.request_id.isprintable():
            refuse({"webhook-id": moment.request_id})
        headers += auth.signed(head.keys, moment, body)
    return Request(head.method, head.url, headers, body, send.timeout_s)


def _proved(proof: Auth, evaluate: Evaluate) -> dict[str, str]:
    headers: dict[str, str] = {}
    token = evaluate("auth.bearer")
    if token is not None:
        headers |= [auth.bearer(text_of(token))]
    if proof.basic:
        headers |= [auth.basic(text_of(evaluate("auth.user")), text_of(evaluate("auth.password")))]
    _put(headers, {name: evaluate(f"auth.header.{name}") for name, _ in proof.header})
    return headers


def _keys(evaluate: Evaluate) -> tuple[bytes, ...]:
    try:
        return signing_keys(text_of(evaluate("auth.hook")))
    except ValueError:
        raise Unsendable("the signing secret is not base64 after `whsec_`") from None


def _put(headers: dict[str, str], given: Json) -> None:
    """Add headers, a later one over an earlier one of the same name."""
    if isinstance(given, dict):
        headers |= {name.lower(): text_of(value) for name, value in given.items() if value is not None}


def refuse(headers: Mapping[str, str]) -> None:
    """Refuse headers that may not be sent. Raises: Unsendable."""
    for name, value in headers.items():
        if refusal(name):
            raise Unsendable("a header has a name that may not be sent")
        if _CONTROL.search(value):
            raise Unsendable("a header contains a control character")


def _places(url: Node) -> tuple[Node, ...]:
    """List what an address names by a part of its path: a value right behind a `/` that stands in the manifest."""
    found: list[Node] = []
    before = ""
    for part in url.parts if isinstance(url, Text) else ():
        if not isinstance(part, Const):
            if before.endswith("/") and "?" not in before:
                found.append(part)
            before += "_"
        else:
            before += text_of(part.value)
    return tuple(found)


def _refuse_gap(url: Node, evaluate: Evaluate) -> None:
    """Refuse a path that lacks what it should name: it would be another resource, perhaps all of them."""
    if any(text_of(evaluate(f"url.{place}")) == "" for place in range(len(_places(url)))):
        raise Unsendable("a part of the URL's path is empty")


def _url(send: Send, evaluate: Evaluate, proof: Auth, endpoint: str) -> str:
    written = text_of(evaluate("url"))
    _refuse_gap(send.url, evaluate)
    if not written.startswith(("https://", "http://")):
        base = text_of(evaluate("base")).rstrip("/")
        written = f"{base}/{written.removeprefix('/')}" if written else base
    parts = urlsplit(quote(written, safe=_URL_SAFE))
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Unsendable("the URL is not complete")
    query = [parts.query] if parts.query else []
    given = [evaluate("http.query"), evaluate("query")]
    given.append({name: evaluate(f"auth.query.{name}") for name, _ in proof.query})
    query += [urlencode(pairs, quote_via=quote, safe="-._~") for one in given if (pairs := bodies.pairs(one))]
    origin = urlsplit(endpoint) if endpoint else parts
    return urlunsplit((origin.scheme, origin.netloc, parts.path or "/", "&".join(query), ""))
