"""From the inbox to the outbox: one commit per batch, in order, whatever a callback does to our code."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import orjson
import pytest

from receiver.interpret import loop as interpreter_loop
from receiver.interpret.loop import InterpreterLoop, batch_window_s
from receiver.interpret.outbox_batch import traceparent
from receiver.model.callback import EntryId, JournalEntry, VerifiedCallback, entry_digest
from receiver.model.errors import StoreFailed
from receiver.providers.zeroxpay import callbacks as zeroxpay
from tests.support import OXPAY_VECTORS, Lines, Way, oxpay_source

DONE: dict[str, Any] = json.loads(OXPAY_VECTORS["bodies"][0]["body"])


def body(number: int, **changes: Any) -> bytes:
    """A distinct exchange."""
    return json.dumps(DONE | {"id": f"operation-{number}"} | changes).encode()


async def test_a_batch_is_read_in_order_and_remembered_with_its_last_entry() -> None:
    """Record numbers follow inbox numbers; progress holds number and digest of the last entry read."""
    way = Way()
    await way.events("0xpay-main", [body(1), b"junk", body(2), body(1)])
    assert [record.callback for record in way.outbox.records] == [1, 2, 3]
    progress = way.outbox.progress("inbox")
    assert (progress.number, progress.digest) == (4, entry_digest(way.inbox.entries[3]))
    assert [way.outbox.outcomes[EntryId("inbox", n)].outcome for n in (1, 2, 3, 4)] == [
        "event",
        "quarantine",
        "event",
        "duplicate",
    ]


async def test_a_bug_quarantines_its_callback_and_the_line_goes_on() -> None:
    """Reason ``internal_error``, a traceback in the log, nothing lost."""

    def buggy(payload: Any, source: Any) -> Any:
        if payload.body.id == "operation-2":
            raise ZeroDivisionError(payload.body.id)
        return zeroxpay.normalise(payload, source)

    way = Way((replace(zeroxpay.PROVIDER, normalise=buggy), oxpay_source()))
    said = await way.events("0xpay-main", [body(1), body(2), body(3)])
    assert [record.get("reason", "event") for record in said] == ["event", "internal_error", "event"]
    assert way.log.named("callback.bug") == [{"callback": 2, "source": "0xpay-main"}]


async def test_a_source_that_is_not_configured_any_more_is_kept_for_later() -> None:
    """Its callbacks are quarantined without guessing which header was a signature."""
    way = Way()
    await way.deliver("0xpay-main", body(1))
    way.interpreter.sources = {}
    (record,) = way.interpret()
    assert (record["reason"], record["provider"]) == ("internal_error", "")
    assert "signature" not in dict(record["headers"])


async def test_an_event_too_large_for_the_broker_gets_no_sequence() -> None:
    """It is quarantined before it is numbered: the operation's next event has no gap before it."""
    way = Way(record_bytes_max=1500)
    said = await way.events("0xpay-main", [body(1, meta="x" * 1000), body(1, meta="y")])
    assert (said[0]["reason"], said[0]["detail"]) == ("too_large_for_broker", "$")
    assert (said[1]["sequence"], said[1]["revision"]) == (1, 1)


async def test_memory_running_out_is_not_the_callbacks_fault() -> None:
    """The step fails and is repeated; nothing is committed."""

    def hungry(document: Any, source: Any) -> Any:
        raise MemoryError

    way = Way((replace(zeroxpay.PROVIDER, parse=hungry), oxpay_source()))
    await way.deliver("0xpay-main", body(1))
    with pytest.raises(MemoryError):
        way.interpreter.step()
    assert way.outbox.progress("inbox").number == 0
    assert way.outbox.records == []


async def test_a_refused_commit_changes_nothing_and_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same callbacks give the same records once the disk is free."""
    way = Way()
    await way.deliver("0xpay-main", body(1))
    commit = way.outbox.commit

    def full(batch: Any) -> None:
        raise StoreFailed("disk full")

    monkeypatch.setattr(way.outbox, "commit", full)
    with pytest.raises(StoreFailed):
        way.interpreter.step()
    monkeypatch.setattr(way.outbox, "commit", commit)
    assert [event["sequence"] for event in way.interpret()] == [1]


async def test_the_loop_reports_a_refused_commit_heals_and_ends_with_an_empty_inbox(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While it is refused, ``detail`` says why; ``stop`` interprets what is left."""
    way, log = Way(), Lines()
    commit, failures = way.outbox.commit, [StoreFailed("disk full")]

    def sometimes(batch: Any) -> None:
        if failures:
            raise failures.pop()
        commit(batch)

    monkeypatch.setattr(way.outbox, "commit", sometimes)
    monkeypatch.setattr("receiver.interpret.loop.RETRY_S", 0.01)
    told: list[int] = []
    loop = InterpreterLoop(way.interpreter, wait_s=0, on_records=lambda: told.append(1), log=log)
    await way.deliver("0xpay-main", body(1))
    running = asyncio.create_task(loop.run())
    async with asyncio.timeout(5):
        while not told or loop.detail is not None:
            await asyncio.sleep(0.01)
    assert log.named("outbox.refused") == [{"why": "disk full"}]
    await way.deliver("0xpay-main", body(2))
    loop.stop()
    await running
    assert way.outbox.last_number() == 2


