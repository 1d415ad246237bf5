"""Prometheus's text format, version 0.0.4.

Written here and not by prometheus_client, which renames counters: its `aquatic_rx_bytes` would be
`aquatic_rx_bytes_total`, and dashboards of the Rust tracker would go blank.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Metric:
    """A family of samples; a histogram's samples have the suffixes `_bucket`, `_sum` and `_count`."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    samples: list[tuple[str, Labels, float]] = field(default_factory=list)

    def add(self, value: float, suffix: str = "", /, **labels: str) -> None:
        """Add a sample, its labels in the order given."""
        self.samples.append((suffix, tuple(labels.items()), value))


def expose(metrics: Iterable[Metric]) -> bytes:
    """Write metrics out; those without samples are left out."""
    lines: list[str] = []
    for metric in metrics:
        if metric.samples:
            lines.append(f"# HELP {metric.name} {_escape(metric.help)}")
            lines.append(f"# TYPE {metric.name} {metric.kind}")
            lines.extend(
                _sample(metric.name + suffix, labels, value) for suffix, labels, value in metric.samples
            )
            lines.append("")
    return "\n".join([*lines, ""]).encode()


def _sample(name: str, labels: Labels, value: float) -> str:
    inner = ",".join(
        f'{label}="{_escape(text).replace(chr(34), chr(92) + chr(34))}"' for label, text in labels
    )
    return f"{name}{{{inner}}} {value!r}" if inner else f"{name} {value!r}"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")
