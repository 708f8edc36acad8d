"""Consent: a person agrees in a browser, at the real program; an agent is told which command that takes."""

from __future__ import annotations

import re
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.authority import CLIENT, SECRET, Authority
from support.destination import Recorder
from support.own import CONSENT, program
from support.program import TURNOUT, Program
from support.script import Script

pytestmark = pytest.mark.timeout(90)
COMMAND = "turnout destination authorize Cloud"


@dataclass(frozen=True, slots=True)
class Scene:
    program: Program
    authority: Authority
    vendor: Recorder

    def connect(self, *words: str) -> Any:
        given = ("--set", f"client_id={CLIENT}", "--set", f"client_secret={SECRET}")
        return self.program.tell(
            "destination", "connect", "cloud", *given, "--set", f"endpoint={self.vendor.url}", "--receives", "all",
            "--yes", *words,
        )  # fmt: skip


@pytest.fixture
def scene(data_dir: Path, tmp_path: Path) -> Iterator[Scene]:
    authority = Authority(rotates=True)
    with Recorder(Script(decide=authority.decide)) as vendor:
        yield Scene(program(tmp_path / "site", data_dir, {"cloud": CONSENT}), authority, vendor)


class Asking:
    """`destination authorize` as it runs: the page it names, and its end."""

    def __init__(self, scene: Scene, *words: str) -> None:
        self.process = subprocess.Popen(
            (*TURNOUT, "destination", "authorize", "Cloud", "--json", *words), env=scene.program.environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stderr is not None
        self.said = ""
        while (found := re.search(r"^(http\S+/authorize\S+)$", self.said, re.MULTILINE)) is None:
            line = self.process.stderr.readline()
            assert line, self.said
            self.said += line
        self.page = found[1]

    def end(self, stdin: str = "") -> tuple[int, str, str]:
        out, err = self.process.communicate(stdin, timeout=30)
        return self.process.returncode, out, self.said + err


@contextmanager
def asking(scene: Scene, *words: str) -> Iterator[Asking]:
    begun = Asking(scene, *words)
    try:
        yield begun
    finally:
        begun.process.kill()


def browse(address: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - our own loopback address
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_without_consent_it_is_connected_and_paused_and_says_who_does_what(scene: Scene) -> None:
    told = scene.connect()
    scene.program.tell("send", "track", "--event", "A", "--user-id", "u1", "--live")

    assert told["state"] == "paused"
    assert COMMAND in told["reason"]
    (row,) = scene.program.tell("destination", "list")["destinations"]
    assert (row["state"], COMMAND in row["health"]) == ("paused", True)
    assert COMMAND in scene.program.tell("destination", "show", "Cloud")["summary"]
    tried = scene.program.tell("destination", "test", "Cloud", code=1)
    assert COMMAND in tried["summary"]
    assert scene.vendor.received == []


def test_what_a_person_agreed_to_delivers_what_waited(scene: Scene) -> None:
    scene.connect()
    sent = scene.program.tell("send", "track", "--event", "A", "--user-id", "u1", "--live")
    with scene.program.serving():
        with asking(scene) as begun:
            status, said = browse(scene.authority.agree(begun.page))
            code, out, _ = begun.end()
        scene.vendor.wait_until(lambda: len(scene.authority.taken) == 1)

    assert (status, "close this window" in said) == (200, True)
    assert (code, '"state":"running"' in out) == (0, True)
    assert sent["message_id"] in scene.authority.taken[0][1]
    (form,) = scene.authority.asked
    assert (form["grant_type"], form["client_id"]) == ("authorization_code", CLIENT)
    trace = scene.program.tell("trace", sent["message_id"])
    assert trace["deliveries"][0]["verdict"] == "delivered"
    assert "access-token-1" not in str(trace)


def test_an_answer_to_another_state_is_turned_away_and_the_right_one_is_still_taken(scene: Scene) -> None:
    scene.connect()
    with asking(scene) as begun:
        right = scene.authority.agree(begun.page)
        wrong = re.sub(r"state=[^&]+", "state=of-another", right)
        status, _ = browse(wrong)
        assert browse(right)[0] == 200
        code, _, _ = begun.end()

    assert (status, code) == (400, 0)


def test_a_consent_that_was_declined_is_told_in_words_and_changes_nothing(scene: Scene) -> None:
    scene.connect()
    scene.authority.declines = True
    with asking(scene) as begun:
        _, said = browse(scene.authority.agree(begun.page))
        code, _, err = begun.end()

    assert code == 1
    assert "access_denied" in said
    assert "The consent was not given (access_denied)" in err
    assert scene.program.tell("destination", "list")["destinations"][0]["state"] == "paused"


def test_nobody_who_comes_back_is_waited_for_no_longer_than_said(scene: Scene) -> None:
    scene.connect()
    with asking(scene, "--wait", "1") as begun:
        code, _, err = begun.end()

    assert code == 1
    assert "Nobody came back within 1 s" in err


def test_where_the_browser_is_elsewhere_its_address_is_pasted(scene: Scene) -> None:
    scene.connect()
    with asking(scene, "--paste", "--redirect", "https://app.example/back") as begun:
        code, _, _ = begun.end(f"{scene.authority.agree(begun.page)}\n")

    assert code == 0
    assert scene.authority.asked[0]["redirect_uri"] == "https://app.example/back"


def test_a_pasted_answer_to_another_state_is_refused(scene: Scene) -> None:
    scene.connect()
    with asking(scene, "--paste") as begun:
        pasted = re.sub(r"state=[^&]+", "state=of-another", scene.authority.agree(begun.page))
        code, _, err = begun.end(f"{pasted}\n")

    assert (code, scene.authority.asked) == (1, [])
    assert "its `state` is not ours" in err


def test_a_code_that_the_vendor_does_not_take_is_told_without_any_secret(scene: Scene) -> None:
    scene.connect()
    with asking(scene) as begun:
        back = scene.authority.agree(begun.page)
        scene.authority.codes.clear()
        browse(back)
        code, _, err = begun.end()

    assert code == 1
    assert "invalid_grant" in err
    assert SECRET not in err


def test_two_processes_that_need_a_new_token_ask_for_one(scene: Scene) -> None:
    scene.connect()
    with asking(scene) as begun:
        browse(scene.authority.agree(begun.page))
        begun.end()
    scene.authority.expire()
    scene.authority.slow_s = 0.3
    codes: list[int] = []

    def test() -> None:
        codes.append(scene.program.run("destination", "test", "Cloud").code)

    both = [threading.Thread(target=test) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join(60)

    assert codes == [0, 0]
    assert [form["grant_type"] for form in scene.authority.asked] == ["authorization_code", "refresh_token"]
