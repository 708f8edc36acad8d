"""Writes the Python of values: statements, in which constants, keys and operators stand by bound names only.

Paths of the event and the settings are hoisted: a prefix is looked up once in a function. Chains are flat,
and a choice computes its chosen branch only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from turnout.document import encode
from turnout.manifest import hatch, inline, lists, nodes, values
from turnout.manifest.nodes import Const, Node, children
from turnout.manifest.operators import TABLE
from turnout.manifest.reads import of_pairs, roots
from turnout.manifest.statements import Statements

Render = Callable[..., object]
Python = Mapping[str, hatch.Function]


class Unset:
    """Stands in the memory for what was not computed yet."""


UNSET: Final = Unset()
_STABLE = frozenset({"event", "settings", "integrations", "now"})
"""What stays the same for one event: a named value that reads nothing else is remembered."""
_RUNTIME: tuple[Callable[..., object], ...] = (
    *(values.at, values.text_of, values.entries, values.is_empty, values.integration, values.same),
    *(values.compare, values.contains, values.add, values.subtract, values.multiply, values.pairs),
    *(lists.omit_named, lists.pick_named),
)
_GOES_ON: Mapping[type[Node], str] = {
    nodes.Every: "if {}:",
    nodes.Either: "if not {}:",
    nodes.Coalesce: "if {} is None:",
    nodes.First: "if not {0} and is_empty({0}):",
}


class Writer:
    """Writes the source of all functions."""

    def __init__(self, lets: Mapping[str, Node], names: tuple[str, ...], render: Render, python: Python) -> None:
        """Note which named values are remembered. `names` are what `integrations` may call the destination."""
        self.lets, self.names, self.python = lets, names, python
        self.lines: list[str] = []
        self.bound: dict[str, object] = {"U": UNSET, "EMPTY": {}, "enc": encode, "render": render}
        self.bound["ORDERED"] = frozenset({int, float, str})
        self.bound |= {function.__name__: function for function in _RUNTIME}
        self.constants: dict[tuple[str, str], str] = {}
        stable = [name for name, node in lets.items() if roots(node, lets) <= _STABLE]
        self.memo = {name: place for place, name in enumerate(stable)}

    def bind(self, value: object) -> str:
        """Give a constant a name."""
        key = (type(value).__name__, repr(value))
        if key not in self.constants:
            name = f"c{len(self.constants)}"
            self.constants[key] = name
            self.bound[name] = value
        return self.constants[key]

    def function(self, name: str, node: Node) -> None:
        """Write the function of a value."""
        body = Body(self)
        result = body.emit(node)
        self.finish(name, body, f"return {result}")

    def let(self, name: str) -> None:
        """Write a named value's function, which remembers where it can."""
        body = Body(self)
        result = body.emit(self.lets[name])
        place = self.memo.get(name)
        self.finish(
            self.let_name(name),
            body,
            f"return {result}" if place is None else f"L[{place}] = {result}\n    return {result}",
        )

    def let_name(self, name: str) -> str:
        """Give the function of a named value its name."""
        return f"let_{list(self.lets).index(name)}"

    def finish(self, name: str, body: Body, last: str) -> None:
        """Write a function down."""
        self.lines += [f"def {name}(e, s, L, it, ix, x):", *body.written(), f"    {last}"]


