"""What an event would cause: accepted, routed, mapped and asked as a lane does it; nothing stored, nothing sent."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial

from turnout import document
from turnout.delivery import verdict
from turnout.delivery.batch import Batch, pack, request_id
from turnout.delivery.eyes import Eyes, broke
from turnout.delivery.held import Token
from turnout.delivery.window import Part, Sight, Skip, owed
from turnout.document import Document, Json
from turnout.entropy import uuid7
from turnout.errors import InvalidCall, InvalidInput, TurnoutError
from turnout.event import stored
from turnout.event.accept import accept
from turnout.event.model import LIVE, Call, Caller, Event, Kind, PersonId, Refused, Seq, Stored
from turnout.exchange import EVERYTHING, Ask, Flows, Moment, Outcome
from turnout.guard.masking import untrusted, untrusted_json
from turnout.guard.namespace import choose
from turnout.identity.resolve import identifiers
from turnout.manifest.fitted import Fitted
from turnout.manifest.values import text_of
from turnout.operations.asked import shown
from turnout.operations.counted import counted
from turnout.operations.names import of_rule
from turnout.operations.personal import personal, there
from turnout.operations.reader import Reader
from turnout.operations.send import OWN_SOURCE
from turnout.routing import Bound
from turnout.store.lanes import LaneRow, LaneState
from turnout.store.unit import View
from turnout.workspace import Destination

REQUESTS = 10
"""Requests shown of one destination."""
CALL = 1_000
"""Bytes of the arguments of a call that is ready to be made."""


@dataclass(frozen=True, slots=True)
class Preview:
    """The call to preview, in the tool's words; `destination` empty for all, `namespace` for the caller's own."""

    type: str = "track"
    event: str = ""
    user_id: str = ""
    anonymous_id: str = ""
    properties: Mapping[str, Json] | None = None
    traits: Mapping[str, Json] | None = None
    context: Mapping[str, Json] | None = None
    destination: str = ""
    namespace: str = ""


def preview(view: View, eyes: Eyes, reader: Reader, request: Preview) -> Document:
    """Show what each destination would get. Raises: InvalidCall with the door's reason; NotFound."""
    only = view.workspace.destination(request.destination) if request.destination else None
    event = _event(view, reader, request)
    chosen = [only] if only else sorted(view.workspace.destinations.values(), key=lambda each: each.lane)
    found = _stored(view, event)
    previews = [_at(view, eyes, each, found) for each in chosen]
    sends = sum(each["verdict"] == "would_send" for each in previews)
    return {
        "summary": _summary(sends, len(previews), found),
        "namespace": event.namespace,
        "previews": list(previews),
        "next": _as_live(request, event, previews),
    }


def _as_live(request: Preview, event: Event, previews: Sequence[Document]) -> list[Json] | None:
    """Where nobody said live, lead to what destinations that receive only live events would get."""
    if request.namespace or event.namespace == LIVE or all(each.get("reason") != "namespace" for each in previews):
        return None
    arguments: Document = {name: value for name, value in asdict(request).items() if value} | {"namespace": LIVE}
    if len(document.encode(arguments)) > CALL:
        return None
    why = "Shows what each would get of it as a live event; nothing is stored or sent."
    return [{"tool": "preview_event", "arguments": arguments, "why": why}]


def _event(view: View, reader: Reader, request: Preview) -> Event:
    """Take the call in like the door does. Raises: InvalidCall."""
    if request.type not in set(Kind):
        raise InvalidInput(f"`type` is none of the calls: expected {', '.join(Kind)}.")
    where = choose(request.namespace, reader.principal.default_namespace)
    try:
        text = document.encode(_body(request))
    except TypeError:
        raise InvalidCall(
            "The event holds what JSON cannot say: a number beyond 64 bits, or text that is no Unicode."
        ) from None
    caller = Caller(OWN_SOURCE, where, view.now)
    fresh_id = partial(uuid7, view.now, view.session.entropy)
    (made,) = accept((Call(text, Kind(request.type)),), caller, fresh_id=fresh_id, place=view.workspace.place)
    if isinstance(made, Refused):
        raise InvalidCall(f"{made.reason}: {made.say}")
    if any(view.privacy.suppressed(each) for each in identifiers(made)):
        raise InvalidCall("suppressed: The person of this event is suppressed; nothing of them is recorded or sent.")
    return made


def _body(request: Preview) -> Document:
    named = "event" if request.type == Kind.TRACK else "name"
    given: Document = {
        "type": request.type,
        named: request.event,
        "userId": request.user_id,
        "anonymousId": request.anonymous_id,
        "properties": request.properties,
        "traits": request.traits,
        "context": request.context,
    }
    return {name: value for name, value in given.items() if value is not None and value != ""}


def _stored(view: View, event: Event) -> Stored:
    """Make the row that the event would be: whose it is, as known today."""
    return Stored(
        Seq(view.counter.seq), event.received, event.source, event.kind, event.name, event.namespace,
        _person(view, event), 0, event.meta, event.body,
    )  # fmt: skip


