from __future__ import annotations

import io
import json

import pytest
from rich.console import Console
from rich.text import Text

from turnout.cli import output
from turnout.cli.here import Here
from turnout.document import Document, Json

EVIL = "Order\x1b[2J\x07 done"


def shown(capsys: pytest.CaptureFixture[str], told: Document) -> str:
    output.answer(Here(), told, lambda given: [output.deliveries(given, Text("m_1"))])
    return capsys.readouterr().out


def test_a_stranger_cannot_move_the_cursor_of_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output.answer(Here(), {"event": EVIL, "rows": [EVIL]}, lambda told: [output.facts(told, "event", "rows")])

    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\\u001b[2J\\u0007" in out


def test_a_program_finds_every_field_it_relies_on_null_where_there_is_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.answer(Here(json=True), {"rows": [{"n": 1, "status": None}]}, lambda _: [])

    assert json.loads(capsys.readouterr().out) == {"rows": [{"n": 1, "status": None}]}


def test_where_no_terminal_is_nothing_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 400

    output.answer(Here(), {}, lambda _: [output.table(("name", "state"), [{"name": long, "state": "running"}])])

    assert f"{long}  running" in capsys.readouterr().out.replace("   ", "  ")


def test_a_verdict_is_a_branch_with_reason_attempts_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    attempt: Document = {"n": 1, "outcome": "retry", "status": 503, "at": "2026-11-24T16:00:00.123Z", "took_ms": 12}
    row: Document = {
        "destination": "Amplitude",
        "verdict": "waiting",
        "state": "retry",
        "reason": "retry",
        "attempts": [attempt],
        "next": "Wait.",
    }

    out = shown(capsys, {"deliveries": [row]})

    assert "Amplitude: waiting · retry" in out
    assert "1. retry (HTTP 503, 2026-11-24T16:00:00.123Z, 12 ms)" in out
    assert "next: Wait." in out


def test_an_event_that_nobody_gets_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no destination is connected" in shown(capsys, {"deliveries": []})


def test_a_program_gets_the_answer_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    output.answer(Here(json=True), {"event": EVIL}, lambda _: [])

    assert json.loads(capsys.readouterr().out) == {"event": EVIL}


def test_an_empty_list_is_a_dash_as_what_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    output.answer(Here(), {"to": []}, lambda told: [output.facts(told, "to")])

    assert capsys.readouterr().out == "to  -\n"


@pytest.mark.parametrize(("derived", "said"), [({}, True), ({"derived": True}, False)])
def test_an_answer_of_an_earlier_call_does_not_read_as_if_it_were_done_again(
    derived: Document, capsys: pytest.CaptureFixture[str], *, said: bool
) -> None:
    output.answer(Here(), {"summary": "1 event was recorded.", "replayed": True, **derived}, output.summary)

    assert ("nothing was done again" in capsys.readouterr().out) is said


def test_a_narrow_terminal_folds_no_id_that_the_next_command_wants() -> None:
    ids = "99f7cc91-3d78-5ef2-8ce8-986064cd1a14"
    row: Document = {
        "type": "track",
        "event": "Order Completed " * 3,
        "message_id": ids,
        "received_at": "2026-11-26T15",
    }

    narrow = Console(width=80)
    with narrow.capture() as drawn:
        narrow.print(output.table(tuple(row), [row]))

    assert ids in drawn.get()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"namespace": 2, "filtered": 1}, "namespace 2, filtered 1"),
        ({"plain": ["email"]}, '{"plain":["email"]}'),
        ({"type": "track", "userId": "u"}, '{"type":"track","userId":"u"}'),
        (1590.000192, "1,590.0"),
        ({}, "{}"),
    ],
)
def test_counts_read_as_words_any_other_object_as_what_it_is_and_numbers_to_a_thousandth(
    value: Json, said: str
) -> None:
    assert output.cell(value).plain == said


@pytest.mark.parametrize(
    ("answer", "said"),
    [({"answer": "no such field", "status": 400}, True), ({"answer": None, "fault": "timeout"}, False)],
)
def test_a_destination_that_said_nothing_is_not_told_to_have_answered(
    answer: Document, capsys: pytest.CaptureFixture[str], *, said: bool
) -> None:
    row: Document = {"destination": "Hook", "verdict": "waiting", "untrusted": answer}

    assert ("it answered" in shown(capsys, {"deliveries": [row]})) is said


def test_a_column_of_texts_and_numbers_is_read_from_its_left(capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[Document] = [{"sent": "u_1", "n": 1}, {"sent": 42, "n": None}, {"sent": "Order Completed", "n": 10}]

    output.answer(Here(), {}, lambda _: [output.table(("sent", "n"), rows)])

    assert capsys.readouterr().out.splitlines()[1:] == [
        "u_1               1",
        "42                -",
        "Order Completed  10",
    ]


@pytest.mark.parametrize(("width", "lines"), [(80, 3), (200, 2)])
def test_a_row_that_is_wider_than_the_terminal_names_its_fields_and_keeps_them_whole(width: int, lines: int) -> None:
    row: Document = {
        "message_id": "37fff7ad-dc54-5e7a-abe7-f46677652e61",
        "received_at": "2026-11-26T19:16:50.633Z",
        "event": "Order Completed",
        "source": "Local",
        "reason": None,
        "at": "Files: delivered",
    }
    file = io.StringIO()
    console = Console(file=file, width=width, markup=False)

    for part in output.lists({"events": [row]}, {"events": "Events"}):
        console.print(part)

    title, *rest = file.getvalue().strip().splitlines()
    assert (title.strip(), len(rest)) == ("Events", lines)
    assert all(str(value) in " ".join(map(str.strip, rest)) for value in row.values() if value is not None)
    assert ("received at: " in " ".join(rest)) == (width == 80)
