"""What `/metrics` tells, from counts that are kept anyway and looks of a row or two: no table is read for it.

Labels are names of destinations, which operators gave, and words of ours: as many as are connected, whatever is sent.
"""

from __future__ import annotations

import os
import platform
import threading
from collections import Counter
from collections.abc import Mapping
from itertools import chain
from pathlib import Path

from turnout import telemetry
from turnout.api.openmetrics import Family, Sheet
from turnout.clock import DAY, HOUR, SECOND
from turnout.delivery.eyes import held_of
from turnout.delivery.verdict import BY_NUMBER
from turnout.operations.health import age, unread
from turnout.store import connect, space
from turnout.store.counts import LATENCY, TOOK
from turnout.store.lanes import LaneRow, LaneState
from turnout.store.log import CONFLICTING, DUPLICATE, REFUSED
from turnout.store.store import Store
from turnout.store.tally import Tally
from turnout.store.unit import View
from turnout.upkeep.checkpoint import Fill
from turnout.upkeep.watch import Signs
from turnout.workspace import Destination

DOOR = {DUPLICATE: "duplicate", CONFLICTING: "conflicting", REFUSED: "refused"}
STATES = ("running", "paused", "trouble", "credentials", "gone", "token")
"""Of a destination: the third to fifth are what `delivery.breaker` says of one that is sent nothing but probes."""
OWED = 10_000
"""Rows of the queue that are counted of a destination: one with order has no more than 5,000."""
BUCKETS = tuple(range(16))
"""Powers of two, of milliseconds: up to 33 s; no attempt takes longer than 30 s."""
OF = ("process",)
"""Whose a number is: of the process that answers, the `door`, or of the `deliverer` beside it."""

FAMILIES = (
    Family("turnout_build", "info", "What runs.", ("version", "sqlite", "python")),
    Family("turnout_is_delivering", "gauge", "Whether this server delivers."),
    Family("turnout_deliverer_process", "gauge", "Number of the process that delivers; 0: none."),
    Family("turnout_missing_events", "gauge", "Acknowledged events that the database lost."),
    Family("turnout_destination_state", "stateset", "How a destination stands.", ("destination",)),
    Family("turnout_lag_events", "gauge", "Events that a destination has not read yet.", ("destination",)),
    Family(
        "turnout_lag_seconds", "gauge", "Age of the oldest event that a destination has not read.", ("destination",),
        "seconds",
    ),
    Family(
        "turnout_lag_retention_ratio", "gauge", "The same as a share of the time that events are kept.",
        ("destination",), "ratio",
    ),
    Family(
        "turnout_owed", "gauge", f"Deliveries that are not final, by state; counted up to {OWED} a destination.",
        ("destination", "state"),
    ),
    Family(
        "turnout_verdicts", "counter", "Final verdicts since the hour of the start.",
        ("destination", "verdict", "reason"),
    ),
    Family(
        "turnout_request_seconds", "histogram", "Time that requests took, since the hour of the start.",
        ("destination",), "seconds",
    ),
    Family("turnout_requests_in_flight", "gauge", "Requests without an answer, of this server.", ("destination",)),
    Family("turnout_requests_allowed", "gauge", "Requests that may be in flight at once.", ("destination",)),
    Family(
        "turnout_calls", "counter", "Calls at the door: accepted ones of all time, others since the hour of the start.",
        ("became",),
    ),
    Family("turnout_commits", "counter", "Commits of a process.", OF),
    Family("turnout_commits_failed", "counter", "Commits of a process that failed; nothing of them was stored.", OF),
    Family("turnout_recorded_events", "counter", "Events that the commits of a process recorded.", OF),
    Family("turnout_writer_queue", "gauge", "Calls that wait for the writer of a process.", OF),
    Family("turnout_writer_wait_seconds", "gauge", "How long the first of them has waited.", OF, "seconds"),
    Family("turnout_database_bytes", "gauge", "Size of the database.", (), "bytes"),
    Family("turnout_wal_bytes", "gauge", "Size of the write-ahead log's file.", (), "bytes"),
    Family("turnout_wal_pages", "gauge", "Pages in the write-ahead log."),
    Family("turnout_wal_unmoved_pages", "gauge", "Of those, the ones that are not in the database yet."),
    Family(
        "turnout_wal_pinned_seconds", "gauge", "How long a reader has kept the log from beginning anew.", (), "seconds"
    ),
    Family("turnout_disk_free_bytes", "gauge", "Free disk.", (), "bytes"),
    Family("turnout_disk_floor_bytes", "gauge", "Free disk under which no event is taken in.", (), "bytes"),
    Family("turnout_upkeep_faults", "counter", "What went wrong in upkeep, by what it keeps true.", ("keeps",)),
    Family("turnout_log_lines_lost", "counter", "Lines of the log that nobody took.", OF),
    Family("process_resident_memory_bytes", "gauge", "Memory of a process.", OF, "bytes"),
    Family("process_cpu_seconds", "counter", "Processor time of a process.", OF, "seconds"),
    Family("process_start_time_seconds", "gauge", "When a process began, since 1970.", OF, "seconds"),
    Family("process_open_fds", "gauge", "Files that a process has open.", OF),
)  # fmt: skip


