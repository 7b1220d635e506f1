"""Work grows with its input and no faster, in everything that reads what others wrote.

Each reader is given inputs that grow by factors of four up to a body's limit, built so that a reader that goes back,
copies what it has or looks through what it has seen would take the square. What is compared is the processor time of
this thread, as ratios: a busy machine stretches no such figure, and a slow one stretches all of them alike. A reader
that takes the square is found at the first sizes, long before it would hold up the tests.
"""

from __future__ import annotations

import asyncio
import gc
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from typing import Any

import pytest
from starlette.types import Message

from receiver.intake import admit, explain, webhook
from receiver.interpret.meaning import interpret, read
from receiver.interpret.outbox_batch import traceparent
from receiver.interpret.status_event import to_json
from receiver.journal.search import UNKNOWN_FIELDS_MAX
from receiver.model.callback import VerifiedCallback, headers_from_wire, headers_to_wire
from receiver.model.cards import mask_card
from receiver.model.errors import ApiFailed, NotFound, NotUnderstood, Refusal
from receiver.model.exact_json import canonical_json, payload_digest, read_json, write_json
from receiver.model.operation import Operation
from receiver.model.times import instant
from receiver.model.values import Number, amount, moment, rfc3339
from receiver.operate import archive
from receiver.providers.answers import document
from receiver.providers.calls import Answer
from receiver.providers.calypso import api as calypso_api
from receiver.providers.contract import Provider, Source
from receiver.providers.onchainpay import callbacks as onchainpay
from receiver.providers.zeroxpay import callbacks as zeroxpay
from tests.support import NOW_S, ONCHAINPAY_VECTORS, OXPAY_VECTORS, Way, onchainpay_source, oxpay_source

SIZES = (1024, 4 * 1024, 16 * 1024, 64 * 1024, 256 * 1024)
TOLERATED = 16
"""So many times more than the input's growth may be its work's: sorting, and memory beyond a cache that others use too.
The square is 64 times more at the fourth size."""
ATTEMPTS = 3
"""Measurements that must all say that work has grown too much: others can spoil one, and never make one better."""
LEAST_S = 0.0002
"""Below it a time says nothing: what grew to less has not grown."""

Make = Callable[[int], Any]
Work = Callable[[Any], object]

SWAP: dict[str, Any] = next(iter(ONCHAINPAY_VECTORS["samples"]["auto_swap"].values()))
DONE: dict[str, Any] = json.loads(OXPAY_VECTORS["bodies"][0]["body"])


def spent_s(work: Work, given: Any, enough_s: float = 0) -> float:
    """The least processor time of this thread that the work took, of several runs.

    They are fewer where one takes long, or no longer than ``enough_s``: a better one would change nothing.
    """
    best = float("inf")
    gc.disable()  # it would look through all that the tests have made so far
    try:
        for _ in range(4):
            began = time.thread_time()
            work(given)
            best = min(best, time.thread_time() - began)
            if best > 0.05 or best <= enough_s:
                break
    finally:
        gc.enable()
    return best


def growth(work: Work, make: Make, sizes: Sequence[int] = SIZES) -> Iterator[tuple[float, float]]:
    """(how many times the first input, how many times its work), from the second size on."""
    first_s = max(spent_s(work, make(sizes[0])), LEAST_S / 16)
    for size in sizes[1:]:
        took_s = spent_s(work, make(size), first_s * size / sizes[0] * TOLERATED)
        yield size / sizes[0], 0.0 if took_s < LEAST_S else took_s / first_s


def refusing(work: Work) -> Work:
    """The same, for which it is fine to refuse what it is given."""

    def run(given: Any) -> object:
        try:
            return work(given)
        except (ApiFailed, NotUnderstood, Refusal, ValueError):
            return None

    return run


