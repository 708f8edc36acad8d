"""What a manifest may say, as frozen values: read once, checked, compiled, never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from turnout.document import Json
from turnout.exchange import Dedupe, Order
from turnout.manifest.expression import Names
from turnout.manifest.load import Source
from turnout.manifest.nodes import Node
from turnout.manifest.read_tests import TestCase

KINDS = ("track", "identify", "page", "screen", "group", "alias")
"""The six calls."""
BEYOND = ("delete",)
"""Triggers that no call has: kept, and never selected for one of the six."""
VERDICTS = ("auth", "retry", "split", "pause", "already", "drop", "ok")
"""The rules of `results`, in the order in which they are asked."""
PROFILE_HOURS = {"api": 4.0, "webhook": 75.6, "bulk": 24.0}
"""How long a schedule of retries goes on. Source: reliability-security.md 4.2."""


class Type(StrEnum):
    """What a setting holds."""

    STRING = "string"
    TEXT = "text"
    SECRET = "secret"  # noqa: S105 - a type's name
    INT = "int"
    NUMBER = "number"
    BOOL = "bool"
    URL = "url"
    ENUM = "enum"
    MAP = "map"
    TABLE = "table"
    TEMPLATE = "template"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that the user fills in.

    `needed` makes it required when the condition holds, `shown` says when a form shows it. `aka` are the
    names of other catalogues. `generate` is `whsec` where we can make a value. `choices` gives the label of
    each value of an enum; `columns` those of a table; `names` says that the keys of a map are names of headers.
    """

    name: str
    type: Type
    required: bool = False
    default: Json = None
    label: str = ""
    help: str = ""
    secret: bool = False
    choices: Mapping[str, str] = field(default_factory=dict)
    minimum: float | None = None
    maximum: float | None = None
    pattern: str = ""
    aka: tuple[str, ...] = ()
    generate: str = ""
    names: str = ""
    columns: tuple[Setting, ...] = ()
    needed: Node | None = None
    shown: Node | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """How far a manifest was checked: `verified` on a day, against `docs`, or a `preview`, and why."""

    verified: str = ""
    preview: str = ""
    docs: str = ""

    @property
    def word(self) -> str:
        """One word for lists."""
        return "verified" if self.verified else "preview"


@dataclass(frozen=True, slots=True)
class Repeat:
    """What the vendor drops a repeat by: the field of the item, and how long it remembers; 0: not stated."""

    kind: Dedupe = Dedupe.NONE
    field: tuple[str, ...] = ()
    memory_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What the vendor takes: each rate as requests in seconds; `reset` reads an answer for when to go on.

    `asks`: what its rates are counted by is known only when a request is made, for it is of the token.
    """

    rates: tuple[tuple[float, float], ...] = ()
    concurrency: int = 0
    per: Node | None = None
    reset: Node | None = None
    asks: bool = False

    @property
    def holds(self) -> bool:
        """Tell whether it holds anything up."""
        return bool(self.rates or self.concurrency)


@dataclass(frozen=True, slots=True)
class Signer:
    """A signature and the values that it is made of. `field` of the body holds it; `open` values hide nothing."""

    kind: str
    values: tuple[tuple[str, Node], ...]
    field: str = ""
    open: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class GrantSpec:
    """How a token is got. `ask` gets one, or a newer one; `trade` gives the code that a person brought for the first.

    `unless` holds where none is needed; `page` with its `query` is where a person agrees; `save` is what is kept of an
    answer, None for all of it; `account` is what an assertion is signed with; `secrets` prove who asks. `kind` is a
    grant of RFC 6749, `login` or `gcp`.
    """

    kind: str
    ask: Send
    unless: Node | None = None
    trade: Send | None = None
    page: Node | None = None
    query: Node | None = None
    save: Node | None = None
    ttl_s: float = 0.0
    account: Node | None = None
    renews: bool = True
    secrets: tuple[Node, ...] = ()

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All values of it."""
        sends = [send for send in (self.ask, self.trade) if send]
        basic = [node for send in sends if send.auth and send.auth.basic for node in send.auth.basic]
        asked = [node for send in sends for node in (send.url, send.body, send.query, send.headers)]
        others = (self.unless, self.page, self.query, self.save, self.account)
        return tuple(node for node in (*asked, *basic, *others) if node is not None)


@dataclass(frozen=True, slots=True)
class Auth:
    """The parts that prove who asks; they may be combined. `grant`: how the token is got that they read."""

    bearer: Node | None = None
    basic: tuple[Node, Node] | None = None
    header: tuple[tuple[str, Node], ...] = ()
    query: tuple[tuple[str, Node], ...] = ()
    standard_webhooks: Node | None = None
    signers: tuple[Signer, ...] = ()
    grant: GrantSpec | None = None


@dataclass(frozen=True, slots=True)
class ItemRule:
    """How an answer tells of single items: by position (`at`), or by an id that stands in the item at `key`."""

    source: Node
    at: Node | None
    id: Node | None
    key: tuple[str, ...]
    where: Node
    outcome: Node
    error: Node | None
    rest: str = ""


