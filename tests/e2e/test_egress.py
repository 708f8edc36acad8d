"""Every way that we know to name an address that is not public, against the real sender and the real `serve`.

They run in a network of their own in which each address there is answers (`support.sealed`), so that a
connection to a forbidden one cannot go unseen.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

import pytest

from support.engine import track
from support.lanes import became, connect, record, workspace
from support.program import TURNOUT, Program
from support.sealed import LONE, LONE_PORT
from support.worker import until
from turnout.document import Json
from turnout.errors import InvalidInput
from turnout.store.store import Store
from turnout.store.unit import View

pytestmark = pytest.mark.timeout(480)

TESTS = Path(__file__).resolve().parent.parent
LITERALS = (
    *("127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254"),
    *("169.254.170.2", "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192", "0.0.0.0", "0.1.2.3"),  # noqa: S104
    *("198.18.0.1", "192.0.2.1", "198.51.100.7", "203.0.113.9", "192.88.99.1", "240.0.0.1", "255.255.255.255"),
    "224.0.0.1",
)
ENCODED = (
    *("2130706433", "0x7f000001", "0x7f.1", "0X7F.0.0.1", "0177.0.0.1", "017700000001", "127.1", "127.0.1", "0"),
    *("10.1", "0x0a000001", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "169.16689662", "127.0.0.1."),
    *("１２７.０.０.１", "①②⑦.⓪.⓪.①", "127。0。0。1", "0x7f.0x0.0x0.0x1", "00000177.0.0.1"),  # noqa: RUF001 - the traps
)
SIX = (
    *("[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::127.0.0.1]", "[::ffff:10.0.0.1]", "[::ffff:a9fe:a9fe]"),
    *("[::ffff:0:10.0.0.1]", "[64:ff9b::169.254.169.254]", "[64:ff9b::a00:1]", "[64:ff9b:1::a00:1]"),
    *("[64:ff9b:1:a9fe:a9:fe00::]", "[2002:a00:1::1]", "[2002:a9fe:a9fe::1]", "[2002:7f00:1::]"),
    *("[2001:0:7f00:1:0:0:f7f7:f7f7]", "[2001:0:808:808:0:0:f5ff:fffe]", "[2600:1::5efe:a00:1]"),
    *("[2600:1::200:5efe:7f00:1]", "[fc00::1]", "[fd00:ec2::254]", "[fe80::1]", "[fe80::a9fe:a9fe%25lo]"),
    *("[fec0::1]", "[ff02::1]", "[100::1]", "[2001:db8::1]", "[2001:2::1]", "[3fff::1]", "[5f00::1]", "[4000::1]"),
)
TRICKS = (
    "http://1.1.1.1@10.0.0.1/",
    "http://1.1.1.1:80@10.0.0.1/",
    "http://1.1.1.1\\@10.0.0.1/",
    "http://10.0.0.1\\@1.1.1.1/",
    "http://10.0.0.1%2f.public.test/",
    "http://10.0.0.1%00.public.test/",
    "http://1.1.1.1 @10.0.0.1/",
    "http://1.1.1.1\t@10.0.0.1/",
    "http:10.0.0.1/",
    "http:///10.0.0.1/",
    "https://10.0.0.1/",
    "http://10.0.0.1:443/",
    "http://10.0.0.1:8080/",
    "ftp://10.0.0.1/",
    "gopher://10.0.0.1:80/x",
    "dict://10.0.0.1:80/x",
)
ZONE: Mapping[str, Sequence[object]] = {
    "public.test": ["1.1.1.1"],
    "public6.test": ["2606:4700:4700::1111"],
    "loopback.test": ["127.0.0.1"],
    "ten.test": ["10.0.0.1"],
    "metadata.test": ["169.254.169.254"],
    "metadata6.test": ["fd00:ec2::254"],
    "nothing.test": ["0.0.0.0"],  # noqa: S104
    "mapped.test": ["::ffff:10.0.0.1"],
    "nat64.test": ["64:ff9b::a9fe:a9fe"],
    "sixtofour.test": ["2002:a00:1::1"],
    "both.test": ["10.0.0.1", "1.1.1.1"],
    "both6.test": ["fd00::1", "2606:4700:4700::1111"],
    "mixed.test": ["1.1.1.1", "fd00::1"],
    "xn--bcher-kva.test": ["10.0.0.1"],
    "rebinds.test": [["1.1.1.1"], ["10.0.0.1"]],
    "rebinds6.test": [["2606:4700:4700::1111"], ["fd00::1"]],
    "late.test": [["1.1.1.1"], ["127.0.0.1"]],
}
NAMED = (
    *(
        "localhost",
        "LocalHost.",
        "ip6-localhost",
        "known.test",
        "loopback.test",
        "ten.test",
        "TEN.test.",
        "metadata.test",
    ),
    *("metadata6.test", "nothing.test", "mapped.test", "nat64.test", "sixtofour.test", "bücher.test"),
)
MOVING = ("rebinds.test", "rebinds6.test", "late.test")
"""The first answer is public, each later one is not."""
LATER: Mapping[str, Sequence[object]] = {**ZONE, **{name: ZONE[name][-1:] for name in MOVING}}
REDIRECTS = (
    *(f"http://1.1.1.1/to/{status}?http://10.0.0.5/" for status in (301, 302, 303, 307, 308)),
    "http://public.test/to/302?http://ten.test/",
    "http://public.test/to/307?//10.0.0.5/",
    "http://[2606:4700:4700::1111]/to/308?http://[::1]/",
    "http://public.test/to/301?file:///etc/passwd",
)
PRIVATE = (
    *(f"http://{host}/" for host in (*LITERALS, *ENCODED, *SIX, *NAMED)),
    *TRICKS,
    f"http://both.test:{LONE_PORT}/",
)
PARTLY = tuple(f"http://{host}/" for host in ("both.test", "both6.test", "mixed.test", *MOVING)) + REDIRECTS
"""Something public answers first; nothing else may be spoken to."""
CONTROLS = (
    *("http://1.1.1.1/", "http://8.8.8.8:8080/", "http://[2606:4700:4700::1111]/", "http://public.test/"),
    *("http://public6.test:8080/", "http://[64:ff9b::8.8.8.8]/", "http://0x01010101/"),
)
PUBLIC = frozenset({"1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808"})
PROXIES = tuple(f"{name}=http://10.0.0.8:3128" for name in ("http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY"))


@dataclass(frozen=True, slots=True)
class Sealed:
    """A network of its own, in `folder`."""

    folder: Path
    zone: Mapping[str, Sequence[object]] = field(default_factory=lambda: ZONE)

    def start(self, *command: str, proxies: Sequence[str] = PROXIES) -> subprocess.Popen[bytes]:
        (self.folder / "zone").write_text(json.dumps(self.zone))
        words = [word for each in proxies for word in ("--env", each)]
        inside = (sys.executable, "-m", "support.sealed", str(self.folder / "seen"), str(self.folder / "zone"), *words)
        return subprocess.Popen((*inside, "--", *command), cwd=TESTS, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def ask(self, urls: Sequence[str], *how: str, proxies: Sequence[str] = PROXIES) -> dict[str, str]:
        """Ask each URL from within; give what came of it."""
        (self.folder / "urls").write_text(json.dumps(urls))
        process = self.start(sys.executable, "-m", "support.asker", str(self.folder / "urls"), *how, proxies=proxies)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err.decode()
        told: dict[str, str] = json.loads(out)
        return told

    def seen(self) -> list[dict[str, str]]:
        lines = (self.folder / "seen").read_text().splitlines() if (self.folder / "seen").exists() else []
        return [json.loads(line) for line in lines]

    def reached(self) -> Counter[str]:
        """Count the connections by address."""
        return Counter(str(ip_address(each["at"])) for each in self.seen())


def strangers(reached: Counter[str]) -> dict[str, int]:
    return {address: n for address, n in reached.items() if address not in PUBLIC}


def test_no_name_of_a_private_address_leads_the_sender_there(tmp_path: Path) -> None:
    sealed = Sealed(tmp_path)
    urls = (*PRIVATE, *PARTLY, *CONTROLS)
    assert len({*PRIVATE, *PARTLY}) >= 76

    told = sealed.ask(urls)

    delivered = [url for url in CONTROLS if told[url] == "200"]
    sys.stdout.write(
        f"{len(PRIVATE) + len(PARTLY)} names, {sum(strangers(sealed.reached()).values())} connections to what is "
        f"not public, {len(delivered)} of {len(CONTROLS)} controls delivered\n"
    )
    assert strangers(sealed.reached()) == {}
    assert delivered == list(CONTROLS)
    assert {url: told[url] for url in PRIVATE if told[url] not in {"blocked_address", "name_not_found"}} == {
        f"http://both.test:{LONE_PORT}/": "connection_refused"
    }


def test_a_client_that_checks_nothing_is_seen_at_them(tmp_path: Path) -> None:
    """What the test above rests on: the names lead somewhere, and the listeners notice."""
    sealed = Sealed(tmp_path)

    sealed.ask((*PRIVATE, *PARTLY), "--naive", proxies=())

    found = strangers(sealed.reached())
    sys.stdout.write(f"naive: {sum(found.values())} connections to {len(found)} addresses that are not public\n")
    assert sum(found.values()) >= 42
    assert {LONE, "169.254.169.254", "fd00:ec2::254", "64:ff9b::a9fe:a9fe", "10.0.0.5"} <= found.keys()


def test_serve_delivers_to_public_addresses_and_to_no_others(tmp_path: Path, data_dir: Path) -> None:
    sealed = Sealed(tmp_path)
    with workspace(data_dir) as store:
        lanes = {url: lane for url in (*PRIVATE, *PARTLY, *CONTROLS) if (lane := connected(store, {"url": url}))}
        endpoints = {
            url: lane
            for url in ("http://10.0.0.1/", "http://ten.test/", "http://127.0.0.1.:8080/")
            if (lane := connected(store, {"endpoint": url, "write_key": "wk_0123456789abcdef"}, "segment"))
        }
        record(store, track("m1"))
        serve(sealed, data_dir, store, len(lanes) + len(endpoints))
        first = store.look(words)
        record(store, track("m2"))
        serve(Sealed(tmp_path, LATER), data_dir, store, len(lanes) + len(endpoints))
        second = store.look(words)

    assert strangers(sealed.reached()) == {}
    assert [first[lanes[url], 1] for url in CONTROLS] == ["delivered"] * len(CONTROLS)
    assert len(lanes) >= 76
    blocked = {"blocked_address", "name_not_found", "connection_refused"}
    assert {
        url: first[lane, 1] for url, lane in lanes.items() if url in PRIVATE and first[lane, 1] not in blocked
    } == {}
    assert {first[lane, 1] for lane in endpoints.values()} == {"blocked_address"}
    assert {first[lanes[url], 1] for url in REDIRECTS} == {"redirect"}
    assert [first[lanes[f"http://{name}/"], 1] for name in MOVING] == ["delivered"] * len(MOVING)
    assert [second[lanes[f"http://{name}/"], 2] for name in MOVING] == ["blocked_address"] * len(MOVING)


def connected(store: Store, settings: Mapping[str, Json], slug: str = "webhook") -> int | None:
    """Connect a destination; give its lane, or nothing where the settings are refused at the door."""
    try:
        return connect(store, settings, slug)
    except InvalidInput:
        return None


def serve(sealed: Sealed, data: Path, store: Store, lanes: int) -> None:
    """Run `serve` until each lane has tried all there is."""
    settings = {**Program(data, (("TURNOUT_RETRY_BASE_S", "60"),)).environment}
    given = [f"{name}={value}" for name, value in settings.items() if name.startswith("TURNOUT_")]
    process = sealed.start(*TURNOUT, "serve", "--port", "0", proxies=(*PROXIES, *given))
    try:
        events = store.look(lambda view: view.counter.seq - 1)
        until(lambda: process.poll() is not None or len(store.look(words)) == lanes * events)
    finally:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err.decode()


def words(view: View) -> dict[tuple[int, int], str]:
    """Say what became of each event at each lane that has tried it: (lane, seq)."""
    return {(each.lane, each.seq): each.reason if each.word == "waiting" else each.word for each in became(view)}
