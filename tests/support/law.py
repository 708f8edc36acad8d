"""The law of the engine, as SQL: what was acknowledged is, at each lane that passed it, in exactly one place."""

from __future__ import annotations

from turnout.store.unit import View

NOWHERE = """
SELECT r.lane, e.seq FROM runs r JOIN lanes l ON l.lane = r.lane
JOIN events e ON e.seq > r.start AND e.seq <= r.cursor
WHERE r.run = 0
AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.lane = r.lane AND d.run = 0 AND d.seq <= e.seq AND d.last >= e.seq)
AND NOT EXISTS (SELECT 1 FROM owed o WHERE o.lane = r.lane AND o.run = 0 AND o.seq = e.seq)
AND NOT EXISTS (SELECT 1 FROM windows w WHERE w.lane = r.lane AND w.run = 0 AND w.first <= e.seq AND w.last >= e.seq)
"""
TWICE = """
SELECT o.lane, o.run, o.seq FROM owed o JOIN deliveries d ON d.lane = o.lane AND d.run = o.run
AND d.seq <= o.seq AND d.last >= o.seq AND (d.part = o.part OR d.part = 0)
"""
BEYOND = """
SELECT o.lane, o.run, o.seq FROM owed o JOIN runs r ON r.lane = o.lane AND r.run = o.run WHERE o.seq > r.cursor
UNION ALL
SELECT d.lane, d.run, d.last FROM deliveries d JOIN runs r ON r.lane = d.lane AND r.run = d.run WHERE d.last > r.cursor
"""
MISCOUNTED = """
SELECT lane, code, sum(n) AS total FROM (
  SELECT lane, code, n FROM counts WHERE lane > 0 AND code < 900
  UNION ALL SELECT lane, code, -(last - seq + 1) FROM deliveries
) GROUP BY lane, code HAVING total <> 0
"""
STUCK = """
SELECT o.lane, o.run, o.seq FROM owed o JOIN lanes l ON l.lane = o.lane
WHERE o.due IS NULL AND o.state <> 3 AND l.state <> 2
AND NOT EXISTS (SELECT 1 FROM owed h WHERE h.lane = o.lane AND h.run = o.run AND h.person = o.person
  AND (h.due IS NOT NULL OR h.state = 3))
"""
"""Held behind nothing: no row of its person could ever make it due."""
DUELESS = "SELECT lane, run, seq FROM owed WHERE (state = 1 AND due IS NULL) OR (state IN (2, 3) AND due IS NOT NULL)"

LAWS = {
    "is in no ledger row, not owed, and in no open window": NOWHERE,
    "is final and owed at once": TWICE,
    "has a row though its run has not passed it": BEYOND,
    "is counted otherwise than the ledger has it": MISCOUNTED,
    "is held behind nothing": STUCK,
    "is due without a time, or has a time and is not due": DUELESS,
}


def broken(view: View) -> list[str]:
    """Say which laws are broken, and where."""
    return [f"{row} {words}" for words, sql in LAWS.items() for row in view.session.rows(sql)]


def ledger(view: View) -> dict[tuple[int, ...], tuple[int, ...]]:
    """Give every ledger row by its key: none may ever change."""
    rows = view.session.rows("SELECT lane, run, seq, part, last, code, reason, request FROM deliveries")
    return {row[:4]: row[4:] for row in rows}
