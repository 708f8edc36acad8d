"""Steps: over any number of talks, the requests of an action are those of the plain walk written here.

The walk: each step that its condition wants is asked until it is answered as hoped. What fails is asked again where
the action resumes or the step polls; else the walk begins with the first step, and what was found is forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from support.manifests import MOMENT, answer, items, target
from turnout.exchange import Answer, Class, Request

BUSY = answer(503)


@dataclass(frozen=True, slots=True)
class Shape:
    """A step: which one before it must have said yes, -1: none; whether it polls."""

    after: int
    polls: bool


steps = st.lists(st.builds(Shape, st.integers(-1, 5), st.booleans()), min_size=1, max_size=6)
said = st.builds(lambda yes, done: answer(200, {"yes": yes, "done": done}), st.booleans(), st.booleans())
replies = st.lists(st.one_of(said, st.just(BUSY)), max_size=25)


def written(shapes: Sequence[Shape], *, resume: bool) -> str:
    lines = []
    for place, shape in enumerate(shapes):
        when = f"when: $s{shape.after}.yes, " if 0 <= shape.after < place else ""
        poll = "poll: {every: 1s, for: 10m, until: $res.body.done}, " if shape.polls else ""
        lines.append(f'      - s{place}: {{{when}{poll}post: "https://a.test/{place}", save: {{yes: $res.body.yes}}}}')
    head = f"actions:\n  one:\n    for: track\n    resume: {'true' if resume else 'false'}\n    steps:\n"
    return head + "\n".join(lines)


def walked(shapes: Sequence[Shape], answers: Sequence[Answer], *, resume: bool) -> Iterator[int]:
    """Walk as the words above say, for as long as there are answers; give which step is asked."""
    given = iter(answers)
    found: dict[int, bool] = {}
    place = 0
    while place < len(shapes):
        shape = shapes[place]
        if 0 <= shape.after < place and not found.get(shape.after):
            place += 1
            continue
        reply = next(given, None)
        if reply is None:
            return
        yield place
        body = b"" if reply is BUSY else reply.body
        if reply is BUSY and not (resume or shape.polls):
            place, found = 0, {}
        elif reply is not BUSY and not (shape.polls and b'"done":true' not in body):
            found[place] = b'"yes":true' in body
            place += 1


def held(shapes: Sequence[Shape], answers: Sequence[Answer], *, resume: bool) -> Iterator[int]:
    """Hold one talk after the other, each from where the one before left off."""
    made = target(written(shapes, resume=resume))
    batch = items(made, {"type": "track", "event": "E", "userId": "u", "messageId": "m"})
    given = iter(answers)
    moment = MOMENT
    while True:
        talk = made.exchange("one", batch, moment)
        try:
            ask = next(talk)
            while True:
                reply = next(given, None)
                if reply is None:
                    return
                assert isinstance(ask, Request)
                yield int(ask.url.rpartition("/")[2])
                ask = talk.send(reply)
        except StopIteration as ended:
            (outcome,) = ended.value
            if outcome.what not in {Class.LATER, Class.RETRY}:
                return
            moment = replace(moment, place=outcome.place)


@pytest.mark.parametrize("resume", [False, True])
@given(shapes=steps, answers=replies)
def test_the_talks_of_an_action_ask_what_the_plain_walk_asks(
    shapes: list[Shape], answers: list[Answer], *, resume: bool
) -> None:
    expected = list(walked(shapes, answers, resume=resume))

    assert list(held(shapes, answers, resume=resume)) == expected