class Totals:
    """Counts since an hour; hours that are over are not read again."""

    def __init__(self, started: int) -> None:
        """Count from the hour of a moment on. Units: microseconds."""
        self._from = started // HOUR
        self._over: Counter[tuple[int, int]] = Counter()
        self._lock = threading.Lock()

    def read(self, view: View) -> Mapping[int, Mapping[int, int]]:
        """Give the counts by lane and code."""
        over = view.now // HOUR - 1  # a commit that began in the last hour may still add to it
        found: dict[int, dict[int, int]] = {}
        with self._lock:
            now: Counter[tuple[int, int]] = Counter()
            for lane in view.counts.lanes():
                for hour, code, n in view.counts.by_hour(lane, self._from):
                    (self._over if hour < over else now)[lane, code] += n
            self._from = max(self._from, over)
            for (lane, code), n in chain(self._over.items(), now.items()):
                counts = found.setdefault(lane, {})
                counts[code] = counts.get(code, 0) + n
        return found


def of_lanes(sheet: Sheet, view: View, counts: Mapping[int, Mapping[int, int]], retention_days: int) -> None:
    """Tell of each connected destination, and of the door."""
    rows = {row.lane: row for row in view.lanes.all()}
    for lane, destination in view.workspace.by_lane().items():
        _lane(sheet, view, destination, rows[lane], retention_days)
        _counted(sheet, destination.name, counts.get(lane, {}))
    sheet.put("turnout_calls", sum(n for _, n in view.log.namespaces()), became="accepted")
    for number, word in DOOR.items():
        sheet.put("turnout_calls", counts.get(0, {}).get(number, 0), became=word)


def _lane(sheet: Sheet, view: View, destination: Destination, row: LaneRow, retention_days: int) -> None:
    name = destination.name
    oldest = age(view, row.lane)
    troubled = "token" if held_of(view, destination.id).trouble(name) else "running"
    state = "paused" if row.state is LaneState.PAUSED else row.reason or troubled
    sheet.states("turnout_destination_state", STATES, state, destination=name)
    sheet.put("turnout_lag_events", unread(view, row.lane), destination=name)
    sheet.put("turnout_lag_seconds", oldest / SECOND, destination=name)
    sheet.put("turnout_lag_retention_ratio", round(oldest / DAY / retention_days, 6), destination=name)
    for owed, n in view.owed.states_of(row.lane, OWED).items():
        sheet.put("turnout_owed", n, destination=name, state=owed.name.lower())


def _counted(sheet: Sheet, name: str, counts: Mapping[int, int]) -> None:
    for number, n in sorted(counts.items()):
        if code := BY_NUMBER.get(number):
            sheet.put("turnout_verdicts", n, destination=name, verdict=str(code.verdict), reason=code.word)
    buckets = {2**n / 1000: counts.get(LATENCY + n, 0) for n in BUCKETS}
    longer = sum(n for code, n in counts.items() if code > LATENCY + BUCKETS[-1])
    sheet.histogram(
        "turnout_request_seconds", buckets | {float("inf"): longer}, counts.get(TOOK, 0) / 1000, destination=name
    )


def of_flights(sheet: Sheet, names: Mapping[int, str], flights: Mapping[int, tuple[int, int]]) -> None:
    """Tell of the requests on their way: by lane how many there are, and how many may be."""
    for lane, (flying, allowed) in flights.items():
        if name := names.get(lane):
            sheet.put("turnout_requests_in_flight", flying, destination=name)
            sheet.put("turnout_requests_allowed", allowed, destination=name)


def of_disk(sheet: Sheet, store: Store, fill: Fill) -> None:
    """Tell of the files and of the disk."""
    for name, path in (("database", store.path), ("wal", store.path.with_name(f"{store.path.name}-wal"))):
        sheet.put(f"turnout_{name}_bytes", path.stat().st_size if path.exists() else 0)
    sheet.put("turnout_wal_pages", fill.log)
    sheet.put("turnout_wal_unmoved_pages", fill.log - fill.done)
    sheet.put("turnout_disk_free_bytes", space.free(store.folder))
    sheet.put("turnout_disk_floor_bytes", space.floor(store.folder))


def of_upkeep(sheet: Sheet, signs: Signs, now: float) -> None:
    """Tell what upkeep noticed, where this process runs it; `now` in the clock's monotonic seconds."""
    sheet.put("turnout_wal_pinned_seconds", round(now - signs.since, 1) if signs.reader else 0)
    for name, n in sorted(signs.faults.items()):
        sheet.put("turnout_upkeep_faults", n, keeps=name)


def of_build(sheet: Sheet, version: str) -> None:
    """Tell what runs."""
    sheet.info("turnout_build", version=version, sqlite=connect.VERSION, python=platform.python_version())


def of_process(sheet: Sheet, process: str, numbers: Mapping[str, float]) -> None:
    """Tell the numbers of one process."""
    for name, value in numbers.items():
        sheet.put(name, value, process=process)


def numbers(tally: Tally) -> Mapping[str, float]:
    """Give the numbers of this process and its writer, by family; what only Linux tells is left out elsewhere."""
    times = os.times()
    found = {
        "turnout_commits": tally.commits,
        "turnout_commits_failed": tally.failed,
        "turnout_recorded_events": tally.events,
        "turnout_writer_queue": tally.length(),
        "turnout_writer_wait_seconds": round(tally.waited_s(), 6),
        "turnout_log_lines_lost": telemetry.LOST.lines,
        "process_cpu_seconds": round(times.user + times.system, 2),
    }
    own = Path("/proc/self")
    if own.exists():
        found |= {
            "process_resident_memory_bytes": int((own / "statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE"),
            "process_start_time_seconds": _started(own),
            "process_open_fds": sum(1 for _ in (own / "fd").iterdir()),
        }
    return found


def _started(own: Path) -> float:
    """Give when the process began: ticks after the machine did. Source: proc_pid_stat(5), field 22."""
    ticks = int((own / "stat").read_text().rpartition(")")[2].split()[19])
    booted = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime"))
    return int(booted.split()[1]) + round(ticks / os.sysconf("SC_CLK_TCK"), 2)
