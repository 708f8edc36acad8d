"""Lines of a client, however the system cuts them on their way."""

from __future__ import annotations

import tracemalloc
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.agent import lines
from turnout.agent.lines import LINE_LIMIT, Lines


def read(pieces: list[bytes]) -> tuple[list[bytes], list[str | int | None]]:
    """Read pieces to their end; give what was taken, and the ids of what was refused."""
    taken, refused = list[bytes](), list[str | int | None]()
    cut = Lines(taken.append, refused.append)
    for piece in pieces:
        cut.feed(piece)
    cut.end()
    return taken, refused


@given(st.lists(st.sampled_from([b"\n", b"\r\n", b"a", b'{"id":1}', b" ", b"\xff\x00"])).map(b"".join), st.data())
def test_wherever_they_are_cut_they_are_the_lines_that_a_file_has(text: bytes, data: st.DataObject) -> None:
    at = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[start:end] for start, end in zip([0, *at], [*at, len(text)], strict=True)]

    taken, refused = read(pieces)

    assert taken == [line.strip() for line in BytesIO(text) if line.strip()]
    assert refused == []


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
@pytest.mark.parametrize("ended", [b"\n", b""])
def test_a_line_that_is_too_long_is_refused_by_its_id_and_the_next_one_is_read(
    size: int, ended: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "LINE_LIMIT", 10_000)
    long = b'{"id": 7, "params": "' + b"x" * 20_000 + b'"}'
    text = b'{"id":1}\n' + long + (b"\n" + b'{"id":2}\n' if ended else b"")

    taken, refused = read([text[at : at + size] for at in range(0, len(text), size)])

    assert refused == [7]
    assert taken == ([b'{"id":1}', b'{"id":2}'] if ended else [b'{"id":1}'])


def test_the_longest_line_is_taken_and_of_a_longer_one_nothing_is_kept() -> None:
    piece = b"x" * (1 << 16)
    taken, refused = list[bytes](), list[str | int | None]()
    cut = Lines(taken.append, refused.append)
    cut.feed(b"x" * (LINE_LIMIT - 1) + b"\n")
    assert len(taken.pop()) == LINE_LIMIT - 1

    tracemalloc.start()
    for _ in range(4 * LINE_LIMIT // len(piece)):
        cut.feed(piece)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    cut.feed(b"\n")

    assert held < 2 * len(piece)
    assert (taken, refused) == ([], [None])
