"""Reads how a token is got: `oauth2`, `login` and `gcp` under `auth`. Each becomes requests like any other.

What a token request may read is `$settings`, `$now` and `$auth`: what was kept of the last answer, and while a
person agrees `code`, `redirect_uri`, `state`, `code_verifier` and `code_challenge`.
"""

from __future__ import annotations

from collections.abc import Mapping

from turnout.manifest.expression import Names
from turnout.manifest.language import Language
from turnout.manifest.model import Auth, GrantSpec, Send
from turnout.manifest.nodes import Coalesce, Const, Node, Path, Shape
from turnout.manifest.part import Part
from turnout.manifest.read_requests import RequestReader

WAYS = ("oauth2", "login", "gcp")
GRANTS = ("authorization_code", "client_credentials", "password", "refresh_token")
TIMEOUT_S = 10.0
"""How long a token request may take: whoever stops waits for it, because its answer may not come twice."""
GOOGLE = "https://oauth2.googleapis.com/token"
"""Source: Google, Using OAuth 2.0 for Server to Server Applications."""
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GCP = ("scopes", "key", "subject", "unless")
LOGIN = ("save", "ttl", "unless")
OAUTH2 = (
    *("grant", "authorize", "token", "scopes", "client_id", "client_secret", "username", "password"),
    *("refresh_token", "extra", "pkce", "refresh", "unless", "audience", "body", "proof", "save", "ttl"),
)


def way_of(auth: Part) -> str:
    """Name the way in which a token is got, of those stated; empty for none."""
    return next((way for way in WAYS if way in auth.raw), "")


def read_grant(auth: Part, language: Language, settings: frozenset[str]) -> GrantSpec | None:
    """Read it; None where a manifest needs no token. Raises: InvalidManifest."""
    way = way_of(auth)
    if not way:
        return None
    if second := next((other for other in WAYS if other in auth.raw and other != way), ""):
        raise auth.fail(second, "a destination has one token")
    reader = _Reader(auth.part(way), language, settings)
    match way:
        case "oauth2":
            return reader.oauth2()
        case "login":
            return reader.login()
        case _:
            return reader.gcp()


