"""Delivering recorded events again: a selection, counted first, becomes a further run of each lane.

What a lane still owes, or has not read yet, comes anyway and is not selected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from msgspec.structs import replace

from turnout.delivery.eyes import Eyes
from turnout.delivery.selection import Selection, ended, write_selection
from turnout.delivery.verdict import Verdict
from turnout.document import Document, Json
from turnout.errors import InvalidInput, NotFound
from turnout.event.model import LIVE, Namespace
from turnout.exchange import Dedupe
from turnout.guard import namespace
from turnout.guard.principal import Effect, Scope
from turnout.operations import whose
from turnout.operations.counted import counted
from turnout.operations.model import Applied, Calling, Operation, Shown
from turnout.operations.moments import moment, require_order
from turnout.operations.names import of_run
from turnout.operations.picked import Lane, Picked, count
from turnout.operations.whose import Whose
from turnout.routing import Bound
from turnout.store.session import NEWEST
from turnout.store.unit import Unit, View
from turnout.workspace import Destination, Receives

NAME = "replay_events"
IDS_MAX = 500
SURE_ABOVE = 100
"""Live events to one destination. Source: DESIGN 3.5."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What is selected; all that is given must hold. Without `destination` every one that takes such events."""

    destination: str | None = None
    event: str | None = None
    user_id: str | None = None
    since: str | None = None
    until: str | None = None
    verdict: str | None = None
    message_ids: tuple[str, ...] | None = None
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class Replaying:
    """What will be replayed where. `picked` is parallel to `destinations`; `repeats` says what becomes of repeats."""

    selection: Selection
    destinations: tuple[Destination, ...]
    start: int
    picked: Picked
    repeats: tuple[str, ...]


def plan(eyes: Eyes, view: View, request: Replay, calling: Calling) -> Replaying:
    """Select and count. Raises: InvalidInput, NotFound."""
    space = _space(request, calling)
    selection = Selection(
        request.event or "",
        space,
        _verdict(request.verdict),
        _people(view, request, space),
        _seqs(view, request, space),
    )
    start, until = _stretch(view, request, selection)
    destinations = _destinations(view, request, space)
    lanes = [_lane(view, each, until) for each in destinations]
    picked = count(view, selection, lanes, start, until)
    return Replaying(selection, destinations, start, picked, tuple(_repeats(eyes, view, each) for each in destinations))


def apply(unit: Unit, replaying: Replaying, _: Calling) -> Applied:
    """Begin a run on each lane for which anything is selected; one number stands for all of them."""
    chosen = [each for each in replaying.picked.lanes if any(each.taken.values())]
    told: Document = {"selected": replaying.picked.events, "to": [*_named(replaying)]}
    if not chosen:
        return Applied({"summary": _nothing(replaying), **told})
    run = unit.lanes.new_run()
    for each in chosen:
        selection = replace(replaying.selection, over=each.lane.over if replaying.selection.verdict else ())
        unit.lanes.begin(each.lane.number, run, replaying.start, each.lane.until, write_selection(selection))
    said = f"{_events(replaying)} began to be replayed to {counted(len(chosen), 'destination')}."
    return Applied({"summary": said, "run_id": of_run(run), **told})


def effect(replaying: Replaying) -> Effect:
    """Say which namespaces are delivered from, and to which destinations that receive live events."""
    spaces = {name for each in replaying.picked.lanes for name, n in each.taken.items() if n}
    pairs = zip(replaying.destinations, replaying.picked.lanes, strict=True)
    live = {each.name for each, found in pairs if each.receives is not Receives.TEST and found.selected}
    return Effect(frozenset(Namespace(name) for name in spaces), frozenset(live))


def show(replaying: Replaying) -> Shown:
    """Put the counts in words; many live events need a yes."""
    picked = replaying.picked
    rows: list[Json] = [
        {
            "destination": destination.name,
            "selected": found.selected,
            "not_received": found.selected - sum(found.taken.values()),
            "still_owed": found.owed,
            "repeats": repeats,
        }
        for destination, found, repeats in zip(replaying.destinations, picked.lanes, replaying.repeats, strict=True)
    ]
    many = any(found.taken.get(LIVE, 0) > SURE_ABOVE or (picked.more and LIVE in found.taken) for found in picked.lanes)
    return Shown(
        f"{_events(replaying)} would be replayed to {counted(len(_named(replaying)), 'destination')}"
        f"{f'; of {picked.erased} more the bytes are erased' if picked.erased else ''}.",
        {
            "selected": picked.events,
            "more": picked.more,
            "erased": picked.erased,
            "to": [*_named(replaying)],
            "destinations": rows,
        },
        f"More than {SURE_ABOVE} live events go out again; what a vendor does not drop as a repeat it counts twice."
        if many
        else "",
    )


def operation(eyes: Eyes) -> Operation[Replay, Replaying]:
    """Give the operation; `eyes` bind destinations, to tell what becomes of repeats."""
    return Operation(NAME, frozenset({Scope.OPERATE}), partial(plan, eyes), apply, effect, show)


