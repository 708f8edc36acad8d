"""The newest events, as who records knows them: in which parts they come into order."""

from __future__ import annotations

from itertools import pairwise

from turnout.store.ids import ENOUGH, PART, Ids


def test_also_where_most_events_are_of_the_newest_people_a_part_is_of_neighbours() -> None:
    known = Ids()
    old, new = 10, 1_000_000
    whose = [(old if seq % 10 == 0 else new + seq * 7919 % 5_000, seq) for seq in range(1, ENOUGH + 1)]
    known.learn([(seq.to_bytes(16, "little"), seq) for _, seq in whose], whose, ENOUGH + 1)

    parts, until = [], 0
    while not until:
        _, part, until = known.part()
        parts.append(part)

    assert until == ENOUGH + 1
    assert sorted(row for part in parts for row in part) == sorted(whose), "each once"
    assert max(map(len, parts)) <= 2 * PART
    spans = sorted((part[0], part[-1]) for part in parts if part)
    assert all(last < first for (_, last), (first, _) in pairwise(spans))
