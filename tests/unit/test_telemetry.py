from __future__ import annotations

import ast
import json
import logging
import subprocess
import sys
from typing import Any

from support.source import modules
from turnout import telemetry
from turnout.telemetry import EVENTS, LINE, OFTEN, Lines, Often, Words

SECRET = "sk_live_ann@example.com"


def record(event: str, cause: BaseException | None = None, **fields: float | str) -> logging.LogRecord:
    """Make the record that `emit` makes."""
    kept: list[logging.LogRecord] = []
    logger = logging.getLogger("turnout")
    handler = logging.Handler(logging.DEBUG)
    handler.emit = kept.append  # type: ignore[assignment,method-assign]
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        telemetry.emit(event, cause, **fields)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
    return kept[0]


def of_a_library(text: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord("mcp.server", logging.WARNING, "/lib/session.py", 7, text, args, None)


def line(told: logging.LogRecord, often: Often | None = None) -> dict[str, Any]:
    (often or Often()).filter(told)
    written = Lines().format(told)
    assert "\n" not in written
    assert len(written.encode()) < LINE
    read: dict[str, Any] = json.loads(written)
    return read


def caught(error: Exception) -> Exception:
    def fail() -> None:
        raise error

    try:
        fail()
    except Exception as raised:  # noqa: BLE001 - to have it with its places
        return raised
    raise AssertionError("it was raised")


def test_a_line_has_time_level_name_sentence_and_its_fields() -> None:
    told = line(record("breaker_opened", destination="dst_1", reason="trouble"))

    assert told.pop("time").endswith("Z")
    assert told.pop("process") > 0
    assert told == {
        "level": "warning",
        "event": "breaker_opened",
        "message": "Destination dst_1 is sent nothing but probes: trouble",
        "destination": "dst_1",
        "reason": "trouble",
    }


def test_of_an_exception_kind_and_places_are_told_and_never_its_words() -> None:
    error = caught(ValueError(SECRET))
    error.add_note(SECRET)
    group = ExceptionGroup(SECRET, [error, caught(KeyError(SECRET))])

    told = line(record("lane_broke", group, lane=3))
    words = Words().format(record("lane_broke", group, lane=3))

    assert told["kind"] == "ExceptionGroup"
    assert [each for each in told["places"] if ":" not in each] == ["ValueError", "KeyError"]
    assert any("test_telemetry.py:" in each for each in told["places"])
    assert SECRET not in json.dumps(told) + words
    assert "\n" not in words


def test_of_what_another_library_logs_only_which_and_where_is_told() -> None:
    quoted = of_a_library("request of %s", SECRET)
    quoted.exc_info = (ValueError, caught(ValueError(SECRET)), None)

    told = line(quoted)

    assert (told["event"], told["logger"], told["place"], told["level"]) == (
        "library", "mcp.server", "session:7", "warning",
    )  # fmt: skip
    assert SECRET not in json.dumps(told) + Words().format(quoted)


def test_a_line_is_cut_at_four_kilobytes_and_says_so() -> None:
    deep = caught(ValueError())
    for _ in range(60):
        deep = caught(ExceptionGroup("", [deep, caught(ValueError())]))

    long = line(record("commit_failed", deep, failures=1, reason="é" * 10_000))
    short = line(record("commit_failed", failures=1, reason="disk I/O error"))

    assert long["cut"] is True
    assert len(long["reason"]) < 1000
    assert "cut" not in short


def test_the_same_of_the_same_is_told_ten_times_a_minute_and_then_how_many_were_left_out() -> None:
    now = 100.0
    often = Often(lambda: now)

    first = [often.filter(record("breaker_opened", destination="dst_1", reason="gone")) for _ in range(OFTEN + 5)]
    other = often.filter(record("breaker_opened", destination="dst_2", reason="gone"))
    now = 161.0
    later = record("breaker_opened", destination="dst_1", reason="gone")
    told = line(later, often)

    assert first == [True] * OFTEN + [False] * 5
    assert other
    assert told["left_out"] == 5


CHATTY = """
from turnout import telemetry
telemetry.start("info", lines=True)
for number in range(5000):
    telemetry.emit("breaker_opened", destination=f"dst_{number}", reason="trouble")
print(telemetry.LOST.lines)
"""


def test_a_reader_that_takes_no_line_holds_nobody_up_and_finds_whole_lines() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CHATTY], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lost = int(process.stdout.readline())  # it came to its end while nobody read standard error
        read = [json.loads(each) for each in process.stderr]

    assert lost > 0
    assert len(read) + lost == 5000


def test_whatever_is_told_is_in_the_table_with_just_these_fields() -> None:
    calls = [
        (module.at(node), node)
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "telemetry.emit"
    ]

    names: set[str] = set()
    for at, call in calls:
        chosen = call.args[0]
        told = [chosen.body, chosen.orelse] if isinstance(chosen, ast.IfExp) else [chosen]
        for each in told:
            assert isinstance(each, ast.Constant), at
            names.add(str(each.value))
            assert {keyword.arg for keyword in call.keywords} == set(EVENTS[str(each.value)].fields), at

    assert names == EVENTS.keys() - {"library"}
