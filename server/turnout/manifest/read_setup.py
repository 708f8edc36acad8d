"""Reads `setup`: the steps that are done when a destination is connected or changed, and fill in settings."""

from __future__ import annotations

from collections.abc import Mapping

from turnout.exchange import Order
from turnout.manifest.expression import Names
from turnout.manifest.language import Language
from turnout.manifest.model import ActionSpec, Repeat, Results, Setting
from turnout.manifest.nodes import TRUE
from turnout.manifest.part import Part
from turnout.manifest.read_requests import RequestReader
from turnout.manifest.read_steps import StepReader, steps_send

KEY = "setup"


def read_setup(
    top: Part, language: Language, common: Names, http: Part, settings: Mapping[str, Setting], *, tokens: bool
) -> ActionSpec | None:
    """Read the steps as an action that no event is for; they see settings and no event."""
    if KEY not in top.raw:
        return None
    if tokens:
        raise top.fail(KEY, "it is done before there is a token: a manifest with a grant has no `setup`")
    names = Names(frozenset({"settings", "now", "request_id"}), {}, {}, common.settings, common.tables)
    steps = StepReader(RequestReader(language, names), http).steps(top, KEY)
    for place, step in enumerate(steps):
        path = (KEY, place, step.name)
        if step.poll or step.cache:
            raise top.source.fail(path, "a step of `setup` neither polls nor keeps what it found for others")
        for name, _ in step.save:
            if name not in settings:
                raise top.source.fail((*path, "save", name), f"what it saves is a setting, and there is no `{name}`")
    send = steps_send(top, steps)
    return ActionSpec(
        KEY, {}, {}, TRUE, (), (), 0.0, None, None, None, send, Results(), Order.PERSON, Repeat(), steps
    )  # fmt: skip
