"""What a manifest must say beyond being readable: the contract of `manifests/README.md`.

A finding is an error, which `turnout destination check` refuses, or a warning, which a reviewer weighs.
What cannot be read at all (unknown names, literals that look like expressions) is refused by the reader.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from turnout.document import Json
from turnout.exchange import Dedupe, part_of
from turnout.manifest import nodes
from turnout.manifest.load import Steps
from turnout.manifest.model import PROFILE_HOURS, ActionSpec, Auth, Manifest, Send, Setting, Type
from turnout.manifest.nodes import Const, Node, Path, Shape, walk
from turnout.manifest.reads import reads, roots

HOUR_S = 3600.0
MIN_TESTS = 3
UNKNOWN_HOST = "look-up.invalid"
"""Stands where an address is not known yet; no such host can exist. Source: RFC 2606, 2."""
_MISSING = {"status": "the page of the vendor's documentation", "auth": "how the vendor knows who asks"}
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_KEYS = frozenset({"key", "secret", "secret_key", "consumer_secret", "token_secret"})
"""Values of signatures that are known to nobody else."""
_SECRET_WORDS = re.compile(r"(^|_)(secret|token|password|api_key|apikey|private_key)(_|$)")


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, and where: line and column from 1."""

    severe: bool
    path: str
    line: int
    column: int
    say: str


def lint(manifest: Manifest) -> tuple[Finding, ...]:
    """Check a manifest by the contract; errors first."""
    found = [finding for check in _CHECKS for finding in check(manifest)]
    return tuple(sorted(found, key=lambda one: (not one.severe, one.line, one.column)))


def _finding(manifest: Manifest, path: Steps, say: str, *, severe: bool = True) -> Finding:
    attributes = manifest.source.fail(path, say).attributes
    line, column = attributes["line"], attributes["column"]
    assert isinstance(line, int)
    assert isinstance(column, int)
    return Finding(severe, ".".join(map(str, path)), line, column, say)


def _settings(manifest: Manifest) -> Iterator[Finding]:
    read = {path for node in _all(manifest) for path in reads(node, manifest.lets) if path[0] == "settings"}
    used = {path[1] for path in read if path[1:]}
    whole = ("settings",) in read  # by a function in Python that signs
    conditions = [node for one in manifest.settings.values() for node in (one.needed, one.shown) if node]
    used |= {path[1] for node in conditions for path in reads(node, {}) if path[1:]}
    for setting in manifest.settings.values():
        path = ("settings", f"{setting.name}!" if _is_marked(manifest, setting) else setting.name)
        if not setting.label:
            yield _finding(manifest, path, "a setting needs a label")
        if _SECRET_WORDS.search(setting.name) and not setting.secret:
            yield _finding(manifest, path, "the name says secret: mark it, or choose another name", severe=False)
        if setting.name not in used and not whole:
            yield _finding(manifest, path, "nothing reads this setting", severe=False)


def _is_marked(manifest: Manifest, setting: Setting) -> bool:
    return ("settings", f"{setting.name}!") in manifest.source.places


def _unknown(manifest: Manifest) -> Iterator[Finding]:
    """What `turnout destination new` could not know is looked up."""
    for path, value in _texts(manifest.source.data, ()):
        if UNKNOWN_HOST in value:
            what = _MISSING.get(str(path[0]), "the vendor's address")
            yield _finding(manifest, path, f"{what} is still to be looked up")


def _texts(value: Json, path: Steps) -> Iterator[tuple[Steps, str]]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in below:
        if isinstance(one, str):
            yield (*path, key), one
        else:
            yield from _texts(one, (*path, key))


def _status(manifest: Manifest) -> Iterator[Finding]:
    for word in ("status", "order", "dedupe", "category"):
        if word not in manifest.stated:
            yield _finding(manifest, (), f"`{word}` is not stated")
    status = manifest.status
    if bool(status.verified) == bool(status.preview):
        yield _finding(manifest, ("status",), "expected `verified` with a day, or `preview` with the reason")
    if status.verified and not _DAY.fullmatch(status.verified):
        yield _finding(manifest, ("status", "verified"), "expected a day, for example 2026-11-25")
    if status.verified and not status.docs.startswith("https://"):
        yield _finding(manifest, ("status",), "`verified` needs `docs`, the page that was read")


