"""Sources: where events come from, and the write keys that name them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from turnout.clock import iso, month_of
from turnout.document import Document, Json
from turnout.event.model import SourceId
from turnout.guard.principal import Effect, Principal, Scope
from turnout.operations import names, page
from turnout.operations.counted import counted
from turnout.operations.model import Applied, Calling, Operation, Shown
from turnout.operations.reader import Reader
from turnout.store.unit import Unit, View
from turnout.workspace import SOURCE, Source, source_body

FIRST = "Local"
NAMES_READ = 100_000
"""Event names looked through for when a source last sent; the newest come first."""
_KEY_BYTES = 16


@dataclass(frozen=True, slots=True)
class CreateSource:
    """A source to make."""

    name: str


@dataclass(frozen=True, slots=True)
class Creating:
    """What will be made; without `live`, a key for test events alone."""

    name: str
    live: bool


def ensure_first(unit: Unit) -> None:
    """Make the first source of a workspace where there is none: what tools and the command line send has it."""
    if not unit.workspace.sources:
        _make(unit, Creating(FIRST, live=True), "local", "create_source")


def plan(view: View, request: CreateSource, calling: Calling) -> Creating:
    """Check the name. Raises: InvalidInput, Conflict."""
    taken = [each.name for each in view.workspace.sources.values()]
    name = names.unused("source", names.fit("source", request.name), taken)
    return Creating(name, _sees_live(calling.principal))


def apply(unit: Unit, creating: Creating, calling: Calling) -> Applied:
    """Make it."""
    source = _make(unit, creating, calling.principal.name, calling.operation)
    said = f"The source {source.name!r} was created. {_use(creating)}"
    return Applied({"summary": said, "source_id": str(source.id), "name": source.name})


def effect(_: Creating) -> Effect:
    """Reach nobody: a new source has sent nothing."""
    return Effect()


def show(creating: Creating) -> Shown:
    """Put it in words."""
    return Shown(f"The source {creating.name!r} would be created. {_use(creating)}", {"name": creating.name})


CREATE: Operation[CreateSource, Creating] = Operation(
    "create_source", frozenset({Scope.CONFIGURE}), plan, apply, effect, show
)


def with_keys(view: View, answer: Document, principal: Principal) -> Document:
    """Add a new source's write keys, as this caller may see them: the answer that is kept under a key holds none."""
    source = view.workspace.sources.get(int(str(answer.get("source_id", 0))))
    return answer | _keys(source, live=_sees_live(principal)) if source else answer


def list_sources(view: View, reader: Reader, cursor: str | None, limit: int) -> Document:
    """List sources by id, with what they sent this month and when each last did; keys for who may make some."""
    after = page.take(view, reader, "sources", cursor)
    every = sorted(view.workspace.sources.values(), key=lambda each: each.id)
    left = [each for each in every if each.id > after]
    shown = left[: max(1, limit)]
    events, last = _volumes(view), _last(view)
    keys = Scope.CONFIGURE in reader.principal.scopes
    live = _sees_live(reader.principal)
    rows: list[Json] = [
        {
            "source_id": str(each.id),
            "name": each.name,
            **(_keys(each, live=live) if keys else {}),
            "events": events.get(each.id, 0),
            "last_event_at": iso(last[each.id]) if each.id in last else None,
        }
        for each in shown
    ]
    quiet = sum(each.id not in last for each in every)
    said = f"{counted(len(every), 'source')}; `events` counts this month."
    said += f" {quiet} never sent anything." if quiet else ""
    told: Document = {"summary": said, "sources": rows}
    if len(left) > len(shown):
        told["next_cursor"] = page.give(view, reader, "sources", shown[-1].id)
    return told


def _make(unit: Unit, creating: Creating, principal: str, operation: str) -> Source:
    draw = unit.session.entropy.token
    number = SourceId(unit.counter.source)
    unit.counter.source += 1
    source = Source(
        number,
        creating.name,
        f"wk_{draw(_KEY_BYTES).hex()}" if creating.live else "",
        f"test_wk_{draw(_KEY_BYTES).hex()}",
        unit.now,
    )
    unit.entities.revise(principal, operation)
    unit.entities.put(SOURCE, str(number), source_body(source))
    return source


def _keys(source: Source, *, live: bool) -> Document:
    """Show write keys: they stand in web pages, yet one without `live` gets none that writes live events."""
    shown = {"write_key": source.write_key} if live and source.write_key else {}
    return {**shown, "test_write_key": source.test_write_key}


def _use(creating: Creating) -> str:
    if creating.live:
        return "Its test key marks all that is sent with it as test."
    return "It has a test key only: the caller lacks the scope `live`."


def _sees_live(principal: Principal) -> bool:
    return Scope.LIVE in principal.scopes


def _volumes(view: View) -> Mapping[int, int]:
    found: dict[int, int] = {}
    for _, source, n in view.log.volumes(month_of(view.now)):
        found[source] = found.get(source, 0) + n
    return found


def _last(view: View) -> Mapping[int, int]:
    found: dict[int, int] = {}
    for each in view.log.names(NAMES_READ):
        found[each.source] = max(each.last, found.get(each.source, 0))
    return found
