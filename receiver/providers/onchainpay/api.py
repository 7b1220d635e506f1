"""OnchainPay's API (white label: ApolloPayment): ``auto-swaps/get``, asked for each swap by its id.

Its docs and official SDK sources, checked 2026-11. All calls POST JSON to the base URL, signed as callbacks are: HMAC-
SHA256 over the exact bytes sent, the secret as text. Each body has a ``nonce``, unique per request; an older edition
demanded an increasing number, so it is a strictly increasing count of milliseconds. The answer is an envelope,
``{success: true, response}`` or ``{success: false, error: {code, name, message}}``; the SDKs ignore the HTTP status, so
``success`` decides. There is no list of swaps and no resend call; no rate limit and no error code is documented.
"""

from __future__ import annotations

import re
from typing import Any

from receiver.model.callback import Resource
from receiver.model.errors import ApiFailed
from receiver.model.exact_json import write_json
from receiver.model.operation import Kind
from receiver.providers.answers import by_status, document, resource
from receiver.providers.calls import Access, Answer, Call, Stamp
from receiver.providers.signing import digest

BASE_URL = "https://ocp.onchainpay.io/api-gateway"
"""ApolloPayment's is ``https://app.apollopayment.io/api-gateway``: a setting."""
OPERATION_ID = re.compile(r"[\x21-\x7e]{1,256}")
"""A UUID in all samples; whatever a callback may carry as one is asked for."""


def get(operation_id: str, access: Access, stamp: Stamp) -> Call:
    """``auto-swaps/get``."""
    body = write_json({"id": operation_id, "nonce": stamp.nonce})
    headers = (
        ("content-type", "application/json"),
        ("x-api-public-key", access.public.decode("latin-1")),
        ("x-api-signature", digest(access.secret, body, "sha256").hex()),
    )
    return Call("POST", f"{access.base_url}/auto-swaps/get", headers, body)


def read(answer: Answer, operation_id: str, kind: Kind) -> Resource:
    """The swap in ``response``; raises ``ApiFailed``."""
    said = document(answer)
    if not isinstance(said, dict) or not isinstance(said.get("success"), bool):
        raise by_status(answer, "no envelope with `success`")
    if not said["success"]:
        if answer.status == 429 or answer.status >= 500:
            raise by_status(answer, f"success: false, {_error(said)}")
        raise ApiFailed("refused", f"success: false, {_error(said)}")
    swap = said.get("response")
    if not isinstance(swap, dict) or swap.get("id") != operation_id:
        raise ApiFailed("nonsense", "`response` is not the swap that was asked for")
    return resource(operation_id, swap, swap.get("status"), kind)


def _error(said: dict[str, Any]) -> str:
    # Its name only, within bounds: the message is the provider's, and could quote what we sent.
    error = said.get("error")
    name = error.get("name") if isinstance(error, dict) else None
    known = isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name)
    return f"error {name}" if known else "no error name"


def hint(reason: str, body: Any) -> str | None:
    """The swap that a surprising callback may be about: its ``id``, or that of an object one level down.

    An auto-withdrawal (``unknown_kind``) is no swap, and another organisation's swap is not ours to ask for.
    """
    if reason not in {"schema", "unknown_status"} or not isinstance(body, dict):
        return None
    candidates = (body, *(value for value in body.values() if isinstance(value, dict)))
    ids = (candidate.get("id") for candidate in candidates)
    return next((found for found in ids if isinstance(found, str) and OPERATION_ID.fullmatch(found)), None)