@dataclass(frozen=True, slots=True)
class Results:
    """Where a vendor differs from the outcome table."""

    rules: Mapping[str, Node] = field(default_factory=dict)
    error: Node | None = None
    items: tuple[ItemRule, ...] = ()

    def over(self, base: Results) -> Results:
        """Put these rules over more general ones, word by word."""
        rules = {**base.rules, **self.rules}
        asked = {verdict: rules[verdict] for verdict in VERDICTS if verdict in rules}
        return Results(asked, self.error or base.error, self.items or base.items)


@dataclass(frozen=True, slots=True)
class Send:
    """One request: `method` and `url` are values, `body` is written as `kind` says."""

    method: Node
    url: Node
    kind: str = ""
    body: Node | None = None
    query: Node | None = None
    headers: Node | None = None
    auth: Auth | None = None
    gzip: Node | None = None
    media: str = ""
    decode: str = "json"
    timeout_s: float = 15.0
    results: Results = field(default_factory=Results)


@dataclass(frozen=True, slots=True)
class Catch:
    """What makes an answer of these statuses good: what it saves, or forgetting a step's cache and beginning anew."""

    statuses: frozenset[int]
    save: tuple[tuple[str, Node], ...] = ()
    forget: str = ""


@dataclass(frozen=True, slots=True)
class Cache:
    """What a step found is known for so long to all events with the same key."""

    key: Node
    ttl_s: float


@dataclass(frozen=True, slots=True)
class Pages:
    """An answer in pages: `next` reads where the next one is, null after the last; `items` what each one lists."""

    next: Node
    items: Node
    most: int


@dataclass(frozen=True, slots=True)
class Poll:
    """An answer that may not be there yet: asked for again every so often until a condition holds of it."""

    until: Node
    every_s: float
    for_s: float


@dataclass(frozen=True, slots=True)
class Step:
    """One of several requests that depend on one another, or (`drop`, without a request) the end of them.

    What it saves is read by later steps under its name, with `status`, and `items` of all pages.
    """

    name: str
    when: Node
    send: Send | None = None
    drop: Node | None = None
    each: Node | None = None
    save: tuple[tuple[str, Node], ...] = ()
    cache: Cache | None = None
    catches: tuple[Catch, ...] = ()
    pages: Pages | None = None
    limits: Limits = field(default_factory=Limits)
    poll: Poll | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition, and the sentence for those it turns away."""

    test: Node
    say: str


@dataclass(frozen=True, slots=True)
class Batch:
    """How items gather: `limit` may come from a setting; bytes are of the encoded body."""

    limit: Node
    bytes: int = 0
    item_bytes: int = 0
    wait_s: float = 0.0
    by: tuple[Node, ...] = ()
    unique: Node | None = None


@dataclass(frozen=True, slots=True)
class Once:
    """What is done once for a key, for so long; a key that is null is done each time."""

    key: Node
    ttl_s: float


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One thing that a destination does with events. `triggers` gives the names of each call, empty: all.

    With `steps`, `send` is the first of their requests; with `resume` a retry goes on after those that succeeded.
    `lists`: it adds to the list of an audience, or removes from it. `limits` are of its requests, a step's own of that
    step's. `names` are what its item may read; `plain` the fields that it hashes and the vendor takes unhashed too.
    """

    name: str
    triggers: Mapping[str, frozenset[str]]
    excepts: Mapping[str, frozenset[str]]
    when: Node
    require: tuple[Rule, ...]
    skip: tuple[Rule, ...]
    max_age_s: float
    each: Node | None
    item: Node | None
    batch: Batch | None
    send: Send
    results: Results
    order: Order
    dedupe: Repeat
    steps: tuple[Step, ...] = ()
    limits: Limits = field(default_factory=Limits)
    resume: bool = False
    once: Once | None = None
    lists: bool = False
    plain: frozenset[str] = frozenset()
    names: Names = field(default_factory=Names, repr=False, compare=False)

    @property
    def sends(self) -> tuple[Send, ...]:
        """All its requests: the lone one, or those of its steps, of which `send` is the first."""
        return tuple(step.send for step in self.steps if step.send) or (self.send,)


@dataclass(frozen=True, slots=True)
class Check:
    """The test of the credentials: a request, and what must hold of its answer."""

    send: Send
    ok: Node | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What a destination offers and this manifest does not do, and why."""

    what: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One destination, whole."""

    slug: str
    name: str
    category: str
    aliases: tuple[str, ...]
    status: Status
    stated: frozenset[str]
    settings: Mapping[str, Setting]
    profile: str
    base: Node | None
    headers: Node | None
    query: Node | None
    auth: Auth
    limits: Limits
    lets: Mapping[str, Node]
    actions: Mapping[str, ActionSpec]
    results: Results
    check: Check | None
    setup: ActionSpec | None
    tests: tuple[TestCase, ...]
    left_out: tuple[LeftOut, ...]
    hatch: tuple[str, ...]
    source: Source = field(repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """All names that an event's `integrations` may call it by."""
        return (self.name, self.slug, *self.aliases)
