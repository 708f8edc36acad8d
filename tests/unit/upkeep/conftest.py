from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.workspace import Bench, bench


@pytest.fixture
def here(data_dir: Path) -> Iterator[Bench]:
    with bench(data_dir) as opened:
        yield opened