def _space(request: Replay, calling: Calling) -> str:
    """Choose the namespace: a person at the command line means every one, others their own."""
    if request.namespace:
        return namespace.namespace(request.namespace)
    return "" if Scope.ADMIN in calling.principal.scopes else calling.principal.default_namespace


def _verdict(text: str | None) -> str:
    finals = {str(each) for each in Verdict} - {Verdict.WAITING, Verdict.PAUSED}
    if text and text not in finals:
        raise InvalidInput(
            f"`verdict` is one of {', '.join(sorted(finals))}; what waits is delivered without a replay."
        )
    return text or ""


def _people(view: View, request: Replay, space: str) -> tuple[int, ...]:
    if not request.user_id:
        return ()
    found = whose.people(view, Whose(user_id=request.user_id), space)
    if not found:
        raise NotFound(f"nobody with this user_id is known{f' in the namespace {space}' if space else ''}")
    return tuple(sorted(found))


def _seqs(view: View, request: Replay, space: str) -> tuple[int, ...]:
    if not request.message_ids:
        return ()
    if len(request.message_ids) > IDS_MAX:
        raise InvalidInput(f"{len(request.message_ids)} message_ids were given: expected at most {IDS_MAX}.")
    sources = sorted({1, *view.workspace.sources})
    found = [{seq for source in sources if (seq := view.messages.find(source, each))} for each in request.message_ids]
    if missing := [at for at, seqs in enumerate(found) if not seqs]:
        raise NotFound(
            f"{len(missing)} of the message_ids are not known, the first at position {missing[0]}", at=missing
        )
    seqs = sorted(set().union(*found))
    elsewhere = {head.namespace for seq in seqs for head in view.log.heads(seq - 1, seq, 1)} - {space}
    if space and elsewhere:
        raise InvalidInput(f"Some of these events are in the namespace {min(elsewhere)}: name it in `namespace`.")
    return tuple(seqs)


def _stretch(view: View, request: Replay, selection: Selection) -> tuple[int, int]:
    """Give the stretch of the log to read: after the first number, up to the second."""
    end = view.counter.seq - 1
    start, until = 0, end
    since = moment(request.since, view.now, name="since") if request.since else 0
    before = moment(request.until, view.now, name="until") if request.until else NEWEST
    require_order(since, before)
    if request.since:
        first = view.log.first_since(since)
        start = end if first is None else first - 1
    if request.until:
        first = view.log.first_since(before)
        until = end if first is None else first - 1
    if selection.seqs:
        start, until = max(start, selection.seqs[0] - 1), min(until, selection.seqs[-1])
    return max(start, view.log.bounds()[0] - 1, 0), until


def _destinations(view: View, request: Replay, space: str) -> tuple[Destination, ...]:
    if request.destination:
        return (view.workspace.destination(request.destination),)
    every = sorted(view.workspace.destinations.values(), key=lambda each: each.lane)
    found = tuple(each for each in every if not space or each.receives.takes(Namespace(space)))
    if not found:
        if not every:
            raise NotFound("no destination is connected yet", fix="connect_destination connects one")
        raise NotFound(f"no destination receives events of the namespace {space}")
    return found


def _lane(view: View, destination: Destination, until: int) -> Lane:
    """Bound a lane's run by what its run 0 has passed: the rest comes anyway."""
    follows = view.lanes.run(destination.lane, 0)
    passed = follows.cursor if follows else 0
    runs = tuple(run.run for run in view.lanes.runs(destination.lane))
    return Lane(destination.lane, min(until, passed), runs, destination.receives, ended(view, destination.lane))


def _repeats(eyes: Eyes, view: View, destination: Destination) -> str:
    bound = eyes.bound(view, destination, view.counter.revision)
    if not isinstance(bound, Bound):
        return "unknown: its settings do not fit"
    kinds = {action.dedupe for action in bound.target.actions.values()}
    if Dedupe.NONE not in kinds:
        return "dropped: by the id that every try of an event carries"
    return "taken as new events" if kinds == {Dedupe.NONE} else "dropped by some of its actions, taken as new by others"


def _named(replaying: Replaying) -> Sequence[str]:
    pairs = zip(replaying.destinations, replaying.picked.lanes, strict=True)
    return [destination.name for destination, found in pairs if found.selected]


def _events(replaying: Replaying) -> str:
    picked, space = replaying.picked, replaying.selection.namespace
    return f"{'More than ' if picked.more else ''}{counted(picked.events, f'{space} event'.lstrip())}"


def _nothing(replaying: Replaying) -> str:
    """Say that nothing is replayed, and of which namespace: one that was not named is easily the wrong one."""
    if replaying.picked.events:
        return f"{_events(replaying)} selected, but no destination receives them: nothing is replayed."
    space = replaying.selection.namespace
    where = f" of the namespace {space} was selected; `namespace` names another" if space else " was selected"
    return f"Nothing{where}: nothing is replayed."
