"""What every test has: one seed for order and properties, a clean environment, a data directory, golden files."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx
from hypothesis import HealthCheck, settings

from support.engine import open_store
from turnout.store.store import Store

DAY_S, MIDNIGHT_S = 86_400, 30
GOLDEN = Path(__file__).parent / "golden"
collect_ignore = [] if sys.platform == "linux" else ["e2e/test_egress.py"]
"""Only Linux gives a process a network of its own; there, a machine that refuses one fails the test."""

# Two cores are shared with other work: an example may be slow without being wrong, so none has a deadline. Nor is it
# a fault of ours that a draw is unlucky: too large, or filtered out too often.
settings.register_profile(
    "default",
    max_examples=50,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
settings.register_profile("deep", settings.get_profile("default"), max_examples=2000)
settings.load_profile("default")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-golden", action="store_true", help="write the golden files instead of comparing them")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Draw one seed for pytest-randomly and Hypothesis, before either looks; a worker takes the one of its parent."""
    given = config.getoption("randomly_seed", None)
    if workers := getattr(config, "workerinput", None):
        given = workers.get("randomly_seed")  # none with `-p no:randomly`
    elif given == "default":
        given = config.option.randomly_seed = secrets.randbits(32)
    if isinstance(given, int) and config.getoption("hypothesis_seed", None) is None:
        config.option.hypothesis_seed = str(given)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Begin no test in the last moments of a day: what it counts by day or by month would be of two."""
    left = DAY_S - time.time() % DAY_S
    if left < MIDNIGHT_S:
        time.sleep(left)


def pytest_report_header(config: pytest.Config) -> str:
    seed = config.getoption("hypothesis_seed", None)
    return f"replay this run with: --randomly-seed={seed}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say of each test that tried faults how many, and how many were survived."""
    reports = [each for kind in ("passed", "failed") for each in terminalreporter.stats.get(kind, [])]
    for line in [str(text) for each in reports for name, text in each.user_properties if name == "faults"]:
        terminalreporter.write_line(f"faults: {line}")


@pytest.fixture(scope="session", autouse=True)
def clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Hide the settings and the data of whoever runs the tests; programs that a test starts inherit this."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("TURNOUT_")]:
            patch.delenv(name)
        home = tmp_path_factory.mktemp("home")
        patch.setenv("HOME", str(home))
        patch.setenv("XDG_DATA_HOME", str(home / "data"))
        yield


@pytest.fixture(scope="session", autouse=True)
def no_blocking_in_the_loop() -> Iterator[None]:
    """Raise where our code blocks an event loop."""
    with blockbuster_ctx("turnout"):
        yield


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Give the path of a data directory of this test's own; nothing is there yet."""
    return tmp_path / "data"


@pytest.fixture
def store(data_dir: Path) -> Iterator[Store]:
    """Give an open workspace of this test's own, with nothing in it."""
    opened = open_store(data_dir)
    yield opened
    opened.close()


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Give `golden(name, text)`: it compares with `tests/golden/<name>`, or writes it under `make golden`."""
    write = request.config.getoption("write_golden")

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if write:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"{name} is missing; write it with `make golden` and read the diff"
        assert text == path.read_text(encoding="utf-8"), f"{name} differs; `make golden` shows how"

    return compare
