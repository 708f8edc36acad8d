from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from support.workspace import LIVE_AGENT, Bench, bench
from turnout.clock import DAY, SECOND
from turnout.document import Document
from turnout.errors import InProgress, KeyReused, OutcomeUnknown
from turnout.guard import run as guard
from turnout.guard.run import Done
from turnout.operations.check import NAME, Check
from turnout.operations.model import Intent

INTENT = Intent(LIVE_AGENT, "key-1")
ASKED = Check("Segment")


def claim(here: Bench, request: Check = ASKED) -> Done | None:
    return here.store.commit(partial(guard.claim, operation=NAME, request=request, intent=INTENT))


def answer(here: Bench, told: Document | None) -> None:
    here.store.commit(partial(guard.answer, operation=NAME, intent=INTENT, told=told))


def test_a_claimed_key_gives_its_answer_once_there_is_one(data_dir: Path) -> None:
    with bench(data_dir) as here:
        first = claim(here)
        answer(here, {"ok": True})

        again = claim(here)

    assert first is None
    assert again == Done({"ok": True}, replayed=True)


def test_a_call_that_may_still_be_on_its_way_is_in_progress(data_dir: Path) -> None:
    with bench(data_dir) as here:
        claim(here)
        here.clock.pass_s(59)

        with pytest.raises(InProgress, match="again in a second") as refused:
            claim(here)

    assert (refused.value.code, refused.value.attributes["retry_after_s"]) == ("in_progress", 1)


def test_after_a_crash_the_outcome_is_unknown_until_the_key_expires(data_dir: Path) -> None:
    with bench(data_dir) as here:
        claim(here)
        here.clock.pass_s(60)
        with pytest.raises(OutcomeUnknown, match="take a new idempotency_key") as refused:
            claim(here)
        here.clock.pass_s(7 * DAY // SECOND)

        anew = claim(here)

    assert refused.value.code == "outcome_unknown"
    assert anew is None


def test_a_call_that_was_cut_off_is_unknown_at_once_and_a_late_answer_still_counts(data_dir: Path) -> None:
    with bench(data_dir) as here:
        claim(here)
        answer(here, None)
        with pytest.raises(OutcomeUnknown):
            claim(here)
        answer(here, {"ok": False})

        again = claim(here)

    assert again == Done({"ok": False}, replayed=True)


def test_a_claimed_key_with_other_arguments_is_reused(data_dir: Path) -> None:
    with bench(data_dir) as here:
        claim(here)

        with pytest.raises(KeyReused, match="destination"):
            claim(here, Check("Other"))
