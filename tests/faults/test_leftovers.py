"""Nothing is left behind: descriptors, threads and children of stores that were opened, refused, forked and closed."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import anyio
import pytest

from support.destination import Recorder
from support.driven import Agent, Serve, connect, run
from support.engine import open_store, record, track
from support.faulty import tell
from support.program import children
from support.worker import until
from turnout import AsyncTurnout, Turnout
from turnout.errors import TurnoutError, Unavailable
from turnout.store.store import Store
from turnout.upkeep.checkpoint import Checkpointer

pytestmark = pytest.mark.timeout(480)

TIMES = 50
CLOSE_WAIT = "08"
"""Source: proc(5), net/tcp; the numbers are those of the kernel's tcp_states.h."""


def held(process: int | None = None) -> list[str]:
    """List what a process holds open, by name."""
    folder = Path(f"/proc/{process or os.getpid()}/fd")
    found = []
    for each in folder.iterdir():
        try:
            found.append(str(each.readlink()))
        except FileNotFoundError:  # the one that lists
            continue
    return sorted(found)


def dangling(process: int) -> set[str]:
    """Name the sockets that a process holds although their other side is gone."""
    rows = [line.split() for line in Path(f"/proc/{process}/net/tcp").read_text().splitlines()[1:]]
    return {f"socket:[{row[9]}]" for row in rows if row[3] == CLOSE_WAIT} & set(held(process))


def threads() -> Counter[str]:
    return Counter(each.name for each in threading.enumerate())


@dataclass(frozen=True, slots=True)
class Before:
    """What this process had open, and its threads; of tests before this one some may go meanwhile."""

    held: Counter[str]
    threads: Counter[str]

    @classmethod
    def now(cls) -> Self:
        gc.collect()
        return cls(Counter(held()), threads())

    def left(self) -> Counter[str]:
        """Give what has come since, and is there."""
        return (Counter(held()) - self.held) + (threads() - self.threads)


def use(folder: Path) -> None:
    """Open, write, read, checkpoint, close."""
    store = open_store(folder)
    record(store, track("m1"))
    store.look(lambda view: view.counter.seq)
    Checkpointer(store).restart()
    store.close()


def listen(folder: Path) -> None:
    """Hear of commits, as a server does."""
    store = open_store(folder)
    anyio.run(_listen, store)
    store.close()


async def _await(folder: Path, number: int) -> None:
    async with AsyncTurnout(folder) as turnout:
        await turnout.track("u1", "E", message_id=f"a{number}")


async def _listen(store: Store) -> None:
    async with store.awake():
        await store.transact(lambda unit: unit.counter.seq)
        await store.changed(0.001)


def test_a_store_that_was_opened_and_closed_many_times_leaves_nothing(data_dir: Path) -> None:
    use(data_dir)
    listen(data_dir)  # by now it has the checkpointer's one descriptor, which is for life
    before = Before.now()

    for _ in range(TIMES):
        use(data_dir)
    for _ in range(TIMES // 5):
        listen(data_dir)
    for number in range(TIMES):
        with Turnout(data_dir) as turnout:
            turnout.track("u1", "E", message_id=f"n{number}")
        anyio.run(_await, data_dir, number)
    with ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(lambda _: use(data_dir), range(TIMES)))

    assert not before.left()


def no_keys(folder: Path) -> None:
    (folder / "keys").unlink()


def others_keys(folder: Path) -> None:
    open_store(folder / "other").close()
    shutil.copy(folder / "other" / "keys", folder / "keys")


def damaged_keys(folder: Path) -> None:
    (folder / "keys").write_text("{")


def newer(folder: Path) -> None:
    with sqlite3.connect(folder / "turnout.db") as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()


def no_database(folder: Path) -> None:
    (folder / "turnout.db").write_bytes(b"what is this? " * 1000)


