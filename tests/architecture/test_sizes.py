"""A module over 400 lines is two modules, a function over 60 lines is two functions."""

from __future__ import annotations

import ast

from support.source import modules

MODULE_LINES = 400
LISTED_FROM = 250
FUNCTION_LINES = 60

# Modules over 250 lines, each with the reason why it is one thing.
LISTED: dict[str, str] = {
    "agent.http": "one door: who may, what is answered here, what is left to the SDK",
    "api.connection": "one protocol: what is read and what is answered decide about each other",
    "cli.connected": "the verbs for what is connected",
    "config": "one table of settings, and the sources they come from",
    "delivery.commits": "a lane's commits: each re-reads what the others write",
    "delivery.deliverer": "one reign: its lock, its lanes, and what they lean on",
    "delivery.lane": "one loop over one lane's memory",
    "delivery.sender": "one way out: names, addresses, handles",
    "desk": "one method a tool",
    "exchange": "what manifests, lanes and senders say to each other",
    "erasure": "one erasure: its steps, and how whoever goes is looked for in text",
    "egress": "the rules of addresses and of URLs, which judge each other's parts",
    "inprocess": "the one door of a program, awaited or not, and what it is given",
    "manifest.actions": "one destination: its actions, talks and check",
    "manifest.catalogue": "one way from a name to a destination",
    "manifest.emit": "one function a node of the language",
    "manifest.expression": "one grammar",
    "manifest.fql": "one grammar",
    "manifest.lint": "one check a rule of the contract",
    "manifest.lists": "a table of operators",
    "manifest.model": "all that a manifest may say",
    "manifest.nodes": "every node of the language",
    "manifest.plans": "one manifest compiled",
    "manifest.schema": "one schema",
    "manifest.texts": "a table of operators",
    "manifest.walk": "one talk in steps",
    "telemetry": "all that is ever told, and the one way of a line",
    "event.plain": "a table of values, and how one that is odd is named",
    "event.wire": "the one decoder, and what it hides from and finds in its bytes",
    "guard.personal": "what is personal in an event, and the one walk over it",
    "store.writer": "one thread",
    "store.people": "one graph, and the meter of who counts",
    "store.log": "one table and what is counted with it",
    "store.store": "one door",
}


def lengths() -> dict[str, int]:
    return {module.name: len(module.text.splitlines()) for module in modules()}


def test_no_module_is_over_400_lines() -> None:
    assert {name: lines for name, lines in lengths().items() if lines > MODULE_LINES} == {}


def test_a_module_over_250_lines_is_listed_with_its_reason() -> None:
    long = {name for name, lines in lengths().items() if lines > LISTED_FROM}

    assert long == set(LISTED)


def test_no_function_is_over_60_lines() -> None:
    long = [
        f"{module.at(node)} {node.name}"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES
    ]

    assert long == []
