"""Lean JSON Schema for tools, and one line that teaches when arguments are wrong.

Clients differ in what they swallow, so a schema of ours has no titles, no unions with null, no references, no
defaults and no notes on models: what remains is what a model reads, about 40 % less (mcp.md 5.3).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from pydantic import BaseModel, ValidationError
from pydantic.json_schema import JsonSchemaMode

from turnout.document import Document, Json

SIZE_LIMIT = 8_000
"""Characters of one schema. Source: Claude's clients drop a tool at 16,384 without a word (mcp.md 1.5)."""

_NAME_LIMIT = 48
_SAID_LIMIT = 5
_QUOTED = re.compile("'([^']*)'")
_NULL: Mapping[str, Json] = {"type": "null"}


def input_schema(model: type[BaseModel]) -> Document:
    """Describe a tool's arguments; nothing beside them is allowed."""
    return _lean(model, "validation") | {"additionalProperties": False}


def output_schema(model: type[BaseModel]) -> Document:
    """Describe a tool's answer; it may have further fields."""
    return _lean(model, "serialization")


def teach(tool: str, error: ValidationError, fields: Sequence[str]) -> str:
    """Say in one line what was wrong with the arguments and what they are called; never a rejected value."""
    found = error.errors(include_url=False, include_context=False)
    said = [
        _fault(str(each["type"]), each["loc"], str(each["msg"]), fields)
        + _nearest(each["type"], each["msg"], each["input"])
        for each in found[:_SAID_LIMIT]
    ]
    if len(found) > _SAID_LIMIT:
        said.append(f"{len(found) - _SAID_LIMIT} more")
    return f"invalid_input: {tool}: {'; '.join(said)}. Arguments: {', '.join(fields)}."


def _fault(kind: str, place: Sequence[int | str], message: str, fields: Sequence[str]) -> str:
    at = dotted(place)
    match kind:
        case "extra_forbidden":
            near = get_close_matches(at, fields, 1)
            return f"unknown argument {at!r}" + (f" (did you mean {near[0]!r}?)" if near else "")
        case "missing":
            return f"missing argument {at!r}"
        case _:
            return f"{at}: {message.removeprefix('Value error, ')}" if at else message.removeprefix("Value error, ")


def _nearest(kind: str, message: str, given: object) -> str:
    """Say which of the values that an argument may have is nearest to what was given."""
    if kind != "literal_error" or not isinstance(given, str):
        return ""
    near = get_close_matches(given[:_NAME_LIMIT].strip().casefold(), _QUOTED.findall(message), 1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def dotted(place: Sequence[int | str]) -> str:
    """Write where something stands, keys cut to what is safe to show."""
    return ".".join(_shown(part) for part in place)


def _shown(part: int | str) -> str:
    return "".join(c for c in str(part) if c.isprintable() and c.isascii())[:_NAME_LIMIT]


def _lean(model: type[BaseModel], mode: JsonSchemaMode) -> Document:
    full: Document = model.model_json_schema(mode=mode)
    models = full.pop("$defs", {})
    assert isinstance(models, Mapping)
    lean = _slim(full, models)
    assert isinstance(lean, dict)
    return lean


def _slim(node: Json, models: Mapping[str, Json]) -> Json:
    if isinstance(node, Mapping):
        return _slim_mapping(node, models)
    if isinstance(node, Sequence) and not isinstance(node, str):
        return [_slim(each, models) for each in node]
    return node


def _slim_mapping(node: Mapping[str, Json], models: Mapping[str, Json]) -> Document:
    if isinstance(name := node.get("$ref"), str):
        rest = {key: value for key, value in node.items() if key != "$ref"}
        target = models[name.removeprefix("#/$defs/")]
        assert isinstance(target, Mapping)
        return _slim_mapping({**_unnoted(target), **rest}, models)
    slim: Document = {}
    for key, value in _unnoted(node).items():
        if key in ("title", "default"):
            continue
        if key == "properties" and isinstance(value, Mapping):
            slim[key] = {name: _slim(each, models) for name, each in value.items()}
        elif key == "anyOf":
            slim = {**_arm(value, models), **slim}
        elif (lean := _slim(value, models)) not in (True, {}) or key != "additionalProperties":
            slim[key] = lean
    return slim


def _unnoted(node: Mapping[str, Json]) -> Mapping[str, Json]:
    """Drop a model's docstring, which is for its readers."""
    noted = "properties" in node and "description" in node
    return {key: value for key, value in node.items() if key != "description"} if noted else node


def _arm(arms: Json, models: Mapping[str, Json]) -> Document:
    """Give what is left of a union without null; ours have one arm left."""
    assert isinstance(arms, Sequence)
    left = [each for each in arms if each != _NULL]
    assert len(left) == 1, "a field of a tool is one type, or absent"
    only = left[0]
    assert isinstance(only, Mapping)
    return _slim_mapping(only, models)
