"""A program with Turnout inside: however it ends, forks or threads, each event that it recorded is there, once."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from support.embedded import message_ids, run
from support.workspace import bench

pytestmark = [pytest.mark.timeout(480)]

BEGIN = """
import atexit, multiprocessing, os, signal, sys, threading, time
from turnout import Turnout
turnout = Turnout(sys.argv[1])

def track(prefix, count=500):
    for number in range(count):
        turnout.track(f"u{number}", "E", {"n": number}, message_id=f"{prefix}-{number}")
"""
MODULE = """
import sys, warnings
import turnout.analytics as analytics
analytics.data, analytics.write_key = sys.argv[1], sys.argv[2]

def track(prefix, count=500):
    for number in range(count):
        analytics.track(f"u{number}", "E", {"n": number}, message_id=f"{prefix}-{number}")
"""
ASYNC = """
import asyncio, sys
from turnout import AsyncTurnout
turnout = AsyncTurnout(sys.argv[1])

async def all_of_them():
    await asyncio.gather(*(turnout.track("u", "E", {"n": n}, message_id=f"a-{n}") for n in range(500)))

def track(prefix):
    asyncio.run(all_of_them())
"""
WAIT = "print('done', flush=True); import time\nwhile True: time.sleep(0.05)\n"
"""Not `signal.pause`, which waits for ever for a signal that came a moment before."""
ENDS: dict[str, tuple[str, int, signal.Signals | None]] = {
    "return": ("", 0, None),
    "sys.exit": ("sys.exit(3)\n", 3, None),
    "os._exit": ("import os; os._exit(4)\n", 4, None),
    "an exception": ("raise RuntimeError('the program broke')\n", 1, None),
    "SIGTERM": (WAIT, -signal.SIGTERM, signal.SIGTERM),
    "SIGINT": (WAIT, -signal.SIGINT, signal.SIGINT),
    "kill -9": (WAIT, -signal.SIGKILL, signal.SIGKILL),
}


def ids(*prefixes: str, count: int = 500) -> list[str]:
    return sorted(f"{prefix}-{number}" for prefix in prefixes for number in range(count))


def key(data: Path) -> str:
    """Make the workspace; give the key of its first source."""
    with bench(data) as workspace:
        return workspace.look(lambda view: view.workspace.source("Local")).write_key


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("way", [BEGIN, MODULE, ASYNC], ids=["Turnout", "analytics", "AsyncTurnout"])
def test_a_program_that_ends_without_a_flush_keeps_500_of_500(way: str, end: str, data_dir: Path) -> None:
    last, code, sent = ENDS[end]
    words = [key(data_dir)] if way is MODULE else []

    told = run(f"{way}\ntrack('a')\n{last}", data_dir, *words, when_done=sent)

    assert told.code == code, told
    assert message_ids(data_dir) == ids("a")


FORKED: dict[str, str] = {
    "os.fork": """
for name in "abcd":
    if not os.fork():
        track(name)
        os._exit(0)
for _ in "abcd":
    assert os.wait()[1] == 0
""",
    "os.fork, each killed at its end": """
for name in "abcd":
    if not os.fork():
        track(name)
        os.kill(os.getpid(), signal.SIGKILL)
for _ in "abcd":
    assert os.wait()[1] == signal.SIGKILL
""",
    "multiprocessing": """
context = multiprocessing.get_context("fork")
workers = [context.Process(target=track, args=(name,)) for name in "abcd"]
for each in workers: each.start()
for each in workers: each.join()
assert [each.exitcode for each in workers] == [0] * 4
""",
    "a pool": """
with multiprocessing.get_context("fork").Pool(4) as pool:
    pool.map(track, "abcd")
""",
    "a fork of a fork": """
if not os.fork():
    track("a")
    if not os.fork():
        track("b")
        os._exit(0)
    track("c")
    assert os.wait()[1] == 0
    os._exit(0)