def _tests(manifest: Manifest) -> Iterator[Finding]:
    tests = manifest.tests
    if len(tests) < MIN_TESTS:
        yield _finding(manifest, ("tests",), f"at least {MIN_TESTS} tests: one sends, one drops, one answer is judged")
    if not any(case.sends for case in tests):
        yield _finding(manifest, ("tests",), "no test says what is sent")
    if not any(case.drops for case in tests):
        yield _finding(manifest, ("tests",), "no test says what is dropped, and why")
    if not any(case.outcomes and case.answers for case in tests):
        yield _finding(manifest, ("tests",), "no test says how an answer is judged")


def _coverage(manifest: Manifest) -> Iterator[Finding]:
    """Find actions that no test selects."""
    tried = {
        name
        for case in manifest.tests
        for event in case.events
        for name, spec in manifest.actions.items()
        if (not case.action or case.action == name) and str(event.get("type")) in spec.triggers and not case.drops
    }
    for name in manifest.actions:
        if name not in tried:
            yield _finding(manifest, ("actions", name), "no test is for this action")


def _repeats(manifest: Manifest) -> Iterator[Finding]:
    hours = PROFILE_HOURS[manifest.profile]
    for name, spec in manifest.actions.items():
        repeat = spec.dedupe
        path: Steps = ("actions", name)
        if repeat.kind is Dedupe.ITEM and repeat.memory_s and repeat.memory_s < hours * HOUR_S:
            say = f"retries go on for {hours:g} h, and the vendor remembers {repeat.memory_s / HOUR_S:g} h"
            yield _finding(manifest, path, say, severe=False)
        if repeat.kind is Dedupe.ITEM and not repeat.memory_s:
            yield _finding(manifest, path, "`dedupe` does not say how long the vendor remembers", severe=False)
        if repeat.kind is Dedupe.ITEM and not _has_field(manifest, spec):
            yield _finding(manifest, path, f"the item has no field `{'.'.join(repeat.field)}` made from `$.messageId`")
        if repeat.kind is Dedupe.BATCH and not _sends_request_id(manifest, spec):
            yield _finding(manifest, path, "`dedupe: batch` needs `$request_id` in the request, or `standard_webhooks`")


def _has_field(manifest: Manifest, spec: ActionSpec) -> bool:
    """Tell whether the vendor's field can hold the message id: found in the item's shape, or passed through."""
    found = [spec.item] if spec.item else [send.body for send in spec.sends]
    return any(node is not None and _reaches(manifest, node, spec.dedupe.field) for node in found)


def _reaches(manifest: Manifest, node: Node, keys: tuple[str, ...]) -> bool:
    if not keys:
        return any(path[0] == "event" and path[1:2] in {(), ("messageId",)} for path in reads(node, manifest.lets))
    if isinstance(node, nodes.Let) and not node.keys:
        return _reaches(manifest, manifest.lets[node.name], keys)
    if isinstance(node, Shape):
        own = [value for key, value in node.entries if isinstance(key, Const) and key.value == keys[0]]
        return any(_reaches(manifest, one, keys[1:]) for one in own) or (
            not own and any(_reaches(manifest, one, keys) for one in node.spread)
        )
    return any(path == ("event",) for path in reads(node, manifest.lets))


def _sends_request_id(manifest: Manifest, spec: ActionSpec) -> bool:
    proofs = [send.auth or manifest.auth for send in spec.sends]
    found = [node for send in spec.sends for node in (send.body, send.headers, send.query) if node]
    found += [node for proof in proofs for one in proof.signers for _, node in one.values]
    found += [manifest.headers] if manifest.headers else []
    signed = any(proof.standard_webhooks is not None for proof in proofs)
    return signed or any("request_id" in roots(one, manifest.lets) for one in found)


