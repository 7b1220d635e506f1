"""What foreign bytes are given to, and what must hold whatever they are: a reader reads, or refuses in its own words.

A target is a function on bytes that fails where something is wrong. It has seeds, which are sound inputs, and a corpus
on disk: every input that once showed a fault.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import get_args

import orjson
import pytest

from exchange_events.quarantine import QuarantineRecord
from exchange_events.status_event import StatusEvent
from receiver.interpret.entry import Rules, add_entry, read_entry
from receiver.interpret.outbox_batch import BatchBuilder
from receiver.model.callback import JournalEntry, Resource, VerifiedCallback, headers_from_wire, headers_to_wire
from receiver.model.errors import ApiFailed, ConfigurationError, NotUnderstood, ReceiverError
from receiver.model.exact_json import canonical_json, read_json
from receiver.operate.archive import read_any
from receiver.operate.rejoin_plan import rebuild
from receiver.providers.calls import Access, Answer, Failure
from receiver.providers.contract import Provider, Source
from receiver.providers.registry import built_in
from receiver.providers.samples import bodies
from receiver.publish.routing import record_number
from receiver.service.config.exposure import exposures
from receiver.service.config.placeholders import placeholders_left
from receiver.service.config.settings import load
from receiver.service.config.template import configuration
from receiver.service.config.weak_secrets import weak_secrets
from tests.support import (
    NOW_S,
    ONCHAINPAY_VECTORS,
    Lines,
    calypso_source,
    onchainpay_source,
    order_source,
    oxpay_source,
)

CORPUS = Path(__file__).parent / "corpus"
ASKED_FOR = "1234"
"""The id of the operation that an API was asked for."""


@dataclass(frozen=True, slots=True)
class Target:
    """One reader under fuzzing."""

    name: str
    check: Callable[[bytes], None]
    seeds: tuple[bytes, ...]

    def corpus(self) -> list[Path]:
        """The files of inputs that once showed a fault."""
        return sorted((CORPUS / self.name).glob("*"))


def exact(body: bytes) -> None:
    """What is read says the same when it is written; what is refused is refused by the standard's reader or a limit."""
    try:
        value = read_json(body)
    except NotUnderstood as refused:
        assert refused.reason in {"not_utf8", "not_json"}  # noqa: PT017
        return
    written = canonical_json(value)
    assert canonical_json(read_json(written)) == written
    json.loads(body, parse_int=str, parse_float=str, parse_constant=_no_json)


def _no_json(word: str) -> None:
    pytest.fail(f"{word} was read, and is no JSON")


def callback(provider: Provider, source: Source) -> Callable[[bytes], None]:
    """A genuine callback becomes a valid event or a valid quarantine record; a bug of ours is neither."""
    becomes_a_record = _interpreting(provider, source)
    return lambda body: becomes_a_record(JournalEntry(1, VerifiedCallback(source.name, NOW_S * 10**6, (), body)))


def _interpreting(provider: Provider, source: Source) -> Callable[[JournalEntry], None]:
    log = Lines()
    rules = Rules(sources={source.name: (provider, source)}, record_bytes_max=10**6, publish_body=False, log=log)

    def becomes_a_record(entry: JournalEntry) -> None:
        builder = BatchBuilder(0, {})
        add_entry(builder, rules, entry, read_entry(rules, entry), interpreted_before=False)
        (record,) = builder.batch.records
        lines, log.lines = log.lines, []
        assert lines == []
        if record.record_type == "event":
            StatusEvent.model_validate_json(record.value)
        else:
            assert QuarantineRecord.model_validate_json(record.value).reason != "internal_error"

    return becomes_a_record


def answer(provider: Provider, source: Source) -> Callable[[bytes], None]:
    """An API's answer is an operation, a page, or a failure of the closed list; what it tells becomes a record."""
    api, access = provider.api, source.access
    assert api is not None
    assert access is not None
    becomes_a_record = _interpreting(provider, source)

    def read(got: Answer, *, a_page: bool) -> tuple[Resource, ...]:
        if not a_page:
            return (api.read(got, ASKED_FOR, access),)
        return api.lists.read_page(got, access).resources if api.lists is not None else ()

    def check(body: bytes) -> None:
        for status, a_page in ((200, False), (200, True), (404, False), (500, True)):
            try:
                found = read(Answer(status, body), a_page=a_page)
            except ApiFailed as failed:
                assert failed.failure in FAILURES  # noqa: PT017
                continue
            for one in found:
                if one.text:
                    said = VerifiedCallback(source.name, NOW_S * 10**6, (), one.text)
                    becomes_a_record(JournalEntry(1, said, "requests"))

    return check


FAILURES = get_args(Failure)


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="fuzz-"))


def config(text: bytes) -> None:
    """A file is a configuration, of which something can be said, or every fault of it is named."""
    file = _folder() / f"{os.getpid()}.toml"
    file.write_bytes(text)
    try:
        settings = load(file)
    except ConfigurationError as refused:
        assert refused.faults  # noqa: PT017
        return
    placeholders_left(settings)
    weak_secrets(settings, {"OXPAY_PRIVATE_KEY": "x", "ONCHAINPAY_SECRET": "x"})
    exposures(settings)