track("d")
assert os.wait()[1] == 0
""",
}


@pytest.mark.parametrize("way", FORKED)
def test_four_forked_workers_keep_500_of_500_each(way: str, data_dir: Path) -> None:
    told = run(f"{BEGIN}\ntrack('parent', 1)\n{FORKED[way]}\nturnout.track('u', 'E', message_id='parent-1')", data_dir)

    assert (told.code, told.err) == (0, "")
    assert message_ids(data_dir) == sorted([*ids("a", "b", "c", "d"), "parent-0", "parent-1"])


def test_forks_beside_threads_that_record_lose_and_double_nothing(data_dir: Path) -> None:
    script = f"""{BEGIN}
going = True
made = [0] * 4

def work(name):
    while going:
        turnout.track("u", "E", message_id=f"thread{{name}}-{{made[name]}}")
        made[name] += 1

workers = [threading.Thread(target=work, args=(name,)) for name in range(4)]
for each in workers: each.start()
for child in range(20):
    pid = os.fork()
    if not pid:
        track(f"child{{child}}", 5)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    track(f"between{{child}}", 1)
going = False
for each in workers: each.join()
print(*made)
"""
    told = run(script, data_dir)

    assert (told.code, told.err) == (0, "")
    children = ids(*(f"child{child}" for child in range(20)), count=5)
    between = ids(*(f"between{child}" for child in range(20)), count=1)
    threads = [f"thread{name}-{n}" for name, made in enumerate(told.acknowledged) for n in range(int(made))]
    assert message_ids(data_dir) == sorted([*children, *between, *threads])


def test_a_fork_beside_a_thread_at_any_step_of_its_call_loses_and_doubles_nothing(data_dir: Path) -> None:
    script = f"""{BEGIN}
step = at = 0
there, forked = threading.Event(), threading.Event()

def trace(frame, event, arg):
    global step
    if step == at:
        there.set()
        forked.wait(0.05)  # not for longer: where it holds a lock that the fork needs, the fork waits for it
    step += 1
    return trace

def traced(number):
    sys.settrace(trace)
    turnout.track("u", "E", message_id=f"thread-{{number}}")
    sys.settrace(None)
    there.set()

def beside(number, fork):
    global step, at
    step, at = 0, number
    there.clear(), forked.clear()
    thread = threading.Thread(target=traced, args=(number,))
    thread.start()
    there.wait(10)
    if fork:
        pid = os.fork()
        if not pid:
            turnout.track("u", "E", message_id=f"child-{{number}}")
            os._exit(0)
        forked.set()
        turnout.track("u", "E", message_id=f"parent-{{number}}")
        assert os.waitpid(pid, 0)[1] == 0
    thread.join()
    return step

steps = beside(10_000, False)
for number in range(0, steps, 3):
    beside(number, True)
print(steps)
"""
    told = run(script, data_dir)

    assert (told.code, told.err) == (0, "")
    numbers = range(0, int(told.acknowledged[0]), 3)
    expected = [f"{who}-{number}" for who in ("thread", "child", "parent") for number in numbers]
    assert len(numbers) > 30
    assert message_ids(data_dir) == sorted([*expected, "thread-10000"])


def test_a_fork_while_one_that_was_let_go_of_closes_leaves_both_sides_working(data_dir: Path) -> None:
    script = """
import os, sys, threading
closing, forking = threading.Event(), False

def late():  # registered first, so it runs behind Turnout's own
    if forking:
        closing.set()
        closed.wait(0.2)  # not for longer: it waits until the fork is over

os.register_at_fork(before=late)
from turnout import Turnout, inprocess
turnout, closed = Turnout(sys.argv[1]), threading.Event()
turnout.track("u", "E", message_id="before")

def let_go():
    closing.wait(60)
    inprocess._close(turnout._door._store)  # what letting go begins, at the worst moment
    closed.set()

thread = threading.Thread(target=let_go)
thread.start()
forking = True
pid = os.fork()
forking = False
other = threading.Thread(target=lambda: Turnout(sys.argv[1]).track("u", "E", message_id=f"of {bool(pid)}"), daemon=True)
other.start()
other.join(20)
if not pid:
    os._exit(0)
