"""The verbs of `turnout destination` for manifests: files in, files out, no workspace."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import click
from rich.console import RenderableType
from rich.text import Text

from turnout.binder import OWN
from turnout.cli import output
from turnout.cli.here import Command, Here, pass_here
from turnout.cli.skeleton import manifest as skeleton
from turnout.document import Document, Json, encode
from turnout.errors import Conflict, InvalidManifest
from turnout.manifest import families
from turnout.manifest.catalogue import Catalogue
from turnout.manifest.hatch import Hatch
from turnout.manifest.lint import lint
from turnout.manifest.load import load
from turnout.manifest.model import Manifest
from turnout.manifest.plans import compiled
from turnout.manifest.read import read_all
from turnout.manifest.render import render_lines
from turnout.manifest.samples import samples as sampled
from turnout.manifest.schema import schema as language_schema
from turnout.manifest.trial import run_test
from turnout.sinks.files import JSONL

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@click.command(cls=Command, help="Write the manifest of a new destination to start from.")
@click.argument("slug")
@click.option(
    "--to", "folder", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="In this folder."
)
@pass_here
def new(here: Here, *, slug: str, folder: Path) -> None:
    """Write it. Raises: Conflict where a file of that name is."""
    if not SLUG.fullmatch(slug):
        raise click.BadParameter(f"{slug!r} is no slug: small letters, digits and single hyphens.", param_hint="SLUG")
    path = folder / f"{slug}.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(skeleton(slug, Catalogue().unbuilt(slug)))
    except FileExistsError:
        raise Conflict(f"{path} is there already", fix="Choose another slug, or another folder with --to") from None
    told: Document = {"slug": slug, "file": str(path), "connects_from": str(here.settings().data / OWN)}
    output.answer(here, told, show_new)


@click.command(cls=Command, help="Check manifests, and run the tests they hold.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@pass_here
def check(here: Here, *, files: tuple[Path, ...]) -> int:
    """Say what is wrong and where; give exit code 1 where anything is."""
    problems: list[Json] = []
    samples: Document = {}
    hatch, functions = Hatch(frozenset(here.settings().hatch)), list[Json]()
    tests = 0
    for file in files:
        text = file.read_text(encoding="utf-8")
        try:
            manifests = read_all(text, str(file))
        except InvalidManifest as error:
            problems.append(_problem(error))
            continue
        for manifest in manifests:
            tests += len(manifest.tests)
            problems += _findings(manifest, file, alone=not families.is_family(load(text)))
            problems += _failures(manifest, hatch, samples)
            functions += [{"slug": manifest.slug, "function": name} for name in manifest.hatch]
    ok = not any(row["severe"] for row in output.rows(problems))
    told: Document = {"ok": ok, "files": len(files), "tests": tests, "problems": problems, "samples": samples}
    told |= {"functions": functions} if functions else {}
    output.answer(here, told, show_check)
    return 0 if ok else 1


@click.command(cls=Command, help="Write the JSON Schema of manifests, for an editor.")
@pass_here
def schema(here: Here) -> None:
    """Write it; with or without `--json` it is one JSON value."""
    del here
    click.echo(encode(language_schema()))


@click.command(cls=Command, help="Answer JSON lines of events with the requests they cause.")
@pass_here
def render(here: Here) -> None:
    """Answer each line of standard input as soon as it is there."""
    out, ours = sys.stdout.buffer, here.settings()
    catalogue = Catalogue((JSONL,), own=ours.data / OWN, hatch=Hatch(frozenset(ours.hatch)))
    for line in render_lines(sys.stdin.buffer, catalogue):
        out.write(line)
        out.flush()


def _findings(manifest: Manifest, file: Path, *, alone: bool) -> Iterator[Document]:
    if alone and manifest.slug != file.stem:
        yield _problem(manifest.source.fail(("slug",), f"the file of this slug is named {manifest.slug}.yaml"))
    for one in lint(manifest):
        say = f"{one.path}: {one.say}" if one.path else one.say
        error = InvalidManifest(say, file=manifest.source.file, line=one.line, column=one.column)
        yield _problem(error, severe=one.severe)


def _failures(manifest: Manifest, hatch: Hatch, samples: Document) -> Iterator[Document]:
    """Run its tests, and note what it would send for the sample events."""
    try:
        program = compiled(manifest, hatch)
    except InvalidManifest as error:
        yield _problem(error)
        return
    samples[manifest.slug] = sampled(program)
    for place, case in enumerate(manifest.tests):
        for problem in run_test(program, case):
            yield _problem(manifest.source.fail(("tests", place), f"{case.name}: {problem}"))


def _problem(error: InvalidManifest, *, severe: bool = True) -> Document:
    """Tell one problem; `say` begins with `file:line:column`, as editors read it."""
    line, column = error.attributes["line"], error.attributes["column"]
    assert isinstance(line, int)
    assert isinstance(column, int)
    return {
        "file": str(error.attributes["file"]),
        "line": line,
        "column": column,
        "severe": severe,
        "say": error.message,
    }


def show_new(told: Document) -> Iterable[RenderableType]:
    """Say what comes next."""
    yield Text(f"Wrote {told['file']}. Fill it in, then: turnout destination check {told['file']}")
    yield Text(f"It can be connected as {told['slug']} once it is in {told['connects_from']}")


def show_check(told: Document) -> Iterable[RenderableType]:
    """Say each problem on a line of its own."""
    for row in output.rows(told["problems"]):
        kind = Text("error: ", "red") if row["severe"] else Text("warning: ", "yellow")
        yield Text.assemble(kind, output.cell(row["say"]))
    shown = told["samples"]
    if isinstance(shown, dict) and len(shown) == 1:  # of many they would hide the problems; --json has them all
        drawn = [{"event": row["event"], "sends": _sends(row)} for each in shown.values() for row in output.rows(each)]
        yield output.table(("event", "sends"), drawn, "The sample events")
    word = Text("ok", "green") if told["ok"] else Text("not ok", "red")
    functions = output.rows(told.get("functions", []))
    for row in functions:
        yield Text(f"{row['slug']} calls {row['function']}")
    more = f", {len(functions)} function(s) in Python" if functions else ""
    yield Text.assemble(word, f": {told['files']} file(s), {told['tests']} test(s){more}")


def _sends(row: Mapping[str, Json]) -> str:
    """Write what one sample causes: its requests, or why there is none."""
    sent = [f"{one['method']} {one['url']} {_body(one['body'])}".strip() for one in output.rows(row["requests"])]
    return "\n".join(sent) or f"nothing: {row['dropped']}"


def _body(value: Json) -> str:
    """Write a body as it would be read."""
    return "" if value is None else value if isinstance(value, str) else encode(value).decode()
