"""Whether we live, whether we can take events in, and numbers for a monitor.

`/healthz` says that the process answers. `/readyz` writes and commits, at most once a second, and says what
else stands in the way. `/metrics` is OpenMetrics text from counts that are kept anyway: no row is counted for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response

from turnout import document
from turnout.delivery.verdict import BY_NUMBER
from turnout.errors import Unavailable
from turnout.operations.health import lag_seconds, unread
from turnout.operations.ready import hindrances, probe
from turnout.store.log import ACCEPTED, CONFLICTING, DUPLICATE, REFUSED
from turnout.store.store import Store
from turnout.store.unit import View

DOOR = {ACCEPTED: "accepted", DUPLICATE: "duplicate", CONFLICTING: "conflicting", REFUSED: "refused"}
FRESH_S = 1.0
"""How long an answer of `/readyz` holds: whoever asks more often does not make us write more often."""
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Health:
    """The three answers about one running workspace."""

    def __init__(
        self, store: Store, is_delivering: Callable[[], bool], faults: Mapping[str, int], started: int
    ) -> None:  # fmt: skip
        """Begin at `started`, from whose hour on the counters count. Units: microseconds."""
        self._store = store
        self._is_delivering = is_delivering
        self._faults = faults
        self._started = started
        self._asked = -FRESH_S
        self._reasons: tuple[str, ...] = ()

    async def alive(self, _: Request) -> Response:
        """Answer."""
        return _json(200, {"ok": True})

    async def ready(self, _: Request) -> Response:
        """Say whether events can be taken in, or why not."""
        now = self._store.clock.monotonic()
        if now - self._asked >= FRESH_S:
            self._asked, self._reasons = now, await self._hindrances()
        if self._reasons:
            return _json(503, {"ok": False, "reasons": list(self._reasons)})
        return _json(200, {"ok": True, "delivering": self._is_delivering()})

    async def metrics(self, _: Request) -> Response:
        """Give the numbers."""
        lines = await self._store.read(lambda view: tuple(_numbers(view, self._started)))
        own = (
            *_head("turnout_is_delivering", "gauge", "Whether this process delivers."),
            _line("turnout_is_delivering", {}, int(self._is_delivering())),
            *_head("turnout_missing_events", "gauge", "Acknowledged events that the database lost."),
            _line("turnout_missing_events", {}, self._store.missing),
            *_head("turnout_upkeep_faults", "counter", "What went wrong in upkeep, by what it keeps true."),
            *(_line("turnout_upkeep_faults_total", {"keeps": name}, n) for name, n in sorted(self._faults.items())),
        )
        return Response("\n".join((*own, *lines, "# EOF", "")), media_type=OPENMETRICS)

    async def _hindrances(self) -> tuple[str, ...]:
        """Look, write and commit; list what stands in the way."""
        low, failed = await anyio.to_thread.run_sync(self._store.low_on_disk), ""
        try:
            await self._store.transact(probe)
        except Unavailable as error:
            failed = error.message
        return hindrances(low=low, lost=self._store.missing, failed=failed)


def _numbers(view: View, started: int) -> Iterator[str]:
    """Write what is known of each destination, and of the door."""
    names = {lane: {"destination": each.name} for lane, each in view.workspace.by_lane().items()}
    counts = view.counts.since(started)
    owed = view.owed.states()
    yield from _head("turnout_lag_events", "gauge", "Events that a destination has not read yet.")
    yield from (_line("turnout_lag_events", labels, unread(view, lane)) for lane, labels in names.items())
    yield from _head("turnout_lag_seconds", "gauge", "Age of the oldest event that a destination has not read.")
    yield from (_line("turnout_lag_seconds", labels, lag_seconds(view, lane)) for lane, labels in names.items())
    yield from _head("turnout_owed", "gauge", "Deliveries that wait to be tried again, or for an answer, by state.")
    for lane, labels in names.items():
        for state, n in owed.get(lane, {}).items():
            yield _line("turnout_owed", labels | {"state": state.name.lower()}, n)
    yield from _head("turnout_verdicts", "counter", "Final verdicts since the hour of the start.")
    for lane, labels in names.items():
        for number, n in sorted(counts.get(lane, {}).items()):
            if code := BY_NUMBER.get(number):
                yield _line("turnout_verdicts_total", labels | {"verdict": str(code.verdict), "reason": code.word}, n)
    yield from _head(
        "turnout_calls", "counter", "Calls at the door since the hour of the start, by what became of them."
    )
    for number, word in DOOR.items():
        yield _line("turnout_calls_total", {"became": word}, counts.get(0, {}).get(number, 0))


def _json(status: int, told: Mapping[str, document.Json]) -> Response:
    return Response(document.encode(told), status, media_type="application/json")


def _head(name: str, kind: str, says: str) -> tuple[str, str]:
    return f"# TYPE {name} {kind}", f"# HELP {name} {says}"


def _line(name: str, labels: Mapping[str, str], value: float) -> str:
    """Write one sample."""
    inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{inside}}} {value!r}" if inside else f"{name} {value!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
