"""Work without end ends its process, whatever holds the interpreter; waiting, however long, does not."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from receiver.interpret.interpreter import Interpreter
from receiver.interpret.poison import DEATHS_MAX, NOBODY, after_death, points_at_the_batch
from receiver.interpret.watchdog import CPU_MAX_S, EXPIRED, limited
from tests.support import OXPAY_VECTORS, Way

BODY: bytes = OXPAY_VECTORS["bodies"][0]["body"].encode()


def armed_s() -> float:
    """How much is left of the limit; 0 where there is none."""
    return signal.getitimer(signal.ITIMER_VIRTUAL)[0]


def test_the_limit_holds_for_the_body_and_no_longer() -> None:
    """Also where the body fails, and on any thread."""
    left = list[float]()

    def work() -> None:
        with limited():
            left.append(armed_s())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert 0 < left[0] <= CPU_MAX_S + 1
    assert armed_s() == 0
    with pytest.raises(ValueError, match="a bug"), limited():
        raise ValueError("a bug")
    assert armed_s() == 0


PROGRAM = """
import re, threading, time
from receiver.interpret.watchdog import limited
def work():
    with limited(0.2):
        {deed}
    print("done")
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""
DEEDS = {
    "native code": ("re.match('(a|a)*b', 'a' * 60)", -EXPIRED),
    "our own code": ("any(False for _ in iter(int, 1))", -EXPIRED),
    "waiting": ("time.sleep(1)", 0),
}


@pytest.mark.parametrize(("deed", "code"), DEEDS.values(), ids=DEEDS)
def test_what_works_for_too_long_dies_and_what_waits_lives(deed: str, code: int) -> None:
    """A pattern that goes back for ever holds the interpreter lock, so that no thread of ours could end it."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(deed=deed)], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, "" if code else "done\n", "")


def test_a_process_that_was_stopped_is_not_blamed() -> None:
    """As when a virtual machine sleeps: the time on the clock goes by, and no work is done."""
    program = PROGRAM.format(deed="print('begun', flush=True); input()")
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGSTOP)
    time.sleep(0.5)
    process.send_signal(signal.SIGCONT)
    assert process.communicate("\n", timeout=120)[0] == "done\n"
    assert process.returncode == 0


def test_such_a_death_counts_as_a_crash_does() -> None:
    """First all of the batch are suspects, then the one that was alone is condemned."""
    assert points_at_the_batch(-EXPIRED)
    known = after_death(NOBODY, 1, 500)
    for _ in range(DEATHS_MAX):
        assert known.condemned == frozenset()
        known = after_death(known, 7, 7)
    assert known.condemned == {7}


async def test_callbacks_are_interpreted_within_the_limit_and_the_journal_is_not_read_within_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So no disk can make anybody wait within it."""
    way = Way()
    await way.deliver("0xpay-main", BODY)
    looked = list[tuple[str, bool]]()

    def noted(what: str, done: Callable[..., Any]) -> Callable[..., Any]:
        def look(*asked: Any) -> Any:
            looked.append((what, armed_s() > 0))
            return done(*asked)

        return look

    provider, source = way.rules.sources["0xpay-main"]
    noting = replace(provider, parse=noted("parse", provider.parse))
    rules = replace(way.rules, sources={"0xpay-main": (noting, source)})
    interpreter = Interpreter(stores=way.stores, rules=rules, metrics=way.metrics, limited=limited)
    monkeypatch.setattr(way.inbox, "read", noted("inbox", way.inbox.read))
    monkeypatch.setattr(way.outbox, "operations", noted("operations", way.outbox.operations))
    assert interpreter.step() == 1
    assert looked == [("inbox", False), ("parse", True), ("operations", False)]
