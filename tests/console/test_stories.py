"""Ten misfortunes in one journal, each found by what a customer or a colleague would give, and told in words.

Whoever asks has a hash, a part of an address, a masked card, an amount and about the time. From the search to the page
that says what happened there are at most two pages.
"""

from __future__ import annotations

import asyncio
import html
import json
import random
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from receiver.console.pages.rejects import VERDICTS, verdict
from receiver.model.callback import EntryId, RawCallback
from receiver.model.masked_body import mask_body
from receiver.model.records import OutboxRecord
from receiver.providers.calypso import callbacks as calypso
from receiver.providers.onchainpay import callbacks as onchainpay
from receiver.providers.registry import body_fields
from receiver.providers.zeroxpay import callbacks as zeroxpay
from receiver.publish.refused import refused
from tests.console.seeded import Browser, browser, card
from tests.operate.desk import SWAPS, exchange
from tests.support import ACCOUNT, NOW_S, OXPAY_VECTORS, Way, calypso_source, onchainpay_source, oxpay_source

pytestmark = pytest.mark.usefixtures("unhurried")
BODIES: dict[str, Any] = {one["name"]: json.loads(one["body"]) for one in OXPAY_VECTORS["bodies"]}
HASH = "9f2c1e7b5a4d3c2b1a0f9e8d7c6b5a493827161504f3e2d1c0b9a8f7e6d5c4b3"
FORGED_HASH = "0x" + "ab" * 32
ADDRESS = "TQrZ9wBzFANsaqQMtYpVo7XpuNhuiyYHHA"
HOUR_S = 3600
OLD_SECRET = b"the-secret-before-it-was-rotated"


def payout(identity: str, status: str, **changes: Any) -> bytes:
    """A callback about a payout in crypto."""
    name = "crypto-exchange-withdraw-done" if status == "Done" else "crypto-exchange-withdraw-failed-after-swap"
    own = {"id": identity, "status": status, "hash": f"hash-of-{identity}", "localId": f"reference-of-{identity}"}
    return json.dumps(BODIES[name] | own | changes).encode()


def swap(identity: str, status: str, **changes: Any) -> dict[str, Any]:
    """A swap, as a callback or an answer says it."""
    said: dict[str, Any] = SWAPS[status]
    return said | {"id": identity} | changes


def new_way() -> Way:
    """Three sources of three providers."""
    return Way(
        (zeroxpay.PROVIDER, oxpay_source()),
        (onchainpay.PROVIDER, onchainpay_source()),
        (calypso.PROVIDER, calypso_source()),
    )