class Body(Statements):
    """What one function says. `emit` gives the name or literal that holds a node's value.

    `it` and `index` are what the loop around binds; `pairs` the key and value where it needs no element.
    """

    def __init__(self, writer: Writer) -> None:
        """Begin a function."""
        super().__init__()
        self.writer = writer
        self.it, self.index = "it", "ix"
        self.pairs: dict[str, tuple[str, str]] = {}

    def emit(self, node: Node) -> str:
        """Write a node's statements, and say what holds its value."""
        match node:
            case Const(value):
                return "None" if value is None else self.writer.bind(value)
            case nodes.Path(root, keys):
                return self.path(root, keys)
            case nodes.Let() | nodes.Get():
                return self.below(self.let(node.name) if isinstance(node, nodes.Let) else self.emit(node.of), node.keys)
            case nodes.Every() | nodes.Either() | nodes.Coalesce() | nodes.First():
                return self.chain(node)
            case nodes.Choose() | nodes.By() | nodes.Listing() | nodes.Shape() | nodes.Each() | nodes.EachPair():
                return self.structure(node)
            case _:
                return self.computed(node)

    def structure(
        self, node: nodes.Choose | nodes.By | nodes.Listing | nodes.Shape | nodes.Each | nodes.EachPair
    ) -> str:
        """Write a choice, a list, an object or a loop."""
        match node:
            case nodes.Choose() | nodes.By():
                return self.choice(node)
            case nodes.Listing() | nodes.Shape():
                return self.built(node)
            case nodes.Each() | nodes.EachPair():
                return self.loop(node)

    def below(self, of: str, keys: tuple[str, ...]) -> str:
        """Follow a path below a value."""
        if not keys:
            return of
        held = self.own(of)
        for key in keys:
            bound = self.writer.bind(key)
            if _is_number(key):
                inside = f"type({held}) is list and len({held}) > {int(key)}"
                self.say(f"{held} = {held}[{int(key)}] if {inside} else at({held}, {bound})")
            else:
                self.say(f"{held} = {held}.get({bound}) if type({held}) is dict else None")
        self.spare.add(held)
        return held

    def let(self, name: str) -> str:
        """Use a named value: computed once where it can be remembered."""
        return self.once(("let", name, self.it, self.index), lambda: self.called(name))

    def called(self, name: str) -> str:
        """Call the function of a named value, or look into the memory."""
        it = "None" if self.it in self.pairs else self.it
        call = f"{self.writer.let_name(name)}(e, s, L, {it}, {self.index}, x)"
        place = self.writer.memo.get(name)
        if place is None:
            return self.hold(call)
        held = self.hold(f"L[{place}]")
        self.say(f"if {held} is U: {held} = {call}")
        return held

    def path(self, root: str, keys: tuple[str, ...]) -> str:
        """Read a root."""
        match root:
            case "event" | "settings":
                return self.document("e" if root == "event" else "s", keys)
            case "it" if self.it in self.pairs:
                return self.below(self.pairs[self.it][keys[0] == "value"], keys[1:])
            case "it":
                return self.document(self.it, keys)
            case "index":
                return self.below(self.index, keys)
            case "integrations":
                return self.below(self.integrations(), keys)
            case _:
                return self.below(self.hold(f"x.{root}"), keys)

    def integrations(self) -> str:
        """Look the destination's own object up once, at the head."""
        if ("integrations",) not in self.hoisted:
            self.hoisted["integrations",] = "own"
            self.head.append(f"    own = integration(e, {self.writer.bind(self.writer.names)})")
        return "own"

    def document(self, name: str, keys: tuple[str, ...]) -> str:
        """Read the event, the settings or a loop's element: prefixes once, as objects; the last key where needed."""
        if any(map(_is_number, keys)):
            return self.below(name, keys)
        if not keys:
            return name
        source = f"{self.prefix((name, *keys[:-1]))}.get({self.writer.bind(keys[-1])})"
        return self.once((name, *keys), lambda: self.hold(source))

    def prefix(self, keys: tuple[str, ...]) -> str:
        """Look a prefix up where its root is bound, as an object."""
        if keys in {("e",), ("s",)}:  # always objects
            return keys[0]
        if keys not in self.hoisted:
            source = keys[0] if len(keys) == 1 else f"{self.prefix(keys[:-1])}.get({self.writer.bind(keys[-1])})"
            head, depth = self.heads[keys[0]]
            name = f"p{len(self.hoisted)}"
            head += (
                f"{'    ' * depth}{name} = {source}",
                f"{'    ' * depth}if type({name}) is not dict: {name} = EMPTY",
            )
            self.hoisted[keys] = name
        return self.hoisted[keys]

    def computed(
        self, node: nodes.Call | nodes.Hatched | nodes.Binary | nodes.Not | nodes.Rendered | nodes.Encoded | nodes.Text
    ) -> str:
        """Write what takes values and gives one."""
        match node:
            case nodes.Not(of):
                return self.hold(f"not {self.emit(of)}")
            case nodes.Rendered(of):
                return self.hold(f"render({self.emit(of)}, e, x)")
            case nodes.Encoded(of):
                held = self.own(self.emit(of))
                self.say(f"if {held} is not None: {held} = enc({held}).decode()")
                return held
            case nodes.Text(parts):
                return self.text(parts)
            case nodes.Binary(_, left, right):
                return self.hold(inline.binary(node, self.emit(left), self.emit(right), self.writer.bind))
            case nodes.Call() | nodes.Hatched():
                return self.call(node)

    def text(self, parts: tuple[Node, ...]) -> str:
        """Write a text of parts; what is text already is not asked to become it."""
        return self.hold(f'f"{"".join(self.piece(part) for part in parts)}"')

    def piece(self, part: Node) -> str:
        """Write one part of a text."""
        value = self.emit(part)
        literal = isinstance(part, nodes.Text) or (isinstance(part, Const) and isinstance(part.value, str))
        return f"{{{value}}}" if literal else f"{{{value} if type({value}) is str else text_of({value})}}"

    def call(self, node: nodes.Call | nodes.Hatched) -> str:
        """Call an operator, or a function in Python; most are not called on null."""
        if isinstance(node, nodes.Hatched):
            python = self.writer.bind(hatch.guarded(node.function, node.gives, self.writer.python[node.function]))
            return self.hold(f"{python}({', '.join(map(self.emit, node.args))})")
        entry = TABLE[node.name]
        run = f"o_{node.name}"
        self.writer.bound[run] = entry.run
        if node.name == "lookup" and isinstance(table := node.args[1], Const) and isinstance(table.value, dict):
            return self.looked_up(self.emit(node.args[0]), self.writer.bind(table.value), node.args[2:])
        if entry.nulls or not node.args:
            args = [self.emit(arg) for arg in node.args]
            return self.hold(f"{run}({', '.join(args)})")
        held = self.own(self.emit(node.args[0]))
        if node.name == "str" and inline.is_text(node.args[0]):
            return held
        self.say(f"if {held} is not None:")
        with self.deeper():
            rest = [self.emit(arg) for arg in node.args[1:]]
            self.say(f"{held} = {inline.call(node, held, rest, self.writer.bind)}")
        self.spare.add(held)
        return held

    def looked_up(self, value: str, table: str, default: tuple[Node, ...]) -> str:
        """Look up in a table of the manifest: what is no text, as the operator does."""
        held = self.hold(f"{table}.get({value}) if type({value}) is str else o_lookup({value}, {table})")
        for node in default:
            self.say(f"if {held} is None:")
            self.inside(node, held)
        return held

    def chain(self, node: nodes.Every | nodes.Either | nodes.Coalesce | nodes.First) -> str:
        """Write a chain flat: each part is computed only if those before it did not decide."""
        first, *rest = node.parts
        held = self.own(self.emit(first))
        goes_on = _GOES_ON[type(node)].format(held)
        for part in rest:
            self.say(goes_on)
            self.inside(part, held)
        if isinstance(node, nodes.First):
            self.say(f"if not {held} and is_empty({held}): {held} = None")
        self.spare.add(held)
        return held

    def inside(self, node: Node, target: str) -> None:
        """Write a node one level in, its value into a variable."""
        with self.deeper():
            self.say(f"{target} = {self.emit(node)}")

    def choice(self, node: nodes.Choose | nodes.By) -> str:
        """Write a choice: only the chosen branch runs."""
        match node:
            case nodes.Choose(test, then, other):
                held = self.fresh()
                self.say(f"if {self.emit(test)}:")
                self.inside(then, held)
                self.say("else:")
                self.inside(other, held)
                return held
            case nodes.By(key, cases, other):
                held = self.fresh()
                by = self.hold(f"text_of({self.emit(key)})")
                for place, (case, one) in enumerate(cases):
                    self.say(f"{'elif' if place else 'if'} {by} == {self.writer.bind(case)}:")
                    self.inside(one, held)
                self.say("else:" if cases else "if True:")
                self.inside(other, held)
                return held

    def built(self, node: nodes.Listing | nodes.Shape) -> str:
        """Write a list or an object."""
        match node:
            case nodes.Listing(parts):
                held = self.hold("[]")
                for part in parts:
                    self.append(held, part)
                self.say(f"if not {held}: {held} = None")
                return held
            case nodes.Shape():
                return self.shape(node)

    def append(self, target: str, part: Node) -> None:
        """Add to a list, a computed null left out."""
        value = self.emit(part)
        if _stays(part):
            self.say(f"{target}.append({value})")
        else:
            self.say(f"if {value} is not None: {target}.append({value})")

    def shape(self, node: nodes.Shape) -> str:
        """Write an object: the spread first."""
        first, *rest = map(self.emit, node.spread) if node.spread else ("",)
        held = self.hold(f"{first}.copy() if type({first}) is dict else {{}}" if first else "{}")
        for value in rest:
            self.say(f"if type({value}) is dict: {held}.update({value})")
        for key, part in node.entries:
            self.put(held, self.emit(key), part)
        if not node.keep and not any(_stays(part) for _, part in node.entries):
            self.say(f"if not {held}: {held} = None")
        return held

    def put(self, target: str, key: str, part: Node) -> None:
        """Set a key, a computed null left out."""
        value = self.emit(part)
        if _stays(part):
            self.say(f"{target}[{key}] = {value}")
        else:
            self.say(f"if {value} is not None: {target}[{key}] = {value}")

    def loop(self, node: nodes.Each | nodes.EachPair) -> str:
        """Write a loop."""
        held = self.fresh()
        source = self.emit(node.source)
        self.say(f"{held} = {'[]' if isinstance(node, nodes.Each) else '{}'}")
        outer = (self.it, self.index)
        with self.deeper():
            self.depth -= 1
            self.say(f"for {self.bound_by(node, source)}:")
            self.depth += 1
            head: list[str] = []
            self.heads[self.it] = (head, self.depth)
            self.lines.append(head)
            self.turn(node, held)
        self.it, self.index = outer
        if not node.keep:
            self.say(f"if not {held}: {held} = None")
        return held

    def bound_by(self, node: nodes.Each | nodes.EachPair, source: str) -> str:
        """Write what a loop binds, and what it runs over; an object's pairs need no element each."""
        inside, lets = children(node)[1:], self.writer.lets
        self.it, counts = self.fresh(), any("index" in roots(each, lets) for each in inside)
        self.index = self.fresh() if counts else "None"
        if counts:
            return f"{self.index}, {self.it} in enumerate({source} if type({source}) is list else entries({source}))"
        if all(of_pairs(each, lets) for each in inside):
            key, value = self.pairs[self.it] = self.fresh(), self.fresh()
            return f"{key}, {value} in {source}.items() if type({source}) is dict else pairs({source})"
        return f"{self.it} in {source} if type({source}) is list else entries({source})"

    def turn(self, node: nodes.Each | nodes.EachPair, held: str) -> None:
        """Write what a loop does with one element."""
        if node.where != nodes.TRUE:
            self.say(f"if not {self.emit(node.where)}: continue")
        if isinstance(node, nodes.Each):
            self.append(held, node.do)
            return
        key = self.emit(node.key)
        self.say(f"if {key} is None: continue")
        self.put(held, f"{key} if type({key}) is str else text_of({key})", node.value)


def _is_number(key: str) -> bool:
    """Tell whether a key may lead into a list."""
    return key.isascii() and key.isdigit() and len(key) < 10  # noqa: PLR2004 - as `values.at`


def _stays(node: Node) -> bool:
    """Tell whether a value stays in its object or list, whatever it is: a literal, or text, which is never null."""
    return isinstance(node, Const | nodes.Text)
