"""Foreign bytes, for a stretch of time: the corpus first, then inputs that nobody has seen yet.

``FUZZ_CPU_S`` is what all of it may take together, seconds of CPU; ``make test`` gives a minute, ``make fuzz`` more.
With ``FUZZ_KEEP`` set, an input that shows a fault is put into the corpus.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import strategies as st

from tests.fuzz.engine import fuzz, keep, spoilt
from tests.fuzz.http import PIECES, REQUESTS, Asked, Conversation, conversation, resident_bytes
from tests.fuzz.targets import CORPUS, Target, targets

CPU_S = float(os.environ.get("FUZZ_CPU_S", "6"))
SHARE_OF_HTTP = 0.25
"""Of each of the two HTTP tests; the readers share the rest."""
GROWTH_BYTES_MAX = 200 * 1024 * 1024
"""That a listener may have kept after all of it: far more than anything that is bounded, far less than what is not."""
TARGETS = targets()
KEPT = [(target, file) for target in TARGETS.values() for file in target.corpus()]


def first_seed() -> int:
    """Another one at each run; named where something fails."""
    return random.SystemRandom().randrange(2**32)


def run(name: str, check: Callable[[Any], None], inputs: st.SearchStrategy[Any], cpu_s: float) -> int:
    """Fuzz, and keep what fails where that is asked for."""
    last: list[Any] = [None]

    def remembered(one: Any) -> None:
        last[0] = one
        check(one)

    seed = first_seed()
    try:
        return fuzz(remembered, inputs, cpu_s, seed)
    except (Exception, pytest.fail.Exception) as error:
        data = last[0][0] if isinstance(last[0], tuple) else last[0]
        if os.environ.get("FUZZ_KEEP") and isinstance(data, bytes):
            error.add_note(f"kept as {keep(CORPUS / name, data)}")
        error.add_note(f"first seed {seed}")
        raise


@pytest.mark.parametrize(("target", "file"), KEPT, ids=lambda one: getattr(one, "name", "?"))
def test_what_once_showed_a_fault_shows_none(target: Target, file: Any) -> None:
    """Every input of the corpus."""
    target.check(file.read_bytes())


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.name)
def test_a_reader_reads_or_refuses(target: Target) -> None:
    """In its own words, whatever it is given; the seeds themselves are read."""
    for seed in target.seeds:
        target.check(seed)
    assert run(target.name, target.check, spoilt(target.seeds), CPU_S * (1 - 2 * SHARE_OF_HTTP) / len(TARGETS)) > 0


@pytest.fixture
def talk() -> Iterator[tuple[asyncio.Runner, Conversation]]:
    """A server in this process, on a loop that runs while something is asked."""
    with asyncio.Runner() as runner:
        server = conversation()
        made = runner.run(server.__aenter__())
        yield runner, made
        runner.run(server.__aexit__(None, None, None))


def test_whatever_a_caller_sends_the_answers_are_the_contracts(talk: tuple[asyncio.Runner, Conversation]) -> None:
    """Whole, never a 5xx; nothing committed that nobody signed, nothing raised or left hanging; memory is bounded."""
    runner, made = talk
    first = made.whole(Asked(), last=False)
    seeds = (
        made.whole(Asked()), made.whole(Asked(chunked=True)), first + made.whole(Asked(body=b"{}")),
        made.whole(Asked(method=b"GET", signature="missing")),
        *(file.read_bytes() for file in sorted((CORPUS / "http").glob("*"))),
        made.whole(Asked()).replace(b"host: x", b"host: x\r\nupgrade: h2c\r\nconnection: upgrade"),
        made.whole(Asked()).replace(b"host: x", b"host: x\r\nexpect: 100-continue"),
        made.whole(Asked(chunked=True)).replace(b"0\r\n\r\n", b"0\r\nx-trailer: 1\r\n\r\n"),
    )  # fmt: skip
    for seed in seeds:
        runner.run(made.spoilt(seed, []))
    before = resident_bytes()
    inputs = st.tuples(spoilt(seeds), PIECES)
    assert run("http", lambda one: runner.run(made.spoilt(*one)), inputs, CPU_S * SHARE_OF_HTTP) > 0
    gc.collect()
    assert resident_bytes() - before < GROWTH_BYTES_MAX


def test_of_several_faults_the_first_of_the_contracts_table_is_answered(
    talk: tuple[asyncio.Runner, Conversation],
) -> None:
    """However the network cuts the request, chunked or not, alone or after another one."""
    runner, made = talk
    inputs = st.tuples(REQUESTS, PIECES, st.booleans())

    def check(one: tuple[Asked, list[int], bool]) -> None:
        runner.run(made.ordered(one[0], one[1], after_another=one[2]))

    assert run("ordered", check, inputs, CPU_S * SHARE_OF_HTTP) > 0
