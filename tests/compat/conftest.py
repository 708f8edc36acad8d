"""One server for all clients: each has a source of its own, and whoever kills it has another one started."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.server import Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("clients") / "data") as running:
        yield running
