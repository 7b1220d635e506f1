"""Fuzzing with hypothesis for a stretch of time: sound inputs, cut, spliced and spoilt; a failing one is made small.

What fails is raised with the smallest input that does; `make fuzz` puts that into the corpus, and every later run of
the tests begins with it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

ROUND = 200
"""Inputs between two looks at the clock."""
EDITS_MAX = 6
TOKENS = (
    b"{", b"}", b"[", b"]", b'"', b":", b",", b"null", b"true", b"0", b"-1", b"1e999", b"1e-999999999", b"9" * 400,
    b"0.10", b'""', b"{}", b"[]", b"\\u0000", b"\\ud800", b"\\ud83d\\ude00", b"\xff", b"\xc3", b"\xef\xbb\xbf", b"\x00",
    b"\r\n", b"\n", b"\r", b"\t", b" ", b"\\", b"'", b"'''", b"=", b"#", b"[[" * 60, b'{"a":' * 110, b"%",
    b": ", b"::", b";", b"a" * 300, b"4111 1111 1111 1111", b"-", b"NaN", b"Infinity", b"18446744073709551616",
    b"9223372036854775808", b"0x10", b"1_000", b"\xd9\xa1", b"\x1b[31m", b"\xe2\x80\xa8",
)  # fmt: skip
"""What readers are known to stumble over."""


def spoilt(seeds: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Inputs near sound ones, and a few that are near nothing.

    One draw each, a script of edits in bytes: hypothesis makes those small when an input fails, and takes a quarter of
    the time that a draw for each edit takes.
    """
    near = st.binary(min_size=1, max_size=6 * EDITS_MAX + 2).map(lambda script: _edited(script, seeds))
    return st.one_of(near, near, near, near, st.binary(max_size=200))


def _edited(script: bytes, seeds: Sequence[bytes]) -> bytes:
    data = seeds[script[0] % len(seeds)]
    for at in range(1, len(script) - 5, 6):
        place, fine, cut, kind, which, times = script[at : at + 6]
        start = min(len(data), (place * 256 + fine) * (len(data) + 1) // 65536)
        end = start + (0, 0, 1, 2, 5, 40)[cut % 6]
        other = seeds[which % len(seeds)]
        new = (TOKENS[which % len(TOKENS)], bytes([which]), b"", other[which % len(other) :][:60] if other else b"")
        data = data[:start] + new[kind % 4] * (1, 1, 1, 2, 9)[times % 5] + data[end:]
    return data


def fuzz(check: Callable[[Any], None], inputs: st.SearchStrategy[Any], cpu_s: float, first_seed: int) -> int:
    """Try inputs for ``cpu_s`` seconds of this process's time; gives how many. Raises what ``check`` raises."""
    tried = 0
    until_s = time.process_time() + cpu_s

    def counted(one: Any) -> None:
        nonlocal tried
        tried += 1
        check(one)

    number = first_seed
    while time.process_time() < until_s:
        quiet = settings(
            max_examples=ROUND, deadline=None, database=None, suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink), print_blob=False,
        )  # fmt: skip
        seed(number)(quiet(given(inputs)(counted)))()
        number += 1
    return tried


def keep(folder: Path, data: bytes) -> Path:
    """Put an input into a corpus, under a name of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / hashlib.sha256(data).hexdigest()[:12]
    file.write_bytes(data)
    return file