def imported(text: bytes) -> None:
    """Each callback of a file is read, or the file is refused with a reason."""
    try:
        for number, said, _ in read_any(text.decode("utf-8", "replace"), None, 1):
            assert isinstance(number, int)
            headers_to_wire(said.headers)
    except ReceiverError as refused:
        assert str(refused)  # noqa: PT017


def headers(wire: bytes) -> None:
    """What the journal kept as headers, and what Kafka gives back of a record: junk is nobody's record."""
    kept = headers_from_wire(wire)
    assert headers_from_wire(headers_to_wire(kept)) == kept
    head, _, value = wire.partition(b"\r\n\r\n")
    found = {name.decode("latin-1"): said for name, said in headers_from_wire(head + b"\r\n")}
    record_number(found, "journal")
    record = rebuild({name: said.decode(errors="replace") for name, said in found.items()}, value)
    assert record is None or record.number >= 0


def _bodies(provider: Provider, source: Source) -> tuple[bytes, ...]:
    scenarios = provider.samples.scenarios if provider.samples is not None else ()
    return tuple(body for one in scenarios for body in bodies(one, source, random.Random(1), NOW_S))


ON_KAFKA = (
    b"receiver-position: j:7\r\nce_id: x\r\nce_type: exchange.completed\r\nreceiver-callback: 3\r\n\r\n"
    + orjson.dumps({
        "provider": "0xpay", "source": "m", "account": None, "family": "exchange", "kind": "exchange",
        "operation_id": "o", "status": "completed", "provider_status": "Done", "sequence": 1, "revision": 1,
        "effective": True, "received_at": "2024-05-27T08:55:30.012345Z",
    })
)  # fmt: skip
LINE = b'{"callback": 1, "source": "swaps", "received_at_us": 1, "headers": [["a", "b"]], "body_base64": "e30="}\n'
HAR = (
    b'{"log": {"entries": [{"request": {"method": "POST", "url": "https://h/webhooks/swaps", "headers": '
    b'[{"name": "Key", "value": "x"}], "postData": {"text": "{}", "encoding": "base64"}}}]}}'
)
CURL = b"curl -X POST 'https://h/webhooks/swaps' -H 'Key: x' --data-raw '{\"id\": \"1\"}'"


def targets() -> Mapping[str, Target]:
    """All of them, by name."""
    whose = {"0xpay": oxpay_source(), "onchainpay": onchainpay_source(), "calypso": calypso_source()}
    asked = {"onchainpay": whose["onchainpay"], "calypso": whose["calypso"], "cryptoexchange": order_source()}
    found = [Target("json", exact, (b'{"a": [1, 0.10, "\\ud83d\\ude00", null, true], "b": {"c": -1e-5}}', *SAMPLES))]
    for provider in built_in():
        if provider.slug in whose:
            source = whose[provider.slug]
            found.append(Target(f"callback-{provider.slug}", callback(provider, source), _bodies(provider, source)))
        if provider.slug in asked:
            source = _with_access(asked[provider.slug])
            found.append(Target(f"answer-{provider.slug}", answer(provider, source), ANSWERS[provider.slug]))
    found += [
        Target("config", config, (configuration(built_in()).encode(), KAFKA)),
        Target("import", imported, (LINE * 2, HAR, CURL)),
        Target("headers", headers, (ON_KAFKA, b"a: b\r\nc: : d\r\n")),
    ]
    return {target.name: target for target in found}


def _with_access(source: Source) -> Source:
    return source if source.access is not None else replace(source, access=Access("https://h", "a", b"p", b"s"))


SAMPLES = (b"[[[[{}]]]]", b'"\\u0000"', b'{"a":1,"a":2}', b" 1e400 ")
KAFKA = (
    b'[server]\nport = 8080\n[kafka]\nbootstrap_servers = ["h:1"]\nclient = { security_protocol = "SASL_SSL" }\n'
    b'[[sources]]\nname = "a"\nprovider = "0xpay"\naccount = "a"\npublic_url = "https://h/x"\nsecrets = ["env:A"]\n'
    b'[[routes]]\nmatch = { status = "completed" }\ntopic = "t"\nalso = true\n'
)
ANSWERS: Mapping[str, tuple[bytes, ...]] = {
    "onchainpay": tuple(
        orjson.dumps({"success": True, "response": swap | {"id": ASKED_FOR}})
        for swap in ONCHAINPAY_VECTORS["samples"]["auto_swap"].values()
    ),
    "calypso": (
        b'{"id": 1234, "state": "COMPLETED", "amountFrom": "1", "amountTo": 2.5, "createdAt": 1700000000000}',
        b'{"result": [{"id": 1234, "state": "IN_PROGRESS"}], "total": 1, "totalElements": 1}',
        b'{"traceId": "a", "errorCode": "b", "message": "c"}',
    ),
    "cryptoexchange": (
        b'{"uuid": "1234", "state": {"word": "busy"}, "fiat": "1.5", "asset": "BTC", "to": "x", "at": "2024-05-27"}',
        b'{"data": [{"uuid": "1234", "state": {"word": "new"}}]}',
    ),
}
