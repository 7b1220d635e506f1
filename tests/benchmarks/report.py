"""From measurements to the table: ratios of one round, medians, and their spread."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence

from tests.benchmarks.stage import Measured

Found = Mapping[str, Sequence[Measured]]
"""Server → its measurements, one for each round."""


def spread(values: Iterable[float | None]) -> str:
    """Median and range."""
    known = [value for value in values if value is not None]
    return f"{statistics.median(known):.2f} ({min(known):.2f}–{max(known):.2f})" if known else "–"


def against_bare(found: Found, name: str, of: Callable[[Measured], float | None], bare: str = "per_s") -> str:
    """A figure over the bare server's in the same round."""
    pairs = list(zip(found[name], found["bare"], strict=False))
    return spread(None if (mine := of(a)) is None else mine / b.load[bare] for a, b in pairs)


def saturation(found: Found) -> list[str]:
    """At saturation, keep-alive."""
    columns = ("acks / bare", "p99 / bare", "CPU / bare: web; all", "on Kafka / bare", "lost", "twice")
    rows = [f"| at saturation, 64 keep-alive connections | {' | '.join(columns)} |", "|---|---|---|---|---|---|---|"]
    for name, measured in found.items():
        cpu = zip(measured, found["bare"], strict=False)
        both = [((a.web_cpu_us or a.cpu_us) / b.cpu_us, a.cpu_us / b.cpu_us) for a, b in cpu]
        rows.append(
            f"| {name} | {against_bare(found, name, lambda one: one.load['per_s'])} "
            f"| {against_bare(found, name, lambda one: one.load['p99_us'], 'p99_us')} "
            f"| {spread(web for web, _ in both)}; {spread(whole for _, whole in both)} "
            f"| {against_bare(found, name, lambda one: one.settled_per_s)} "
            f"| {sum(one.lost for one in measured)} | {sum(one.twice for one in measured)} |"
        )
    return rows


def paced(found: Found, rate: float) -> list[str]:
    """At one arrival rate."""
    columns = ("p50, ms", "p50 above an fsync's meanwhile, ms", "p99, ms", "p99.9, ms", "on Kafka p50; p99, ms")
    rows = [f"| at {rate:.0f}/s | {' | '.join(columns)} |", "|---|---|---|---|---|---|"]
    for name, measured in found.items():
        p50, p99, p999 = ([one.load[key] / 1000 for one in measured] for key in ("p50_us", "p99_us", "p999_us"))
        seen = [one.arrival_ms for one in measured if one.arrival_ms]
        arrived = f"{spread(share(one, 0.5) for one in seen)}; {spread(share(one, 0.99) for one in seen)}"
        above = spread(one.load["p50_us"] / 1000 - one.fsync_ms for one in measured if one.fsync_ms is not None)
        cells = (spread(p50), above, spread(p99), spread(p999), arrived if seen else "–")
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return rows


def fresh(found: Found) -> list[str]:
    """A new connection for each request."""
    rows = ["| a new connection per request | acks / bare in that mode | p99 / bare |", "|---|---|---|"]
    for name in found:
        throughput = against_bare(found, name, lambda one: one.load["per_s"])
        rows.append(
            f"| {name} | {throughput} | {against_bare(found, name, lambda one: one.load['p99_us'], 'p99_us')} |"
        )
    return rows


def traces(loads: Mapping[str, Found]) -> list[str]:
    """Ours with traces over ours without, at each load."""
    columns = ("acks a second", "p50", "p99", "CPU: web", "CPU: all", "lost")
    rows = [f"| traced / not, medians of rounds | {' | '.join(columns)} |", "|---|---|---|---|---|---|---|"]
    for load, found in loads.items():
        for name in (name for name in found if name != "ours"):
            pairs = list(zip(found[name], found["ours"], strict=True))
            cells = [spread(a.load[key] / b.load[key] for a, b in pairs) for key in ("per_s", "p50_us", "p99_us")]
            cells.append(spread((a.web_cpu_us or 0) / (b.web_cpu_us or 1) for a, b in pairs))
            cells += [spread(a.cpu_us / b.cpu_us for a, b in pairs), str(sum(a.lost for a, _ in pairs))]
            rows.append(f"| {name}, {load} | {' | '.join(cells)} |")
    return rows


def share(values: Sequence[float], part: float) -> float:
    """The value that ``part`` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