os.waitpid(pid, 0)
print(closed.wait(20))
os._exit(0)
"""
    told = run(script, data_dir)

    assert (told.code, told.err) == (0, "")
    assert told.acknowledged == ["True"]
    assert message_ids(data_dir) == ["before", "of False", "of True"]


def test_a_fork_while_a_thread_reads_and_others_open_workspaces_loses_nothing(data_dir: Path) -> None:
    script = f"""{BEGIN}
reading, ends, stop = threading.Event(), threading.Event(), threading.Event()

def read():
    def look(view):
        reading.set()
        ends.wait(10)
        return view.counter.seq
    turnout._door._store.look(look)

def make():
    number = 0
    while not stop.is_set():
        with Turnout(f"{{sys.argv[1]}}-{{number % 3}}") as other:
            other.track("u", "E")
        number += 1

track("parent", 1)
reader, maker = threading.Thread(target=read), threading.Thread(target=make)
reader.start(); maker.start()
reading.wait(10)
threading.Timer(0.2, ends.set).start()
for name in "abcd":
    if not os.fork():
        track(name, 20)
        os._exit(0)
for _ in "abcd": assert os.wait()[1] == 0
stop.set(); reader.join(); maker.join()
"""
    told = run(script, data_dir)

    assert (told.code, told.err) == (0, "")
    assert message_ids(data_dir) == sorted([*ids("a", "b", "c", "d", count=20), "parent-0"])


def test_an_async_turnout_serves_loops_on_both_sides_of_a_fork(data_dir: Path) -> None:
    script = f"""{ASYNC}
import os

async def some(name):
    await asyncio.gather(*(turnout.track("u", "E", message_id=f"{{name}}-{{n}}") for n in range(50)))

async def forks():
    await some("before")
    going = asyncio.create_task(some("meanwhile"))
    await asyncio.sleep(0)
    if not os.fork():
        asyncio._set_running_loop(None)  # the child's loop is another
        asyncio.run(some("child"))
        os._exit(0)
    await going
    await some("after")
    assert os.wait()[1] == 0

asyncio.run(forks())
"""
    told = run(script, data_dir)

    assert (told.code, told.err) == (0, "")
    assert message_ids(data_dir) == ids("before", "meanwhile", "child", "after", count=50)


@pytest.mark.parametrize("inherited", ["turnout", "Turnout(sys.argv[1])", "Turnout(sys.argv[1] + '-other')"])
def test_a_fork_that_python_does_not_hear_of_stores_nothing_in_the_child_and_says_so_at_once(
    inherited: str, data_dir: Path
) -> None:
    script = f"""{BEGIN}
import ctypes
track("parent", 5)
pid = ctypes.CDLL(None).fork()  # as uWSGI forks
if not pid:
    try:
        {inherited}.track("u", "E", message_id="child")
    except Exception as error:
        os.write(1, b"forked" if "forked from one that had the workspace open" in str(error) else str(error).encode())
    os._exit(0)
os.waitpid(pid, 0)
track("after", 5)
"""
    told = run(script, data_dir)

    assert (told.code, told.err) == (0, "")
    assert told.acknowledged == ["forked"]
    assert message_ids(data_dir) == ids("parent", "after", count=5)


def test_a_child_of_such_a_fork_closes_nothing_of_its_parents_when_it_lets_go_of_it(data_dir: Path) -> None:
    script = f"""{BEGIN}
import ctypes, gc, time
def files():
    return sorted(name for name in (os.readlink(f"/proc/self/fd/{{fd}}") for fd in range(3, 64)
                  if os.path.lexists(f"/proc/self/fd/{{fd}}")) if sys.argv[1] in name)
track("parent", 5)
before = files()
pid = ctypes.CDLL(None).fork()
if not pid:
    del turnout
    gc.collect()
    end = time.monotonic() + 60
    while len(os.listdir("/proc/self/task")) > 1 and time.monotonic() < end:
        os.sched_yield()
    os.write(1, b"kept" if before and files() == before else b"closed")
    os._exit(0)
