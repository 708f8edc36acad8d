"""Reads `settings`: the short form `name: type`, `name!` for what is required, and all that a setting may state."""

from __future__ import annotations

from turnout.document import Json
from turnout.manifest.expression import Names
from turnout.manifest.language import Language
from turnout.manifest.model import Setting, Type
from turnout.manifest.nodes import Node
from turnout.manifest.part import Part
from turnout.manifest.texts import is_pattern

SETTING = (
    *("type", "default", "label", "help", "secret", "enum", "of", "min", "max", "pattern", "aka", "generate"),
    *("columns", "names", "shown", "required"),
)
RESERVED = "endpoint"


def read_settings(top: Part) -> dict[str, Setting]:
    """Read all settings of a manifest. Raises: InvalidManifest."""
    part = top.part("settings")
    found: dict[str, Setting] = {}
    for key in part.raw:
        setting = _setting(part, key, frozenset(name.removesuffix("!") for name in part.raw))
        if setting.name == RESERVED:
            raise part.fail(key, "`endpoint` is reserved: every destination has it")
        if setting.name in found:
            raise part.fail(key, f"the setting `{setting.name}` stands twice")
        found[setting.name] = setting
    _refuse_shared_names(part, found)
    return found


def _refuse_shared_names(part: Part, found: dict[str, Setting]) -> None:
    taken = set(found)
    for setting in found.values():
        for alias in setting.aka:
            if alias in taken or alias == RESERVED:
                raise part.fail(setting.name, f"the name `{alias}` is taken")
            taken.add(alias)


def _setting(part: Part, key: str, names: frozenset[str]) -> Setting:
    raw = part.raw[key]
    name = key.removesuffix("!")
    given = part.of({"type": raw} if isinstance(raw, str) else raw, key)
    given.only(*SETTING, later=("choices",))
    sort = _type(given)
    condition = Names(frozenset({"settings"}), settings=names)
    language = Language(part.source)

    def holds(word: str) -> Node | None:
        value = given.raw.get(word)
        return language.condition(value, (*given.path, word), condition) if isinstance(value, str) else None

    setting = Setting(
        name,
        sort,
        required=key.endswith("!") or given.raw.get("required") is True,
        default=given.raw.get("default"),
        label=given.text("label"),
        help=given.text("help"),
        secret=given.flag("secret") or sort is Type.SECRET,
        choices=_choices(given, sort),
        minimum=given.number("min"),
        maximum=given.number("max"),
        pattern=given.text("pattern"),
        aka=given.words("aka"),
        generate=given.choice("generate", ("", "whsec"), ""),
        names=_names(given, sort),
        columns=_columns(given, sort),
        needed=holds("required"),
        shown=holds("shown"),
    )
    if setting.pattern and not is_pattern(setting.pattern):
        raise given.fail("pattern", "this is not a regular expression")
    return setting


def _type(given: Part) -> Type:
    named = given.raw.get("type", "enum" if "enum" in given.raw else "string")
    if named not in list(Type):
        raise given.fail("type", f"expected one of {', '.join(Type)}")
    return Type(str(named))


def _choices(given: Part, sort: Type) -> dict[str, str]:
    raw = given.raw.get("enum", given.raw.get("of"))
    if (sort is Type.ENUM) != (raw is not None):
        raise given.fail("", "an enum needs `enum` with its values, and nothing else may have it")
    if raw is None:
        return {}
    pairs: dict[str, Json] = raw if isinstance(raw, dict) else {str(one): str(one) for one in _listed(given, raw)}
    default = given.raw.get("default")
    if default is not None and default not in pairs:
        raise given.fail("default", "the default is not among the values")
    return {value: str(label) for value, label in pairs.items()}


def _listed(given: Part, raw: Json) -> list[Json]:
    if not isinstance(raw, list) or not raw:
        raise given.fail("enum", "expected a list of values, or a mapping of values to labels")
    return raw


def _names(given: Part, sort: Type) -> str:
    if sort is not Type.MAP and "names" in given.raw:
        raise given.fail("names", "only the keys of a map can be names of headers")
    return given.choice("names", ("", "header"), "")


def _columns(given: Part, sort: Type) -> tuple[Setting, ...]:
    if (sort is Type.TABLE) != ("columns" in given.raw):
        raise given.fail("", "a table needs `columns`, and nothing else has them")
    part = given.part("columns")
    columns = tuple(_setting(part, key, frozenset()) for key in part.raw)
    if any(column.type in {Type.TABLE, Type.MAP} for column in columns):
        raise given.fail("columns", "a column holds one value")
    return columns
