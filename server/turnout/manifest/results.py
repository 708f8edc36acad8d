"""From an answer to outcomes: the manifest's rules first, in their order, then the outcome table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from msgspec.structs import replace

from turnout.clock import SECOND
from turnout.document import Document, Json
from turnout.exchange import Answer, Class, Outcome, Reply
from turnout.manifest.bodies import decoded
from turnout.manifest.expression import Names, parse
from turnout.manifest.model import Results, Send
from turnout.manifest.nodes import Node
from turnout.manifest.reads import reads
from turnout.manifest.values import dig, entries, number, same, text_of
from turnout.outcome import LONGEST_WAIT_S, judge, retry_after, words

Evaluate: TypeAlias = "Callable[[str, Json, Json], Json]"
"""Computes a rule by its name, with what a loop binds."""
_MEANS: dict[str, tuple[Class, str]] = {
    "auth": (Class.CREDENTIALS, "credentials"),
    "retry": (Class.RETRY, "retry"),
    "split": (Class.SPLIT, "split"),
    "pause": (Class.PAUSE, "paused"),
    "already": (Class.SUCCESS, "already"),
    "drop": (Class.FINAL, "rejected"),
    "ok": (Class.SUCCESS, "delivered"),
}
_WHOLE = frozenset({"auth", "retry", "split", "pause"})
"""After these no item was taken: what the answer says of single items waits for the next one."""
GRAPHQL = Results(
    {
        "drop": parse(
            "$res.status < 300 and $res.body.errors and not ($res.body.data | compact)",
            Names(frozenset({"res"})),
            "graphql",
        )
    },
    parse("$res.body.errors.0.message", Names(frozenset({"res"})), "graphql"),
)
"""What an answer of GraphQL means where nothing else is said: errors, and no data of use, are a refusal."""
_HELD = frozenset({429, 503})
_EPOCH_BEYOND = 1e9


@dataclass(frozen=True, slots=True)
class Judging:
    """The rules for one request, and what they need of its answer."""

    results: Results
    profile: str
    decode: str
    reads: bool
    reads_body: bool
    resets: bool


def judging(results: Results, send: Send, profile: str, reset: Node | None, lets: Mapping[str, Node]) -> Judging:
    """Prepare to judge the answers of a request."""
    read = {path for node in shapes(results, reset).values() for path in reads(node, lets)}
    parts = {path[1:2] for path in read if path[0] == "res"}
    body = bool(parts - {("status",), ("headers",)})
    return Judging(results, profile, send.decode, bool(parts), body, reset is not None)


def shapes(results: Results, reset: Node | None) -> dict[str, Node]:
    """Name the values that judging computes."""
    found: dict[str, Node | None] = {f"rule.{name}": node for name, node in results.rules.items()}
    found |= {"error": results.error, "reset": reset}
    for place, rule in enumerate(results.items):
        found[f"{place}.from"], found[f"{place}.where"] = rule.source, rule.where
        found[f"{place}.at"], found[f"{place}.id"] = rule.at, rule.id
        found[f"{place}.outcome"], found[f"{place}.error"] = rule.outcome, rule.error
    return {name: node for name, node in found.items() if node is not None}


def seen(answer: Answer, plan: Judging) -> Document:
    """Write an answer as `$res`: status, headers by their name in small letters, body and rows as read, text."""
    headers: Document = {}
    for name, value in answer.headers:
        headers.setdefault(name.lower(), value)
    found: Document = {"status": answer.status, "headers": headers, "body": None, "text": ""}
    if plan.reads_body:
        found["text"] = answer.body.decode("utf-8", "replace")
        found["body"] = decoded(plan.decode, answer.body)
        if plan.decode == "csv":
            found["rows"] = found["body"]
    return found


def outcomes(plan: Judging, reply: Reply, items: Sequence[Json], evaluate: Evaluate, now: int) -> tuple[Outcome, ...]:
    """Judge a reply for each item of its request. `evaluate` sees the answer as `$res` already."""
    base = judge(reply, profile=plan.profile, reads_body=plan.reads_body, now=now)
    if not isinstance(reply, Answer) or (plan.reads_body and not reply.whole):
        return _alone((base,) * len(items))
    if base.what is Class.SUCCESS and not plan.results.rules and not plan.results.items:
        return (base,) * len(items)
    verdict = ""
    if plan.results.rules:
        verdict = next((name for name in plan.results.rules if evaluate(f"rule.{name}", None, None)), "")
    whole = _ended(verdict, reply, now) if verdict else base
    whole = _told(plan, whole, evaluate, reply)
    if plan.resets and whole.after_s is None and reply.status in _HELD:
        whole = replace(whole, after_s=_until(evaluate("reset", None, None), now))
    if verdict in _WHOLE or not plan.results.items:
        return _alone((whole,) * len(items))
    return _alone(_each(plan, whole, verdict, items, evaluate, reply))


def _alone(found: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
    """End an item that cannot be halved any more."""
    if len(found) == 1 and found[0].what is Class.SPLIT:
        code = "rejected" if found[0].code == "split" else found[0].code
        return (replace(found[0], what=Class.FINAL, code=code),)
    return found


def _ended(verdict: str, reply: Answer, now: int) -> Outcome:
    what, code = _MEANS[verdict]
    after_s = retry_after(reply.header("retry-after"), now) if what is Class.RETRY else None
    return Outcome(what, code, reply.status, "", after_s)


def _told(plan: Judging, outcome: Outcome, evaluate: Evaluate, reply: Answer) -> Outcome:
    """Add the vendor's own words to what was not a success."""
    if outcome.what is Class.SUCCESS:
        return outcome
    said = evaluate("error", None, None) if plan.results.error else None
    return replace(outcome, text=_said(said) or outcome.text or words(reply.body))


