"""A context opens what is asked for, when it is asked for, once; and puts every interpreter together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from receiver.model.errors import ConfigurationError, JournalError
from receiver.operate.context import make_interpreter
from receiver.sandbox.fakes import FakeKafka, MemoryJournal
from tests.operate.desk import context_of, exchange
from tests.support import Way


def test_nothing_is_opened_before_it_is_asked_for_and_then_once() -> None:
    """Who only looks into a journal needs no secret."""
    opened: list[str] = []

    def journal() -> MemoryJournal:
        opened.append("journal")
        return MemoryJournal()

    def refuse() -> None:
        raise ConfigurationError(["no secret"])

    context = replace(context_of(Way()), open_journal=journal, open_kafka=refuse)
    assert opened == []
    assert context.journal is context.journal
    assert opened == ["journal"]
    with pytest.raises(ConfigurationError, match="no secret"):
        _ = context.kafka


def test_a_journal_that_is_not_there_is_asked_for_again() -> None:
    """What failed to open is not kept."""
    answers = [JournalError("there is none yet")]

    def journal() -> MemoryJournal:
        if answers:
            raise answers.pop()
        return MemoryJournal("made-meanwhile")

    context = replace(context_of(Way()), open_journal=journal)
    with pytest.raises(JournalError):
        _ = context.journal
    assert context.journal.journal_id == "made-meanwhile"


def test_who_needs_kafka_and_has_none_is_told_so() -> None:
    """As a fault of the configuration."""
    with pytest.raises(ConfigurationError, match=r"there is no \[kafka\] in the configuration"):
        context_of(Way()).need_kafka()
    cluster = FakeKafka()
    assert context_of(Way(), cluster).need_kafka() is cluster


async def test_an_interpreter_goes_by_the_contexts_settings() -> None:
    """How large an event may be, whether the body is shown, and whether all of it goes to Kafka."""
    way = Way()
    await way.deliver("0xpay-main", exchange("one"))
    await way.deliver("0xpay-main", b"junk")
    context = replace(context_of(way), record_bytes_max=10, publish_body=True)
    interpreter = make_interpreter(context, way.stores, publish=False)
    assert interpreter.step() == 2
    large, junk = way.outbox.records
    assert b"too_large_for_broker" in large.value
    assert b'"body_base64":"anVuaw=="' in junk.value
    assert (large.publish, junk.publish) == (False, False)
    assert make_interpreter(context, way.stores).step() == 0
