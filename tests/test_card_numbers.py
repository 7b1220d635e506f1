"""A card number in odd clothes, anywhere in a callback, is in nothing that leaves the journal."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import generate_latest
from rich.console import Console

from receiver.cli import output
from receiver.cli.event_line import event_line
from receiver.intake.explain import Case, explain
from receiver.model.callback import RawCallback
from receiver.model.records import QuarantineFilter
from receiver.operate.drift import unknown_fields
from receiver.operate.export_callbacks import export
from receiver.operate.quarantine import quarantined, quarantined_whole, row
from receiver.operate.selection import Filter
from receiver.operate.timeline import timeline
from receiver.providers.onchainpay import callbacks as onchainpay
from receiver.providers.zeroxpay import callbacks as zeroxpay
from receiver.service.console_log import for_people
from receiver.service.logs import json_line
from tests.operate.desk import SWAPS, context_of
from tests.support import ACCOUNT, NOW_S, PUBLIC_URL, Way, onchainpay_source, oxpay_source, polled

NUMBERS = (
    "4111111111111111",
    "5500000000000004",
    "378282246310005",
    "6011000000000004",
    "8600000000000007",
    "4222222222222",
)
BETWEEN = (
    "",
    " ",
    "-",
    ".",
    "_",
    "/",
    "\n",
    "\u00a0",
    "\u2009",
    "\u200b",
    "\u2060",
    "\u2028",
    "\u2011",
    " - ",
    "\x00",
    "\x1b",
)
ZEROS = "0\u0660\uff10\U0001d7ce\U000e0030"
ESCAPES = (None, r"\u{:04x}", r"\\u{:04x}", "&#{:d};", "%{:02x}")
BASE: dict[str, dict[str, Any]] = {
    "exchange": {"kind": "Exchange", "status": "Done", "spendAmount": "1", "spendTicker": "USDT"},
    "crypto": {
        "kind": "CryptoExchangeWithdraw",
        "status": "Failed",
        "blockchain": "TRON",
        "amount": "1",
        "ticker": "X",
    },
    "fiat": {"kind": "FiatExchangeWithdraw", "status": "Done", "amount": "1", "ticker": "UAH"},
    "withdraw": {"kind": "Withdraw", "status": "Failed", "blockchain": "TRON", "amount": "1", "ticker": "X"},
    "invoice": {"kind": "Invoice", "status": "Failed", "amount": "1", "ticker": "UAH"},
    "no such status": {"kind": "Exchange", "status": "Refunded"},
}
PLACES = (
    "localId", "meta", "failedReason", "failReason", "to", "address", "cardNumber", "hash", "ticker", "spendTicker",
    "blockchain", "pricePair", "error", "status", "kind", "time", "unknown", "a name", "a deep name", "a list",
    "an object", "merchantId",
)  # fmt: skip


@st.composite
def clothes(draw: st.DrawFn) -> tuple[str, str]:
    """A card number, and what it looks like."""
    number = draw(st.sampled_from(NUMBERS))
    zero, escape, between = draw(st.sampled_from(ZEROS)), draw(st.sampled_from(ESCAPES)), draw(st.sampled_from(BETWEEN))
    digits = [chr(ord(zero) + int(digit)) for digit in number]
    if escape is not None and zero == "0":
        digits = [escape.format(ord(digit)) for digit in digits]
    step = draw(st.sampled_from([1, 4]))
    groups = ["".join(digits[at : at + step]) for at in range(0, len(digits), step)]
    before, after = (
        draw(st.sampled_from(["", "card: ", "PAN", "é 12 "])),
        draw(st.sampled_from(["", " 12/27 123", "!", "x"])),
    )
    return number, f"{before}{between.join(groups)}{after}"


def with_card(base: str, place: str, shown: str) -> dict[str, Any]:
    """A body that has it at a place."""
    body = {"id": "one", "merchantId": ACCOUNT, **BASE[base]}
    if place == "pricePair":
        return body | {"price": "1", "pricePair": [shown, "USDT"]}
    odd: dict[str, dict[str, Any]] = {
        "error": {"error": {"code": shown, "message": shown}},
        "a name": {shown: 1},
        "a deep name": {"unknown": {"deep": [{shown: shown}]}},
        "a list": {"meta2": [1, [shown]]},
        "an object": {"meta": {"text": shown}},
    }
    return body | odd.get(place, {place: shown})


@given(
    clothed=clothes(),
    base=st.sampled_from(sorted(BASE)),
    place=st.sampled_from(PLACES),
    as_number=st.booleans(),
    cut=st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_a_card_number_is_in_none_of_the_sinks(
    clothed: tuple[str, str], base: str, place: str, *, as_number: bool, cut: bool
) -> None:
    """Whether the callback is understood, quarantined or refused; and whatever becomes of it."""
    number, shown = clothed
    body = with_card(base, place, shown)
    text = json.dumps(body)
    if as_number:
        text = text.replace(json.dumps(shown), number)
        text = text.replace(number + ":", f'"{number}":')
    if cut:
        text = text[:-1]
    said = asyncio.run(everything_said(text.encode(), shown))
    for sink, text in said:
        assert number not in digits_of(text), f"{sink}: {text}"


@given(clothes(), st.sampled_from(["message", "addressRiskLevel", "currencyFrom", "networkTo", "unknown", "webhookId"]))
@settings(max_examples=25, deadline=None)
def test_nor_where_the_provider_was_asked(clothed: tuple[str, str], place: str) -> None:
    """An answer of an API becomes an event as a callback does."""
    number, shown = clothed
    way = Way((onchainpay.PROVIDER, onchainpay_source()))
    polled(way, "swaps", SWAPS["REJECTED"] | {place: shown})
    for sink, text in sinks(way):
        assert number not in digits_of(text), f"{sink}: {text}"


async def everything_said(body: bytes, shown: str) -> list[tuple[str, str]]:
    """Sink and text, of all that there is after one genuine callback, and the same one refused."""
    way = Way()
    source = way.intake.sources["0xpay-main"][1]
    header = shown.encode("utf-8", "replace").translate(None, b"\r\n\x00")
    others = [(name, header) for name in (b"user-agent", b"x-request-id", b"x-odd", b"merchant-name")]
    signed = zeroxpay.PROVIDER.sign(body, source, way.clock.us // 1_000_000)
    assert (await way.post("0xpay-main", body, [*signed, *others])).status_code == 200
    way.interpret()
    context, said = context_of(way), sinks(way)
    wrong = oxpay_source(secrets=(b"another",))
    raw = RawCallback("0xpay-main", NOW_S * 1_000_000, (*zeroxpay.PROVIDER.sign(body, wrong, NOW_S), *others), body)
    said += [("rejects explain", line) for line in explain(Case(raw, zeroxpay.PROVIDER, source, PUBLIC_URL, ()))]
    for standing in quarantined(context, QuarantineFilter()):
        said.append(("quarantine list", text_of(row(standing))))
        whole = quarantined_whole(context, standing.id)
        said += [("quarantine show", text_of(whole)), ("its body", whole["body"]), ("its table", table(whole.items()))]
    if any(record.record_type == "event" for record in way.outbox.records):
        rows = await timeline(context, "one")
        said += [("show", text_of(rows)), ("its table", table([found.values() for found in rows]))]
    for line in export(context, Filter(), unmasked=False):
        exported = orjson.loads(line)
        kept = base64.b64decode(exported.pop("body_base64")).decode("utf-8", "backslashreplace")
        said += [("export", text_of(exported)), ("its body", kept)]
        names = {name for name, _ in exported["headers"]}
        assert not names & {"signature", "x-odd", "merchant-name"}
    return said


def sinks(way: Way) -> list[tuple[str, str]]:
    """What is there whatever became of the callback."""
    said = [("record", text_of(orjson.loads(record.value))) for record in way.outbox.records]
    said += [("line", event_line(record).plain) for record in way.outbox.records]
    said += [("log", json_line(dict(fields), name, "info").decode()) for _, name, fields in way.log.lines]
    said += [("console", text_of(for_people(None, "", dict(fields)))) for _, _, fields in way.log.lines]
    said.append(("metrics", generate_latest(way.metrics.registry).decode()))
    fields = unknown_fields(context_of(way))
    return [*said, ("drift", text_of(fields)), ("its table", table([field.values() for field in fields]))]


def table(rows: Any) -> str:
    """As a terminal shows it."""
    file = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(output, "console", lambda: Console(file=file, width=5000))
        output.show_table("", ("a", "b", "c", "d", "e", "f", "g", "h", "i"), rows)
    return file.getvalue()


def text_of(value: Any) -> str:
    """All texts of a JSON value, names too, each on a line."""
    return "\n".join(texts(value))


def texts(value: Any) -> Iterator[str]:
    """One by one."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield str(name)
            yield from texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts(inner)
    else:
        yield str(value)


def digits_of(text: str) -> str:
    """All digits of a text, however they are written; by another way than masking finds them."""
    for _ in range(2):
        text = re.sub(r"\\+u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)
        text = re.sub(r"\\+U([0-9a-fA-F]{8})", lambda found: chr(int(found[1], 16)), text)
        text = re.sub(r"\\+x([0-9a-fA-F]{2})", lambda found: chr(int(found[1], 16)), text)
        text = re.sub(r"&#([0-9]+);", lambda found: chr(int(found[1])), text)
        text = re.sub(r"%([0-9a-fA-F]{2})", lambda found: chr(int(found[1], 16)), text)
    bare = (chr(ord(one) - 0xE0000) if 0xE0030 <= ord(one) <= 0xE0039 else one for one in text)
    values = (unicodedata.digit(one, None) for one in bare)
    return "".join(str(value) for value in values if value is not None)