@pytest.mark.parametrize("harm", [no_keys, others_keys, damaged_keys, newer, no_database])
def test_an_opening_that_is_refused_leaves_nothing(harm: Callable[[Path], None], data_dir: Path) -> None:
    open_store(data_dir).close()
    harm(data_dir)
    before = Before.now()

    for _ in range(TIMES):
        with pytest.raises(TurnoutError):
            open_store(data_dir)
        with pytest.raises(TurnoutError):
            Turnout(data_dir)

    assert not before.left()


def test_an_opening_that_gets_no_thread_is_refused_and_leaves_nothing(data_dir: Path) -> None:
    open_store(data_dir).close()
    before = Before.now()
    size = threading.stack_size(1 << 46)  # no machine has room for such a thread
    try:
        for _ in range(TIMES):
            with pytest.raises(Unavailable, match="the thread that writes does not start"):
                Turnout(data_dir)
    finally:
        threading.stack_size(size)

    assert not before.left()
    with Turnout(data_dir) as turnout:
        turnout.track("u", "E")


def test_forks_leave_nothing_in_parent_or_child(data_dir: Path) -> None:
    store = open_store(data_dir)
    record(store, track("m0"))
    before = Before.now()

    for number in range(TIMES // 5):
        child = os.fork()
        if not child:
            os._exit(_child(store, number))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        record(store, track(f"parent-{number}"))

    assert not before.left()
    assert store.look(lambda view: view.counter.seq) == 2 + 2 * (TIMES // 5)
    store.close()


def _child(store: Store, number: int) -> int:
    """Use the parent's store in the child; give 1 where closing it leaves one of its files open."""
    record(store, track(f"child-{number}"))
    store.close()
    return int(any(str(store.folder) in each for each in held()))


def test_a_program_that_forgets_to_close_ends_with_everything_on_disk(data_dir: Path) -> None:
    script = "import sys; from turnout import Turnout; print(Turnout(sys.argv[1]).track('u', 'E').repeated)"

    ended = subprocess.run(
        [sys.executable, "-c", script, str(data_dir)], capture_output=True, text=True, check=False, timeout=120
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "False\n", "")
    store = open_store(data_dir)
    assert store.look(lambda view: view.log.bounds()) == (1, 1)
    store.close()


def test_a_server_keeps_no_descriptor_of_calls_commands_and_destinations_that_are_gone(data_dir: Path) -> None:
    with Recorder() as first:
        connect(data_dir, first.url, "First")
        with Serve(data_dir) as serve, Agent(data_dir) as agent:
            serve.delivers()
            assert not agent.track("warm").result(60).refused
            first.wait_for(1)
            assert serve.ready()[0] == 200
            processes = serve.pid, serve.deliverer, agent.pid
            before = {each: held(each) for each in processes}

            for number in range(2):
                with Recorder() as vendor:
                    connect(data_dir, vendor.url, f"Vendor {number}")
                    asked = [agent.track(f"{number}-{at}", f"u{at}") for at in range(20)]
                    assert all(not each.result(60).refused for each in asked)
                    until(lambda: len(vendor.received) == 20)
                    assert run(data_dir, "destination", "remove", f"Vendor {number}", "--yes")[0] == 0
                assert serve.ready()[0] == 200
            until(lambda: len(first.received) == 41)

            def is_clean() -> bool:
                """Send something: with that go the connections that the other side closed, looked for once a second."""
                assert not agent.track(os.urandom(4).hex()).result(60).refused
                return not dangling(serve.deliverer)

            until(is_clean)
            for each in processes:  # a keeper may just be reading a file
                until(lambda each=each: all("socket:" in name for name in set(held(each)) - set(before[each])))  # type: ignore[misc]
            assert [children(each) for each in processes] == [[processes[1]], [], []]
            port = int(serve.url.rpartition(":")[2])
            assert (serve.stop(), agent.stop()) == (0, 0)
            with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 5):
                pass
    tell("leftovers: none")


def test_a_killed_process_leaves_no_lock_behind(data_dir: Path) -> None:
    with Agent(data_dir) as agent:
        assert not agent.track("k").result(60).refused
        agent.signal(signal.SIGKILL)
        agent.process.wait()
        store = open_store(data_dir)
        record(store, track("m1"))
        store.close()
