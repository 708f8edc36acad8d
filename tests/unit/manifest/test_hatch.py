"""Functions in Python that a manifest calls: listed by it, let by the operator, imported late, and never trusted."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from support.manifests import HEAD, NOW, asked, manifest
from turnout.document import Document, Json
from turnout.errors import InvalidInput, InvalidManifest
from turnout.exchange import Answer, Class, Drop, Item, Outcome, Request, Target
from turnout.manifest.actions import CompiledTarget
from turnout.manifest.catalogue import Catalogue
from turnout.manifest.compile import compile_predicate
from turnout.manifest.flows import flows
from turnout.manifest.hatch import Hatch
from turnout.manifest.lint import lint
from turnout.manifest.trial import run_tests
from turnout.manifest.values import Unsendable

README = (Path(__file__).parents[3] / "manifests" / "README.md").read_text(encoding="utf-8")
MODULE = """\
NUMBER = 1


class Thing:
    pass


def same(value, *rest):
    return [value, *rest] if rest else value


def raises(value, *_):
    raise ValueError(f"about {value}")


def odd(value, kind):
    found = {"tuple": (1,), "set": {1}, "bytes": b"1", "nan": float("nan"), "keys": {1: 2}}
    return {**found, "deep": [{"a": object()}]}[kind]


def text(*_):
    return "text"


def packed(value):
    if "bad" in str(value):
        raise RuntimeError(value)
    return b"\\x00\\xff" + str(value).encode()


def sign(method, url, headers, body, settings):
    return {"X-Mark": f"{method} {url} {headers['content-type']} {body.hex()} {settings['key']}"}


def host(method, url, headers, body, settings):
    return {"Host": "evil.test"}


from os import system
"""
SEND = "send: {post: 'https://acme.test/in', json: $item}"
PIPED = "hatch: acme_py:same\nactions: {{a: {{for: track, item: {{t: {0}}}, {1}}}}}\n"
BINARY = """\
hatch: acme_py:packed
actions:
  a:
    for: track
    item: {id: $.messageId}
    batch: {max: 2, bytes: 1MB}
    send: {post: "https://acme.test/in", json: $batch, encode: acme_py:packed, media: application/x-acme}
