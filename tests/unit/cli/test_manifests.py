from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from turnout.cli.main import run


def ended(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = run(words)
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Give the file that `new` has written."""
    code, out, _ = ended(capsys, "destination", "new", "my-tool", "--to", str(tmp_path), "--json")
    assert code == 0
    return Path(json.loads(out)["file"])


def test_a_new_manifest_passes_its_check_without_a_warning(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ended(capsys, "destination", "check", str(written), "--json")

    assert code == 0
    assert json.loads(out) == {"ok": True, "files": 1, "tests": 3, "problems": []}


def test_a_file_that_is_there_is_never_written_over(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written.write_text("mine")

    code, _, err = ended(capsys, "destination", "new", "my-tool", "--to", str(written.parent))

    assert code == 1
    assert "is there already" in err
    assert written.read_text() == "mine"


@pytest.mark.parametrize(
    ("old", "new", "line", "word"),
    [
        ("event: $.event", "event: $.event | lowercase", "      event: $.event", "there is no function"),
        ("for: track", "for: [trakc]", "    for: [trakc]", "expected calls"),
        ("Bearer k1", "Bearer k2", "  - name: a track call is sent", "the header Authorization is Bearer k1"),
        ("slug: my-tool", "slug: other", "slug: other", "named other.yaml"),
        ("category: Raw Data", "category: a: b", "category: a", "not YAML"),
    ],
)
def test_a_fault_is_told_with_its_place(
    old: str, new: str, line: str, word: str, written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = written.read_text().replace(old, new)
    written.write_text(text)

    code, out, _ = ended(capsys, "destination", "check", str(written))

    assert code == 1
    place = re.search(rf"error: {re.escape(str(written))}:(\d+):\d+: .*{re.escape(word)}", out)
    assert place is not None, out
    assert text.splitlines()[int(place[1]) - 1].startswith(line)


def test_a_file_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = ended(capsys, "destination", "check", str(tmp_path / "none.yaml"))

    assert code == 1
    assert err == f"io_error: No such file or directory: {tmp_path / 'none.yaml'}\n"