def filled(pattern: bytes, before: bytes = b"", after: bytes = b"") -> Make:
    """Inputs that repeat a pattern, between two others."""
    return lambda size: before + pattern * (size // len(pattern)) + after


DEEP = b"[]" * 120
"""So many brackets that a body's nesting is looked at, and none of them deep."""
BODIES: dict[str, Make] = {
    "quotes": filled(b'"'),
    "brackets and then quotes": filled(b'"', b"[" + DEEP),
    "brackets in a string that never ends": filled(b"[", b'{"a": "'),
    "many strings, the last of which never ends": filled(b'"[",', b"[", b'"'),
    "quotes that are escaped": filled(b'\\"', b'{"a":"' + DEEP),
    "quotes that are escaped, to an end": filled(b'\\"', b'{"a":"' + DEEP, b'"}'),
    "a quote at every escaped one": filled(b'"\\', b"[" + DEEP),
    "backslashes": filled(b"\\", b'{"a":"' + DEEP),
    "an escaped backslash at the end": filled(b"\\\\", b'{"a":"' + DEEP, b"\\"),
    "escapes of four digits": filled(b"\\u005b", b'{"a":"' + DEEP, b'"}'),
    "escapes that are surrogates": filled(b"\\ud83d\\ude00", b'{"a":"', b'"}'),
    "brackets that close at once": filled(b"[],", b"[", b"1]"),
    "brackets that never close": filled(b"["),
    "objects within objects": filled(b'{"a":'),
    "a hundred levels, again and again": filled(b"[" * 99 + b"1" + b"]" * 99 + b",", b"[", b"1]"),
    "a long number": filled(b"9", b'{"a":', b"}"),
    "a long fraction": filled(b"9", b'{"a":0.', b"}"),
    "a long exponent": filled(b"9", b'{"a":1e', b"}"),
    "a long number that is none": filled(b"9", b'{"a":', b"x}"),
    "many numbers": filled(b"1e999999999,", b"[", b"1]"),
    "spaces": filled(b" ", b'{"a":', b"1}"),
    "spaces around": filled(b" \t\r\n", b"", b"x"),
    "letters beyond ASCII": filled("\U0001f600é".encode(), b'{"a":"', b'"}'),
    "no UTF-8 at the very end": filled(b"a", b'{"a":"', b'\xff"}'),
    "one key again and again": filled(b'"a":1,', b"{", b'"a":2}'),
    "many keys": lambda size: json.dumps({f"k{at}": at for at in range(size // 14)}).encode(),
    "many keys in one place": lambda size: json.dumps({f"{at:030d}": 0 for at in range(size // 37)}).encode(),
}


@pytest.mark.parametrize("make", BODIES.values(), ids=BODIES)
def test_a_body_is_read_in_linear_time(make: Make) -> None:
    """Whatever it is made of, it is read, refused, digested and written in time that grows as its size does."""

    def work(body: bytes) -> None:
        value = read_json(body)
        payload_digest(value)
        write_json(value)

    check(refusing(work), make)


def check(work: Work, make: Make, sizes: Sequence[int] = SIZES) -> None:
    """Fail where the work grows much faster than its input, at the first size at which it has."""
    faults = set[str]()
    for _ in range(ATTEMPTS):
        grown = ((much, more) for much, more in growth(work, make, sizes) if more > much * TOLERATED)
        fault = next((f"{much:g} times the input, {more:.0f} times the work" for much, more in grown), None)
        if fault is None:
            return
        faults.add(fault)
    pytest.fail("; ".join(faults))


def test_such_growth_is_noticed() -> None:
    """The reader of brackets that was here before, which began anew at each quote, fails at the smallest sizes."""
    before = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)
    with pytest.raises(pytest.fail.Exception, match="times the input"):
        check(lambda body: sum(1 for _ in before.finditer(body.decode())), filled(b'\\"'), (64, 256, 1024, 4096, 8192))


def callbacks(provider: Provider, source: Source) -> Work:
    """From a body to the event's bytes."""

    def work(body: bytes) -> bytes | None:
        reading = read(VerifiedCallback(source.name, NOW_S * 1_000_000, (), body), provider, source)
        known = {"provider": provider.slug, "source": source.name, "arrival": 1, "received_at_us": 1}
        return to_json(interpret(reading, Operation(), **known).event)  # type: ignore[arg-type, union-attr]

    return refusing(work)


def with_field(document: dict[str, Any], name: str, text: str) -> Make:
    """Bodies in which one field is long."""
    return lambda size: json.dumps(document | {name: text * (size // len(text))}).encode()


def with_number(document: dict[str, Any], name: str, before: str, after: str = "") -> Make:
    """Bodies in which a field is a JSON number with many digits."""

    def make(size: int) -> bytes:
        body = json.dumps(document | {name: "HERE"})
        return body.replace('"HERE"', before + "9" * size + after).encode()

    return make


FIELDS = ("localId", "meta", "status", "kind", "id", "merchantId", "fee", "spendAmount", "failedReason", "time")
OXPAY: dict[str, Make] = {
    **{f"{name} of {what}": with_field(DONE, name, text) for name in FIELDS for what, text in (("digits", "1"),)},
    **{f"{name} of stars": with_field(DONE | {"kind": "FiatExchangeWithdraw"}, name, "*") for name in ("to", "hash")},
    "a card of digits and spaces": with_field(DONE | {"kind": "FiatExchangeWithdraw"}, "cardNumber", "4 - "),
    "an amount": with_number(DONE, "spendAmount", ""),
    "an amount's fraction": with_number(DONE, "spendAmount", "0."),
    "an amount's exponent": with_number(DONE, "spendAmount", "1e"),
    "a part that failed": with_number(DONE | {"kind": "WithdrawBatch", "status": "Done"}, "failedAmount", "0.", "e-1"),
    "a time": with_number(DONE, "time", ""),
    "fields that nobody knows": lambda size: json.dumps(DONE | {f"x{at}": at for at in range(size // 15)}).encode(),
    "a long pair": lambda size: json.dumps(DONE | {"pricePair": ["BTC"] * (size // 7)}).encode(),
    "nested fields": lambda size: json.dumps(DONE | {"x": [{"y": []}] * (size // 12)}).encode(),
}


@pytest.mark.parametrize("make", OXPAY.values(), ids=OXPAY)
def test_a_callback_of_0xpay_is_understood_in_linear_time(make: Make) -> None:
    """Parsed, put into our words, given its identity and written, or refused."""
    check(callbacks(zeroxpay.PROVIDER, oxpay_source()), make)


SWAPS: dict[str, Make] = {
    **{
        f"{name} of {what}": with_field(SWAP, name, text)
        for name in ("createdAt", "updatedAt", "amountFrom", "addressRiskLevel", "rate")
        for what, text in (("digits", "1"), ("zeros and dashes", "0-"), ("Z", "Z"))
    },
    "a fraction of a second": lambda size: json.dumps(
        SWAP | {"updatedAt": "2024-05-27T08:55:23." + "0" * size + "Z"}
    ).encode(),
}


@pytest.mark.parametrize("make", SWAPS.values(), ids=SWAPS)
def test_a_callback_of_onchainpay_is_understood_in_linear_time(make: Make) -> None:
    """Its times as well, which are texts."""
    check(callbacks(onchainpay.PROVIDER, onchainpay_source()), make)


TEXTS: dict[str, tuple[Work, Callable[[int], Any]]] = {
    "amount": (amount, lambda size: "9" * size + "x"),
    "amount, fraction": (amount, lambda size: "9" * (size // 2) + "." + "9" * (size // 2) + "e"),
    "amount, exponent": (amount, lambda size: Number("1." + "0" * (size // 2) + "e-" + "9" * (size // 2) + "-")),
    "time, fraction": (rfc3339, lambda size: "2024-05-27T08:55:23." + "9" * size),
    "time, another zone": (rfc3339, lambda size: "2024-05-27T08:55:23." + "9" * size + "+23:59"),
    "time without a zone": (moment, lambda size: "Z+00:00-" * (size // 8)),
    "instant": (instant, lambda size: "2024-05-27T08:55:23." + "0" * size + "Z"),
    "card": (mask_card, lambda size: "4" * size),
    "card of stars": (mask_card, lambda size: "*" * size + "x"),
    "card of spaces": (mask_card, lambda size: "4 -" * (size // 3)),
    "canonical form": (canonical_json, lambda size: {"a": [str(at) for at in range(size // 8)]}),
    "int64": (lambda text: calypso_api.hint("", {"data": {"id": Number(text)}, "eventType": "EXCHANGE"}), "9".__mul__),
}


@pytest.mark.parametrize(("work", "make"), TEXTS.values(), ids=TEXTS)
def test_single_values_are_read_in_linear_time(work: Work, make: Make) -> None:
    """Their patterns go back at most once over what they took."""
    check(refusing(work), make)


def headers(*fields: tuple[bytes, bytes]) -> Callable[[int], Any]:
    """Headers, repeated until they are large."""
    bytes_each = sum(len(name) + len(value) for name, value in fields) // len(fields)
    return lambda size: tuple(islice(cycle(fields), size // bytes_each))


def claims(found: Any) -> None:
    """All that is looked at in headers before a body is read; each provider its own."""
    for provider, source in ((zeroxpay.PROVIDER, oxpay_source()), (onchainpay.PROVIDER, onchainpay_source())):
        refusing(admit.check_headers)(found)
        refusing(lambda given, provider=provider, source=source: provider.claim(given, source, NOW_S))(found)  # type: ignore[misc]
        provider.timestamp(found)
    admit.has_body(found)
    traceparent(found)


def one_header(name: bytes, pattern: bytes) -> Callable[[int], Any]:
    """A single long header."""
    return lambda size: ((name, pattern * (size // len(pattern))),)


HEADERS: dict[str, tuple[Work, Callable[[int], Any]]] = {
    "many": (claims, headers((b"x-a", b"b"), (b"x-b", b""))),
    "a long signature": (claims, one_header(b"signature", b"a")),
    "a long timestamp": (claims, one_header(b"timestamp", b"1")),
    "a long key": (claims, one_header(b"x-api-public-key", b"k")),
    "a long trace": (claims, one_header(b"traceparent", b"0-")),
    "kept, many": (lambda it: headers_from_wire(headers_to_wire(it)), headers((b"a:b", b": : \r"), (b"c", b""))),
    "kept, colons": (lambda it: headers_from_wire(headers_to_wire(it)), one_header(b"a", b":")),
    "kept, ends of lines": (lambda it: headers_from_wire(headers_to_wire(it)), one_header(b"a", b"\r")),
    "kept by somebody else": (headers_from_wire, filled(b"a:")),
    "kept by somebody else, lines": (headers_from_wire, filled(b"\r\n")),
}


@pytest.mark.parametrize(("work", "make"), HEADERS.values(), ids=HEADERS)
def test_headers_are_read_in_linear_time(work: Work, make: Make) -> None:
    """Those of a request, and those that the journal kept."""
    check(work, make)


def sent(size: int) -> Callable[[], Any]:
    """A body that comes a byte at a time."""
    left = size

    async def receive() -> Message:
        nonlocal left
        left -= 1
        return {"type": "http.request", "body": b"x", "more_body": left > 0}

    return receive


async def nobody(_: Message) -> None:
    """Takes what is sent."""


@pytest.mark.parametrize("keep_max", [0, 256 * 1024])
def test_a_body_in_small_pieces_is_taken_in_linear_time(keep_max: int) -> None:
    """One that is read, and one that is left unread and kept as a sample."""

    async def take(size: int) -> None:
        await webhook._read(sent(size), 256 * 1024)
        await webhook.answer(NotFound(), sent(size), nobody, unread=True, keep_max=keep_max)

    check(lambda size: asyncio.run(take(size)), lambda size: size)


def test_what_an_api_answers_is_read_in_linear_time() -> None:
    """A page with many elements, some of which are none."""
    element = {"id": 12345678901, "state": "COMPLETED", "x": "[" * 8}

    def make(size: int) -> bytes:
        elements = [element, 5, {"id": "9" * 30}] * (size // 90)
        return json.dumps({"result": elements, "total": 1, "totalElements": len(elements)}).encode()

    check(lambda body: calypso_api.read_page(Answer(200, body), None), make)  # type: ignore[arg-type]
    check(refusing(lambda body: document(Answer(200, body))), filled(b'\\"', b'["' + DEEP))


@pytest.mark.parametrize("pattern", [b'"cardNumber"   ', b'"to":', b'"address": "4 4-', b'"to":"4111111111111111",'])
def test_a_body_is_masked_in_linear_time(pattern: bytes) -> None:
    """Where it looks like a card number in a field of one, and is none, or is one."""
    check(lambda body: archive.masked((), body), filled(pattern))
    check(lambda body: archive.masked((), body), filled(b" ", b'"cardNumber"'))
    check(lambda body: archive.masked((), body), filled(b"4 ", b'"cardNumber": "'))


@pytest.mark.parametrize("name", [name for name in BODIES if "number" in name or "bracket" in name or "never" in name])
def test_a_refused_body_is_explained_in_linear_time(name: str) -> None:
    """Nobody has vouched for it: all the readings of it that are tried end, and none of them in an error."""
    check(lambda body: list(explain._bodies(body)), BODIES[name])


async def test_a_callback_has_no_more_unknown_fields_counted_than_a_source_may_have() -> None:
    """Each of them is a row to look for: a body of a few hundred kilobytes could bring tens of thousands."""
    way = Way()
    body = json.dumps(DONE | {f"x{at}": 0 for at in range(20_000)}).encode()
    (event,) = await way.events("0xpay-main", [body])
    assert event["status"] == "completed"
    assert len(way.outbox.unknown_fields) == UNKNOWN_FIELDS_MAX
    assert way.outbox.unknown_fields["0xpay-main", "(others)"] == 1
