"""Consent: a person agrees in a browser, at the real program; an agent is told which command that takes."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.agents import agent
from support.authority import CLIENT, SECRET, Authority
from support.destination import Recorder
from support.own import CONSENT, program
from support.program import TURNOUT, Program, kill
from support.script import Script
from support.worker import until

pytestmark = pytest.mark.timeout(480)
COMMAND = "turnout destination authorize Cloud"
AUTHORIZE = ("authorize", "Cloud")


@dataclass(frozen=True, slots=True)
class Scene:
    program: Program
    authority: Authority
    vendor: Recorder

    @property
    def given(self) -> tuple[str, ...]:
        settings = {"client_id": CLIENT, "client_secret": SECRET, "endpoint": self.vendor.url}
        pairs = (word for name, value in settings.items() for word in ("--set", f"{name}={value}"))
        return (*pairs, "--receives", "all", "--yes")

    def connect(self) -> Any:
        return self.program.tell("destination", "connect", "cloud", *self.given)


@pytest.fixture
def scene(data_dir: Path, tmp_path: Path) -> Iterator[Scene]:
    authority = Authority(rotates=True)
    with Recorder(Script(decide=authority.decide)) as vendor:
        yield Scene(program(tmp_path / "site", data_dir, {"cloud": CONSENT}), authority, vendor)


class Asking:
    """A command that asks a person, as it runs: the page it names, and its end."""

    def __init__(self, scene: Scene, *words: str) -> None:
        self.process = subprocess.Popen(
            (*TURNOUT, "destination", *words, "--json"), env=scene.program.environment,
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
        out, err = self.process.communicate(stdin, timeout=60)
        self.said += err
        return self.process.returncode, out, self.said


@contextmanager
def asking(scene: Scene, *words: str) -> Iterator[Asking]:
    begun = Asking(scene, *words)
    try:
        yield begun
    finally:
        begun.process.kill()


def browse(address: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:  # noqa: S310 - our own loopback address
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def told(answer: object) -> str:
    """Write an answer for comparing: what differs from run to run left out."""
    return re.sub(r"dst_[0-9a-f]+", "dst_…", json.dumps(answer, indent=1)) + "\n"


def test_without_consent_it_is_connected_and_paused_and_says_who_does_what(
    scene: Scene, golden: Callable[[str, str], None]
) -> None:
    connected = scene.connect()
    scene.program.tell("send", "track", "--event", "A", "--user-id", "u1", "--live")

    (row,) = scene.program.tell("destination", "list")["destinations"]
    assert (row["state"], COMMAND in row["health"]) == ("paused", True)
    assert COMMAND in scene.program.tell("destination", "show", "Cloud")["summary"]
    tried = scene.program.tell("destination", "test", "Cloud", code=1)
    assert scene.vendor.received == []
    golden("consent.txt", told(connected) + told(tried))


def test_what_a_person_agreed_to_delivers_what_waited(scene: Scene) -> None:
    scene.connect()
    sent = scene.program.tell("send", "track", "--event", "A", "--user-id", "u1", "--live")
    with scene.program.serving():
        with asking(scene, *AUTHORIZE) as begun:
            right = scene.authority.agree(begun.page)
            wrong, _ = browse(re.sub(r"state=[^&]+", "state=of-another", right))
            status, said = browse(right)
            code, out, _ = begun.end()
        scene.vendor.wait_until(lambda: len(scene.authority.taken) == 1)

    assert (wrong, status, "close this window" in said) == (400, 200, True)
    assert (code, '"state":"running"' in out) == (0, True)
    assert sent["message_id"] in scene.authority.taken[0][1]
    (form,) = scene.authority.asked
    assert (form["grant_type"], form["client_id"]) == ("authorization_code", CLIENT)
    trace = scene.program.tell("trace", sent["message_id"])
    assert trace["deliveries"][0]["verdict"] == "delivered"
    assert "access-token-1" not in str(trace)


def test_what_is_declined_mistaken_or_late_is_told_in_words_and_changes_nothing(scene: Scene) -> None:
    scene.connect()
    with asking(scene, *AUTHORIZE, "--wait", "1") as late:
        assert late.end()[0] == 1
    with asking(scene, *AUTHORIZE, "--paste") as mistaken:
        pasted = re.sub(r"state=[^&]+", "state=of-another", scene.authority.agree(mistaken.page))
        assert mistaken.end(f"{pasted}\n")[0] == 1
    with asking(scene, *AUTHORIZE) as untaken:
        back = scene.authority.agree(untaken.page)
        scene.authority.codes.clear()
        browse(back)
        assert untaken.end()[0] == 1
    scene.authority.declines = True
    with asking(scene, *AUTHORIZE) as declined:
        browse(scene.authority.agree(declined.page))
        assert declined.end()[0] == 1

    assert "Nobody came back within 1 s" in late.said
    assert "its `state` is not ours" in mistaken.said
    assert "invalid_grant" in untaken.said
    assert SECRET not in untaken.said
    assert "The consent was not given (access_denied)" in declined.said
    assert scene.program.tell("destination", "list")["destinations"][0]["state"] == "paused"


def test_where_the_browser_is_elsewhere_its_address_is_pasted(scene: Scene) -> None:
    with asking(scene, "connect", "cloud", *scene.given, "--paste") as begun:
        code, out, _ = begun.end(f"{scene.authority.agree(begun.page)}\n")

    assert (code, json.loads(out)["state"], "reason" in json.loads(out)) == (0, "running", False)
    assert scene.authority.asked[0]["redirect_uri"] == "http://127.0.0.1:8734/callback"


@pytest.mark.anyio
async def test_an_agent_is_told_which_command_a_person_runs(scene: Scene) -> None:
    keys = {"client_id": CLIENT, "client_secret": SECRET}
    async with agent(scene.program.data, settings=dict(scene.program.settings)) as client:
        connected = await client.ask("connect_destination", slug="cloud", settings=keys)
        described = await client.ask("describe_destination", destination="Cloud")
        tested = await client.ask("test_destination", destination="Cloud")

    assert (connected["state"], COMMAND in connected["reason"]) == ("paused", True)
    assert (described["state"], COMMAND in described["summary"]) == ("paused", True)
    assert (tested["ok"], COMMAND in tested["summary"]) == (False, True)
    assert SECRET not in str((connected, described, tested))


def test_who_is_killed_while_a_token_that_turns_is_asked_for_loses_no_event_and_a_person_agrees_again(
    scene: Scene, tmp_path: Path
) -> None:
    with asking(scene, "connect", "cloud", *scene.given, "--port", "0") as begun:
        browse(scene.authority.agree(begun.page))
        assert begun.end()[0] == 0
    scene.authority.expire()
    scene.authority.slow_s = 1.0
    sent = scene.program.tell("send", "track", "--event", "A", "--user-id", "u1", "--live")
    with scene.program.served(tmp_path / "first.log") as first:
        scene.vendor.wait_until(lambda: len(scene.authority.asked) == 2)
        kill(first.process)  # both: the vendor has turned the token, and nobody has it
    scene.authority.slow_s = 0
    with scene.program.served(tmp_path / "second.log"):
        until(lambda: len(scene.authority.asked) == 3)
        until(lambda: COMMAND in str(scene.program.tell("destination", "list")))
        with asking(scene, *AUTHORIZE) as again:
            browse(scene.authority.agree(again.page))
            assert again.end()[0] == 0
        scene.vendor.wait_until(lambda: len(scene.authority.taken) == 1)

    assert sent["message_id"] in scene.authority.taken[0][1]
    assert scene.authority.asked[1]["refresh_token"] == scene.authority.asked[2]["refresh_token"]


def test_two_processes_that_need_a_new_token_ask_for_one(scene: Scene) -> None:
    with asking(scene, "connect", "cloud", *scene.given, "--port", "0") as begun:
        browse(scene.authority.agree(begun.page))
        assert begun.end()[0] == 0
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
