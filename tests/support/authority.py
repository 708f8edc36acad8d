"""A scripted authorization server with the API behind it: tokens that it gave, and takes, over real sockets.

    authority = Authority(rotates=True)
    with Recorder(Script(decide=authority.decide)) as vendor: ...

`POST /token` gives tokens, `GET /authorize` sends the browser back with a code; every other path is the API, which
wants a token that is still good.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from support.script import Received, Scripted

CLIENT, SECRET = "client-1", "client-secret-1"


@dataclass(slots=True)
class Authority:
    """What it gives, and what it takes. `lives_s` None: it is not told; `rotates`: a refresh token is good once.

    `down` answers token requests with that status; `slow_s` delays them; `asked` are the forms that came.
    """

    lives_s: int | None = 3600
    rotates: bool = False
    down: int = 0
    slow_s: float = 0.0
    declines: bool = False
    asked: list[dict[str, str]] = field(default_factory=list)
    given: int = 0
    good: set[str] = field(default_factory=set)
    refresh: set[str] = field(default_factory=set)
    spent: set[str] = field(default_factory=set)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    taken: list[tuple[str, str]] = field(default_factory=list)
    refused: int = 0
    forbids: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def decide(self, request: Received) -> Scripted | None:
        path = urlsplit(request.path).path
        with self._lock:
            if path == "/token":
                return self._token(request)
            if path == "/authorize":
                return self._authorize(request)
            return self._api(request)

    def expire(self) -> None:
        """Take no token any more that was given so far."""
        with self._lock:
            self.good.clear()

    def revoke(self) -> None:
        """Take back the consent: no token is good, and no refresh token."""
        with self._lock:
            self.good.clear()
            self.refresh.clear()

    def agree(self, page: str) -> str:
        """Agree on the page as a person would; give where the browser is sent."""
        asked = dict(parse_qsl(urlsplit(page).query))
        with self._lock:
            return self._back(asked)

    def _back(self, asked: Mapping[str, str]) -> str:
        if self.declines:
            return f"{asked['redirect_uri']}?{urlencode({'error': 'access_denied', 'state': asked['state']})}"
        code = f"code-{len(self.codes)}"
        self.codes[code] = dict(asked)
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def _authorize(self, request: Received) -> Scripted:
        asked = dict(parse_qsl(urlsplit(request.path).query))
        return Scripted(302, (("location", self._back(asked)),), b"")

    def _token(self, request: Received) -> Scripted:
        form = dict(parse_qsl(request.body.decode()))
        self.asked.append(form)
        if self.down:
            return _json(self.down, {"error": "temporarily_unavailable", "error_description": "come back later"})
        client = self._client(request, form)
        if client != (CLIENT, SECRET):
            return _json(401, {"error": "invalid_client", "error_description": f"no {client[1]} here"})
        if not self._may(form):
            return _json(400, {"error": "invalid_grant"})
        return self._give(form)

    def _client(self, request: Received, form: Mapping[str, str]) -> tuple[str, str]:
        basic = request.header("authorization")
        if basic:
            user, _, password = base64.b64decode(basic.removeprefix("Basic ")).decode().partition(":")
            return user, password
        return form.get("client_id", ""), form.get("client_secret", "")

    def _may(self, form: Mapping[str, str]) -> bool:
        match form.get("grant_type"):
            case "client_credentials":
                return True
            case "password":
                return (form.get("username"), form.get("password")) == ("ann", "ann-password")
            case "refresh_token":
                return self._may_refresh(form.get("refresh_token", ""))
            case "authorization_code":
                asked = self.codes.pop(form.get("code", ""), None)
                verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
                challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
                return asked is not None and (asked["redirect_uri"], asked["code_challenge"]) == (
                    form.get("redirect_uri"),
                    challenge,
                )
            case _:
                return False

    def _may_refresh(self, token: str) -> bool:
        if self.rotates and token in self.spent:
            self.good.clear()
            self.refresh.clear()
        if token not in self.refresh:
            return False
        if self.rotates:
            self.refresh.discard(token)
            self.spent.add(token)
        return True

    def _give(self, form: Mapping[str, str]) -> Scripted:
        self.given += 1
        access = f"access-token-{self.given}"
        self.good.add(access)
        body: dict[str, Any] = {"access_token": access, "token_type": "bearer", "account": f"account-{self.given}"}
        if self.lives_s is not None:
            body["expires_in"] = self.lives_s
        if form["grant_type"] in {"authorization_code", "password"} or (self.rotates and "refresh_token" in form):
            body["refresh_token"] = f"refresh-token-{self.given}"
            self.refresh.add(body["refresh_token"])
        return _json(200, body, self.slow_s)

    def _api(self, request: Received) -> Scripted:
        token = (request.header("authorization") or "").removeprefix("Bearer ")
        body = request.body.decode()
        if token not in self.good or any(word in body for word in self.forbids):
            self.refused += 1
            return _json(401, {"error": f"the token {token} is not good"})
        self.taken.append((token, body))
        return _json(200, {"seen": token})


def _json(status: int, body: Mapping[str, Any], delay_s: float = 0.0) -> Scripted:
    return Scripted(status, (("content-type", "application/json"),), json.dumps(body).encode(), delay_s=delay_s)
