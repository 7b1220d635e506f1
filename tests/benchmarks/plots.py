"""The curves of a run as PNG: latency against arrival rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

Point = tuple[float, float, float, float]
"""(arrivals a second, p50, p99, p99.9), latencies in ms."""


def latency(path: Path, title: str, curves: Mapping[str, Sequence[Point]]) -> None:
    """One figure: p50, p99 and p99.9 of each server, on logarithmic axes."""
    from matplotlib.figure import Figure  # noqa: PLC0415  only where plots are made

    figure = Figure(figsize=(8, 5))
    axes = figure.add_subplot()
    for (name, points), colour in zip(curves.items(), ("C0", "C1", "C2", "C3"), strict=False):
        rates = [point[0] for point in points]
        for place, (share, style) in enumerate((("p50", ":"), ("p99", "-"), ("p99.9", "--")), start=1):
            axes.plot(rates, [point[place] for point in points], style, color=colour, label=f"{name} {share}")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("callbacks a second")
    axes.set_ylabel("ms")
    axes.set_title(title)
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))
    figure.savefig(path, dpi=110, bbox_inches="tight")
