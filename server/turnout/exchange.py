"""The talk with a destination: manifests make it, lanes drive it, senders carry it.

An exchange is a generator of requests: it yields one, is sent the reply, and returns, when it has nothing
more to ask, one outcome for each item of its batch. It never does I/O, so a list of replies tests it.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple, Protocol, TypeAlias

import msgspec
from typing_extensions import override

from turnout.document import Document, Json


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a destination may be asked: each of `rates` is requests in seconds; `concurrency` at once, 0: any.

    Destinations with one `key` share their rates; without one, each has its own.
    """

    rates: tuple[tuple[float, float], ...] = ()
    concurrency: int = 0
    key: str = ""


class Request(msgspec.Struct, frozen=True, gc=False):
    """One HTTP request, ready to leave. `url` is absolute, its query included; `body` as it goes out.

    `proofs` are what of it must not stand in evidence beside the settings' secrets: signatures, by their name. `paces`
    are those of its own that it waits for, beside its destination's.
    A Struct, as `Item` is: each is made for every event, and a frozen dataclass costs ten times as much.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    timeout_s: float = 15.0
    proofs: tuple[tuple[str, str], ...] = ()
    paces: tuple[Pace, ...] = ()


class Append(msgspec.Struct, frozen=True):
    """Lines for a file sink: `lines` go to the end of `path` and are synced before the answer."""

    path: str
    lines: tuple[bytes, ...]


Ask: TypeAlias = Request | Append


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What came back. `whole` is false when the body broke off or exceeded the cap."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    took_ms: int = 0
    whole: bool = True

    def header(self, name: str) -> str | None:
        """Give the first value of a header, whatever its case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


class FaultKind(StrEnum):
    """Why there is no answer: the first seven before a byte of the request left, the rest after, or of a file."""

    NAME = "name_not_found"
    REFUSED = "connection_refused"
    UNREACHABLE = "unreachable"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS = "tls_failed"
    FORBIDDEN = "blocked_address"
    PROXY = "proxy_refused"
    TIMEOUT = "timeout"
    RESET = "connection_lost"
    GARBLED = "no_valid_answer"
    CRASH = "crash"
    DISK = "write_failed"
    FORBIDDEN_PATH = "blocked_path"


NEVER_LEFT = frozenset(list(FaultKind)[:7])


class Fault(msgspec.Struct, frozen=True):
    """No answer; `text` is ours, never the destination's."""

    kind: FaultKind
    text: str = ""
    took_ms: int = 0


Reply: TypeAlias = Answer | Fault


class Class(StrEnum):
    """How one item of a request ended: the classes of reliability-security.md 4.3."""

    SUCCESS = "success"
    FINAL = "final"
    RETRY = "retry"
    UNKNOWN = "unknown"
    CREDENTIALS = "credentials"
    PAUSE = "pause"
    SPLIT = "split"
    LATER = "later"


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """How one item ended.

    `code` is a word of ours (`delivered`, `already`, `http_400`, `timeout`, `rejected`); `status` the HTTP
    status, 0 without an answer; `text` the destination's own words, untrusted, at most 512 characters;
    `after_s` what Retry-After asked for, in seconds. `LATER` is no failure: the talk goes on after `after_s`, from
    `place`; so does the next try of what failed, where there is a place. `learned` is the key of an audience and the id
    of the list that was found or made for it.
    """

    what: Class
    code: str
    status: int = 0
    text: str = ""
    after_s: float | None = None
    place: bytes = b""
    learned: tuple[str, str] = ("", "")


Exchange: TypeAlias = Generator[Ask, Reply, tuple[Outcome, ...]]
SetUp: TypeAlias = "Generator[Ask, Reply, tuple[Outcome, Document]]"
"""A talk about no event: how it ended, and the settings that came of it."""


class Item(msgspec.Struct, frozen=True, gc=False):
    """One thing that an action owes for one event: what `send` will see of it.

    `index` counts the items that the action makes of the event, from 0. `value` is JSON; `size` the bytes
    it takes encoded. Items with equal `group` may share a request. `document` is the event, for what
    `send` reads of the batch's first event. `text` is the value encoded, where it was. `once` is the key for which
    the action does it once, as JSON; empty: each time.
    """

    action: str
    index: int
    value: Json
    size: int
    group: tuple[Json, ...]
    document: Document
    text: bytes = b""
    once: bytes = b""

    @override
    def __repr__(self) -> str:
        """Name it, and show nothing of what is in it."""
        return f"Item({self.action!r}, {self.index}, {self.size} bytes)"


def part_of(action: str, index: int) -> int:
    """Number a part of an event: its action by name, so that a changed manifest keeps it, and the item's index."""
    return _number_of(action) | index & 0xFFFF


@lru_cache(maxsize=1_024)
def _number_of(action: str) -> int:
    return (zlib.crc32(action.encode()) & 0x7FFF) << 16