def _person(view: View, event: Event) -> PersonId:
    """Find whose it would be; somebody new gets a number made of what identifies them, always the same."""
    claims = identifiers(event)
    known = (view.people.owner(each) for each in claims)
    owner = next((each for each in known if each is not None), None)
    if owner is not None:
        return view.people.survivor(owner)
    digest = hashlib.blake2b(claims[0].value.encode("utf-8", "surrogatepass"), digest_size=4).digest()
    return PersonId(int.from_bytes(digest, "big"))


def _at(view: View, eyes: Eyes, destination: Destination, event: Stored) -> Document:
    """Preview one destination."""
    lane = view.lanes.of(destination.id)
    bound = eyes.bound(view, destination, view.counter.revision)
    if isinstance(bound, TurnoutError):
        return {"destination": destination.name, "verdict": "not_sent", "reason": "paused", "rule": bound.message}
    outward = eyes.outward(event, event.person, view)
    sight = Sight(lambda _: outward, PersonId, lambda _: False, view.now, broke)
    found = owed(event, destination.lane, 0, bound, sight)
    parts = [each for each in found if isinstance(each, Part)]
    skips = [each for each in found if isinstance(each, Skip)]
    told = _sent(parts, bound, eyes.token(view, bound), view.now) if parts else _skipped(skips[0])
    told |= {"personal": _personal(parts, eyes.flows(destination), outward)} if "requests" in told else {}
    beside = [_said(each) for each in skips] if parts else []
    by = _overrides(parts, bound, outward)
    return {
        "destination": destination.name,
        **told,
        "overrides": by,
        "left_out": beside or None,
        "next": _standing(lane) if parts else None,
    }


def _overrides(parts: Sequence[Part], bound: Bound, received: Document) -> Json:
    """List what overrides did to this event: the name it was given, and each field that one of them makes."""
    target = bound.target
    if not parts or not isinstance(target, Fitted):
        return None
    told: list[Json] = []
    seen = target.renamed(received)
    if seen is not received:
        name = text_of(received.get("event"))
        told.append({"field": "event", "override": "events", "key": untrusted(name), "value": seen["event"]})
    actions = {each.item.action for each in parts}
    for each in target.made:
        if each.action in actions:
            field = f"{each.action}:{each.field}"
            told.append({"field": field, "override": "map", "key": each.key, "value": each.value})
    return told or None


def _sent(parts: Sequence[Part], bound: Bound, token: Token | None, now: int) -> Document:
    secrets = (*token.spelled, *bound.spelled) if token else bound.spelled
    batches = pack(parts)
    asks = [_first(batch, token, now) for batch in batches[:REQUESTS]]
    refused = next((ask for ask in asks if not isinstance(ask, Ask)), None)
    if refused is not None:
        code = verdict.BY_NUMBER[verdict.DROPS["mapping_error"]]
        return {"verdict": str(code.verdict), "reason": code.word, "rule": refused.text or refused.code}
    requests = [untrusted_json(shown(ask, secrets)) for ask in asks if isinstance(ask, Ask)]
    more = len(batches) - len(asks)
    return {"verdict": "would_send", "requests": requests, "requests_more": more or None}


def _personal(parts: Sequence[Part], flows: Mapping[str, Flows], event: Document) -> Document:
    """Name what of the person is among what the event has and its actions send."""
    sent = {flow for part in parts for flow in flows.get(part.item.action, EVERYTHING)}
    return personal(there(sent, event))


def _first(batch: Batch, token: Token | None, now: int) -> Ask | Outcome:
    """Give the first request of a batch's talk, or how it ends without one."""
    items = tuple(part.item for part in batch.parts)
    moment = Moment(now, request_id(batch), token.auth if token else None)
    talk = batch.first.bound.target.exchange(batch.first.item.action, items, moment)
    try:
        return next(talk)
    except StopIteration as end:
        outcomes: tuple[Outcome, ...] = end.value
        return outcomes[0]
    finally:
        talk.close()


def _skipped(skip: Skip) -> Document:
    return {"verdict": str(verdict.BY_NUMBER[skip.code].verdict), **_said(skip)}


def _said(skip: Skip) -> Document:
    code = verdict.BY_NUMBER[skip.code]
    return {"reason": code.word, "rule": skip.reason or None, "says": code.says}


def _standing(lane: LaneRow | None) -> str | None:
    paused = lane is not None and lane.state is LaneState.PAUSED
    return "The destination is paused: it would get this once it is resumed." if paused else None


def _summary(sends: int, count: int, event: Stored) -> str:
    rule = stored.rule(event.meta)
    moved = f" The workspace's {of_rule(rule)} would move it to {event.namespace}." if rule else ""
    if not count:
        return f"No destination is connected, so nothing would be sent.{moved}"
    of = f"{sends} of {counted(count, 'destination')} would get it as {event.namespace}"
    return f"{of}. Nothing was stored or sent.{moved}"
