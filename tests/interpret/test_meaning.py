"""What a callback becomes: reasons in their order, duplicates of every sort, and the same events in any order."""

from __future__ import annotations

import json
import random
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.model.callback import EntryId
from receiver.providers.onchainpay import callbacks as onchainpay
from receiver.providers.zeroxpay import callbacks as zeroxpay
from tests.support import ACCOUNT, ONCHAINPAY_VECTORS, OXPAY_VECTORS, Way, onchainpay_source, oxpay_source

BODIES: dict[str, dict[str, Any]] = {v["name"]: json.loads(v["body"]) for v in OXPAY_VECTORS["bodies"]}
SWAPS: dict[str, dict[str, Any]] = ONCHAINPAY_VECTORS["samples"]["auto_swap"]
DONE, EXCHANGED = BODIES["exchange-done"], BODIES["crypto-exchange-withdraw-exchanged"]
OTHER = "00000000-0000-4000-8000-000000000000"


async def one(document: Any, source: str = "0xpay-main", way: Way | None = None) -> dict[str, Any]:
    """What one callback becomes."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    (said,) = await (way or Way()).events(source, [body])
    return said


REFUSED: list[tuple[Any, str, str]] = [
    (b"\xff{}", "not_utf8", "$"),
    (b'{"id": NaN}', "not_json", "$"),
    (b"[" * 101 + b"]" * 101, "not_json", "$"),
    ([], "schema", "$"),
    ("text", "schema", "$"),
    (DONE | {"merchantId": OTHER, "kind": "Nonsense", "status": 5}, "account_mismatch", "merchantId"),
    (DONE | {"merchantId": 7}, "schema", "merchantId"),
    (DONE | {"kind": "Nonsense", "status": "Nonsense", "id": ""}, "unknown_kind", "kind"),
    (DONE | {"kind": 1}, "schema", "kind"),
    ({"id": "a", "status": "Done"}, "unknown_kind", "kind"),
    (DONE | {"status": "Nonsense", "id": "", "fee": True}, "unknown_status", "status"),
    (DONE | {"status": "done"}, "unknown_status", "status"),
    (DONE | {"status": None}, "schema", "status"),
    (DONE | {"status": ["Done"]}, "schema", "status"),
    (DONE | {"id": ""}, "schema", "id"),
    (DONE | {"id": 12}, "schema", "id"),
    (DONE | {"id": "x" * 257}, "schema", "id"),
    ({key: value for key, value in DONE.items() if key != "id"}, "schema", "id"),
    (DONE | {"fee": True}, "schema", "fee"),
    (DONE | {"fee": "1,5"}, "schema", "fee"),
    (DONE | {"fee": ""}, "schema", "fee"),
    (DONE | {"time": "1716800123456"}, "schema", "time"),
    (DONE | {"time": 1716800123}, "schema", "time"),
    (DONE | {"pricePair": ["ETH"]}, "schema", "pricePair"),
    (DONE | {"pricePair": ["ETH", 5]}, "schema", "pricePair.1"),
    (DONE | {"localId": 5}, "schema", "localId"),
    (EXCHANGED | {"exchanged": "true"}, "schema", "exchanged"),
]


@pytest.mark.parametrize(("document", "reason", "detail"), REFUSED)
async def test_the_first_reason_that_holds_is_given_with_the_fields_path(
    document: Any, reason: str, detail: str
) -> None:
    """In the contract's order; the detail names the place and never the value."""
    said = await one(document)
    assert (said["reason"], said["detail"]) == (reason, detail)


async def test_an_auto_swaps_reasons() -> None:
    """The same order for the other provider; its account is checked where one is configured."""
    way = Way((onchainpay.PROVIDER, onchainpay_source(account=OTHER)))
    swap = SWAPS["PROCESSED"]
    assert (await one(swap | {"status": "?"}, "swaps", way))["reason"] == "account_mismatch"
    assert (await one(swap | {"organizationId": OTHER}, "swaps", way))["account"] == OTHER
    for changes, reason, detail in (
        ({"status": "Processed"}, "unknown_status", "status"),
        ({"createdAt": "yesterday"}, "schema", "createdAt"),
        ({"amountFromUSD": "much"}, "schema", "amountFromUSD"),
        ({"txId": "x", "status": "?"}, "unknown_kind", "txId"),
    ):
        said = await one(swap | changes, "swaps")
        assert (said["reason"], said["detail"]) == (reason, detail)


async def test_numbers_are_copied_digit_for_digit() -> None:
    """An amount may be a JSON number of any size; its source text is what is published."""
    body = json.dumps(DONE).replace('"0.25"', "0.250000000000000000").replace('"100.25"', "1e-400").encode()
    event = await one(body)
    assert event["fees"][0]["amount"] == "0.250000000000000000"
    assert event["spent"]["amount"] == "1e-400"


async def test_unknown_fields_are_no_error() -> None:
    """A provider may add what it likes; the event is the same."""
    plain = await one(DONE)
    more = await one(DONE | {"brandNew": {"deep": [1, None, "é\u0000"]}, "": ""})
    assert more == plain