def refuse(way: Way, body: bytes, secret: bytes) -> None:
    """Keep a callback that was signed with another secret."""
    headers = zeroxpay.PROVIDER.sign(body, oxpay_source(secrets=(secret,)), way.clock.us // 1_000_000)
    way.journal.rejects(write=True).add(RawCallback("0xpay-main", way.clock.us, headers, body), "signature", 10)


def answered(way: Way, body: Mapping[str, Any]) -> None:
    """What the provider said when it was asked."""
    asked = {"source": "swaps", "body": json.dumps(body), "after": way.inbox.last_number()}
    way.requests.add("poll", way.clock.us, asked)
    way.interpret()


def payment_of_calypso() -> bytes:
    """A payout of another provider, with a reference that is used at the first one too."""
    source = calypso_source()
    assert calypso.PROVIDER.samples is not None
    scenario = calypso.PROVIDER.samples.scenarios[0]
    said: dict[str, Any] = scenario.begin(source, random.Random(1), NOW_S)(scenario.steps[-1])
    said["data"]["externalId"] = "order-10482-b"
    return json.dumps(said).encode()


def index(way: Way) -> None:
    """Index all there is."""
    writer = way.journal.index_writer(lambda body: mask_body(body, body_fields()))
    while writer.step():
        pass


def record_of(way: Way, operation: str) -> OutboxRecord:
    """The first event of an operation."""
    return next(one for one in way.outbox.records if one.operation_id == operation)


async def misfortunes(*, indexed: bool) -> Way:
    """One journal with all ten, an hour apart."""
    way = new_way()
    await _of_the_morning(way)
    await _of_the_afternoon(way, indexed=indexed)
    if indexed:
        index(way)
    return way


async def _of_the_morning(way: Way) -> None:
    await way.events("0xpay-main", [payout("payout-one", "Done", hash=HASH)])
    way.clock.advance(600)
    await way.events("0xpay-main", [payout("payout-one", "Failed")])

    way.clock.advance(HOUR_S)
    refuse(way, payout("payout-rotated", "Done", localId="cash-out-5512"), OLD_SECRET)

    way.clock.advance(HOUR_S)
    await way.events("0xpay-main", [exchange("shared-one", localId="order-10482-b")])
    await way.events("calypso", [payment_of_calypso()])

    way.clock.advance(HOUR_S)
    answered(way, swap("swap-late-callback", "PROCESSED"))
    way.clock.advance(2400)
    await way.events("swaps", [json.dumps(swap("swap-late-callback", "PROCESSED")).encode()])

    way.clock.advance(HOUR_S)
    await way.events("0xpay-main", [exchange("said-twice"), exchange("said-twice").replace(b": ", b" :  ")])

    way.clock.advance(HOUR_S)
    unknown = payout("payout-odd", "Wondrous", address=ADDRESS)
    await way.events("0xpay-main", [unknown])
    way.clock.advance(60)
    _know_the_word(way, EntryId("inbox", way.inbox.last_number()))


async def _of_the_afternoon(way: Way, *, indexed: bool) -> None:
    way.clock.advance(HOUR_S)
    await way.events("0xpay-main", [exchange("amended", targetAmount="0.0512")])
    way.clock.advance(30)
    await way.events("0xpay-main", [exchange("amended", targetAmount="0.0498")])

    way.clock.advance(HOUR_S)
    body = BODIES["fiat-exchange-withdraw-done"] | {"id": "to-a-card"}
    await way.events("0xpay-main", [json.dumps(body).encode()])
    if indexed:
        index(way)  # as it is in life: it was indexed as an event, and Kafka refused it later
    record = record_of(way, "to-a-card")
    assert record.callback is not None
    entry = way.inbox.entry(record.callback)
    way.outbox.replace(refused(record, entry, "MESSAGE_TOO_LARGE", frozenset()))

    way.clock.advance(HOUR_S)
    answered(way, swap("swap-nobody-called", "PROCESSED"))

    way.clock.advance(HOUR_S)
    refuse(way, payout("payout-one", "Done", hash=FORGED_HASH), b"whatever a stranger has made up")


def _know_the_word(way: Way, entry: EntryId) -> None:
    """Redrive with a release that knows the word."""
    # As an upgrade does it: one more row of the provider's table, for as long as the redrive takes.
    statuses: Any = zeroxpay.LIFECYCLES["CryptoExchangeWithdraw"].statuses
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(statuses, "Wondrous", statuses["Failed"])
        way.requests.add("redrive", way.clock.us, {"callbacks": [entry.number]})
        way.interpret()


@pytest.fixture(scope="module", params=[True, False], ids=["indexed", "looked through"])
def desk(request: pytest.FixtureRequest) -> Browser:
    """A console over it; nobody here writes."""
    way = asyncio.run(misfortunes(indexed=request.param))
    cards = [card("0xpay-main"), card("swaps"), card("calypso", provider="calypso", asked=False)]
    return browser(way=way, sources=cards, retired=lambda name: (OLD_SECRET,) if name == "0xpay-main" else ())


def text_of(page: str) -> str:
    """What stands on a page, without its tags."""
    main = page[page.index("<main") : page.index("</main>")]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())


def search(desk: Browser, **fields: str) -> tuple[str, list[str]]:
    """The first page: what it says, and where its rows lead; a single place where it leads on by itself."""
    answer = desk.client.get(f"/search?{urlencode(fields)}", follow_redirects=False)
    if answer.status_code == 303:
        return "", [answer.headers["location"]]
    assert answer.status_code == 200, answer.text
    found = answer.text if "q" not in fields else answer.text.partition("Records, the newest first")[0]
    links = re.findall(r'<a class="go" href="([^"]+)"', found)
    return text_of(answer.text), [html.unescape(link) for link in dict.fromkeys(links)]


def told(desk: Browser, link: str) -> str:
    """The second page."""
    return text_of(desk.get(link.partition("#")[0]))


def test_a_payout_failed_after_it_was_completed(desk: Browser) -> None:
    """By its transaction hash."""
    _, (link,) = search(desk, q=HASH)
    said = told(desk, link)
    assert "Callback 1 said Done, which is completed." in said
    assert "Callback 2 said Failed, which is failed. But the operation had ended as completed before" in said
    assert "it is completed still" in said
    assert "That is not the operation's state; its own page says why." in told(desk, "/callback/2")


def test_a_callback_was_refused_because_the_secret_was_rotated(desk: Browser) -> None:
    """By the shop's own reference."""
    _, (link,) = search(desk, q="cash-out-5512")
    assert link.startswith("/rejects/")
    assert "It was refused because its secret was rotated: it is genuine" in told(desk, link)


