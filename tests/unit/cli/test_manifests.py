from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from turnout.cli.main import run
from turnout.cli.skeleton import manifest as skeleton
from turnout.manifest.known import known
from turnout.manifest.lint import lint
from turnout.manifest.read import read
from turnout.manifest.trial import run_tests


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
    told = json.loads(out)
    assert told.pop("samples").keys() == {"my-tool"}
    assert told == {"ok": True, "files": 1, "tests": 3, "problems": []}


@pytest.fixture
def calling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder of two manifests, in a workspace, one of which calls two functions in Python."""
    (tmp_path / "acme_cli.py").write_text(
        "def up(value):\n    return value.upper()\n\n\ndef low(value):\n    raise OSError\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("TURNOUT_DATA", str(tmp_path))
    folder = tmp_path / "manifests"
    folder.mkdir()
    text = skeleton("my-tool")
    (folder / "my-tool.yaml").write_text(text)
    calls = "properties: $.properties | py(acme_cli:low)\n      more: $.more | py(acme_cli:up)"
    text = text.replace("slug: my-tool", "slug: other\nhatch: [acme_cli:up, acme_cli:low]").replace(
        "properties: $.properties", calls
    )
    (folder / "other.yaml").write_text(text)
    return folder


def test_functions_in_python_are_counted_and_named_over_a_folder(
    calling: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = sorted(map(str, calling.glob("*.yaml")))

    code, out, _ = ended(capsys, "destination", "check", *files)
    assert code == 1
    assert "other calls acme_cli:up" in out
    assert "2 file(s), 6 test(s), 2 function(s) in Python" in out
    assert "other.yaml:5:9" in out.replace("\n", "")
    assert "TURNOUT_HATCH=acme_cli" in out.replace("\n", "")

    monkeypatch.setenv("TURNOUT_HATCH", "acme_cli")
    code, out, _ = ended(capsys, "destination", "check", *files, "--json")
    told = json.loads(out)
    assert [row["function"] for row in told["functions"]] == ["acme_cli:up", "acme_cli:low"]
    [problem] = told["problems"]
    assert "a track call is sent: `acme_cli:low` raised OSError (acme_cli.py, line 6)" in problem["say"]
    assert {row["dropped"] for row in told["samples"]["other"] if row["event"] == "Signed Up"} == {
        "`acme_cli:low` raised OSError (acme_cli.py, line 6)"
    }


def test_a_case_whose_function_fails_is_answered_with_where(
    calling: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert calling.is_dir()
    monkeypatch.setenv("TURNOUT_HATCH", "acme_cli")
    event = {"type": "track", "userId": "u", "properties": {"a": 1}}
    case = {"destination": "other", "settings": {"api_key": "k"}, "event": event}
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(case).encode())))

    _, out, _ = ended(capsys, "destination", "render")

    assert json.loads(out)["error"] == "`acme_cli:low` raised OSError (acme_cli.py, line 6)"


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


def checked(capsys: pytest.CaptureFixture[str], file: Path) -> dict[str, Any]:
    _, out, _ = ended(capsys, "destination", "check", str(file), "--json")
    told: dict[str, Any] = json.loads(out)
    return told


def begun(capsys: pytest.CaptureFixture[str], slug: str, folder: Path) -> Path:
    assert ended(capsys, "destination", "new", slug, "--to", str(folder))[0] == 0
    return folder / f"{slug}.yaml"


def test_a_check_shows_what_is_sent_for_each_call_and_the_events_of_a_shop(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = {row["event"]: row for row in checked(capsys, written)["samples"]["my-tool"]}

    assert {"identify", "page", "screen", "group", "alias", "Order Completed", "Product Added"} <= told.keys()
    assert told["Order Completed"]["requests"][0]["body"]["properties"]["order_id"] == "o1"
    assert (told["page"]["requests"], told["page"]["dropped"]) == ([], "no_match")


def test_a_check_draws_what_is_sent(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ended(capsys, "destination", "check", str(written))

    assert code == 0
    assert "nothing: no_match" in out
    assert "POST https://api.example.com/v1/events" in out


def test_a_manifest_begun_from_the_catalogue_says_what_is_known_and_misses_what_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = begun(capsys, "chartmogul", tmp_path)

    found = read(file.read_text(), str(file))
    told = checked(capsys, file)

    assert (found.name, found.category) == ("ChartMogul", known()["chartmogul"].category)
    assert set(known()["chartmogul"].aliases) == set(found.aliases)
    assert [row["say"].partition(": ")[2] for row in told["problems"]] == [
        "status.docs: the page of the vendor's documentation is still to be looked up",
        "http.base: the vendor's address is still to be looked up",
    ]


@pytest.mark.parametrize(
    ("slug", "says"),
    [
        ("vero", '"Known authentication'),
        ("dreamdata", "Its authentication is not known"),
        ("dreamdata", "to partners only"),
        ("mouseflow", "no server can send to it"),
        ("encharge", "for: delete"),
        ("klime", "Known batches: 100"),
    ],
)
def test_a_manifest_begun_from_the_catalogue_notes_what_else_is_known(
    slug: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert says.strip('"') in begun(capsys, slug, tmp_path).read_text()


def test_a_manifest_of_every_kind_begins_whole_and_misses_nothing_but_what_is_not_known() -> None:
    """One of each way to prove who asks: the file is read, its tests hold, and each finding says what to look up."""
    for slug, one in {(one.auth, bool(one.endpoints)): (slug, one) for slug, one in known().items()}.values():
        found = read(skeleton(slug, one), f"{slug}.yaml")

        said = {finding.say for finding in lint(found) if finding.severe}

        assert run_tests(found) == [], slug
        assert "the page of the vendor's documentation is still to be looked up" in said, slug
        assert all(word.endswith("is still to be looked up") for word in said), (slug, said)
