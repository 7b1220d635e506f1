"""Every 0xpay vector, through HTTP and out of the outbox. Where SDK and contract differ, the contract holds."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Any

import orjson
import pytest

from receiver.providers.signing import digest
from receiver.providers.zeroxpay import callbacks as zeroxpay
from tests.support import NOW_S, OXPAY_VECTORS, PUBLIC_URL, Way, oxpay_source

BODIES: dict[str, dict[str, Any]] = {vector["name"]: vector for vector in OXPAY_VECTORS["bodies"]}
EVENTS = Path(__file__).parent / "events"


def named(section: str) -> pytest.MarkDecorator:
    """Parametrise over one list of the vector file, by name."""
    vectors = OXPAY_VECTORS[section]
    return pytest.mark.parametrize("vector", vectors, ids=[v.get("name") or v["source"] for v in vectors])


def way(url: str, **source: Any) -> Way:
    """A receiver whose configured public URL makes ``url`` the signed part."""
    scheme = "" if url.startswith("https://") else "https://"
    return Way((zeroxpay.PROVIDER, oxpay_source(scheme + url, **source)))


def headers(vector: dict[str, Any]) -> dict[str, str]:
    """The headers that a vector sends; a missing signature stays missing."""
    sent = {"signature": vector.get("signature"), "timestamp": vector["timestamp"]}
    return {name: value for name, value in sent.items() if value is not None}


@named("documentedExamples")
def test_the_providers_published_examples_are_reproduced(vector: dict[str, Any]) -> None:
    """Our HMAC gives what the provider's documentation prints, as far as it is readable."""
    message = (vector["method"] + vector["url"] + vector["body"] + vector["timestamp"]).encode()
    assert digest(vector["key"].encode(), message, "sha256").hex().startswith(vector["documentedSignature"])


@named("vectors")
async def test_a_signed_callback_is_accepted_by_its_own_reading_of_the_url_only(vector: dict[str, Any]) -> None:
    """Host, path and query as configured are the default; path only needs the setting; a whole URL is never read."""
    body, url = vector["body"].encode(), vector["url"]
    assert len(body) == vector["bodyBytesUtf8"]
    if url.startswith("https://"):
        assert (await way(url).post("0xpay-main", body, headers(vector))).status_code == 401
        assert (await way(url, signed_url="path").post("0xpay-main", body, headers(vector))).status_code == 401
    elif url.startswith("/"):
        whole = "merchant.example.com" + url
        assert (await way(whole).post("0xpay-main", body, headers(vector))).status_code == 401
        assert (await way(whole, signed_url="path").post("0xpay-main", body, headers(vector))).status_code == 200
    else:
        assert (await way(url).post("0xpay-main", body, headers(vector))).status_code == 200
        assert (await way(url, signed_url="path").post("0xpay-main", body, headers(vector))).status_code == 200


@named("vectors")
async def test_the_journal_holds_the_bytes_that_were_signed(vector: dict[str, Any]) -> None:
    """Pretty, escaped or empty: what is kept is what came, and our signature over it is the vector's."""
    receiver, body = way("merchant.example.com/"), vector["body"].encode()
    await receiver.deliver("0xpay-main", body)
    assert [entry.callback.body for entry in receiver.inbox.entries] == [body]
    message = b"POST" + vector["url"].encode() + body + vector["timestamp"].encode()
    assert hmac.new(vector["key"].encode(), message, hashlib.sha256).hexdigest() == vector["signature"]


FRESHER_THAN_THE_SDK = {"expired-age-6s", "future-1s"}
"""The SDK's 5 s without forward tolerance lose genuine callbacks: 300 s either way here."""