def test_two_providers_operations_share_a_reference(desk: Browser) -> None:
    """By that reference: both are named, each with its source, and nothing is guessed."""
    said, links = search(desk, q="order-10482-b")
    assert "2 operations have the reference order-10482-b: of 0xpay-main and of calypso." in said
    operations = [link for link in links if link.startswith("/operation/")]
    assert len(operations) == 2
    assert sorted(re.findall(r"Source (\S+)", " ".join(told(desk, link) for link in operations))) == [
        "0xpay-main", "calypso",
    ]  # fmt: skip


def test_the_callback_came_late_and_the_poll_had_told_it(desk: Browser) -> None:
    """By the beginning of the operation's id."""
    _, (link,) = search(desk, q="swap-late")
    said = told(desk, link)
    assert "The provider's answer, when it was asked, said PROCESSED, which is completed." in said
    assert "came late with PROCESSED (completed): the provider had said so 40 min before, when it was asked" in said


def test_a_repeat_came_with_other_bytes(desk: Browser) -> None:
    """By the number of the callback, which a colleague read in the log."""
    numbers = [one.number for one in desk.way.inbox.entries if b"said-twice" in one.callback.body]
    _, links = search(desk, q=str(numbers[1]))
    link = next(one for one in links if one.startswith(("/operation/", f"/callback/{numbers[1]}")))
    said = told(desk, link)
    again = f"Callback {numbers[1]} said Done (completed) again: nothing new."
    assert again in said or "It said again what was known already: Done, which is completed." in said
    assert re.search(r"Its bytes are others than those that it repeats \(\d+ bytes more\), and mean the same\.", said)


def test_one_was_quarantined_for_an_unknown_status_and_redriven(desk: Browser) -> None:
    """By the last characters of the address that it was sent to."""
    _, links = search(desk, q=ADDRESS[-8:])
    said = told(desk, next(link for link in links if link.startswith("/operation/")))
    assert "its status is a word that this release does not know: Wondrous" in said
    assert "It was redriven later, and could be read then." in said
    assert "said Wondrous, which is failed." in said


def test_an_amount_was_amended(desk: Browser) -> None:
    """By the amount and about the time."""
    at = next(one.received_at for one in desk.way.outbox.records if one.operation_id == "amended")
    said, links = search(desk, amount="0.05120", since=at[:14] + "00", until=at[:11] + "23:59")
    assert "100.25 USDT → 0.0512 ETH" in said
    (link,) = links
    assert "It amended what Done had said before: received amount was 0.0512, is 0.0498." in told(desk, link)


def test_kafka_refused_an_event(desk: Browser) -> None:
    """By the masked card, as it stands on a receipt."""
    _, links = search(desk, q="440000******0008")
    (link,) = links
    assert link.startswith("/callback/")
    said = told(desk, link)
    assert "Kafka refused the event that was made of it, and consumers will miss sequence 1 of to-a-card." in said
    assert "It waits in quarantine for somebody's decision." in said
    assert "4400000000000008" not in desk.get(link)


def test_nothing_ever_came_and_the_provider_was_asked(desk: Browser) -> None:
    """By the operation's id."""
    _, (link,) = search(desk, q="swap-nobody-called")
    said = told(desk, link)
    assert "No callback of it ever came: all that is known of it was learnt by asking the provider." in said
    assert "The provider's answer, when it was asked, said PROCESSED, which is completed." in said


def test_a_forged_one_came_from_elsewhere(desk: Browser) -> None:
    """By the hash that a customer was shown."""
    _, (link,) = search(desk, q=FORGED_HASH)
    assert link.startswith("/rejects/")
    said = told(desk, link)
    assert "It was not sent by the provider, as far as anybody can tell" in said
    assert "Nothing of it was believed" in said
    _, (payout_page,) = search(desk, q=HASH)
    assert FORGED_HASH not in told(desk, payout_page)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("it matches a retired secret (retired_secrets.0)", "because its secret was rotated"),
        ("apart from the time it is genuine", "because of its time"),
        ("it verifies with today's configuration: a secret was corrected", "It would be taken today"),
        ("it matches the URL without its port", "configured otherwise"),
        ("no other reading matches: another secret, another URL, or not the provider", "not sent by the provider"),
    ],
)
def test_a_verdict_says_what_an_explanation_comes_to(line: str, said: str) -> None:
    """Whatever stood before it; each verdict is for one of these."""
    assert said in verdict(["the signature is not that of this body under a live secret", line])
    assert len(VERDICTS) == 5


def test_the_account_of_the_first_source_is_that_of_the_samples() -> None:
    """So that what is looked for here is found by its operation, and not by its account."""
    assert BODIES["crypto-exchange-withdraw-done"]["merchantId"] == ACCOUNT
