"""Mappings of Segment's destinations as values of our language: each directive, or the reason why it cannot be.

Source: the mapping kit's code and delivery.md 6. What Segment leaves undefined is null here, which is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from turnout.document import Json
from turnout.manifest.language import DIRECTIVES
from turnout.manifest.values import text_of

EVENT, ELEMENT = "$", "$it"
"""What a path begins with: the event, or an element of the list around it."""
MAX_DEPTH = 12
_STEP = re.compile(r"\[\s*(?:'([^']*)'|\"([^\"]*)\"|(\d+))\s*\]|\.?([^.\[\]]+)")
_PLAIN = re.compile(r"[\w$]+", re.ASCII)
_HOLE = re.compile(r"\{\{\{([^{}]+)\}\}\}|\{\{([^{}]+)\}\}")
_RESERVED = frozenset(key for keys in DIRECTIVES.values() for key in keys) | {"$by", "$spread", "$keep"}
_LIQUID = {"downcase": "lower", "upcase": "upper", "strip": "trim", "first": "first", "last": "last"}
_PIPE = re.compile(r"(\w+)(?:\s*:\s*(?:'([^']*)'|\"([^\"]*)\"))?")


class Untaken(ValueError):
    """It cannot be said in our language; the message says why."""


def translated(value: Json, root: str = EVENT, depth: int = 0) -> Json:
    """Write a mapping as a value of our language. Raises: Untaken."""
    if depth > MAX_DEPTH:
        raise Untaken(f"it is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, str):
        return literal(value)
    if isinstance(value, list):
        return [translated(one, root, depth + 1) for one in value]
    if not isinstance(value, dict):
        return value
    directives = [key for key in value if key.startswith("@")]
    if directives:
        return _directive(directives[0], value, root, depth + 1)
    if odd := next((key for key in value if key in _RESERVED or "{{" in key or "$." in key), None):
        raise Untaken(f"the key `{odd[:40]}` means something else in our language")
    return {key: translated(one, root, depth + 1) for key, one in value.items()}


def literal(text: str) -> Json:
    """Write a text that stands for itself."""
    return {"$const": text} if "$" in text or "{{" in text or text.startswith("=") else text


def quoted(text: str) -> str:
    r"""Write a text in an expression.

    >>> quoted("it's")
    "'it\\'s'"
    """
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\t", "\\t") + "'"


def path(text: str, root: str) -> str:
    """Write a path: `$.a.b[0]['odd name']`, with or without its `$.`.

    >>> path("$.properties.a b[0].c", "$")
    '$.properties."a b".0.c'
    """
    rest = text.replace("$.", "", 1) if text.startswith("$.") else text
    found = ["".join(parts) for parts in _STEP.findall(rest.strip())]
    if not found:
        return "$." if root == EVENT else root
    if any('"' in key or "\\" in key for key in found):
        raise Untaken(f"the path `{text[:60]}` has a quote in a name")
    return root + "".join(f".{key}" if _PLAIN.fullmatch(key) else f'."{key}"' for key in found)


def _directive(name: str, value: Mapping[str, Json], root: str, depth: int) -> Json:
    if len(value) > 1:
        raise Untaken(f"`{name}` has other keys beside it")
    if name not in _KNOWN:
        raise Untaken(f"our language has nothing for `{name[:40]}`")
    return _KNOWN[name](value[name], root, depth)


def _path(given: Json, root: str, _: int) -> Json:
    if not isinstance(given, str):
        raise Untaken("the path is itself computed")
    return path(given, root)


def _template(given: Json, root: str, _: int) -> Json:
    if not isinstance(given, str):
        raise Untaken("the template is itself computed")
    return _filled(given, lambda hole: path(hole, root))


def _filled(text: str, write: Callable[[str], str]) -> Json:
    """Write a text with holes as a template of ours."""
    parts: list[str] = []
    place = 0
    for hole in _HOLE.finditer(text):
        parts += [text[place : hole.start()], f"{{{{ {write((hole[1] or hole[2]).strip())} }}}}"]
        place = hole.end()
    parts.append(text[place:])
    if len(parts) == 1:
        return literal(text)
    if any("$" in one or "{{" in one for one in parts[::2]):
        raise Untaken("its text has a `$` or braces beside the holes")
    whole = "".join(parts)
    return f"= ({parts[1][3:-3]} | str) // ''" if len(parts) == 3 and not parts[0] + parts[2] else whole  # noqa: PLR2004


def _if(given: Json, root: str, depth: int) -> Json:
    if not isinstance(given, dict) or not ({"exists", "blank"} & given.keys()):
        raise Untaken("`@if` without `exists` or `blank`")
    word = "exists" if given.get("exists") is not None else "blank"
    asked = expression(given[word], root, depth)
    then, other = given.get("then"), given.get("else")
    test = f"({asked}) != null" if word == "exists" else f"not (({asked}) in [null, ''])"
    return {"$if": test, "$then": translated(then, root, depth), "$else": translated(other or None, root, depth)}


def _case(given: Json, root: str, depth: int) -> Json:
    operator = given.get("operator") if isinstance(given, dict) else None
    if not isinstance(given, dict) or operator not in {"lower", "upper"}:
        raise Untaken("`@case` without `lower` or `upper`")
    inner = expression(given.get("value"), root, depth)
    return f"= if((({inner}) | typeof) == 'string', ({inner}) | {operator}, {inner})"


def _replace(given: Json, root: str, depth: int) -> Json:
    if not isinstance(given, dict) or not isinstance(given.get("pattern"), str) or not given["pattern"]:
        raise Untaken("`@replace` without a pattern")
    if given.get("ignorecase") or given.get("global") is False:
        raise Untaken("`@replace` that ignores case, or replaces the first only")
    inner = f"(({expression(given.get('value'), root, depth)}) // '' | str"
    for pattern, instead in (("pattern", "replacement"), ("pattern2", "replacement2")):
        if given.get(pattern):
            inner += f" | replace({quoted(text_of(given[pattern]))} {quoted(text_of(given.get(instead)))})"
    return f"= {inner})"


def _array(given: Json, root: str, depth: int) -> Json:
    if not isinstance(given, list) or not given:
        raise Untaken("`@arrayPath` without a path")
    first, shape = given[0], given[1] if len(given) > 1 else None
    source = path(first, root) if isinstance(first, str) else expression(first, root, depth)
    if not isinstance(shape, dict) or not shape:
        return f"= {source}"
    each = f"= if((({source}) | typeof) == 'object', list({source}), {source})"
    return {"$each": each, "$do": translated(shape, ELEMENT, depth)}


def _flatten(given: Json, root: str, depth: int) -> Json:
    if not isinstance(given, dict) or not isinstance(given.get("separator"), str) or given.get("omitArrays"):
        raise Untaken("`@flatten` without a separator, or one that leaves lists whole")
    return f"= ({expression(given.get('value'), root, depth)}) | flatten({quoted(text_of(given['separator']))})"


def _json(given: Json, root: str, depth: int) -> Json:
    if not isinstance(given, dict) or given.get("mode") not in {"encode", "decode"}:
        raise Untaken("`@json` without `encode` or `decode`")
    if given["mode"] == "encode":
        return {"$json": translated(given.get("value"), root, depth)}
    inner = expression(given.get("value"), root, depth)
    return f"= (({inner}) | unjson) // {inner}"


def _merge(given: Json, root: str, depth: int) -> Json:
    objects = given.get("objects") if isinstance(given, dict) else None
    if not isinstance(given, dict) or not isinstance(objects, list) or not objects:
        raise Untaken("`@merge` without a list of objects")
    listed = [translated(one, root, depth) for one in objects]
    return {"$spread": listed[::-1] if given.get("direction") == "left" else listed}


def _liquid(given: Json, root: str, _: int) -> Json:
    if not isinstance(given, str) or "{%" in given:
        raise Untaken("Liquid with tags is a program of its own")

    def write(hole: str) -> str:
        name, *pipes = (part.strip() for part in hole.split("|"))
        if not re.fullmatch(r"[\w$.\[\]'\" -]+", name) or name[:1] in {"'", '"'}:
            raise Untaken(f"Liquid that computes: `{hole[:40]}`")
        found = path(name, root)
        for pipe in pipes:
            found = _piped(found, pipe)
        return found

    return _filled(given, write)


def _piped(value: str, pipe: str) -> str:
    match = _PIPE.fullmatch(pipe)
    word, text = (match[1], match[2] if match[2] is not None else match[3]) if match else ("", None)
    if word in _LIQUID and text is None:
        return f"({value} | {_LIQUID[word]})"
    if text is None or word not in {"default", "append", "prepend"}:
        raise Untaken(f"Liquid's `{pipe[:40]}`")
    if word == "default":
        return f"if({value} in [null, '', false], {quoted(text)}, {value})"
    return f"({value} + {quoted(text)})" if word == "append" else f"({quoted(text)} + {value})"


def _same(given: Json, root: str, depth: int) -> Json:
    return translated(given, root, depth)


_KNOWN: Mapping[str, Callable[[Json, str, int], Json]] = {
    "@path": _path,
    "@template": _template,
    "@if": _if,
    "@case": _case,
    "@replace": _replace,
    "@arrayPath": _array,
    "@flatten": _flatten,
    "@json": _json,
    "@merge": _merge,
    "@liquid": _liquid,
    "@literal": _same,
    "@excludeWhenNull": _same,
}


def expression(value: Json, root: str, depth: int) -> str:
    """Write a mapping as one expression, to stand inside another. Raises: Untaken."""
    found = translated(value, root, depth)
    if isinstance(found, str) and "{{" not in found:
        return found.removeprefix("= ") if found.startswith(("$", "= ")) else quoted(found)
    if found is None or isinstance(found, bool):
        return {None: "null", True: "true", False: "false"}[found]
    if isinstance(found, int | float):
        return text_of(found)
    raise Untaken("a shape inside a directive")
