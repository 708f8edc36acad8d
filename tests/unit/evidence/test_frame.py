"""Frames on disk: what is written is read back, and frames as they once were are read, too."""

from __future__ import annotations

import zstandard

from turnout.document import Document, encode
from turnout.evidence.frame import Talk, pack, turn, unpack
from turnout.exchange import Answer, Request

ASKED = Request("POST", "https://a.test/in", (("x-a", "1"),), '{"said":"\\"ß\\" 😀"}'.encode())


def told() -> Document:
    return turn(ASKED, Answer(200, (("etag", "1"),), b"\xff{}", 7), ())


def test_a_frame_gives_back_each_requests_turns() -> None:
    talks = (Talk(7, (told(), told())), Talk(9, ()))

    assert unpack(pack(talks)) == talks


def test_a_frame_of_json_as_they_once_were_is_read() -> None:
    old = zstandard.ZstdCompressor().compress(encode([[7, [told()]], [9, []]]))

    assert unpack(old) == (Talk(7, (told(),)), Talk(9, ()))
