"""The hand that writes: whatever the file is like that it was given."""

from __future__ import annotations

import os
import select

from turnout.agent.pen import Pen

BOUND_S = 10.0


def test_a_file_that_must_not_be_waited_for_gets_every_byte() -> None:
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    pen, line = Pen(writes), b"x" * (1 << 18) + b"\n"

    number = pen.put(line)
    came = b""
    while len(came) < len(line) and select.select([reads], [], [], BOUND_S)[0]:
        came += os.read(reads, 1 << 16)

    assert came == line
    assert pen.wait(number, BOUND_S)
    pen.finish(BOUND_S)
    os.close(reads)
    os.close(writes)