class _Reader:
    """Reads one way."""

    def __init__(self, part: Part, language: Language, settings: frozenset[str]) -> None:
        self.part, self.language, self.settings = part, language, settings
        self.names = Names(frozenset({"settings", "auth", "now"}), settings=settings)
        self.at = ".".join(map(str, part.path))

    def value(self, key: str, *more: str) -> Node | None:
        """Read a value that may be absent."""
        if key not in self.part.raw:
            return None
        return self.language.value(self.part.raw[key], (*self.part.path, key), self.names.plus(*more))

    def setting(self, key: str) -> Node | None:
        """Read a value that is the setting of this name where it is not stated."""
        stated = self.value(key)
        if stated is None and key in self.settings:
            return Path("settings", (key,), self.at)
        return stated

    def needed(self, key: str) -> Node:
        """Read such a value, which must be there."""
        found = self.setting(key)
        if found is None:
            raise self.part.fail("", f"`{key}` is missing, and there is no setting of this name")
        return found

    def url(self, key: str) -> Node:
        """Read an address, which is encrypted as far as it is written down."""
        written = self.part.needed(key)
        if written.startswith("http:"):
            raise self.part.fail(key, "a token is asked for over https")
        return self.language.text(written, (*self.part.path, key), self.names)

    def unless(self) -> Node | None:
        """Read the condition on settings under which no token is needed."""
        raw = self.part.raw.get("unless")
        names = Names(frozenset({"settings"}), settings=self.settings)
        return None if raw is None else self.language.condition(raw, (*self.part.path, "unless"), names)

    def oauth2(self) -> GrantSpec:
        """Read a grant of RFC 6749."""
        part = self.part
        part.only(*OAUTH2)
        kind = part.choice("grant", GRANTS, "")
        consents = kind == "authorization_code"
        for key in ("authorize", "pkce"):
            if key in part.raw and not consents:
                raise part.fail(key, f"`{key}` goes with `grant: authorization_code`")
        pkce = consents and (part.flag("pkce") or "pkce" not in part.raw)
        shows = kind != "client_credentials" and (pkce or not consents)
        client = self.needed("client_id"), self.setting("client_secret") if shows else self.needed("client_secret")
        secrets = [client[1], *(self.setting(key) for key in ("password", "refresh_token") if key.startswith(kind))]
        audience = self.value("audience")
        page: dict[str, Node | None] = {
            "response_type": Const("code"),
            "client_id": client[0],
            "redirect_uri": self.held("redirect_uri"),
            "scope": self.scope(),
            "state": self.held("state"),
            "code_challenge": self.held("code_challenge") if pkce else None,
            "code_challenge_method": Const("S256") if pkce else None,
            "audience": audience,
        }
        trade: dict[str, Node | None] = {
            "grant_type": Const("authorization_code"),
            "code": self.held("code"),
            "redirect_uri": self.held("redirect_uri"),
            "code_verifier": self.held("code_verifier") if pkce else None,
        }
        return GrantSpec(
            kind,
            self.asking(self.asked(kind, audience), *client),
            self.unless(),
            self.asking(trade, *client) if consents else None,
            self.url("authorize") if consents else None,
            self.shape(page) if consents else None,
            self.value("save", "res"),
            part.seconds("ttl"),
            renews=part.choice("refresh", ("", "never"), "") != "never",
            secrets=tuple(node for node in secrets if node is not None),
        )

    def asked(self, kind: str, audience: Node | None) -> dict[str, Node | None]:
        """List what asks for a token, or for a newer one."""
        match kind:
            case "password":
                who = {"username": self.needed("username"), "password": self.needed("password")}
                return {"grant_type": Const("password"), **who, "scope": self.scope(), "audience": audience}
            case "client_credentials":
                return {"grant_type": Const(kind), "scope": self.scope(), "audience": audience}
            case "refresh_token":
                held = Coalesce((self.held("refresh_token"), self.needed("refresh_token")), self.at)
                return {"grant_type": Const("refresh_token"), "refresh_token": held}
            case _:
                return {"grant_type": Const("refresh_token"), "refresh_token": self.held("refresh_token")}

    def asking(self, fields: Mapping[str, Node | None], client_id: Node, client_secret: Node | None) -> Send:
        """Make the request to the token's address: the client proves itself in the body, or by `proof: basic`."""
        basic = self.part.choice("proof", ("body", "basic"), "body") == "basic"
        proof = Auth(basic=(client_id, client_secret or Const(""))) if basic else Auth()
        client = {} if basic else {"client_id": client_id, "client_secret": client_secret}
        body = self.shape({**fields, **client}, self.value("extra"))
        kind = self.part.choice("body", ("form", "json"), "form")
        return _posting(self.url("token"), kind, body, proof)

    def scope(self) -> Node | None:
        """Read `scopes`: a list joined by blanks, or text as it is."""
        raw = self.part.raw.get("scopes")
        if isinstance(raw, list):
            return Const(" ".join(self.part.words("scopes"))) if raw else None
        return self.value("scopes")

    def login(self) -> GrantSpec:
        """Read a request of the vendor's own that gives a token."""
        part = self.part
        send = RequestReader(self.language, self.names.plus("request_id")).send(part, *LOGIN)
        save = self.value("save", "res")
        if save is None:
            raise part.fail("", "`save` is missing: what is kept of the answer, under `$auth`")
        if "results" in part.raw:
            raise part.fail("results", "a login has none")
        return GrantSpec("login", send, self.unless(), save=save, ttl_s=part.seconds("ttl"))

    def gcp(self) -> GrantSpec:
        """Read a service account of Google: its signed assertion is given for a token. Source: RFC 7523, 2.1."""
        part = self.part
        part.only(*GCP)
        key = self.value("key") or self.needed("service_account")
        body = self.shape({"grant_type": Const(JWT_BEARER), "assertion": self.held("assertion")})
        account = self.shape({"key": key, "scope": self.scope(), "subject": self.value("subject")})
        return GrantSpec(
            "gcp", _posting(Const(GOOGLE), "form", body, Auth()), self.unless(), account=account, secrets=(key,)
        )  # fmt: skip

    def held(self, name: str) -> Node:
        """Read a field of `$auth`."""
        return Path("auth", (name,), self.at)

    def shape(self, fields: Mapping[str, Node | None], *spread: Node | None) -> Node:
        """Make an object of what is there."""
        entries = tuple((Const(name), node) for name, node in fields.items() if node is not None)
        return Shape(tuple(node for node in spread if node is not None), entries, at=self.at)


def _posting(url: Node, kind: str, body: Node, proof: Auth) -> Send:
    headers = Const({"accept": "application/json"})
    return Send(Const("POST"), url, kind, body, None, headers, proof, timeout_s=TIMEOUT_S)