os.waitpid(pid, 0)
track("after", 5)
"""
    told = run(script, data_dir)

    assert (told.code, told.err) == (0, "")
    assert told.acknowledged == ["kept"]
    assert message_ids(data_dir) == ids("parent", "after", count=5)


def test_a_fork_that_python_does_not_hear_of_is_fine_before_the_first_use(data_dir: Path) -> None:
    script = """
import ctypes, os, sys
from turnout import AsyncTurnout, Turnout
pid = ctypes.CDLL(None).fork()
turnout = Turnout(sys.argv[1])
for number in range(20):
    turnout.track("u", "E", message_id=f"{'parent' if pid else 'child'}-{number}")
if not pid:
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
"""
    told = run(script, data_dir)

    assert (told.code, told.err) == (0, "")
    assert message_ids(data_dir) == ids("parent", "child", count=20)


def test_a_program_that_is_killed_in_the_middle_keeps_what_was_acknowledged(data_dir: Path) -> None:
    script = f"""{BEGIN}
def work(name):
    for number in range(10_000):
        turnout.track("u", "E", message_id=f"{{name}}-{{number}}")
        os.write(1, f"{{name}}-{{number}}\\n".encode())
        if number == 60 and name == 0:
            os.kill(os.getpid(), signal.SIGKILL)

for name in range(4): threading.Thread(target=work, args=(name,)).start()
"""
    told = run(script, data_dir)

    assert told.code == -signal.SIGKILL
    found = message_ids(data_dir)
    assert len(told.acknowledged) > 60
    assert set(told.acknowledged) <= set(found)
    assert len(found) == len(set(found))


def test_what_is_recorded_at_exit_by_threads_hooks_and_handlers_is_there(data_dir: Path) -> None:
    script = f"""{BEGIN}
def handler(*_):
    track("signal", 1)
    sys.exit(0)

signal.signal(signal.SIGTERM, handler)
atexit.register(track, "atexit", 5)
threading.Thread(target=lambda: (threading.main_thread().join(), track("after-main", 5))).start()
track("main", 5)
{WAIT}"""
    told = run(script, data_dir, when_done=signal.SIGTERM)

    assert (told.code, told.err) == (0, "")
    assert message_ids(data_dir) == sorted([*ids("atexit", "after-main", "main", count=5), "signal-0"])


def test_what_is_recorded_or_closed_when_the_interpreter_has_no_threads_any_more_is_refused_at_once(
    data_dir: Path,
) -> None:
    script = f"""{BEGIN}
class Last:
    def __init__(self):
        self.turnout, self.write, self.clock = turnout, os.write, time.monotonic
    def __del__(self):
        began = self.clock()
        try:
            self.turnout.track("u", "E", message_id="too late")
        except Exception as error:
            self.write(1, f"{{type(error).__name__}}\\n".encode())
        self.turnout.close()
        self.write(1, b"at-once\\n" if self.clock() - began < 5 else b"late\\n")

last = Last()
track("main", 5)
"""
    told = run(script, data_dir)

    assert (told.code, told.err) == (0, "")
    assert told.acknowledged == ["Unavailable", "at-once"]
    assert message_ids(data_dir) == ids("main", count=5)


def test_a_signal_that_comes_at_any_step_of_a_call_may_record_too(data_dir: Path) -> None:
    script = f"""{BEGIN}
step = at = 0

def trace(frame, event, arg):
    global step
    if step == at:
        signal.raise_signal(signal.SIGALRM)
    step += 1
    return trace

def traced(number):
    global step, at
    step, at = 0, number
    sys.settrace(trace)
    turnout.track("u", "E", message_id=f"main-{{number}}")
    sys.settrace(None)
    return step

signal.signal(signal.SIGALRM, lambda *_: turnout.track("u", "E", message_id=f"signal-{{at}}"))
steps = min(traced(0), traced(1))
for number in range(2, steps):
    traced(number)
print(steps)
"""
    told = run(script, data_dir)

    assert (told.code, told.err) == (0, "")
    steps = int(told.acknowledged[0])
    assert steps > 100
    assert set(message_ids(data_dir)) >= set(ids("main", "signal", count=steps - 20))  # not each call has as many
