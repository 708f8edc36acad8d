from __future__ import annotations

import gzip
import random
import zlib

import pytest

from turnout.api.answers import Answer
from turnout.api.reading import BAD_DEFLATE, BAD_GZIP, BODY_BYTES, TOO_LARGE, ZLIB, unpack

BODY = b'{"batch":[' + b"1," * 1000 + b"1]}"


def test_what_was_packed_is_unpacked() -> None:
    assert unpack(gzip.compress(BODY)) == BODY
    assert unpack(gzip.compress(BODY[:100]) + gzip.compress(BODY[100:])) == BODY
    assert unpack(gzip.compress(b"")) == b""
    for size in (4_095, 4_096, 4_097, 1 << 20, (1 << 20) + 1, 3_000_000):
        assert unpack(gzip.compress(b"0" * size)) == b"0" * size
        assert unpack(gzip.compress(b"0" * size) + gzip.compress(b"1")) == b"0" * size + b"1"
        noise = random.randbytes(size)  # noqa: S311 - of the run's seed
        assert unpack(gzip.compress(noise[:-7]) + gzip.compress(noise[-7:])) == noise


@pytest.mark.timeout(40)  # a copy of the rest for each member took minutes
def test_a_body_of_nothing_but_members_is_unpacked() -> None:
    member = gzip.compress(b"", mtime=0)

    assert unpack(member * (BODY_BYTES // len(member))) == b""


def test_as_much_as_the_bound_is_unpacked_and_no_more() -> None:
    assert unpack(gzip.compress(b"0" * BODY_BYTES)) == b"0" * BODY_BYTES
    assert unpack(gzip.compress(b"0" * (BODY_BYTES + 1))) is TOO_LARGE
    assert unpack(gzip.compress(b"0" * 3_000_000) * 2) is TOO_LARGE


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(BODY)[:-1], gzip.compress(BODY)[:30], gzip.compress(BODY) + b"trailing", b"\x1f\x8b",
        b"\x1f\x8b" + b"x" * 100, gzip.compress(BODY)[:-8] + b"\0" * 8, zlib.compress(BODY),
    ],
    ids=["cut-by-one", "cut", "trailing", "magic-alone", "nonsense", "wrong-sum", "zlib"],
)  # fmt: skip
def test_what_cannot_be_unpacked_is_said_to_be_so(packed: bytes) -> None:
    found = unpack(packed)

    assert isinstance(found, Answer)
    assert found is BAD_GZIP


def test_deflate_is_held_to_the_same_bound() -> None:
    assert unpack(zlib.compress(b"0" * BODY_BYTES), ZLIB) == b"0" * BODY_BYTES
    assert unpack(zlib.compress(b"0" * (BODY_BYTES + 1)), ZLIB) is TOO_LARGE
    assert unpack(zlib.compress(BODY)[:-1], ZLIB) is BAD_DEFLATE
