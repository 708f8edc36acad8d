"""Signatures, made of what is given and nothing else: marks of HMAC, OAuth 1.0a, WSSE and AWS Signature Version 4."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from turnout.exchange import Moment, Request

ALGORITHMS = ("sha256", "sha1", "sha512", "md5")
ENCODINGS = ("hex", "base64")
METHODS = {"HMAC-SHA1": "sha1", "HMAC-SHA256": "sha256"}
"""How OAuth 1.0a signs. Source: RFC 5849, 3.4.2; SHA-256 as vendors extend it."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORM = "application/x-www-form-urlencoded"
_PORTS = {"http": ":80", "https": ":443"}


def nonce_of(moment: Moment) -> str:
    """Make what no two attempts share of the moment: the same for the same one."""
    return hashlib.sha256(f"{moment.request_id}\n{moment.now}".encode()).hexdigest()[:32]


def stamp(now: int, form: str = "%Y-%m-%dT%H:%M:%SZ") -> str:
    """Write a time in UTC."""
    return (_EPOCH + timedelta(microseconds=now)).strftime(form)


def mark(key: str, over: str, algorithm: str = "sha256", encode: str = "hex") -> str:
    """Sign a text. Source: RFC 2104."""
    made = hmac.digest(key.encode(), over.encode(), algorithm)
    return base64.b64encode(made).decode() if encode == "base64" else made.hex()


def wsse(user: str, secret: str, nonce: str, created: str, *, digest: str = "raw") -> str:
    """Make the value of X-WSSE. `digest`: base64 of SHA-1's bytes, or `hex`: of its hexadecimal, as some read it.

    Source: M. Pilgrim, Atom Authentication (xml.com, 2003), after WS-Security's UsernameToken.
    """
    made = hashlib.sha1(f"{nonce}{created}{secret}".encode(), usedforsecurity=False)
    shown = base64.b64encode(made.hexdigest().encode() if digest == "hex" else made.digest()).decode()
    return f'UsernameToken Username="{user}", PasswordDigest="{shown}", Nonce="{nonce}", Created="{created}"'


@dataclass(frozen=True, slots=True)
class Consumer:
    """Who asks, by OAuth 1.0a: a consumer, and the token of whom it asks for, which may be none."""

    key: str
    secret: str
    token: str = ""
    token_secret: str = ""
    method: str = "HMAC-SHA1"
    realm: str = ""
    version: str = "1.0"


def oauth1(who: Consumer, asked: Request, nonce: str, timestamp: int) -> str:
    """Make the value of Authorization by OAuth 1.0a. Source: RFC 5849, 3.4 and 3.5.1."""
    parts = urlsplit(asked.url)
    own = {
        "oauth_consumer_key": who.key,
        "oauth_nonce": nonce,
        "oauth_signature_method": who.method,
        "oauth_timestamp": str(timestamp),
        "oauth_token": who.token,
        "oauth_version": who.version,
    }
    own = {name: value for name, value in own.items() if value}
    pairs = [*own.items(), *parse_qsl(parts.query, keep_blank_values=True)]
    if dict(asked.headers).get("content-type", "").partition(";")[0] == _FORM:
        pairs += parse_qsl(asked.body.decode(), keep_blank_values=True)
    listed = _sorted(pairs)
    base = f"{parts.scheme}://{_host(asked.url).lower()}{parts.path or '/'}"
    text = "&".join(map(_escaped, (asked.method, base, "&".join(f"{name}={value}" for name, value in listed))))
    key = f"{_escaped(who.secret)}&{_escaped(who.token_secret)}"
    own["oauth_signature"] = mark(key, text, METHODS[who.method], "base64")
    realm = [f'realm="{_escaped(who.realm)}"'] if who.realm else []
    return "OAuth " + ", ".join([*realm, *(f'{name}="{_escaped(value)}"' for name, value in sorted(own.items()))])


@dataclass(frozen=True, slots=True)
class Access:
    """Who asks AWS, and for which service where."""

    service: str
    region: str
    access_key: str
    secret_key: str
    session_token: str = ""


def aws(who: Access, asked: Request, now: int) -> dict[str, str]:
    """Make the headers of Signature Version 4: host, content type and all of `x-amz-` are signed.

    Source: AWS Signature Version 4 for API requests. S3 signs its path as it is and the body's hash in a header.
    """
    day, time = stamp(now, "%Y%m%d"), stamp(now, "%Y%m%dT%H%M%SZ")
    hashed = hashlib.sha256(asked.body).hexdigest()
    made = {"x-amz-date": time}
    if who.session_token:
        made["x-amz-security-token"] = who.session_token
    if who.service == "s3":
        made["x-amz-content-sha256"] = hashed
    given = dict(asked.headers) | made
    signed = {name: value for name, value in given.items() if name == "content-type" or name.startswith("x-amz-")}
    signed["host"] = _host(asked.url)
    names = ";".join(sorted(signed))
    lines = (f"{name}:{' '.join(signed[name].split())}\n" for name in sorted(signed))
    parts = urlsplit(asked.url)
    path = quote(unquote(parts.path), safe="/-_.~") if who.service == "s3" else _path(parts.path)
    canonical = "\n".join((asked.method, path or "/", _query(parts.query), "".join(lines), names, hashed))
    scope = f"{day}/{who.region}/{who.service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{time}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{who.secret_key}".encode()
    for step in (*scope.split("/"), text):
        key = hmac.digest(key, step.encode(), "sha256")
    proof = f"Credential={who.access_key}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
    return {**made, "authorization": f"AWS4-HMAC-SHA256 {proof}"}


def _path(path: str) -> str:
    """Escape a path once more than it is, its dots and double strokes resolved."""
    kept: list[str] = []
    for one in path.split("/"):
        if one == "..":
            kept[-1:] = []
        elif one not in {"", "."}:
            kept.append(one)
    end = "/" if kept and path.endswith(("/", "/.", "/..")) else ""
    return quote("/" + "/".join(kept) + end, safe="/-_.~")


def _query(query: str) -> str:
    pairs = (one.partition("=") for one in query.split("&") if one)
    return "&".join(f"{name}={value}" for name, value in _sorted((unquote(key), unquote(one)) for key, _, one in pairs))


def _sorted(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted((_escaped(name), _escaped(value)) for name, value in pairs)


def _escaped(text: str) -> str:
    """Escape all but the unreserved characters. Source: RFC 3986, 2.3; RFC 5849, 3.6."""
    return quote(text, safe="-._~")


def _host(url: str) -> str:
    """Give the host as it is asked for: without a name before it, and without the scheme's own port."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2].removesuffix(_PORTS.get(parts.scheme, ""))


def joined(headers: tuple[tuple[str, str], ...], made: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Add headers, over others of the same name."""
    return tuple({**dict(headers), **made}.items())