@named("verification")
async def test_what_the_sdk_judges_is_judged_alike(vector: dict[str, Any]) -> None:
    """Accept what it accepts, refuse what it refuses, but for the freshness window, which is ours."""
    configured = vector["url"] if vector["name"] in {"accept-now-equals-timestamp", "accept-age-5s"} else None
    receiver = way(configured or PUBLIC_URL.removeprefix("https://"))
    receiver.clock.us = vector["now"] * 1_000_000
    answer = await receiver.post("0xpay-main", vector["body"].encode(), headers(vector))
    wanted = 200 if vector["sdkResult"] == 0 or vector["name"] in FRESHER_THAN_THE_SDK else 401
    if vector["name"] in {"url-path-only-offered", "url-other-host"}:
        # The vector offers the SDK another URL; a caller cannot: nothing of the request is used.
        assert answer.status_code == 200
        return
    assert answer.status_code == wanted
    assert len(receiver.inbox.entries) == (1 if wanted == 200 else 0)


@named("sdkTimestampQuirks")
async def test_a_timestamp_in_any_other_notation_is_refused(vector: dict[str, Any]) -> None:
    """The SDK's lenient cast takes these, and ``abc`` skips its time check; ten digits are the only notation here."""
    body = BODIES["exchange-done"]["body"].encode()
    answer = await way(PUBLIC_URL).post("0xpay-main", body, headers(vector))
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("age_s", "status"), [(0, 200), (300, 200), (301, 401), (-300, 200), (-301, 401), (86_400, 401), (-86_400, 401)]
)
async def test_freshness_is_two_sided_and_inclusive(age_s: int, status: int) -> None:
    """A timestamp a day ahead is as stale as one a day old."""
    receiver = way(PUBLIC_URL)
    source, body = receiver.intake.sources["0xpay-main"][1], BODIES["exchange-done"]["body"].encode()
    signed = list(zeroxpay.PROVIDER.sign(body, source, NOW_S - age_s))
    assert (await receiver.post("0xpay-main", body, signed)).status_code == status


@pytest.mark.parametrize("vector", OXPAY_VECTORS["bodies"], ids=list(BODIES))
async def test_every_body_is_accepted_and_accounted_for(vector: dict[str, Any]) -> None:
    """Each becomes its event; an invented kind or status is kept and quarantined with the reason."""
    receiver, body = way(PUBLIC_URL), vector["body"].encode()
    signed = {"signature": vector["signature"], "timestamp": str(NOW_S)}
    assert (await receiver.post("0xpay-main", body, signed)).status_code == 200
    (said,) = receiver.interpret()
    if vector["kind"] == "Subscription":
        assert (said["reason"], said["detail"]) == ("unknown_kind", "kind")
    elif vector["status"] == "Refunded":
        assert (said["reason"], said["detail"]) == ("unknown_status", "status")
    else:
        expected = orjson.loads((EVENTS / f"{vector['name']}.json").read_bytes())
        assert said == expected


FINALS = {"Done": "completed", "Failed": "failed", "Verified": "verified", "Expired": "expired"}


@named("sequences")
async def test_a_delivery_sequence_ends_where_the_provider_says(vector: dict[str, Any]) -> None:
    """One event per distinct status, numbered without a gap; the last effective one is the provider's final word."""
    receiver = way(PUBLIC_URL)
    bodies = [BODIES[name]["body"].encode() for name in vector["deliver"]]
    said = await receiver.events("0xpay-main", bodies)
    assert [event["sequence"] for event in said] == list(range(1, len(set(bodies)) + 1))
    effective = [event for event in said if event["effective"]]
    final = vector["final"].split(",")[0]
    assert (effective[-1]["provider_status"], effective[-1]["status"]) == (final, FINALS[final])
    if "swapped=true" in vector["final"]:
        assert effective[-1]["swapped"] is True


@pytest.mark.parametrize(
    ("headers", "at_s"),
    [
        (((b"timestamp", b"1716800130"),), 1716800130),
        (((b"timestamp", b"1716800130.0"),), None),
        (((b"timestamp", b"\xff"),), None),
        ((), None),
    ],
)
def test_the_signed_time_is_read_where_it_has_the_right_shape(headers: Any, at_s: int | None) -> None:
    """For the explanation of a stale callback; of a misshapen one it is not asked."""
    assert zeroxpay.PROVIDER.timestamp(headers) == at_s
