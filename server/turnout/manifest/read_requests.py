"""Reads requests, and what belongs to them: authentication, limits, results."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from turnout.document import Json
from turnout.manifest import read_signers
from turnout.manifest.bodies import DECODES, ENCODED
from turnout.manifest.expression import Names
from turnout.manifest.language import Language, is_expression
from turnout.manifest.model import VERDICTS, Auth, ItemRule, Limits, Results, Send
from turnout.manifest.nodes import BYTES, TRUE, Const, Node
from turnout.manifest.part import Part
from turnout.manifest.read_bodies import KINDS, read_body
from turnout.manifest.reads import roots

VERBS = ("get", "post", "put", "patch", "delete")
REQUEST = (
    *(*VERBS, "request", *KINDS, "query", "headers", "auth", "gzip", "media", "decode", "timeout"),
    *("encode", "results"),
)
AUTH = ("bearer", "basic", "header", "query", "standard_webhooks", *read_signers.KINDS)
LIMITS = ("rate", "burst", "concurrency", "per")
RESULTS = (*VERDICTS, "error", "items")
ITEMS = ("from", "at", "id", "key", "where", "outcome", "error", "rest")
_RATE = re.compile(r"(\d+(?:\.\d+)?)/(\d+(?:\.\d+)?)?(ms|s|m|h|d)")
_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_REQUEST = re.compile(r"(\{\{.*?\}\}|\S+) (\S.*)", re.DOTALL)
MAX_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class RequestReader:
    """Reads the requests of one manifest. `names` are what its requests may read."""

    language: Language
    names: Names

    def node(self, part: Part, key: str) -> Node | None:
        """Read a value that may be absent."""
        return self.language.value(part.raw[key], (*part.path, key), self.names) if key in part.raw else None

    def send(self, part: Part, *beside: str) -> Send:
        """Read a request. `beside` are keys of the caller's own."""
        part.only(*REQUEST, *beside)
        method, url = self._target(part)
        kinds = [kind for kind in KINDS if kind in part.raw]
        if len(kinds) > 1:
            raise part.fail(kinds[1], "a request has one body")
        timeout_s = part.seconds("timeout") or 15.0
        if timeout_s > MAX_TIMEOUT_S:
            raise part.fail("timeout", "at most 30s")
        kind = kinds[0] if kinds else ""
        body = read_body(self.language, self.names, part, kind) if kind else None
        if "encode" in part.raw:
            kind, body = ENCODED, self._encoded(part, body if kind == "json" else None)
        return Send(
            method,
            url,
            kind,
            body,
            self.node(part, "query"),
            self.node(part, "headers"),
            self.auth(part) if "auth" in part.raw else None,
            self.node(part, "gzip"),
            part.text("media"),
            part.choice("decode", DECODES, "json"),
            timeout_s,
            self.results(part) if "results" in part.raw else Results(),
        )

    def _target(self, part: Part) -> tuple[Node, Node]:
        verbs = [verb for verb in (*VERBS, "request") if verb in part.raw]
        if len(verbs) != 1:
            raise part.fail("", f"a request needs one of {', '.join(VERBS)}, or `request: VERB URL`")
        path = (*part.path, verbs[0])
        written = part.text(verbs[0])
        if verbs[0] != "request":
            return Const(verbs[0].upper()), self.language.text(written, path, self.names)
        found = _REQUEST.fullmatch(written)
        if found is None:
            raise part.fail("request", "expected a verb, a blank and a URL")
        return self.language.text(found[1], path, self.names), self.language.text(found[2], path, self.names)

    def _encoded(self, part: Part, body: Node | None) -> Node:
        """Read the function in Python that writes the body."""
        if body is None:
            raise part.fail("encode", "it writes the value that stands under `json` beside it")
        if not part.text("media"):
            raise part.fail("encode", "`media` is missing beside it: the content type of what it writes")
        return self.language.hatched(part.needed("encode"), (*part.path, "encode"), BYTES, body)

    def auth(self, part: Part, *beside: str) -> Auth:
        """Read how a request proves who asks. `beside` are keys of the caller's own."""
        if part.raw.get("auth") == "none":
            return Auth()
        given = part.part("auth")
        given.only(*AUTH, *beside)
        basic: tuple[Node, Node] | None = None
        if "basic" in given.raw:
            raw = given.raw["basic"]
            if not isinstance(raw, list) or len(raw) != 2:  # noqa: PLR2004
                raise given.fail("basic", "expected [user, password]")
            user, password = (self.language.value(one, (*given.path, "basic"), self.names) for one in raw)
            basic = (user, password)
        return Auth(
            self.node(given, "bearer"),
            basic,
            self._named(given, "header"),
            self._named(given, "query"),
            self.node(given, "standard_webhooks"),
            read_signers.read_signers(self.language, self.names, given),
        )

    def _named(self, part: Part, key: str) -> tuple[tuple[str, Node], ...]:
        below = part.part(key)
        return tuple(
            (name, self.language.value(raw, (*below.path, name), self.names)) for name, raw in below.raw.items()
        )

    def limits(self, top: Part, *beside: str) -> Limits:
        """Read the rates that the vendor states. `beside` are keys of the whole manifest's alone."""
        part = top.part("limits")
        part.only(*LIMITS, *beside)
        rates = tuple(self._rate(part, key) for key in ("rate", "burst") if key in part.raw)
        known = frozenset({"settings"} | ({"auth"} & self.names.roots))
        settled, answered = (
            RequestReader(self.language, Names(named, settings=self.names.settings))
            for named in (known, frozenset({"res"}))
        )
        per, reset = settled.node(part, "per"), answered.node(part, "reset")
        asks = per is not None and "auth" in roots(per, {})
        return Limits(rates, int(part.number("concurrency") or 0), per, reset, asks)

    def _rate(self, part: Part, key: str) -> tuple[float, float]:
        found = _RATE.fullmatch(part.text(key))
        if found is None:
            raise part.fail(key, "expected a rate, for example `100/s` or `1600/10s`")
        rate = float(found[1]), float(found[2] or 1) * _UNIT[found[3]]
        if not all(rate):
            raise part.fail(key, "a rate is above nothing, in a time above nothing")
        return rate

    def results(self, top: Part) -> Results:
        """Read where the vendor differs from the outcome table."""
        part = top.part("results")
        part.only(*RESULTS, later=("tries",))
        names = self.names.plus("res")
        rules = {
            verdict: self.language.condition(part.raw[verdict], (*part.path, verdict), names)
            for verdict in VERDICTS
            if verdict in part.raw
        }
        error = self.language.value(part.raw["error"], (*part.path, "error"), names) if "error" in part.raw else None
        return Results(rules, error, tuple(self._item_rule(one) for one in part.parts("items")))

    def _item_rule(self, part: Part) -> ItemRule:
        part.only(*ITEMS, later=("match",))
        names = self.names.plus("res", "it", "index")

        def value(key: str) -> Node | None:
            return self.language.value(part.raw[key], (*part.path, key), names) if key in part.raw else None

        source = value("from")
        if source is None:
            raise part.fail("", "`from` is missing: where the answer lists items")
        words = {*VERDICTS}
        outcome = part.raw.get("outcome", "drop")
        if not is_expression(outcome) and outcome not in words:
            raise part.fail("outcome", f"expected one of {', '.join(VERDICTS)}, or an expression")
        rest = part.choice("rest", ("", *VERDICTS), "")
        where: Json = part.raw.get("where", True)
        return ItemRule(
            source,
            value("at"),
            value("id"),
            tuple(part.text("key", "id").split(".")),
            self.language.condition(where, (*part.path, "where"), names) if "where" in part.raw else TRUE,
            self.language.value(outcome, (*part.path, "outcome"), names),
            value("error"),
            rest,
        )


def read_send(reader: RequestReader, part: Part, http: Part, *beside: str) -> Send:
    """Read a request, with what `http` says for all of them."""
    send = reader.send(part, *beside)
    media = send.media or http.text("media")
    timeout_s = send.timeout_s if "timeout" in part.raw else http.seconds("timeout") or send.timeout_s
    return replace(send, media=media, timeout_s=timeout_s)
