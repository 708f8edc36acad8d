"""Drives a destination with answers from a list: for tests of manifests and for `render`. No network, no disk."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import orjson
from msgspec.structs import replace

from turnout.clock import SECOND
from turnout.document import Document, Json, canonical, encode
from turnout.exchange import (
    Answer,
    Append,
    Ask,
    Class,
    Drop,
    Fault,
    FaultKind,
    Item,
    Moment,
    Outcome,
    Reply,
    Request,
    Target,
)
from turnout.manifest import bodies
from turnout.manifest.values import gather, text_of
from turnout.manifest.walk import GOES_ON

EMPTY: Final = Answer(200)


@dataclass(frozen=True, slots=True)
class Sent:
    """One batch: what it asked, and how each of its items ended."""

    items: tuple[Item, ...]
    asks: tuple[Ask, ...]
    outcomes: tuple[Outcome, ...]


def selected(target: Target, event: Document, action: str = "") -> tuple[str, ...]:
    """Name the actions for an event, or one of them only."""
    kind = text_of(event.get("type"))
    chosen = target.select(kind, text_of(event.get("event" if kind == "track" else "name")))
    return tuple(name for name in chosen if name == action) if action else chosen


def batches(target: Target, items: Sequence[Item]) -> Iterator[tuple[Item, ...]]:
    """Gather items as a lane does: of one action and group, within its bounds, in order."""
    ranks = {name: rank for rank, name in enumerate(target.actions)}
    ordered = sorted(items, key=lambda item: ranks[item.action])
    for _, group in groupby(ordered, key=lambda item: (item.action, canonical(list(item.group)))):
        bounds = target.actions[(members := list(group))[0].action]
        batch: list[Item] = []
        for item in members:
            full = len(batch) >= bounds.max_items or sum(one.size for one in batch) + item.size > bounds.max_bytes
            if batch and full:
                yield tuple(batch)
                batch = []
            batch.append(item)
        yield tuple(batch)


def talk(target: Target, batch: tuple[Item, ...], moment: Moment, replies: Iterator[Reply]) -> Sent:
    """Hold the talk of a batch to its end; when the replies run out, an empty 200 answers.

    What leaves off goes on at once, with the clock put forward; but nobody polls whom no reply is left for.
    """
    asks: list[Ask] = []
    ended: dict[int, Outcome] = {}
    ahead = [(tuple(range(len(batch))), moment)]
    while ahead:
        members, now = ahead.pop(0)
        outcomes, left = _hold(target, tuple(batch[at] for at in members), now, replies, asks)
        ended |= zip(members, outcomes, strict=True)
        later = [(outcome, at) for at, outcome in zip(members, outcomes, strict=True) if _goes_on(outcome, left=left)]
        for outcome, them in groupby(later, key=lambda pair: pair[0]):
            then = replace(now, now=now.now + int((outcome.after_s or 0.0) * SECOND), place=outcome.place)
            ahead.append((tuple(at for _, at in them), then))
    return Sent(batch, tuple(asks), tuple(ended[at] for at in range(len(batch))))


def _hold(
    target: Target, batch: tuple[Item, ...], moment: Moment, replies: Iterator[Reply], asks: list[Ask]
) -> tuple[tuple[Outcome, ...], bool]:
    """Hold one exchange, noting what it asks; give the outcomes, and whether a reply was there for the last."""
    exchange = target.exchange(batch[0].action, batch, moment)
    reply: Reply | None = EMPTY
    try:
        ask = next(exchange)
        while True:
            asks.append(ask)
            reply = next(replies, None)
            ask = exchange.send(reply or EMPTY)
    except StopIteration as done:
        return done.value, reply is not None


def _goes_on(outcome: Outcome, *, left: bool) -> bool:
    return outcome.what is Class.LATER and (left or outcome.code == GOES_ON)


def reply(written: Document) -> Reply:
    """Read a reply: `{status, headers, body}`, or `{fault: timeout}`."""
    if "fault" in written:
        return Fault(FaultKind(text_of(written["fault"])))
    given = written.get("headers")
    headers = tuple((name, text_of(value)) for name, value in given.items()) if isinstance(given, dict) else ()
    body = written.get("body")
    text = b"" if body is None else body.encode() if isinstance(body, str) else encode(body)
    status = written.get("status", 200)
    return Answer(status if isinstance(status, int) else 200, headers, text, whole=written.get("whole") is not False)


def shown(ask: Ask) -> Document:
    """Write a request as JSON: the URL without its query, headers in small letters, the body read back."""
    if isinstance(ask, Append):
        return {
            "method": "APPEND",
            "url": ask.path,
            "headers": {},
            "query": {},
            "body": [_json(line) for line in ask.lines],
        }
    parts = urlsplit(ask.url)
    query: Document = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        gather(query, name, value)
    headers: Document = {name.lower(): value for name, value in ask.headers}
    url = f"{parts.scheme}://{parts.netloc}{parts.path}"
    return {"method": ask.method, "url": url, "headers": headers, "query": query, "body": body_of(ask)}


def body_of(ask: Request) -> Json:
    """Read a request's body back: JSON, form fields, lines of JSON, rows, parts, or text; null when there is none."""
    return bodies.readable(dict(ask.headers).get("content-type", ""), gunzip(ask))


def gunzip(ask: Request) -> bytes:
    """Give a request's body as it was before gzip."""
    return gzip.decompress(ask.body) if ("content-encoding", "gzip") in ask.headers else ask.body


def _json(text: bytes) -> Json:
    try:
        read: Json = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text.decode("utf-8", "replace")
    return read


def reason(drops: Sequence[Drop]) -> str:
    """Say why nothing is sent: a refusal tells more than a condition that did not match."""
    telling = [drop for drop in drops if drop.code != "no_match"] or list(drops)
    if not telling:
        return "no_match"
    return f"{telling[0].code}: {telling[0].say}" if telling[0].say else telling[0].code
