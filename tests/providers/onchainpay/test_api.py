"""OnchainPay's API, byte for byte as the vector has it, and what is made of its answers."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from receiver.model.errors import ApiFailed
from receiver.providers.calls import Access, Answer, Stamp
from receiver.providers.onchainpay import callbacks as onchainpay
from tests.support import ONCHAINPAY_VECTORS, ok

ACCESS = Access("https://ocp.example.com", None, b"p", b"s")
STAMP = Stamp(1754906400000, 1749475109413)


SWAPS = onchainpay.API


def test_onchainpay_is_asked_in_exactly_the_bytes_of_the_vector() -> None:
    """The nonce is a number; a white label has another base URL."""
    vector = next(one for one in ONCHAINPAY_VECTORS["request_signing"] if one["name"] == "auto-swaps/get")
    pair = ONCHAINPAY_VECTORS["keys"]["doc-sample"]
    base = ONCHAINPAY_VECTORS["brands"]["apollopayment"]["base"]
    access = Access(base, None, pair["public"].encode(), pair["secret"].encode())
    call = SWAPS.get("18307f23-8c3a-4094-a86a-8eb07d610947", access, STAMP)
    assert call.body == base64.b64decode(vector["body_base64"])
    assert dict(call.headers) == vector["headers"]
    assert call.url == f"{base}/auto-swaps/get"
    assert SWAPS.base_url == ONCHAINPAY_VECTORS["brands"]["onchainpay"]["base"]


SWAP = {"id": "s-1", "status": "PROCESSED"}


@pytest.mark.parametrize(
    ("document", "status", "failure"),
    [
        ({"success": False, "error": {"code": 1, "name": "SOME_ERROR", "message": "..."}}, 200, "refused"),
        ({"success": False, "error": {"name": "<b>"}}, 400, "refused"),
        ({"success": False}, 500, "down"),
        ({"success": False}, 429, "limited"),
        ({"success": "true", "response": SWAP}, 200, "nonsense"),
        ({"success": True, "response": SWAP | {"id": "other"}}, 200, "nonsense"),
        ({"success": True, "response": [SWAP]}, 200, "nonsense"),
        ({"success": True}, 200, "nonsense"),
        (SWAP, 200, "nonsense"),
        (b"ok", 200, "nonsense"),
        (b"", 502, "down"),
    ],
)
def test_every_bad_answer_of_onchainpay_has_its_name(document: Any, status: int, failure: str) -> None:
    """``success`` decides, whatever the HTTP status."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(ApiFailed) as caught:
        SWAPS.read(Answer(status, body), "s-1", ACCESS)
    assert caught.value.failure == failure
    assert "<" not in str(caught.value)


def test_a_good_answer_of_onchainpay_is_the_swap_whatever_the_http_status() -> None:
    """As the vectors have it."""
    sample = ONCHAINPAY_VECTORS["samples"]["auto_swaps_get_response_ok"]
    identity = sample["response"]["id"]
    for status in (200, 201, 400):
        resource = SWAPS.read(Answer(status, json.dumps(sample).encode()), identity, ACCESS)
        assert json.loads(resource.text) == sample["response"]
        assert (resource.operation_id, resource.terminal) == (identity, False)
    sample = {"success": True, "response": sample["response"] | {"status": "REJECTED"}}
    assert SWAPS.read(ok(sample), identity, ACCESS).terminal
    sample = {"success": True, "response": sample["response"] | {"status": "SWAPPING"}}
    assert not SWAPS.read(ok(sample), identity, ACCESS).terminal
