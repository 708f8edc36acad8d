"""The picture of the house as a table: a module imports from its own layer or from those below, never above."""

from __future__ import annotations

import ast
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter

from support.source import imports, modules, ours

# From the ground up. Each module stands in exactly one row; a name in full outweighs a pattern.
LAYERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("ground", ("errors", "clock", "entropy", "document", "folders")),
    (
        "rooms",
        (
            *("workspace", "routing", "exchange", "outcome", "egress", "erasure"),
            *("event", "event.*", "identity", "identity.*", "evidence", "evidence.*", "manifest", "manifest.*"),
            *("guard", "guard.*", "delivery", "delivery.*"),
        ),
    ),
    (
        "edges",
        (
            "telemetry",
            "store",
            "store.*",
            "delivery.multi",
            "delivery.names",
            "delivery.sender",
            "sinks",
            "sinks.*",
        ),
    ),
    (
        "paths",
        (
            *("binder", "ingest", "guard.run", "operations", "operations.*", "upkeep", "upkeep.*"),
            *(
                "delivery.commits",
                "delivery.reigns",
                "delivery.endings",
                "delivery.once",
                "delivery.lane",
                "delivery.converse",
                "delivery.gates",
                "delivery.tokens",
                "delivery.deliverer",
            ),
            *("delivery.doubts", "delivery.eyes", "delivery.notices", "delivery.look", "delivery.selection"),
        ),
    ),
    ("doors", ("config", "calls", "api", "api.*", "agent", "agent.*")),
    ("assembly", ("opening", "app", "checks", "preparing", "waiting", "looking", "desk")),
    # These doors open what the assembly puts together.
    (
        "entries",
        (
            *("", "__main__", "testing", "inprocess", "analytics", "cli", "cli.*", "demo", "demo.*"),
            *("clients", "clients.*"),
        ),
    ),
)

# Rooms that must not know of each other, whatever their layer says.
APART = {
    "event": ("manifest", "delivery", "routing", "exchange", "identity"),
    "identity": ("manifest", "delivery", "routing", "exchange"),
    "manifest": ("delivery", "identity", "guard", "sinks"),
    "guard": ("manifest", "sinks"),
    "store": (  # an edge imports the rooms' types, never their decisions
        *("event.accept", "event.validate", "identity.resolve", "routing", "outcome", "manifest.compile"),
        *("manifest.actions", "delivery.batch", "delivery.settlement", "delivery.schedule", "delivery.breaker"),
    ),
}

DOORS = ("api", "agent", "cli", "inprocess")
# The commands that serve a door open it; the MCP package takes 0.6 s to import, so they do it inside a function.
SERVING = ("cli.serve", "cli.delivering", "cli.mcp", "cli.agents", "cli.demo")


def layer_of(name: str) -> int:
    exact = [n for n, (_, names) in enumerate(LAYERS) if name in names]
    rows = exact or [n for n, (_, names) in enumerate(LAYERS) if any(fnmatchcase(name, each) for each in names)]
    assert len(rows) == 1, f"turnout.{name} stands in {len(rows)} rows of LAYERS, not one: decide where it belongs"
    return rows[0]


def within(name: str, room: str) -> bool:
    return name == room or name.startswith(f"{room}.")


def test_every_module_has_one_place_in_the_picture() -> None:
    layers = {module.name: layer_of(module.name) for module in modules()}

    assert layers["errors"] == 0
    assert layers[""] == len(LAYERS) - 1


def test_no_arrow_points_up() -> None:
    arrows = [(each, ours(each.target)) for module in modules() for each in imports(module)]

    up = [each.where for each, to in arrows if to and layer_of(to) > layer_of(each.module.name)]

    assert up == []


def test_the_ground_imports_nothing_of_ours() -> None:
    ground = [module for module in modules() if layer_of(module.name) == 0]

    assert [each.where for module in ground for each in imports(module) if ours(each.target)] == []


def test_rooms_that_stand_apart_do_not_know_each_other() -> None:
    known = [
        each.where
        for module in modules()
        for room, others in APART.items()
        if within(module.name, room)
        for each in imports(module)
        if any(within(ours(each.target) or "", other) for other in others)
    ]

    assert known == []


def test_a_door_never_talks_to_another_door() -> None:
    talks = [
        each.where
        for module in modules()
        if module.name not in SERVING
        for own in DOORS
        if within(module.name, own)
        for each in imports(module)
        if any(within(ours(each.target) or "", other) for other in DOORS if other != own)
    ]

    assert talks == []


def test_no_module_imports_itself_in_a_circle() -> None:
    graph = {
        module.name: {to for each in imports(module) if (to := ours(each.target)) is not None} - {module.name}
        for module in modules()
    }

    try:
        TopologicalSorter(graph).prepare()
        circle = []
    except CycleError as error:
        circle = error.args[1]

    assert circle == []


def test_no_module_of_ours_is_imported_for_the_type_checker_only() -> None:
    guarded = {
        id(each)
        for module in modules()
        for block in ast.walk(module.tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for each in ast.walk(block)
    }

    taken = [each for module in modules() for each in imports(module) if id(each.node) in guarded]
    # The public list alone: its names are found when asked for, so that a first answer does not wait for them.
    confessed = [each.where for each in taken if ours(each.target) is not None and each.module.name]

    assert confessed == []


def may_stand_inside(name: str, target: str) -> bool:
    serves = target.partition(".")[0] in {"mcp", "mcp_types", "uvicorn"} or within(ours(target) or "", "agent")
    optional = within(name, "sinks") and ours(target) is None
    public = not name and ours(target) == "inprocess"
    migrates = name == "store.store" and ours(target) == "store.migrate"  # sqlite-utils takes 0.1 s to import
    opened = ours(target) in {"app", "api.app", "desk"}
    return optional or public or migrates or (name in SERVING and (serves or opened))


def test_imports_stand_at_the_top() -> None:
    inside = [each for module in modules() for each in imports(module) if each.inside]

    assert [each.where for each in inside if not may_stand_inside(each.module.name, each.target)] == []


def test_imports_are_absolute_and_name_what_they_take() -> None:
    relative = [
        each.where
        for module in modules()
        for each in imports(module)
        if getattr(each.node, "level", 0) or each.target.endswith(".*")
    ]

    assert relative == []