def _groups(manifest: Manifest) -> Iterator[Finding]:
    """A request of many events may read of the event only what is equal in all of them."""
    for name, spec in manifest.actions.items():
        if not spec.batch or spec.batch.limit == Const(1):
            continue
        shared = {path for node in spec.batch.by for path in reads(node, manifest.lets)}
        sent = [node for send in spec.sends for node in (send.url, send.body, send.query, send.headers)]
        proofs = [send.auth or manifest.auth for send in spec.sends]
        sent += [node for proof in proofs for one in proof.signers for _, node in one.values]
        for path in sorted({path for node in sent if node for path in reads(node, manifest.lets)}):
            if path[0] in {"event", "integrations", "item", "it", "index"} and path not in shared:
                say = f"the request reads `{_written(path)}` of its first event only: put it into `batch.by`"
                yield _finding(manifest, ("actions", name, "send"), say)


def _written(path: tuple[str, ...]) -> str:
    return f"${'' if path[0] == 'event' else path[0]}{''.join(f'.{key}' for key in path[1:])}"


def _links(manifest: Manifest) -> Iterator[Finding]:
    """Secrets in a URL end in logs; text of an event in a path can lead elsewhere."""
    secret = {name for name, one in manifest.settings.items() if one.secret and one.type is not Type.URL}
    for name, spec in manifest.actions.items():
        for place, step in enumerate(spec.steps):
            if step.send:
                yield from _link(manifest, step.send, ("actions", name, "steps", place), secret)
        if not spec.steps:
            yield from _link(manifest, spec.send, ("actions", name, "send"), secret)
    for place, step in enumerate(manifest.setup.steps if manifest.setup else ()):
        if step.send:
            yield from _link(manifest, step.send, ("setup", place), secret)


def _link(manifest: Manifest, send: Send, path: Steps, secret: set[str]) -> Iterator[Finding]:
    asked = [node for node in (send.url, send.query) if node]
    asked += [node for _, node in (send.auth or manifest.auth).query]
    read = {one for node in asked for one in reads(node, manifest.lets)}
    if any(one[0] == "settings" and one[1:2] and one[1] in secret for one in read):
        yield _finding(manifest, path, "a secret stands in the URL, where logs may keep it", severe=False)
    for node in walk(send.url):
        if (
            isinstance(node, Path)
            and node.root in {"event", "it", "item", "steps", "audience"}
            and not _is_escaped(send.url, node)
        ):
            keys = node.keys if node.root == "steps" else (node.root, *node.keys)
            yield _finding(manifest, path, f"`{_written(keys)}` in a URL needs `| urlencode`")


def _is_escaped(url: Node, path: Path) -> bool:
    safe = (one for one in walk(url) if isinstance(one, nodes.Call) and one.name == "urlencode")
    return any(path in tuple(walk(one)) for one in safe)


def _triggers(manifest: Manifest) -> Iterator[Finding]:
    for name, spec in manifest.actions.items():
        gone = {
            kind
            for kind, names in spec.excepts.items()
            if not names or names >= spec.triggers.get(kind, frozenset()) > set()
        }
        if set(spec.triggers) <= gone or spec.when == Const(False, spec.when.at):
            yield _finding(manifest, ("actions", name, "for"), "this can never match")


def _names(manifest: Manifest) -> Iterator[Finding]:
    """What an event is owed is kept under a checksum of the action's name: two that are equal would be one."""
    taken: dict[int, str] = {}
    for name in manifest.actions:
        other = taken.setdefault(part_of(name, 0), name)
        if other != name:
            say = f"`{name}` and `{other}` have the same checksum, by which deliveries are kept: rename one"
            yield _finding(manifest, ("actions", name), say)


_NO_RATE = "there is no `rate` that it could be counted by"


def _limits(manifest: Manifest) -> Iterator[Finding]:
    if manifest.limits.per and not manifest.limits.rates:
        yield _finding(manifest, ("limits", "per"), _NO_RATE)
    for name, spec in manifest.actions.items():
        for each in (spec.limits, *(step.limits for step in spec.steps)):
            if each.per and not each.holds:
                yield _finding(manifest, ("actions", name, "limits"), _NO_RATE)
        if spec.batch and not spec.batch.bytes and spec.batch.limit != Const(1):
            yield _finding(manifest, ("actions", name, "batch"), "`bytes` is not stated", severe=False)


