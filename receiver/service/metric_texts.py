"""The exposition texts of several processes as one: what several of them count stands in one family, told by a label.

Prometheus refuses a text in which a family begins twice, or a series stands twice. So where two processes do the same
work, each for its own slot, their series are put together, and each gets a label that says whose it is. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def joined(texts: Iterable[tuple[Mapping[str, str], bytes]]) -> bytes:
    """One text of many. Each comes with the labels that all of its series get, none for a process that is alone."""
    heads: dict[str, list[str]] = {}
    samples: dict[str, list[str]] = {}
    for labels, text in texts:
        family = ""
        added = ",".join(f'{name}="{value}"' for name, value in labels.items())
        for line in text.decode().splitlines():
            if line.startswith("# "):
                _, word, family, *_ = line.split(" ", 3)
                _note(heads.setdefault(family, []), word, line)
            else:
                samples.setdefault(family, []).append(_labelled(line, added))
    families = dict.fromkeys([*heads, *samples])
    lines = [line for family in families for line in (*heads.get(family, ()), *samples.get(family, ()))]
    return "".join(f"{line}\n" for line in lines).encode()


def _note(head: list[str], word: str, line: str) -> None:
    # HELP and TYPE once each, as whoever comes first has them: they are the same code's.
    if not any(known.startswith(f"# {word} ") for known in head):
        head.append(line)


def _labelled(line: str, added: str) -> str:
    if not added:
        return line
    name, brace, rest = line.partition("{")
    if brace:
        return f"{name}{{{added},{rest}"
    name, _, value = line.partition(" ")
    return f"{name}{{{added}}} {value}"