async def test_nulls_and_empty_texts_say_nothing() -> None:
    """Null is absent; an empty text in an optional field is null; an object of nothing is null."""
    bare = {
        "id": "a",
        "kind": "Exchange",
        "status": "Failed",
        "localId": "",
        "meta": "",
        "failedReason": "",
        "fee": None,
    }
    event = await one(bare | dict.fromkeys(("time", "price", "pricePair", "spendAmount", "spendTicker"), None))
    nothing = ("reference", "meta", "spent", "received", "payout", "price", "created_at")
    assert {name: event[name] for name in nothing} == dict.fromkeys(nothing)
    assert event["fees"] == []
    assert event["failure"] == {"code": None, "message": None}
    assert event["account"] == ACCOUNT
    half = await one(bare | {"spendTicker": "USDT", "price": "5"})
    assert half["spent"] == {"amount": None, "currency": "USDT", "network": None}
    assert half["price"] == {"value": "5", "pair": None}


@pytest.mark.parametrize(
    ("changes", "destination"),
    [
        ({"address": "a", "to": "b", "cardNumber": "c"}, "*"),
        ({"address": None, "to": "4400000000000008", "cardNumber": "1111222233334444"}, "440000******0008"),
        ({"address": "", "to": "", "cardNumber": "1111 2222 3333 4444"}, "111122******4444"),
    ],
)
async def test_where_a_fiat_payout_goes(changes: dict[str, Any], destination: str) -> None:
    """The first of address, to, cardNumber that says something, masked."""
    event = await one(BODIES["fiat-exchange-withdraw-exchanged"] | changes)
    assert event["payout"]["destination"] == destination


@pytest.mark.parametrize(
    ("failed", "status", "partial"),
    [
        *((failed, "Done", False) for failed in ("0", "0.00", "0e9", "-5", None)),
        *((failed, "Done", True) for failed in ("0.01", "1e-999999999")),
        ("5", "Exchanged", False),
    ],
)
async def test_partial_is_a_fiat_done_with_a_failed_part(failed: str | None, status: str, *, partial: bool) -> None:
    """Read off the digits: an exponent can be too large for any arithmetic."""
    event = await one(BODIES["fiat-exchange-withdraw-done"] | {"failedAmount": failed, "status": status})
    assert event["anomalies"] == (["partial"] if partial else [])


async def test_duplicates_of_every_sort_are_one_event() -> None:
    """Byte for byte, pretty-printed, keys in another order, escaped, with an unknown field, with a new updatedAt."""
    swap = SWAPS["PROCESSED"]
    backwards = dict(reversed(swap.items()))
    again = [
        json.dumps(swap), json.dumps(swap, indent=2), json.dumps(backwards), orjson.dumps(swap).decode(),
        json.dumps(swap | {"new": 1}), json.dumps(swap | {"updatedAt": "2025-06-10T00:00:00Z"}),
    ]  # fmt: skip
    way = Way()
    events = await way.events("swaps", [body.encode() for body in again])
    assert len(events) == 1
    outcomes = [way.outbox.outcomes[EntryId("inbox", number)].outcome for number in range(1, len(again) + 1)]
    assert outcomes == ["event"] + ["duplicate"] * 5
    assert way.outbox.outcomes[EntryId("inbox", 6)].record == 1


async def test_content_that_returns_is_a_duplicate_of_its_first() -> None:
    """A, A', A: two events, the second amended."""
    first, other = json.dumps(DONE).encode(), json.dumps(DONE | {"spendAmount": "99"}).encode()
    events = await Way().events("0xpay-main", [first, other, first])
    assert [(e["sequence"], e["revision"], e["anomalies"]) for e in events] == [(1, 1, []), (2, 2, ["amended"])]


async def test_the_same_id_at_another_account_kind_or_provider_is_another_operation() -> None:
    """Each has its own sequence."""
    way = Way(
        (zeroxpay.PROVIDER, oxpay_source()),
        (zeroxpay.PROVIDER, oxpay_source(name="second", account=OTHER)),
        (onchainpay.PROVIDER, onchainpay_source()),
    )
    shared = {"id": "same", "status": "Done", "kind": "Exchange"}
    events = await way.events("0xpay-main", [json.dumps(shared).encode()])
    events += await way.events("second", [json.dumps(shared).encode()])
    events += await way.events("0xpay-main", [json.dumps(shared | {"kind": "CryptoExchangeWithdraw"}).encode()])
    events += await way.events("swaps", [json.dumps({"id": "same", "status": "PROCESSED"}).encode()])
    assert [event["sequence"] for event in events] == [1, 1, 1, 1]
    assert len({event["event_id"] for event in events}) == 4


def _contents() -> list[bytes]:
    base = BODIES["crypto-exchange-withdraw-exchanged"]
    swap = SWAPS["PENDING"]
    return [
        json.dumps(base).encode(),
        json.dumps(base | {"status": "Done"}).encode(),
        json.dumps(base | {"status": "Done", "hash": "f" * 64}).encode(),
        json.dumps(base | {"status": "Failed"}).encode(),
        json.dumps(swap).encode(),
        json.dumps(swap | {"status": "WITHDRAWING", "updatedAt": "2025-06-09T14:00:00Z"}).encode(),
        json.dumps(swap | {"status": "PROCESSED", "updatedAt": "2025-06-09T15:00:00Z"}).encode(),
    ]