class Drop(msgspec.Struct, frozen=True):
    """Why an action owes nothing for one event.

    `code` is `no_match` (its `when` is false, or a loop over nothing), `invalid` (`require` failed: `say`
    is the manifest's sentence), `skipped` (`skip`), `too_old` (`max_age`), `too_large` or `mapping_error`.
    """

    action: str
    code: str
    say: str = ""


class Order(StrEnum):
    """`person`: one event of a person at a time, in the order of recording. `none`: events carry timestamps."""

    PERSON = "person"
    NONE = "none"


class Dedupe(StrEnum):
    """What the vendor drops a repeat by: a field of the item, the request's id, its nature, or nothing."""

    ITEM = "item"
    BATCH = "batch"
    UPSERT = "upsert"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Action:
    """What a lane must know of an action, its settings filled in.

    `wait_s`: how long to gather a batch; `once_s`: how long what is done once for a key is not done again;
    `lists`: it adds to lists or removes from them, whose ids it learns.
    """

    name: str
    order: Order
    dedupe: Dedupe
    max_items: int
    max_bytes: int
    wait_s: float = 0.0
    once_s: float = 0.0
    lists: bool = False


class Moment(msgspec.Struct, frozen=True):
    """What an exchange may know of here and now: the clock, the id that all tries of a batch share, and the token.

    `place` is where an earlier talk of the same items left off.
    """

    now: int
    request_id: str
    auth: Document | None = None
    place: bytes = b""


class Flow(NamedTuple):
    """A field of the event that an action sends: its path, () for the whole event. `*` is what a setting names."""

    path: tuple[str, ...]
    hashed: bool = False


Flows: TypeAlias = frozenset[Flow]
EVERYTHING: Flows = frozenset({Flow(())})


class Granted(msgspec.Struct, frozen=True):
    """A token was given: all that is kept of the answer; `lives_s` is None where nobody told."""

    fields: Document
    lives_s: float | None = None

    @override
    def __repr__(self) -> str:
        """Show nothing of what is in it."""
        return f"Granted({len(self.fields)} fields)"


class Refused(msgspec.Struct, frozen=True):
    """No token was given. `why` is a word of ours, or an error code of RFC 6749.

    `spent`: what it was asked with is good for nothing any more; `after_s` what Retry-After asked for, in seconds.
    """

    why: str
    spent: bool = False
    after_s: float | None = None


class Grant(Protocol):
    """How a destination's token is got, its settings filled in. Pure; `held` is all that was kept of the last one."""

    @property
    def consent(self) -> bool:
        """Whether a person must agree first, on a page of the vendor's."""
        ...

    @property
    def renews(self) -> bool:
        """Whether a newer token can be got."""
        ...

    @property
    def basis(self) -> str:
        """A digest of the settings that a token is got with: those of another basis are void."""
        ...

    def page(self, asked: Document) -> str:
        """Give the address of the page; `asked`: redirect_uri, state, code_challenge."""
        ...

    def request(self, held: Document, moment: Moment) -> Request | Refused:
        """Ask for a token, or for a newer one; with a `code` among what is held, for the first."""
        ...

    def read(self, reply: Reply, held: Document, moment: Moment) -> Granted | Refused:
        """Read the answer."""
        ...

    def hidden(self, fields: Document) -> Mapping[str, str]:
        """List what of a token must not stand in evidence, by its name under `auth`."""
        ...


class Target(Protocol):
    """A destination with its settings filled in: a compiled manifest, or a native sink. Pure."""

    @property
    def actions(self) -> Mapping[str, Action]:
        """The actions by name, in the manifest's order."""
        ...

    @property
    def profile(self) -> str:
        """The schedule of retries: `api`, `webhook` or `bulk`."""
        ...

    @property
    def pace(self) -> Pace:
        """The rates that the manifest states."""
        ...

    @property
    def secrets(self) -> Mapping[str, str]:
        """Values that must not stand in evidence, by the name of their setting."""
        ...

    @property
    def grant(self) -> Grant | None:
        """How its token is got; None where it needs none."""
        ...

    def select(self, kind: str, name: str) -> tuple[str, ...]:
        """Name the actions that are for this call, by its type and event name alone."""
        ...

    def items(self, document: Document, actions: tuple[str, ...], now: int) -> tuple[Item | Drop, ...]:
        """Map one event through these actions: items in order, and a drop for each action that owes none."""
        ...

    def exchange(self, action: str, items: tuple[Item, ...], moment: Moment) -> Exchange:
        """Begin the talk for one batch: outcomes come back in the order of `items`."""
        ...

    def check(self, moment: Moment) -> Exchange | None:
        """Begin the test of the credentials, one outcome; None where the vendor offers none."""
        ...

    def setup(self, moment: Moment) -> SetUp | None:
        """Begin what is done when it is connected or its settings change; None where there is nothing to do."""
        ...

    def learn(self, ids: Document) -> None:
        """Take in the ids of lists that are kept, by the key of their audience; asked only where an action `lists`."""
        ...
