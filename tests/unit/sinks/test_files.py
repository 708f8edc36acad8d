"""The file sink: lines that stand, torn ones that go, and paths that are not taken."""

from __future__ import annotations

import errno
import json
import os
import resource
import stat
from pathlib import Path

import pytest

from turnout.document import Document
from turnout.errors import InvalidSettings
from turnout.exchange import Answer, Append, Class, Exchange, Fault, FaultKind, Item, Moment, Outcome, Reply, Target
from turnout.sinks.files import JSONL, FileSender
from turnout.sinks.paths import is_bare_name

MOMENT = Moment(0, "batch")


def append(path: Path | str, *lines: bytes, root: Path | None = None) -> Reply:
    return FileSender().append(Append(str(path), lines), root)


def kind(reply: Reply) -> FaultKind:
    assert isinstance(reply, Fault)
    return reply.kind


def end(exchange: Exchange, reply: Reply) -> tuple[Outcome, ...]:
    with pytest.raises(StopIteration) as stop:
        exchange.send(reply)
    outcomes: tuple[Outcome, ...] = stop.value.value
    return outcomes


def test_batches_stand_one_after_the_other(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"

    replies = [append(path, b"1", b"2"), append(path, b"3")]

    assert all(isinstance(reply, Answer) and reply.status == 200 for reply in replies)
    assert path.read_bytes() == b"1\n2\n3\n"


def test_a_file_and_its_folders_are_for_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "out.jsonl"

    append(path, b"1")

    modes = [stat.S_IMODE(each.stat().st_mode) for each in (tmp_path / "a", tmp_path / "a" / "b", path)]
    assert modes == [0o700, 0o700, 0o600]


@pytest.mark.parametrize("torn", [b"{", b'{"half": "a li', b"x" * 200_000])
def test_a_torn_last_line_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(b"whole\n" + torn)

    append(path, b"next")

    assert path.read_bytes() == b"whole\nnext\n"


def test_a_file_that_is_one_torn_line_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(b"x" * 70_000)

    append(path, b"next")

    assert path.read_bytes() == b"next\n"


def test_a_device_is_no_file() -> None:
    assert kind(append("/dev/full", b"1")) is FaultKind.FORBIDDEN_PATH


def test_a_failed_sync_takes_the_batch_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.jsonl"
    append(path, b"before")

    def fail(_descriptor: int) -> None:
        raise OSError(errno.EIO, "the disk")

    monkeypatch.setattr(os, "fdatasync", fail)
    reply = append(path, b"never")

    assert reply == Fault(FaultKind.DISK, "the file could not be written (EIO)", reply.took_ms)
    assert path.read_bytes() == b"before\n"


def test_what_only_fits_in_part_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    append(path, b"before")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        reply = append(path, b"never")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert reply == Fault(FaultKind.DISK, "the file could not be written (ENOSPC)", reply.took_ms)
    assert path.read_bytes() == b"before\n"


def test_a_folder_that_is_a_file_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")

    assert kind(append(tmp_path / "plain" / "out.jsonl", b"1")) is FaultKind.DISK


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"safe\n")
    (tmp_path / "link.jsonl").symlink_to(target)

    reply = append("link.jsonl", b"1", root=tmp_path)

    assert kind(reply) is FaultKind.FORBIDDEN_PATH
    assert target.read_bytes() == b"safe\n"


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    assert kind(append(tmp_path / "pipe", b"1")) is FaultKind.FORBIDDEN_PATH


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert kind(append(tmp_path, b"1")) is FaultKind.FORBIDDEN_PATH


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../out",
        "a/b",
        "/etc/passwd",
        ".hidden",
        "a\\b",
        "a\0b",
        "a\nb",
        "..\\out",
        "a/../../b",
        "a\u202eb",
    ],
)
def test_under_a_root_only_a_bare_name_is_taken(tmp_path: Path, name: str) -> None:
    root = tmp_path / "files"

    reply = append(name, b"1", root=root)

    assert kind(reply) is FaultKind.FORBIDDEN_PATH
    assert not is_bare_name(name)
    assert list(tmp_path.iterdir()) == []


def test_a_bare_name_stands_under_its_root(tmp_path: Path) -> None:
    append("out.jsonl", b"1", root=tmp_path / "files")

    assert (tmp_path / "files" / "out.jsonl").read_bytes() == b"1\n"


@pytest.mark.parametrize("path", ["out.jsonl", "", "a\0b"])
def test_without_a_root_a_path_is_absolute(path: str) -> None:
    assert kind(append(path, b"1")) is FaultKind.FORBIDDEN_PATH


def test_the_destination_writes_each_event_as_it_is(tmp_path: Path) -> None:
    target: Target = JSONL.bind({"path": str(tmp_path / "out.jsonl")})
    documents: list[Document] = [{"type": "track", "event": "Börse\n", "n": n} for n in range(3)]
    items = tuple(item for document in documents for item in target.items(document, ("write",), 0))
    batch = tuple(item for item in items if isinstance(item, Item))

    exchange = target.exchange("write", batch, MOMENT)
    step = next(exchange)
    assert isinstance(step, Append)
    outcomes = end(exchange, FileSender().append(step, None))

    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == documents
    assert [(outcome.code, outcome.status) for outcome in outcomes] == [("delivered", 0)] * 3
    assert sum(item.size for item in batch) == (tmp_path / "out.jsonl").stat().st_size


def test_a_failed_write_leaves_every_item_in_doubt() -> None:
    target = JSONL.bind({"path": "/out.jsonl"})
    item = Item("write", 0, {}, 3, (), {})
    exchange = target.exchange("write", (item, item), MOMENT)
    next(exchange)

    outcomes = end(exchange, Fault(FaultKind.DISK))

    assert [(outcome.what, outcome.code) for outcome in outcomes] == [(Class.UNKNOWN, "write_failed")] * 2


def test_the_check_makes_an_empty_file(tmp_path: Path) -> None:
    check = JSONL.bind({"path": str(tmp_path / "out.jsonl")}).check(MOMENT)
    step = next(check)
    assert isinstance(step, Append)

    outcomes = end(check, FileSender().append(step, None))

    assert [(outcome.code, outcome.status) for outcome in outcomes] == [("delivered", 0)]
    assert (tmp_path / "out.jsonl").read_bytes() == b""


@pytest.mark.parametrize("kind", ["identify", "track", "page", "screen", "group", "alias"])
def test_every_call_is_for_the_file(kind: str) -> None:
    assert JSONL.bind({"path": "/x"}).select(kind, "any") == ("write",)


@pytest.mark.parametrize("settings", [{}, {"path": ""}, {"path": " "}, {"path": 7}])
def test_a_destination_without_a_path_is_refused(settings: Document) -> None:
    with pytest.raises(InvalidSettings):
        JSONL.bind(settings)


def test_the_catalogue_shows_what_it_needs() -> None:
    assert (JSONL.slug, JSONL.status.word, JSONL.settings["path"].required) == ("jsonl", "verified", True)