def _said(value: Json) -> str:
    """Write an error as text in the bounds of an outcome."""
    if value is None or value == "":
        return ""
    return words((value if isinstance(value, str) else text_of(value)).encode())


def _until(value: Json, now: int) -> float | None:
    """Read when to go on: seconds from now, or seconds since 1970."""
    count = number(value)
    if count is None and isinstance(value, str) and value.strip().isdigit() and len(value) < 20:  # noqa: PLR2004
        count = int(value)
    if count is None:
        return None
    wait_s = count - now / SECOND if count > _EPOCH_BEYOND else count
    return min(max(float(wait_s), 0.0), LONGEST_WAIT_S)


def _each(
    plan: Judging, whole: Outcome, verdict: str, items: Sequence[Json], evaluate: Evaluate, reply: Answer
) -> tuple[Outcome, ...]:
    """Judge item by item: those that the answer lists, and the rest."""
    listed: dict[int, Outcome] = {}
    rest = ""
    for place, rule in enumerate(plan.results.items):
        before = len(listed)
        for index, it in enumerate(entries(evaluate(f"{place}.from", None, None))):
            if not evaluate(f"{place}.where", it, index):
                continue
            position = _position(plan, place, items, evaluate, (it, index))
            if position is None or position in listed:
                continue
            what, code = _MEANS.get(text_of(evaluate(f"{place}.outcome", it, index)), _MEANS["drop"])
            text = "" if what is Class.SUCCESS else _said(evaluate(f"{place}.error", it, index)) or whole.text
            after_s = whole.after_s if what is Class.RETRY else None
            listed[position] = Outcome(what, code, reply.status, text, after_s)
        rest = rest or (rule.rest if len(listed) > before else "")
    other = _rest(whole, verdict, rest, reply) if listed else whole
    return tuple(listed.get(position, other) for position in range(len(items)))


def _position(
    plan: Judging, place: int, items: Sequence[Json], evaluate: Evaluate, entry: tuple[Json, int]
) -> int | None:
    """Find which item of the request an entry of the answer is about."""
    it, index = entry
    rule = plan.results.items[place]
    if rule.id is not None:
        wanted = evaluate(f"{place}.id", it, index)
        if wanted is None:
            return None
        keyed = (dig(item, rule.key) for item in items)
        return next((at for at, key in enumerate(keyed) if same(key, wanted) or text_of(key) == text_of(wanted)), None)
    count = number(evaluate(f"{place}.at", it, index) if rule.at is not None else it)
    position = int(count) if count is not None else -1
    return position if 0 <= position < len(items) else None


def _rest(whole: Outcome, verdict: str, rest: str, reply: Answer) -> Outcome:
    """End the items that an answer does not list: as the rule says, else again when the whole was refused."""
    if rest:
        what, code = _MEANS[rest]
        return Outcome(what, code, reply.status, "" if what is Class.SUCCESS else whole.text, None)
    if not verdict and whole.what in {Class.FINAL, Class.SPLIT}:
        return Outcome(Class.RETRY, "retry", reply.status, whole.text)
    return whole