CONTENTS = _contents()


@given(st.lists(st.integers(0, len(CONTENTS) - 1), min_size=1, max_size=14), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
async def test_repetition_and_order_change_no_event_and_leave_no_gap(picks: list[int], seed: int) -> None:
    """The set of event ids depends on the contents alone; sequences have no gap; effective ranks never fall."""
    shuffled = picks.copy()
    random.Random(seed).shuffle(shuffled)
    runs = []
    for order in (picks, shuffled, shuffled):
        way, events = Way(), []
        for pick in order:
            events += await way.events("swaps" if pick >= 4 else "0xpay-main", [CONTENTS[pick]])
        runs.append(events)
    assert {e["event_id"] for e in runs[0]} == {e["event_id"] for e in runs[1]}
    assert runs[1] == runs[2]
    for kind in ("crypto_exchange_withdraw", "auto_swap"):
        mine = [event for event in runs[1] if event["kind"] == kind]
        assert [event["sequence"] for event in mine] == list(range(1, len(mine) + 1))
        ranks = [RANKS[event["status"]] for event in mine if event["effective"]]
        assert ranks == sorted(ranks)


RANKS = {"pending": 0, "exchanged": 1, "sending": 1, "completed": 2, "failed": 2}


async def test_a_payouts_done_and_a_deposits_done_are_never_mistaken() -> None:
    """Money out and money in: other family, other topic, other status of finality."""
    out, back = await one(BODIES["withdraw-crypto-done"]), await one(BODIES["replenish-done"])
    assert (out["family"], out["kind"], out["status"], out["terminal"]) == (
        "payout",
        "crypto_withdraw",
        "completed",
        True,
    )
    assert (back["family"], back["kind"], back["status"], back["terminal"]) == (
        "deposit",
        "replenish",
        "completed",
        False,
    )
    assert (out["received"], back["payout"]) == (None, None)


async def test_a_withdraw_is_crypto_where_it_names_a_blockchain() -> None:
    """Null is absent; the other kind's destination would be a card."""
    body = BODIES["withdraw-crypto-done"]
    assert (await one(body | {"blockchain": None, "to": "4400000000000008"}))["kind"] == "fiat_withdraw"
    assert (await one(body | {"blockchain": None, "to": "4400000000000008"}))["payout"][
        "destination"
    ] == "440000******0008"
    assert (await one(body))["payout"]["destination"] == body["to"]


@pytest.mark.parametrize(
    ("changes", "becomes"),
    [
        ({"status": "Failed"}, ("crypto_invoice", "failed")),
        ({"blockchain": None, "status": "Failed"}, ("crypto_invoice", "failed")),
        ({"blockchain": None, "address": None}, ("fiat_invoice", "completed")),
        ({"status": "Expired"}, ("unknown_status", "status")),
        ({"kind": "CryptoInvoice", "status": "Expired"}, ("crypto_invoice", "expired")),
        ({"kind": "CryptoInvoice", "status": "Failed"}, ("unknown_status", "status")),
        ({"kind": "Invoice with blockchain or address"}, ("unknown_kind", "kind")),
        ({"kind": "WithdrawBatch", "status": "Failed"}, ("unknown_status", "status")),
    ],
)
async def test_which_invoice_it_is(changes: dict[str, Any], becomes: tuple[str, str]) -> None:
    """By the word, and for the older word by what is there; our own names of rows are no words of the provider."""
    said = await one(BODIES["crypto-invoice-done"] | {"kind": "Invoice"} | changes)
    assert becomes == ((said["reason"], said["detail"]) if "reason" in said else (said["kind"], said["status"]))


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        ({"code": 3, "message": "Card declined"}, {"code": "3", "message": "Card declined"}),
        ({"code": "E3"}, {"code": "E3", "message": None}),
        ({"message": ""}, {"code": None, "message": None}),
        (None, {"code": None, "message": "said elsewhere"}),
    ],
)
async def test_why_an_invoice_failed(error: Any, failure: dict[str, Any]) -> None:
    """Its own error object first; a code is text, as it stood."""
    body = BODIES["invoice-fiat-failed"] | {"error": error, "failedReason": "said elsewhere"}
    assert (await one(body))["failure"] == failure


async def test_what_was_paid_is_an_invoices_truth() -> None:
    """And the asked amount where nothing was said of it; repeated pending with another sum is amended."""
    asked, paid = BODIES["crypto-invoice-pending"], BODIES["crypto-invoice-pending"] | {"paidAmount": "400"}
    events = await Way().events("0xpay-main", [json.dumps(body).encode() for body in (asked, paid)])
    assert [event["received"]["amount"] for event in events] == ["1000", "400"]
    assert (events[1]["revision"], events[1]["anomalies"], events[1]["effective"]) == (2, ["amended"], True)
