"""A grant with its settings filled in: the page where a person agrees, the request for a token, and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import orjson

from turnout.clock import SECOND
from turnout.document import Document, Json, digest
from turnout.exchange import Answer, Class, Fault, Granted, Moment, Refused, Reply, Request
from turnout.manifest import jose, requests, results, signers
from turnout.manifest.compile import Mapped, Scope
from turnout.manifest.model import Auth, GrantSpec, Manifest, Results, Send
from turnout.manifest.nodes import Node
from turnout.manifest.reads import reads
from turnout.manifest.times import micros
from turnout.manifest.values import Unsendable, number, text_of
from turnout.outcome import classify, retry_after

ASK, TRADE, GRANT = "grant.ask", "grant.trade", "grant"
CODES = frozenset(
    {
        *("invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type"),
        *("invalid_scope", "access_denied", "server_error", "temporarily_unavailable", "interaction_required"),
    }
)
"""Words of a vendor that are told as they are. Source: RFC 6749, 4.1.2.1 and 5.2."""
_OPEN = frozenset({"token_type", "scope"})
"""Fields of a token that are no secret."""
_FORM = "application/x-www-form-urlencoded"


def shapes(manifest: Manifest, spec: GrantSpec) -> dict[str, Node]:
    """Name the values that a grant is made of."""
    bare = _bare(manifest)
    found: dict[str, Node | None] = {
        f"{GRANT}!unless": spec.unless,
        f"{GRANT}!page": spec.page,
        f"{GRANT}!query": spec.query,
        f"{GRANT}!save": spec.save,
        f"{GRANT}!account": spec.account,
    }
    for prefix, send in ((ASK, spec.ask), (TRADE, spec.trade)):
        if send is not None:
            named = requests.shapes(send, bare, proof=send.auth or Auth())
            named |= signers.shapes(send.auth.signers if send.auth else ())
            found |= {f"{prefix}!{name}": node for name, node in named.items()}
    return {name: node for name, node in found.items() if node is not None}


def is_needed(functions: Mapping[str, Mapped], settings: Document) -> bool:
    """Tell whether these settings need a token: `unless` may say that they hold one."""
    unless = functions.get(f"{GRANT}!unless")
    return unless is None or not unless({}, settings, [], None, None, Scope())


class CompiledGrant:
    """A grant made from a manifest: satisfies `exchange.Grant`."""

    def __init__(
        self, manifest: Manifest, spec: GrantSpec, functions: Mapping[str, Mapped], settings: Document
    ) -> None:  # fmt: skip
        """Fill in settings, as `settings.check` gave them."""
        self._spec = spec
        self._functions = functions
        self._settings = settings
        self._endpoint = text_of(settings.get("endpoint"))
        nodes = [*requests.shapes(spec.ask, _bare(manifest), proof=spec.ask.auth or Auth()).values()]
        nodes += [spec.account] if spec.account else []
        names = {path[1] for node in nodes for path in reads(node, {}) if path[0] == "settings" and path[1:]}
        self._basis = digest([[name, settings.get(name)] for name in sorted(names)]).hex()

    @property
    def consent(self) -> bool:
        """Whether a person must agree first."""
        return self._spec.page is not None

    @property
    def renews(self) -> bool:
        """Whether a newer token can be got."""
        return self._spec.renews

    @property
    def basis(self) -> str:
        """A digest of the settings that a token is got with; a person's consent outlasts a change of them."""
        return "" if self.consent else self._basis

    def page(self, asked: Document) -> str:
        """Give the address of the page where a person agrees."""
        scope = Scope(auth=asked)
        parts = urlsplit(text_of(self._value(f"{GRANT}!page", scope)))
        origin = urlsplit(self._endpoint) if self._endpoint else parts
        given = self._value(f"{GRANT}!query", scope)
        query = [(name, text_of(value)) for name, value in given.items()] if isinstance(given, dict) else []
        whole = "&".join(part for part in (parts.query, urlencode(query)) if part)
        return urlunsplit((origin.scheme, origin.netloc, parts.path or "/", whole, ""))

    def request(self, held: Document, moment: Moment) -> Request | Refused:
        """Ask for a token, a newer one, or with a `code` for the first."""
        trades = self._spec.trade is not None and "code" in held
        if self.consent and not trades and not held.get("refresh_token"):
            return Refused("no_refresh_token", spent=True)
        try:
            return self._asked(*((self._spec.trade, TRADE) if trades else (self._spec.ask, ASK)), held, moment)
        except Unsendable:
            return Refused("bad_settings")
        except ValueError:
            return Refused("bad_key")

    def _asked(self, send: Send | None, prefix: str, held: Document, moment: Moment) -> Request:
        assert send is not None
        if self._spec.account is not None:
            held = {**held, "assertion": self._assertion(moment)}
        scope = Scope(moment.now, moment.request_id, auth=held)

        def evaluate(name: str) -> Json:
            return self._value(f"{prefix}!{name}", scope)

        def signed(name: str, known: Document) -> Json:
            scope.asked = known
            return evaluate(name)

        proof = send.auth or Auth()
        head = requests.head(send, proof, evaluate, self._endpoint)
        if proof.signers:
            return signers.request(head, send, evaluate("body"), moment, proof.signers, signed)
        return requests.request(head, send, evaluate("body"), moment)

    def _assertion(self, moment: Moment) -> str:
        """Sign for a service account. Raises: ValueError."""
        given = self._value(f"{GRANT}!account", Scope(moment.now))
        assert isinstance(given, dict)
        key = given.get("key")
        account: Json = orjson.loads(key) if isinstance(key, str) else key
        scopes = text_of(given.get("scope")).split()
        return jose.assertion(account, scopes, moment.now, subject=text_of(given.get("subject")))

    def read(self, reply: Reply, held: Document, moment: Moment) -> Granted | Refused:
        """Read the answer."""
        if isinstance(reply, Fault):
            return Refused(str(reply.kind))
        after_s = retry_after(reply.header("retry-after"), moment.now)
        body = _body(reply)
        if HTTPStatus(200) <= reply.status < HTTPStatus(300):
            fields = self._kept(reply, body, held, moment)
            if fields:
                return Granted(fields, self._lives_s(fields, moment.now))
        elif classify(reply.status) in {Class.RETRY, Class.UNKNOWN}:
            return Refused(f"http_{reply.status}", after_s=after_s)
        said = text_of(body.get("error"))
        word = said if said in CODES else f"http_{reply.status}" if reply.status >= HTTPStatus(300) else "no_token"
        return Refused(word, spent=word == "invalid_grant", after_s=after_s)

    def _kept(self, reply: Answer, body: Document, held: Document, moment: Moment) -> Document:
        """Give what is kept of an answer: what `save` says, or all of it; nothing where no token is in it."""
        if self._spec.save is None:
            found = body if body.get("access_token") else {}
        else:
            judging = results.Judging(
                Results(), "api", self._spec.ask.decode, reads=True, reads_body=True, resets=False
            )
            seen = results.seen(reply, judging)
            saved = self._value(f"{GRANT}!save", Scope(moment.now, res=seen, auth=held))
            found = saved if isinstance(saved, dict) else {}
        return {name: value for name, value in found.items() if value is not None and value != ""}

    def _lives_s(self, fields: Document, now: int) -> float | None:
        """Read for how long a token is good: `expires_in` seconds, a time in `expires_at` or `expires`, or `ttl`."""
        told = _count(fields.get("expires_in"))
        if told is None:
            at = micros(fields.get("expires_at", fields.get("expires")))
            told = None if at is None else (at - now) / SECOND
        return told if told is not None and told > 0 else self._spec.ttl_s or None

    def hidden(self, fields: Document) -> Mapping[str, str]:
        """List the texts of a token, but for its kind, its scope and links: whatever may prove somebody."""
        return {
            f"auth.{name}": value
            for name, value in fields.items()
            if isinstance(value, str) and name not in _OPEN and not _is_link(value) and _count(value) is None
        }

    def _value(self, name: str, scope: Scope) -> Json:
        function = self._functions.get(name)
        return None if function is None else function({}, self._settings, [], None, None, scope)


def _bare(manifest: Manifest) -> Manifest:
    """Give the manifest without what is for its other requests alone."""
    return replace(manifest, headers=None, query=None)


def _body(reply: Answer) -> Document:
    media = (reply.header("content-type") or "").partition(";")[0].strip().lower()
    if media == _FORM:
        return dict(parse_qsl(reply.body.decode("utf-8", "replace")))
    try:
        read = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        return {}
    return read if isinstance(read, dict) else {}


def _count(value: Json) -> float | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:  # noqa: PLR2004 - 3,000 years
        return float(value)
    return number(value)


def _is_link(value: str) -> bool:
    return value.startswith("https://") and not {"?", "@", "#"} & set(value)
