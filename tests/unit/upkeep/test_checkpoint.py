from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.workspace import Bench
from turnout.store import connect
from turnout.upkeep.checkpoint import IDLE_S, Checkpointer


@pytest.fixture
def checkpointer(here: Bench) -> Iterator[Checkpointer]:
    made = Checkpointer(here.store)
    yield made
    made.close()


def wal(here: Bench) -> int:
    return (here.store.folder / "turnout.db-wal").stat().st_size


def test_the_fill_is_told_without_moving_anything(here: Bench, checkpointer: Checkpointer) -> None:
    checkpointer.truncate()
    here.record({})

    first, again = checkpointer.fill(), checkpointer.fill()

    assert first == again
    assert first.log > first.done


def test_while_others_write_nothing_moves_and_after_a_second_everything(
    here: Bench, checkpointer: Checkpointer
) -> None:
    here.record({})
    checkpointer.advance()
    early = checkpointer.fill()

    here.clock.pass_s(IDLE_S)
    checkpointer.advance()
    late = checkpointer.fill()

    assert early.done < early.log
    assert late.done == late.log


def test_after_a_restart_the_log_begins_anew(here: Bench, checkpointer: Checkpointer) -> None:
    here.record(*[{} for _ in range(200)])
    before = checkpointer.fill().log

    assert checkpointer.restart()
    here.record({})

    assert checkpointer.fill().log < before


def test_truncate_empties_the_file(here: Bench, checkpointer: Checkpointer) -> None:
    here.record({})

    assert checkpointer.truncate()

    assert wal(here) == 0


def test_a_reader_in_the_way_is_told_and_waited_for_by_nobody(here: Bench, checkpointer: Checkpointer) -> None:
    reader = connect.connect_reader(here.store.path)
    reader.execute("BEGIN").close()
    reader.execute("SELECT * FROM counter").fetchall()
    here.record({})

    in_the_way = [checkpointer.truncate(), checkpointer.restart()]
    reader.execute("COMMIT").close()
    reader.close()

    assert in_the_way == [False, False]
    assert checkpointer.truncate()


def test_the_store_closes_it_with_itself_and_it_opens_again(here: Bench, checkpointer: Checkpointer) -> None:
    here.record({})
    checkpointer.restart()

    here.store.close()
    closed = not (here.store.folder / "turnout.db-wal").exists()  # the last connection of all removes it
    here.record({})

    assert closed
    assert checkpointer.truncate()
