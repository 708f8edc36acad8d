"""The OpenMetrics text format: families of samples, written as its specification says.

Source: prometheus.io/docs/specs/om/open_metrics_spec, version 1.0. A family has its metadata first and all its
samples together; a name with a unit ends in it; counters end in `_total`, an info in `_info`, a histogram in `_bucket`,
`_count` and `_sum`; the text ends with `# EOF`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

Kind: TypeAlias = Literal["gauge", "counter", "histogram", "info", "stateset"]


@dataclass(frozen=True, slots=True)
class Family:
    """What one name means. `labels` beside those of its kind; all of them have few values."""

    name: str
    kind: Kind
    says: str
    labels: tuple[str, ...] = ()
    unit: str = ""


class Sheet:
    """Samples by family, to be written together."""

    def __init__(self, families: Iterable[Family]) -> None:
        """Begin with no sample; families keep their order."""
        self._families = {family.name: family for family in families}
        self._lines: dict[str, list[str]] = {}

    def put(self, name: str, value: float, **labels: str) -> None:
        """Add a sample of a gauge or a counter."""
        suffix = "_total" if self._families[name].kind == "counter" else ""
        self._add(name, suffix, labels, value)

    def info(self, name: str, **labels: str) -> None:
        """Add an info."""
        self._add(name, "_info", labels, 1)

    def states(self, name: str, states: Iterable[str], now: str, **labels: str) -> None:
        """Add a set of states, of which one holds."""
        for state in states:
            self._add(name, "", labels | {name: state}, int(state == now))

    def histogram(self, name: str, buckets: Mapping[float, int], total: float, **labels: str) -> None:
        """Add a histogram: how many were at most so much, each counted once; `total` is their sum."""
        count = 0
        for bound, n in sorted(buckets.items()):
            count += n
            self._add(name, "_bucket", labels | {"le": "+Inf" if bound == float("inf") else repr(bound)}, count)
        self._add(name, "_count", labels, count)
        self._add(name, "_sum", labels, total)

    def text(self) -> str:
        """Write all of it."""
        return "\n".join((*self._written(), "# EOF", ""))

    def _add(self, name: str, suffix: str, labels: Mapping[str, str], value: float) -> None:
        inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        braces = f"{{{inside}}}" if inside else ""
        self._lines.setdefault(name, []).append(f"{name}{suffix}{braces} {value!r}")

    def _written(self) -> Iterator[str]:
        for name, family in self._families.items():
            if name in self._lines:
                yield f"# TYPE {name} {family.kind}"
                if family.unit:
                    yield f"# UNIT {name} {family.unit}"
                yield f"# HELP {name} {_escaped(family.says)}"
                yield from self._lines[name]


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
