"""The repository: its layout, and what must not stand in a file of it."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

from support.source import ROOT

TOP = {
    *("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "Makefile", "requirements.lock"),
    *("server", "manifests", "examples", "tests", ".ci", ".gitignore", ".gitattributes", ".editorconfig"),
}

# Each has one letter in brackets, so that this file does not find itself.
MACHINE_PATHS = re.compile(r"/wor[k]/(main|steering|shared|\.library|\.mirror)|/roo[t]/|/far[m]/")
REGISTRIES = re.compile(
    r"pyp[i]\.org|pythonhoste[d]\.org|registry\.npmj[s]|npmj[s]\.org|deb\.debia[n]\.org|crates\.i[o]"
)
HOLLOW = re.compile(
    r"TOD[O]|FIXM[E]|\bXX[X]\b|mark\.(ski[p]|xfai[l])|pytest\.(ski[p]|xfai[l])|importorski[p]"
    r"|NotImplementedErro[r]|assert Tru[e]"
)
LOCKS = re.compile(r"\.lock$|lock\.json$|lock\.yaml$|requirements.*\.txt$|constraints.*\.txt$")


@cache
def files() -> tuple[str, ...]:
    """Name the files that git has, or would take."""
    asked = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    told = subprocess.run(asked, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return tuple(sorted(name for name in told.split("\0") if name and (ROOT / name).is_file()))


def lines_with(pattern: re.Pattern[str], names: list[str]) -> list[str]:
    found = []
    for name in names:
        text = (ROOT / name).read_bytes().decode("utf-8", errors="replace")
        found += [f"{name}:{n}: {line[:100]}" for n, line in enumerate(text.splitlines(), 1) if pattern.search(line)]
    return found


def joined(*parts: str) -> str:
    return "".join(parts)


def test_the_patterns_find_what_they_are_for() -> None:
    assert MACHINE_PATHS.search(joined("open('/work", "/main/x')"))
    assert REGISTRIES.search(joined("files.python", "hosted.org"))
    assert HOLLOW.search(joined("@pytest.mark.", "skip"))
    assert LOCKS.search("tests/compat/node/package-lock.json")


def test_lock_files_name_packages_and_no_address() -> None:
    locks = [name for name in files() if LOCKS.search(name)]

    assert "requirements.lock" in locks
    assert lines_with(re.compile(r"https?://"), locks) == []


def test_the_lock_pins_every_package_by_its_digest() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]

    assert [line for line in entries if not re.match(r"[a-z0-9.-]+==\S+ .*\\$", line)] == []


def test_no_file_names_a_path_of_one_machine() -> None:
    assert lines_with(MACHINE_PATHS, list(files())) == []


def test_no_file_names_a_registry() -> None:
    assert lines_with(REGISTRIES, list(files())) == []


def test_no_test_is_hollow_and_no_code_is_a_note_to_self() -> None:
    code = [name for name in files() if name.startswith(("server/", "tests/", "examples/")) and name.endswith(".py")]

    assert lines_with(HOLLOW, code) == []


def test_the_top_level_is_the_layout() -> None:
    assert {Path(name).parts[0] for name in files()} - TOP == set()