async def test_chores_are_done_between_callbacks_that_never_end() -> None:
    """Steady traffic must not keep retention away."""
    said: list[str] = []

    class Steady:
        """One callback a step, five times, and then none."""

        def step(self) -> int:
            said.append("step")
            return int(said.count("step") <= 5)

    def chores() -> bool:
        said.append("chores")
        return False

    def on_records() -> None:
        loop.wake() if said.count("step") < 5 else loop.stop()

    steady: Any = Steady()
    loop = InterpreterLoop(steady, wait_s=0, on_records=on_records, log=Lines(), chores=chores)
    await asyncio.wait_for(loop.run(), 5)
    assert said == [*["step", "chores"] * 4, "step", "step"]


async def test_callbacks_that_keep_coming_are_interpreted_at_a_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that comes alone waits out the batch window only; those after it until the last batch is long enough ago."""
    monkeypatch.setattr(interpreter_loop, "PACE_S", 0.3)
    began_s: list[float] = []
    running = asyncio.get_running_loop()

    class Steady:
        """Nothing at first, and then a callback a step, each followed by another."""

        def step(self) -> int:
            began_s.append(running.time())
            return int(1 < len(began_s) < 5)

    steady: Any = Steady()
    loop = InterpreterLoop(
        steady, wait_s=0.2, on_records=lambda: loop.wake() if len(began_s) < 4 else loop.stop(), log=Lines()
    )
    running.call_later(0.05, loop.wake)
    started_s = running.time()
    await asyncio.wait_for(loop.run(), 10)
    assert began_s[1] - started_s >= 0.05 + 0.2 - 0.01
    assert min(later - earlier for earlier, later in pairwise(began_s[1:4])) >= 0.3 - 0.01


@pytest.mark.parametrize(
    ("wait_ms", "since_ms", "window_ms"),
    [(20, 5, 35), (20, 15, 25), (20, 30, 20), (20, 1000, 20), (5, 0, 10), (5, 6, 5), (0, 0, 0), (500, 0, 500)],
)
def test_the_pace_is_never_slower_than_a_patient_wait(wait_ms: int, since_ms: int, window_ms: int) -> None:
    """Nor quicker than the batch window; who sets that to nothing is not made to wait."""
    assert batch_window_s(wait_ms / 1000, since_ms / 1000) == pytest.approx(window_ms / 1000)


async def test_log_lines_tie_a_callback_to_its_event_and_hold_no_secret() -> None:
    """``callback`` is the thread; no body, card number, signature or key is ever in a line."""
    way = Way()
    card = next(v for v in OXPAY_VECTORS["bodies"] if v["name"] == "fiat-exchange-withdraw-done")["body"].encode()
    await way.events("0xpay-main", [card, card, b"junk 4400000000000008"])
    assert way.log.named("callback.accepted")[0]["callback"] == 1
    (recorded,) = way.log.named("event.recorded")
    assert (recorded["callback"], recorded["sequence"], recorded["status"]) == (1, 1, "completed")
    assert way.log.named("event.repeated")[0]["callback"] == 2
    assert way.log.named("callback.quarantined")[0]["reason"] == "not_json"
    said = repr(way.log.lines)
    for secret in ("4400000000000008", "signature", way.web.sources["0xpay-main"][1].secrets[0].decode()):
        assert secret not in said


def test_only_a_well_formed_trace_is_passed_on() -> None:
    """W3C Trace Context, once."""
    good = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert traceparent(((b"traceparent", good),)) == good.decode()
    assert traceparent(((b"traceparent", good.upper()),)) is None
    assert traceparent(((b"traceparent", good), (b"traceparent", good))) is None
    assert traceparent(()) is None


def test_the_digest_of_an_entry_tells_its_parts_apart() -> None:
    """Moving a byte from one part to the next is another entry."""

    def made(source: str, headers: Any, content: bytes) -> bytes:
        return entry_digest(JournalEntry(1, VerifiedCallback(source, 5, headers, content)))

    digests = {
        made("a", ((b"b", b"c"),), b"d"), made("ab", ((b"", b"c"),), b"d"), made("a", ((b"b", b""),), b"cd"),
        made("a", (), b"b: c\r\nd"),
    }  # fmt: skip
    assert len(digests) == 4


async def test_quarantine_records_publish_no_secret_header() -> None:
    """Signatures, authorization and cookies stay in the journal; the rest is there in order."""
    way = Way()
    source = way.web.sources["0xpay-main"][1]
    junk = b"\xff"
    headers = [*zeroxpay.PROVIDER.sign(junk, source, way.clock.us // 1_000_000)]
    headers += [
        (b"authorization", b"x"),
        (b"cookie", b"x"),
        (b"x-odd", b"\xe9"),
        (b"x-twice", b"1"),
        (b"x-twice", b"2"),
    ]
    assert (await way.post("0xpay-main", junk, headers)).status_code == 200
    (record,) = way.interpret()
    names = [name for name, _ in record["headers"]]
    assert not {"signature", "authorization", "cookie"} & set(names)
    assert ["x-odd", "é"] in record["headers"]
    assert [value for name, value in record["headers"] if name == "x-twice"] == ["1", "2"]
    assert (record["body_bytes"], len(record["body_sha256"])) == (1, 64)
    assert "body_base64" not in record
    assert orjson.loads(way.outbox.records[0].value) == record