"""
SIGNED = """\
hatch: [acme_py:packed, acme_py:sign]
settings: {key!: {type: secret, label: Key}}
auth: {use: acme_py:sign}
actions:
  a:
    for: track
    item: {id: $.messageId}
    send: {post: "https://acme.test/in", json: $item, encode: acme_py:packed, media: a/b}
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Put modules where Python finds them, and forget them afterwards."""
    folder = tmp_path / "python"
    folder.mkdir()
    (folder / "acme_py.py").write_text(MODULE)
    (folder / "acme_broken.py").write_text("import no_such_module_anywhere\n")
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name in ("acme_py", "acme_broken", "acme"):
        sys.modules.pop(name, None)


def catalogue(tmp_path: Path, text: str, *modules: str) -> Catalogue:
    """Give a catalogue whose operator lets these modules be called."""
    own = tmp_path / "manifests"
    own.mkdir()
    (own / "acme.yaml").write_text(HEAD + "status: {preview: guess}\n" + dedent(text))
    return Catalogue(own=own, hatch=Hatch(frozenset(modules)))


def bound(tmp_path: Path, text: str, **given: Json) -> CompiledTarget:
    found = catalogue(tmp_path, text, "acme_py").bind("acme", given)
    assert isinstance(found, CompiledTarget)
    return found


def made(target: Target, event: Document) -> tuple[Item | Drop, ...]:
    return target.items({"type": "track", "messageId": "m1", **event}, ("a",), NOW)


def piped(tmp_path: Path, call: str, event: Document, name: str = "same") -> Json:
    text = PIPED.format(call, SEND).replace("acme_py:same\n", f"acme_py:{name}\n", 1)
    (found,) = made(bound(tmp_path, text), event)
    assert isinstance(found, Item)
    assert isinstance(found.value, dict)
    return found.value.get("t")


def test_a_function_makes_a_value_of_a_value_and_other_arguments(tmp_path: Path) -> None:
    event: Document = {"traits": {"a": [1, {"b": None}]}, "name": "n"}

    assert piped(tmp_path, "= $.traits | py(acme_py:same 2 $.name) | json", event) == '[{"a":[1,{"b":null}]},2,"n"]'


def test_a_function_is_not_called_on_null(tmp_path: Path) -> None:
    target = bound(
        tmp_path, PIPED.format("= ($.gone | py(acme_py:raises)) // 'none'", SEND).replace(":same\n", ":raises\n")
    )

    (found,) = made(target, {})

    assert isinstance(found, Item)
    assert found.value == {"t": "none"}


def test_an_error_of_a_function_costs_the_event_and_says_where_but_not_what_it_said(tmp_path: Path) -> None:
    target = bound(tmp_path, PIPED.format("= $.x | py(acme_py:raises)", SEND).replace(":same\n", ":raises\n"))

    with pytest.raises(Unsendable, match=re.escape("`acme_py:raises` raised ValueError (acme_py.py, line 13)")) as told:
        made(target, {"x": "ann@example.com"})

    assert "ann@" not in str(told.value)


@pytest.mark.parametrize("kind", ["tuple", "set", "bytes", "nan", "keys", "deep"])
def test_what_is_no_json_is_an_error(tmp_path: Path, kind: str) -> None:
    with pytest.raises(Unsendable, match=r"`acme_py:odd` gave \w+, not JSON"):
        piped(tmp_path, f"= $.x | py(acme_py:odd {kind})", {"x": 1}, "odd")


def test_a_function_writes_the_body_of_what_is_sent(tmp_path: Path) -> None:
    target = bound(tmp_path, BINARY)
    items = [one for name in ("m1", "m2") for one in made(target, {"messageId": name}) if isinstance(one, Item)]

    asks, _ = asked(target, tuple(items), Answer(200))

    (ask,) = asks
    assert isinstance(ask, Request)
    assert ask.body == b"\x00\xff[{'id': 'm1'}, {'id': 'm2'}]"
    assert dict(ask.headers)["content-type"] == "application/x-acme"


def test_a_batch_whose_body_cannot_be_written_is_halved_until_the_event_is_alone(tmp_path: Path) -> None:
    target = bound(tmp_path, BINARY)
    items = [one for name in ("m1", "bad") for one in made(target, {"messageId": name}) if isinstance(one, Item)]

    asks, outcomes = asked(target, tuple(items), Answer(200))

    assert asks == ()
    said = "`acme_py:packed` raised RuntimeError (acme_py.py, line 27)"
    assert outcomes == (Outcome(Class.SPLIT, "mapping_error", 0, said),) * 2


def test_a_function_in_the_body_gets_items_as_they_are(tmp_path: Path) -> None:
    text = PIPED.format("$.messageId", SEND.replace("$item", "{all: [$item], mine: $item | py(acme_py:same 1)}"))
    target = bound(tmp_path, text)

    (ask,), _ = asked(target, tuple(one for one in made(target, {}) if isinstance(one, Item)), Answer(200))

    assert isinstance(ask, Request)
    assert ask.body == b'{"all":[{"t":"m1"}],"mine":[{"t":"m1"},1]}'


def test_a_step_whose_body_cannot_be_written_ends_as_one_that_cannot_be_sent(tmp_path: Path) -> None:
    text = BINARY.replace("batch: {max: 2, bytes: 1MB}", "steps:").replace(
        "send: {", "- first: {get: /a}\n    - then: {"
    )
    target = bound(tmp_path, text.replace("$batch", "$item").replace("get: /a", "get: 'https://acme.test/a'"))
    items = tuple(one for one in made(target, {"messageId": "bad"}) if isinstance(one, Item))

    asks, (outcome,) = asked(target, items, Answer(200))

    assert len(asks) == 1
    assert outcome.code == "mapping_error"
    assert "`acme_py:packed` raised RuntimeError" in outcome.text


def test_a_family_calls_functions_for_each_of_its_rows(tmp_path: Path) -> None:
    rows = "rows: [{slug: one, name: One}, {slug: two, name: Two}]\nfamily: acme\n"
    text = "turnout: 1\n" + rows + PIPED.format("= $.x | py(acme_py:same)", SEND)
    folder = tmp_path / "manifests" / "families"
    folder.mkdir(parents=True)
    (folder / "acme.yaml").write_text(text)
    here = Catalogue(own=tmp_path / "manifests", hatch=Hatch(frozenset({"acme_py"})))

    assert [here.find(slug).hatch for slug in ("one", "two")] == [("acme_py:same",)] * 2
    assert here.bind("two", {}).actions


def test_a_setting_that_only_a_signer_in_python_reads_is_read() -> None:
    warned = [one.say for one in lint(manifest(SIGNED)) if "reads this setting" in one.say]
    without = SIGNED.replace("auth: {use: acme_py:sign}\n", "").replace(", acme_py:sign]", "]")

    assert warned == []
    assert [one.say for one in lint(manifest(without)) if "reads this setting" in one.say]


def test_a_body_is_bytes(tmp_path: Path) -> None:
    target = bound(tmp_path, BINARY.replace("packed", "text"))
    items = [one for one in made(target, {}) if isinstance(one, Item)]

    _, (outcome,) = asked(target, tuple(items), Answer(200))

    assert (outcome.code, outcome.text) == ("mapping_error", "`acme_py:text` gave str, not bytes")


def test_a_function_signs_the_bytes_that_leave_and_its_headers_are_hidden(tmp_path: Path) -> None:
    target = bound(tmp_path, SIGNED, key="k1")
    items = [one for one in made(target, {}) if isinstance(one, Item)]

    (ask,), _ = asked(target, tuple(items), Answer(200))

    assert isinstance(ask, Request)
    mark = f"POST https://acme.test/in a/b {ask.body.hex()} k1"
    assert ask.body.startswith(b"\x00\xff")
    assert dict(ask.headers)["x-mark"] == mark
    assert ask.proofs == (("auth.use.x-mark", mark),)


@pytest.mark.parametrize(
    ("name", "said"), [("host", "may not be sent"), ("text", "not headers"), ("raises", "TypeError")]
)
def test_what_a_signer_gives_is_headers_that_may_be_sent(tmp_path: Path, name: str, said: str) -> None:
    target = bound(tmp_path, SIGNED.replace("acme_py:sign", f"acme_py:{name}"), key="k1")
    items = [one for one in made(target, {}) if isinstance(one, Item)]

    asks, (outcome,) = asked(target, tuple(items), Answer(200))

    assert asks == ()
    assert outcome.code == "mapping_error"
    assert said in outcome.text or name == "raises"


@pytest.mark.parametrize(
    ("name", "modules", "said"),
    [
        ("acme_py:same", (), 'the operator lets it by `hatch = ["acme_py"]` in turnout.toml, or TURNOUT_HATCH=acme_py'),
        ("acme_py:same", ("acme",), "which no manifest may call here"),
        ("acme_py.sub:same", ("acme_py",), "of the module `acme_py.sub`"),
        ("os:system", ("acme_py",), "of the module `os`"),
        ("acme_none:same", ("acme_none",), "cannot be imported (ModuleNotFoundError: No module named 'acme_none')"),
        ("acme_broken:same", ("acme_broken",), "No module named 'no_such_module_anywhere'"),
        ("acme_py:sane", ("acme_py",), "has no function `sane`; did you mean `same`?"),
        ("acme_py:NUMBER", ("acme_py",), "is no function but int"),
        ("acme_py:system", ("acme_py",), "is of the module `posix`"),
        ("acme_py:Thing", ("acme_py",), "is no function but type"),
    ],
)
def test_a_function_that_cannot_be_called_is_named_by_file_and_line(
    tmp_path: Path, name: str, modules: tuple[str, ...], said: str
) -> None:
    text = PIPED.format("= $.x | py(acme_py:same)", SEND).replace("acme_py:same", name)

    with pytest.raises(InvalidManifest) as told:
        catalogue(tmp_path, text, *modules).bind("acme", {})

    assert said in told.value.message
    assert (told.value.attributes["file"], told.value.attributes["line"]) == ("acme.yaml", 7)
    assert "hatch.0: " in told.value.message


def test_nothing_is_imported_before_a_destination_is_bound(tmp_path: Path) -> None:
    here = catalogue(tmp_path, PIPED.format("= $.x | py(acme_py:same)", SEND), "acme_py")

    assert here.find("acme").hatch == ("acme_py:same",)
    assert [row.hatch for row in here.search("acme").rows if row.slug == "acme"] == [("acme_py:same",)]
    assert here.manifest("acme").hatch == ("acme_py:same",)
    assert flows(here.manifest("acme"))["a"]
    assert "acme_py" not in sys.modules

    here.bind("acme", {})

    assert "acme_py" in sys.modules


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PIPED.format("$.x", SEND), "hatch: nothing calls `acme_py:same`"),
        (PIPED.format("= $.x | py(acme_py:sane)", SEND), "lists the functions in Python that it calls under `hatch`"),
        (PIPED.format("= $.x | py", SEND), "`py` is written"),
        (PIPED.format("= $.x | py($.y)", SEND), "`py` is written"),
        ("hatch: [acme_py]\nactions: {}", "hatch: expected functions as `module:function`, not `acme_py`"),
        (BINARY.replace(", media: application/x-acme", ""), "`media` is missing"),
        (BINARY.replace("json: $batch, ", ""), "under `json` beside it"),
        (BINARY.replace("json:", "form:"), "under `json` beside it"),
        (BINARY.replace("hatch: acme_py:packed\n", ""), "under `hatch`"),
        (SIGNED.replace("hatch: [acme_py:packed, acme_py:sign]", "hatch: acme_py:packed"), "auth.use: `acme_py:sign`"),
    ],
)
def test_what_a_manifest_says_of_functions_is_read_strictly(text: str, said: str) -> None:
    with pytest.raises(InvalidManifest) as told:
        manifest(text)

    assert said in told.value.message
    assert told.value.attributes["line"]


def test_what_a_user_writes_calls_no_function(tmp_path: Path) -> None:
    here = catalogue(tmp_path, PIPED.format("= $.x | py(acme_py:same)", SEND), "acme_py")

    with pytest.raises(InvalidInput, match="nothing else may call any"):
        compile_predicate("$.x | py(acme_py:same)")
    with pytest.raises((InvalidInput, InvalidManifest), match="nothing else may call any"):
        here.bind("acme", {}, {"map": {"t": "= $.y | py(acme_py:same)"}})

    changed = here.bind("acme", {}, {"map": {"t": "= $was | str"}})
    (found,) = made(changed, {"x": 5})

    assert isinstance(found, Item)
    assert found.value == {"t": "5"}


def test_a_function_that_fails_on_the_settings_is_told_when_the_destination_is_bound(tmp_path: Path) -> None:
    text = BINARY.replace("hatch: acme_py:packed", "hatch: [acme_py:packed, acme_py:raises]")

    with pytest.raises(InvalidManifest, match="`acme_py:raises` raised ValueError"):
        bound(tmp_path, text.replace("max: 2", "max: = 2 | py(acme_py:raises)"))


def test_all_that_a_function_gets_counts_as_sent() -> None:
    found = manifest(PIPED.format("= $.traits | py(acme_py:same $.context.ip)", SEND))

    assert {".".join(one.path) for one in flows(found)["a"]} == {"traits", "context.ip"}


def test_the_example_of_the_reference_does_what_its_tests_say(module: Path) -> None:
    [code] = re.findall(r"<!-- acme.py -->\n```python\n(.*?)```\n", README, re.DOTALL)
    [text] = re.findall(r"<!-- hatch -->\n```yaml\n(.*?)```\n", README, re.DOTALL)
    (module / "acme.py").write_text(code)
    found = manifest(text)

    assert len(found.tests) == 2
    assert run_tests(found, Hatch(frozenset({"acme"}))) == []


def test_a_test_of_a_manifest_whose_function_fails_says_so() -> None:
    text = PIPED.format("= $.x | py(acme_py:raises)", SEND).replace(":same\n", ":raises\n")
    found = manifest(f"{text}tests: [{{name: n, event: {{type: track, x: 1}}, sends: {{method: POST}}}}]\n")

    assert run_tests(found, Hatch(frozenset({"acme_py"}))) == [
        "n: `acme_py:raises` raised ValueError (acme_py.py, line 13)"
    ]
