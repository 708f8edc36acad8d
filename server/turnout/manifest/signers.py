"""Puts the signatures that a manifest's `auth` names onto a request; all they know of here and now is the moment.

What they make never stands in evidence: it is listed in the request's `proofs`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from msgspec.structs import replace

from turnout.clock import SECOND
from turnout.document import Document, Json
from turnout.exchange import Moment, Request
from turnout.manifest import jose, requests, signing
from turnout.manifest.model import Send, Signer
from turnout.manifest.nodes import Node
from turnout.manifest.values import Unsendable, number, text_of

Evaluate: TypeAlias = "Callable[[str, Document], Json]"
"""Computes a value of a signature by its name, with what it may know of the request."""
Given: TypeAlias = "Mapping[str, Json]"
_Signed: TypeAlias = "tuple[Request, dict[str, str]]"
"""A request with its signature, and what of it must not be seen, by name."""
_NEEDED = {
    "hmac": "key",
    "jwt": "key",
    "oauth1": "consumer_key",
    "wsse": "user",
    "aws": "access_key",
    "sign": "",
    "use": "",
}
"""What each kind cannot do without: null leaves the signature out, as any part of `auth`."""


def shapes(signers: tuple[Signer, ...]) -> dict[str, Node]:
    """Name the values that signatures are made of."""
    return {f"sign.{place}.{key}": node for place, one in enumerate(signers) for key, node in one.values}


def request(
    head: requests.Head, send: Send, value: Json, moment: Moment, signers: tuple[Signer, ...], evaluate: Evaluate
) -> Request:
    """Make a request and sign it: what goes into its body first, then the rest in order. Raises: Unsendable."""
    given: dict[str, Json] = {}
    proofs: list[tuple[str, str]] = []

    def complete(place: int, asked: Request) -> bool:
        known = _known(asked, moment)
        given.clear()
        given.update({key: evaluate(f"sign.{place}.{key}", known) for key, _ in signers[place].values})
        needed = _NEEDED[signers[place].kind]
        return not needed or given.get(needed) is not None

    def prove(signer: Signer, made: Mapping[str, str]) -> None:
        proofs.extend((f"auth.{signer.kind}.{name}", mark) for name, mark in made.items() if name not in signer.open)

    for place, one in enumerate(signers):
        if one.field and complete(place, Request(head.method, head.url)):
            if not isinstance(value, dict):
                raise Unsendable("a signature goes into a body that is no object")
            mark = _mark(given)
            value = {**value, one.field: text_of(given.get("prefix")) + mark}
            prove(one, {one.field: mark})
    asked = requests.request(head, send, value, moment)
    for place, one in enumerate(signers):
        if not one.field and complete(place, asked):
            asked, made = _KINDS[one.kind](asked, given, moment)
            prove(one, made)
    requests.refuse(dict(asked.headers))
    return replace(asked, proofs=tuple(proofs))


def _known(asked: Request, moment: Moment) -> Document:
    parts = urlsplit(asked.url)
    return {
        "method": asked.method,
        "url": asked.url,
        "path": parts.path,
        "query": parts.query,
        "body": asked.body.decode("utf-8", "replace"),
        "nonce": signing.nonce_of(moment),
        "headers": dict(asked.headers),
        "octets": asked.body,  # a function in Python gets it; no manifest can name it
    }


def _mark(given: Given) -> str:
    key, over, algorithm, encode = (text_of(given.get(name)) for name in ("key", "over", "algorithm", "encode"))
    return signing.mark(key, over, algorithm, encode)


def _hmac(asked: Request, given: Given, _: Moment) -> _Signed:
    mark = _mark(given)
    written = text_of(given.get("prefix")) + mark
    place = "header" if "header" in given else "query"
    name = text_of(given[place])
    return _put(asked, place, name, written), {name: mark}


def _sign(asked: Request, given: Given, _: Moment) -> _Signed:
    made = {key: text_of(value) for key, value in given.items() if value is not None}
    for key, value in made.items():
        place, name = key.split(".", 1)
        asked = _put(asked, place, name, value)
    return asked, made


def _use(asked: Request, given: Given, _: Moment) -> _Signed:
    headers = given["headers"]
    made = {name.lower(): text_of(value) for name, value in headers.items()} if isinstance(headers, dict) else {}
    return replace(asked, headers=signing.joined(asked.headers, made)), made


def _put(asked: Request, place: str, name: str, value: str) -> Request:
    if place == "header":
        return replace(asked, headers=signing.joined(asked.headers, {name.lower(): value}))
    parts = urlsplit(asked.url)
    added = f"{quote(name, safe='-._~')}={quote(value, safe='-._~')}"
    return replace(asked, url=urlunsplit(parts._replace(query=f"{parts.query}&{added}" if parts.query else added)))


def _jwt(asked: Request, given: Given, moment: Moment) -> _Signed:
    claims, header = given.get("claims"), given.get("header")
    begins = moment.now // SECOND
    stated: Document = {"iat": begins, "exp": begins + int(number(given.get("ttl")) or 0)}
    stated |= claims if isinstance(claims, dict) else {}
    stated = {name: value for name, value in stated.items() if value is not None}
    try:
        head = header if isinstance(header, dict) else {}
        made = jose.token(text_of(given["alg"]), text_of(given["key"]), stated, head)
    except jose.NoKey as error:
        raise Unsendable(str(error)) from None
    return _put(asked, "header", "authorization", f"Bearer {made}"), {"token": made}


def _oauth1(asked: Request, given: Given, moment: Moment) -> _Signed:
    names = ("consumer_key", "consumer_secret", "token", "token_secret", "method", "realm")
    who = signing.Consumer(*(text_of(given.get(name)) for name in names))
    made = signing.oauth1(who, asked, signing.nonce_of(moment), moment.now // SECOND)
    return _put(asked, "header", "authorization", made), {"signature": unquote(_between(made, 'signature="', '"'))}


def _wsse(asked: Request, given: Given, moment: Moment) -> _Signed:
    user, secret, digest = (text_of(given.get(name)) for name in ("user", "secret", "digest"))
    made = signing.wsse(user, secret, signing.nonce_of(moment), signing.stamp(moment.now), digest=digest)
    return _put(asked, "header", "x-wsse", made), {"token": made}


def _aws(asked: Request, given: Given, moment: Moment) -> _Signed:
    names = ("service", "region", "access_key", "secret_key", "session_token")
    made = signing.aws(signing.Access(*(text_of(given.get(name)) for name in names)), asked, moment.now)
    signature = _between(made["authorization"], "Signature=", ",")
    hidden = {"signature": signature, "token": made.get("x-amz-security-token", "")}
    return replace(asked, headers=signing.joined(asked.headers, made)), hidden


def _between(text: str, begin: str, end: str) -> str:
    return text.partition(begin)[2].partition(end)[0]


_KINDS: Mapping[str, Callable[[Request, Given, Moment], _Signed]] = {
    "hmac": _hmac,
    "sign": _sign,
    "jwt": _jwt,
    "oauth1": _oauth1,
    "wsse": _wsse,
    "aws": _aws,
    "use": _use,
}
