"""Reads the signatures under `auth`: what each is made of, and where it goes."""

from __future__ import annotations

import re

from turnout.document import Json
from turnout.manifest import jose, signing
from turnout.manifest.expression import ASKED, Names
from turnout.manifest.headers import refusal
from turnout.manifest.language import Language
from turnout.manifest.model import Signer
from turnout.manifest.nodes import HEADERS, Const, Let, Node, Path, walk
from turnout.manifest.part import Part

KINDS = ("hmac", "sign", "jwt", "oauth1", "wsse", "aws", "use")
_PLACES = ("header", "query", "body")
_LOOKS = re.compile(rf"\$(?:{'|'.join((*ASKED, 'now', 'request_id'))})\b")
_TTL_S = 600.0


def read_signers(language: Language, names: Names, auth: Part) -> tuple[Signer, ...]:
    """Read all signatures of an `auth`, in the order in which they stand. Raises: InvalidManifest."""
    reader = _Reader(language, names.plus(*ASKED, "request_id"))
    found: list[Signer] = []
    for kind in auth.raw:
        if kind == "use":
            found += [reader.use(auth, name) for name in auth.words("use")]
        elif kind in KINDS:
            found += [reader.signer(part, kind) for part in auth.parts(kind)]
    return tuple(found)


class _Reader:
    """Reads signatures with what they may name."""

    def __init__(self, language: Language, names: Names) -> None:
        self.language, self.names = language, names

    def signer(self, part: Part, kind: str) -> Signer:
        match kind:
            case "hmac":
                return self.hmac(part)
            case "sign":
                return self.sign(part)
            case "jwt":
                return self.jwt(part)
            case "oauth1":
                method = self.word(part, "method", tuple(signing.METHODS), "HMAC-SHA1")
                needed, optional = ("consumer_key", "consumer_secret"), ("token", "token_secret", "realm")
                return Signer(kind, (*self.values(part, needed, optional, "method"), method))
            case "wsse":
                digest = self.word(part, "digest", ("raw", "hex"), "raw")
                return Signer(kind, (*self.values(part, ("user", "secret"), (), "digest"), digest))
            case _:
                return Signer(
                    kind, self.values(part, ("service", "region", "access_key", "secret_key"), ("session_token",))
                )

    def hmac(self, part: Part) -> Signer:
        places = [place for place in _PLACES if place in part.raw]
        if len(places) != 1:
            raise part.fail("", "a signature goes into one of `header`, `query` and `body`")
        name = part.needed(places[0])
        if places[0] == "header" and refusal(name):
            raise part.fail("header", f"this is a header {refusal(name)}")
        found = self.values(part, ("key",), ("over",), "algorithm", "encode", "prefix", *places)
        if "over" not in part.raw and places[0] != "body":
            found = (*found, ("over", Path("asked", ("body",))))
        if places[0] == "body" and any(_reads_body(node) for _, node in found):
            raise part.fail("over", "a signature in the body cannot be made over the body")
        return Signer(
            "hmac",
            (
                *found,
                self.word(part, "algorithm", signing.ALGORITHMS, "sha256"),
                self.word(part, "encode", signing.ENCODINGS, "hex"),
                ("prefix", Const(part.text("prefix"))),
                *([(places[0], Const(name))] if places[0] != "body" else []),
            ),
            name if places[0] == "body" else "",
        )

    def use(self, auth: Part, name: str) -> Signer:
        """Read a function in Python that makes headers of the whole request and the settings."""
        asked = (Path("asked", (part,)) for part in ("method", "url", "headers", "octets"))
        made = self.language.hatched(name, (*auth.path, "use"), HEADERS, *asked, Path("settings"))
        return Signer("use", (("headers", made),))

    def sign(self, part: Part) -> Signer:
        part.only("header", "query")
        found: list[tuple[str, Node]] = []
        for place in part.raw:
            below = part.part(place)
            found += [(f"{place}.{name}", self.value(below, name)) for name in below.raw]
            for name in below.raw:
                if place == "header" and refusal(name):
                    raise below.fail(name, f"this is a header {refusal(name)}")
        if not found:
            raise part.fail("", "expected `header` or `query`, and what goes into it")
        plain = frozenset(key for key, node in found if not any(map(_may_be_secret, walk(node))))
        return Signer("sign", tuple(found), open=plain)

    def jwt(self, part: Part) -> Signer:
        found = self.values(part, ("key",), ("claims", "header"), "alg", "ttl")
        ttl = Const(part.seconds("ttl") or _TTL_S)
        return Signer("jwt", (*found, self.word(part, "alg", jose.ALGORITHMS, "HS256"), ("ttl", ttl)))

    def values(
        self, part: Part, needed: tuple[str, ...], optional: tuple[str, ...], *others: str
    ) -> tuple[tuple[str, Node], ...]:
        part.only(*needed, *optional, *others)
        missing = next((key for key in needed if key not in part.raw), "")
        if missing:
            raise part.fail("", f"`{missing}` is missing")
        return tuple((key, self.value(part, key)) for key in (*needed, *optional) if key in part.raw)

    def word(self, part: Part, key: str, known: tuple[str, ...], default: str) -> tuple[str, Node]:
        return key, Const(part.choice(key, known, default))

    def value(self, part: Part, key: str) -> Node:
        """Read a value; text that looks like what it would sign is none."""
        raw: Json = part.raw[key]
        node = self.language.value(raw, (*part.path, key), self.names)
        for one in walk(node):
            if isinstance(one, Const) and isinstance(one.value, str) and _LOOKS.search(one.value):
                raise part.fail(key, "a literal that looks like an expression: begin it with `= `, or use `{{ }}`")
        return node


def _reads_body(node: Node) -> bool:
    return any(isinstance(one, Path) and one.root == "asked" and one.keys[:1] == ("body",) for one in walk(node))


def _may_be_secret(node: Node) -> bool:
    return isinstance(node, Let) or (isinstance(node, Path) and node.root in {"settings", "auth"})