def _signatures(manifest: Manifest) -> Iterator[Finding]:
    """What signs is a secret, and what is signed is what leaves."""
    secret = {("settings", name) for name, one in manifest.settings.items() if one.secret}
    for path, proof, packed in _signed(manifest):
        for signer in proof.signers:
            for key, node in signer.values:
                read = reads(node, manifest.lets)
                if key in _KEYS and not any(one[0] == "auth" or one[:2] in secret for one in read):
                    yield _finding(manifest, (*path, "auth", signer.kind), f"`{key}` is made of no secret setting")
                if packed and ("asked", "body") in {one[:2] for one in read}:
                    say = "what is packed by `gzip` cannot be signed as `$body`"
                    yield _finding(manifest, (*path, "auth", signer.kind), say)


def _signed(manifest: Manifest) -> Iterator[tuple[Steps, Auth, bool]]:
    """List the proofs that are stated, with where, and whether what they sign may be packed."""
    sends = [(name, send) for name, spec in manifest.actions.items() for send in spec.sends]
    yield (), manifest.auth, any(send.gzip and send.auth is None for _, send in sends)
    for name, send in sends:
        if send.auth:
            yield ("actions", name, "send"), send.auth, send.gzip is not None


def _grants(manifest: Manifest) -> Iterator[Finding]:
    """A token is read, and what it is asked for with is secret."""
    grant = manifest.auth.grant
    if grant is None:
        return
    way = grant.kind if grant.kind in {"login", "gcp"} else "oauth2"
    path: Steps = ("auth", way)
    if not any("auth" in roots(node, manifest.lets) for node in _all(manifest) if node not in grant.nodes):
        yield _finding(manifest, path, "nothing reads `$auth`: the token goes into `bearer`, a header or a body")
    secret = {name for name, one in manifest.settings.items() if one.secret}
    for one in sorted({one for node in grant.secrets for one in reads(node, {})}):
        if one[0] == "settings" and one[1] not in secret:
            yield _finding(manifest, path, f"the setting `{one[1]}` proves who asks: mark it as secret")


def _all(manifest: Manifest) -> Iterator[Node]:
    """List every value of a manifest."""
    yield from manifest.lets.values()
    yield from (node for node in (manifest.base, manifest.headers, manifest.query, manifest.limits.per) if node)
    yield from _proofs(manifest.auth)
    if manifest.check:
        yield from _sent(manifest.check.send.url, manifest.check.send.body, manifest.check.send.query)
    for spec in (*manifest.actions.values(), *((manifest.setup,) if manifest.setup else ())):
        yield from (rule.test for rule in (*spec.require, *spec.skip))
        yield from (node for node in (spec.when, spec.each, spec.item) if node)
        for send in spec.sends:
            yield from _sent(send.method, send.url, send.body, send.query, send.headers, send.gzip)
            yield from _proofs(send.auth or Auth())
        limits = (spec.limits, *(step.limits for step in spec.steps))
        yield from (each.per for each in limits if each.per)
        for step in spec.steps:
            yield from _sent(step.when, step.each, step.drop, step.cache.key if step.cache else None)
            yield from _sent(step.poll.until if step.poll else None)
        if spec.batch:
            yield from (spec.batch.limit, *spec.batch.by)
        yield from _sent(spec.once.key if spec.once else None)


def _sent(*found: Node | None) -> Iterator[Node]:
    yield from (node for node in found if node)


def _proofs(proof: Auth) -> Iterator[Node]:
    yield from _sent(proof.bearer, proof.standard_webhooks, *(proof.basic or ()))
    yield from proof.grant.nodes if proof.grant else ()
    yield from (node for _, node in (*proof.header, *proof.query))
    yield from (node for one in proof.signers for _, node in one.values)


_CHECKS: tuple[Callable[[Manifest], Iterator[Finding]], ...] = (
    *(
        _settings,
        _unknown,
        _status,
        _tests,
        _coverage,
        _repeats,
        _groups,
        _links,
        _triggers,
        _names,
        _limits,
        _signatures,
        _grants,
    ),
)
