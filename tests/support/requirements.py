"""What a server must do that Segment's clients talk to, one row each; `claims` says which test shows it.

Sources are the pages of the reference: `wire` is what real clients were seen to do (clients-on-the-wire.md), `api` what
Segment documents or its libraries' code reads (tracking-api.md), `limits` what we hold ourselves to
(reliability-security.md 7), `rudder` what RudderStack's own libraries send (analytics-js 3.34) and its gateway takes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

F = TypeVar("F", bound=Callable[..., object])

REQUIREMENTS = {
    "ok-is-200": ("a call that is taken is answered with exactly 200 and a JSON object", "wire 1.1"),
    "error-has-code-and-message": ("an error is a JSON object with the strings `code`, `message`, `error`", "wire 1.2"),
    "bytes-not-content-type": ("JSON is JSON whatever Content-Type says, or without one", "wire 1.3"),
    "gzip": ("gzip is unpacked, with or without Content-Encoding", "wire 1.3"),
    "deflate": (
        "deflate is unpacked where Content-Encoding says so, others are refused by name",
        "wire 1.3",
    ),
    "chunked": ("a body in pieces is taken", "api 10"),
    "slash-of-the-host": ("a host that was set with a slash at its end works: two slashes begin the path", "api 11.1"),
    "key-basic": ("the write key is the user of Basic, with or without a colon", "wire 1.4"),
    "key-bearer": ("the write key is a bearer token", "wire 1.4"),
    "key-header": ("the write key stands in X-Write-Key, also with what follows a colon", "wire 1.4"),
    "key-body": ("the write key stands in the body, of a call or around a batch", "wire 1.4"),
    "key-query": ("the write key stands in the query, as beacons have it, which have no headers", "rudder BeaconQueue"),
    "key-first-that-resolves": (
        "a header's key wins over the body's, unless it is nobody's",
        "wire 1.4",
    ),
    "key-not-stored": ("the write key is not part of the event", "api 6"),
    "unknown-key-401": ("an unknown or missing key is 401", "wire 1.9"),
    "path-decides": ("the path decides the type of a single call", "api 2"),
    "short-paths": ("/v1/i t p s g a b are the long ones", "api 2"),
    "import": ("/v1/import is /v1/batch, and a trailing slash changes nothing", "api 2"),
    "no-user-is-absent": ("null and empty ids are absent", "wire 1.8"),
    "one-bad-item": ("a bad item of a batch costs itself alone", "api 6"),
    "envelope": ("context and integrations around a batch lie under the item's; sentAt corrects its times", "api 6, 7"),
    "message-id-kept": ("the client's message id is kept, and one made where there is none", "api 6"),
    "repeat-is-one": ("a call sent again is stored once and answered the same", "wire 1.5"),
    "source-scoped": ("one source's message ids say nothing of another's", "api 11.8"),
    "big-integers": ("integers beyond 2^53 stay exact", "wire 3"),
    "not-json-400": ("a body that is not JSON is 400", "api 4"),
    "batch-4-mb": ("a batch of 4 MB is taken", "wire 1.10"),
    "too-large-400": ("a body over 5 MB, packed or not, is 400; never 413", "limits 7.4"),
    "event-32-kb": ("an event over 32 KB is 400 alone, and costs itself in a batch", "limits 7.4"),
    "batch-2500": ("of a batch the first 2,500 events are taken, the rest is refused and visible", "limits 7.4"),
    "refused-is-200": ("what can never be an event is 200, and visible with its reason", "api 4"),
    "visible": ("what was refused at the door is found with its reason", "limits 7.4"),
    "stranger-visible": ("a call with an unknown key is found too", "limits 7.1"),
    "pixel": ("a pixel is 200 and an image whatever it says", "api 2"),
    "pixel-head": ("HEAD of a pixel is no event", "api 2"),
    "pixel-rudder": ("a pixel is asked for by RudderStack's address, too", "rudder pixel"),
    "pixel-base64": ("`data` of a pixel is JSON in base64", "api 2"),
    "pixel-flat": ("a pixel's fields stand in the query, dots for what is inside", "api 2"),
    "settings": ("analytics.js learns where to send; all members are objects", "api 9"),
    "source-config": ("RudderStack's libraries learn of an enabled source", "wire 3"),
    "jitsu": ("Jitsu's paths take one call each", "wire 2"),
    "metrics-ignored": ("a library's metrics of itself are taken and forgotten", "api 2"),
    "cors": ("any page may send: preflights allow what they ask for, answers name the page", "api 11.4"),
    "ip-of-the-person": ("an event of a browser gets the address that it came from, a server's does not", "api 8"),
    "no-redirect": ("no path of Segment's is a redirect", "api 11.5"),
    "wrong-method-405": ("another method is 405 and names the right one", "api 11"),
    "wrong-path-404": ("an unknown path under /v1 is 404 with code and message", "wire 1.9"),
    "clients": ("what real clients send is stored once, field by field as they meant it", "wire 3"),
    "clients-accidents": ("a client that tries again brings each message in once", "wire 1.5, 4"),
    "coming-back": ("what a page sends again on coming back is stored once", "wire 1.6"),
    "traits-in-context": ("an identify without traits has those of its context", "wire 3"),
    "preflight-once": ("a browser asks once whether it may send", "wire 3"),
    "retry-after-readable": ("a page may read Retry-After", "wire 1.9"),
    "low-disk-429": ("a full disk is 429 with Retry-After: clients keep their events", "limits 7.4"),
    "no-commit-503": ("a commit that fails is 503 with Retry-After", "wire 4"),
    "test-key": ("a test key's events are test", "limits 7.1"),
    "test-namespace": ("X-Turnout-Namespace names another test namespace, and makes no test key live", "limits 7.1"),
    "test-rules": ("rules of the workspace move what would be live to a test namespace", "limits 7.1"),
    "write-only": ("a write key reads nothing", "limits 7.1"),
}


def claims(*names: str) -> Callable[[F], F]:
    """Say that a test shows these requirements."""
    unknown = [name for name in names if name not in REQUIREMENTS]
    assert not unknown, f"no such requirement: {unknown}"
    return lambda test: test
