from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from pathlib import Path

import click
import pytest

from support.program import TURNOUT
from support.told import heard
from turnout.cli.destination import VERBS, destination
from turnout.cli.main import COMMANDS, broke, broke_beside, cli, run
from turnout.cli.namespace import rule
from turnout.cli.table import Entry, Table


def entries() -> list[tuple[Table, Entry]]:
    mine = [(cli, entry) for _, listed in COMMANDS for entry in listed]
    return mine + [(destination, entry) for _, listed in VERBS for entry in listed]


def ended(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = run(words)
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize(("table", "entry"), entries(), ids=lambda each: getattr(each, "name", ""))
def test_a_line_of_the_table_is_what_the_command_says_of_itself(table: Table, entry: Entry) -> None:
    found = table.get_command(click.Context(table), entry.name)

    assert found is not None
    assert (found.name, found.help) == (entry.name, entry.says)


@pytest.mark.parametrize(("table", "entry"), entries(), ids=lambda each: getattr(each, "name", ""))
def test_every_command_takes_the_shared_options(table: Table, entry: Entry) -> None:
    found = table.get_command(click.Context(table), entry.name)

    assert found is not None
    assert {"--data", "--json"} <= {name for option in found.params for name in option.opts}


def test_alone_it_shows_its_commands_and_three_examples(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ended(capsys)

    assert code == 0
    assert all(f"  {entry.name} " in out for _, listed in COMMANDS for entry in listed)
    assert out.count("\n  turnout ") == 3


def test_the_version_is_one_json_value_wherever_json_stands(capsys: pytest.CaptureFixture[str]) -> None:
    _, before, _ = ended(capsys, "--json", "--version")
    _, after, _ = ended(capsys, "--version", "--json")

    assert before == after
    assert set(json.loads(before)) == {"version"}


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (["sned"], "Did you mean 'send'?"),
        (["destination", "conect"], "Did you mean 'connect'?"),
        (["source", "crate", "x"], "create"),
        (["usage", "--mnth", "2026-11"], "--month"),
        (["send", "trakc"], "'track'"),
        (["send", "track", "--user-id", "u", "--event", "E", "--properties", "{plan"], "expected an object"),
        (["send", "track", "--user-id", "u", "--event", "E", "--properties", "[1]"], "expected a JSON object"),
        *(
            (["send", kind, "--user-id", "u", option, f'{{"n": {number}}}'], said)
            for number, said in (("NaN", "not_json"), ("-Infinity", "not_json"), ("1e999", "number_out_of_range"))
            for kind, option in (("page", "--properties"), ("identify", "--traits"), ("page", "--context"))
        ),
        (["send", "page", "--user-id", "u", "--context", '{"n": 9223372036854775808}'], "number_out_of_range"),
        (["send", "page", "--user-id", "u", "--context", '{"n": "\\ud83d"}'], "half a surrogate pair"),
        (["send", "track", "--user-id", "u"], "needs --event"),
        (["send", "track", "--event", "E"], "needs --user-id, or --anonymous-id"),
        (["send", "identify", "--user-id", "u", "--event", "E"], "has no --event; of its own it has --traits"),
        (["send", "track", "--user-id", "u", "--event", "E", "--wait", "soon"], "'soon' is no number."),
        (["serve", "--port", "80a"], "'80a' is no whole number."),
        (["send", "page", "--user-id", "u", "--namespace", "live"], "say --live"),
        (["trace"], "MESSAGE_ID"),
        (["source"], "there are create, list."),
        (["destination"], "there are connect, authorize,"),
        (["namespace", "rule"], "there are add, list, remove."),
        (["audit", "--event"], "`turnout audit --help`"),
        (["send"], "Choose from: identify, track, page,"),
        (["send", "page", "--user-id", "u", "--context", "@nowhere.json"], "(No such file or directory)"),
        (["replay", "--verdict", "lost"], "discarded"),
        (["replay", "--verdict", "waiting"], "'discarded'"),
        (["destination", "connect", "webhook", "--set", "url"], "expected key=value"),
        (["destination", "connect", "webhook", "--set", "a=1", "--set", "a=2"], "given twice"),
        (["destination", "connect", "webhook", "--receives", "some"], "'all'"),
        (["destination", "update", "Webhook"], "Say what to change"),
        (["destination", "new", "My Tool"], "no slug"),
        (["mcp", "--mode", "writ"], "'write'"),
        (["mcp", "--namespace", "live"], "--live"),
        (["mcp", "--toolsets", "core,cores"], "'cores'; there are core"),
        (["install", "cursor", "--toolsets", "core,cores"], "'cores'; there are core"),
        (["install", "cursor", "--namespace", "A B"], "1 to 32 of a-z"),
        (["install", "cursor", "--namespace", "live"], "--live"),
        (["serve", "--port", "99999"], "0<=x<=65535"),
        (["erase", "u_1", "--live", "--namespace", "live"], "--live"),
    ],
)
def test_a_slip_is_answered_with_what_is_meant(words: list[str], near: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = ended(capsys, *words)

    assert code == 2
    assert out == ""
    assert near in err
    assert "--help` shows what there is." in err
    assert err.count("\n") == 1


def test_a_noun_alone_says_its_verbs_to_programs_too(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ended(capsys, "source", "--json")

    assert code == 2
    assert "there are create, list." in json.loads(out)["error"]["message"]


def test_the_help_of_a_noun_has_whole_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = ended(capsys, "namespace", "--help")

    assert " ".join(str(rule.help).split()) in " ".join(out.split())


@pytest.mark.parametrize(
    ("place", "light"),
    [
        (
            "turnout.cli.main",
            ("mcp", "pydantic", "rich", "msgspec", "cryptography", "pycurl", "yaml", "importlib.metadata"),
        ),
        ("turnout.cli.mcp", ("mcp", "pydantic", "rich", "msgspec", "cryptography", "pycurl", "yaml", "turnout.store")),
        ("turnout.cli.usage", ("mcp", "pydantic", "pycurl", "yaml", "uvicorn", "turnout.app")),
        ("turnout.cli.manifests", ("mcp", "pydantic", "pycurl", "uvicorn", "turnout.app")),
    ],
)
def test_a_command_imports_nothing_that_it_does_not_need(place: str, light: tuple[str, ...]) -> None:
    look = f"import sys, turnout.cli.main, {place}; print(*(name for name in {light!r} if name in sys.modules))"

    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)

    assert done.stdout.split() == []


@pytest.mark.parametrize("words", [("usage", "--data", ""), ("--data=", "usage"), ("serve", "--host", "")])
def test_an_empty_place_as_an_unset_variable_gives_it_is_wrong_usage(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = ended(capsys, *words)

    assert (code, list(tmp_path.iterdir())) == (2, [])
    assert "found nothing" in err


def test_wrong_usage_is_told_to_programs_too(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = ended(capsys, "send", "trakc", "--json")

    told = json.loads(out)["error"]
    assert (code, told["code"]) == (2, "usage")
    assert told["message"] in err


def test_a_settings_file_that_is_wrong_is_a_reason(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data_dir.mkdir()
    (data_dir / "turnout.toml").write_text("retention_days = 'long'")

    code, out, err = ended(capsys, "usage", "--data", str(data_dir), "--json")

    assert code == 1
    assert json.loads(out)["error"]["code"] == "invalid_input"
    assert "retention_days in turnout.toml" in err


def test_a_data_directory_that_cannot_be_made_is_a_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()

    code, out, err = ended(capsys, "usage", "--data", str(tmp_path / "file" / "data"), "--json")

    assert code == 1
    assert json.loads(out)["error"]["code"] == "unavailable"
    assert str(tmp_path / "file") in err


def test_a_bug_is_told_by_its_number_and_never_by_its_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["turnout", "usage", "--json"])

    broke(ValueError, ValueError("ann@example.com"), None)

    out, err = capsys.readouterr()
    assert err.startswith("internal_error: Turnout broke (error ")
    assert err.count("\n") == 1
    assert json.loads(out)["error"]["code"] == "internal_error"
    assert "ann@example.com" not in out + err


def test_a_bug_in_a_thread_is_told_by_its_place_and_never_by_its_words() -> None:
    def fail() -> None:
        raise ValueError("ann@example.com")

    thread = threading.Thread(target=fail, name="turnout-some")
    before, threading.excepthook = threading.excepthook, broke_beside
    try:
        with heard() as told:
            thread.start()
            thread.join()
    finally:
        threading.excepthook = before

    (record,) = told.records
    assert record.fields == {"thread": "turnout-some"}  # type: ignore[attr-defined]
    assert record.cause["kind"] == "ValueError"  # type: ignore[attr-defined]
    assert "ann@example.com" not in logging.Formatter().format(record)


@pytest.mark.parametrize("words", [("usage",), ("usage", "--json"), ("--help",)])
def test_a_full_standard_output_is_a_line_on_standard_error(words: tuple[str, ...], data_dir: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            (*TURNOUT, "--data", str(data_dir), *words), stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )

    assert (done.returncode, done.stderr) == (1, "io_error: No space left on device\n")
