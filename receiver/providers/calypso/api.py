"""Calypso's API: ``exchange/filter`` and ``exchange/get``, since no webhook tells of an exchange.

Its docs, checked 2026-11. All calls POST JSON with ``account`` and ``timestamp`` (Unix ms, within 3 minutes of theirs);
``Sign`` is hex of HMAC-SHA512 over the exact bytes sent, keyed with the API secret as text (it looks like hex and is
not decoded), ``Key`` the public key. Errors are ``{traceId, errorCode, message}`` with HTTP 400 or 500. A filter's page
counts from 1, ``total`` counts pages; a page can shift while the next is read, and absence proves nothing: an open
exchange that a list lacks is asked for by its id. Rate limits are not documented.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from receiver.model import event_parts
from receiver.model.callback import Resource
from receiver.model.errors import ApiFailed, NotUnderstood
from receiver.model.exact_json import write_json
from receiver.model.operation import Facts, Kind, Step
from receiver.model.times import from_ms
from receiver.model.values import Number
from receiver.providers.answers import by_status, document, resource
from receiver.providers.calls import Access, Answer, Call, Page, Scan, Stamp
from receiver.providers.calypso.exchange_payload import Exchange, int64
from receiver.providers.contract import Api, Lists, Source
from receiver.providers.parsing import known_fields, text_field, validate
from receiver.providers.signing import digest

BASE_URL = "https://api.calypso.money"
"""An older host is ``https://api.calypso.finance``."""

EXCHANGE = Kind(
    "exchange",
    "exchange",
    {
        "IN_PROGRESS": Step("processing", 1),
        "COMPLETED": Step("completed", 2, terminal=True),
        "FAILED": Step("failed", 2, terminal=True),
    },
)

OPEN = Scan("open", every_s=None, finds_open=True)
WINDOW = Scan("window", every_s=86_400, window=True)

ERRORS: Mapping[str, str] = {
    "000": "down",
    "001": "refused",
    "002": "refused",
    "003": "refused",
    "004": "not_found",
    "011": "down",
}
"""``errorCode`` → what it means for us; 011 is a timestamp out of their window, which a fresh attempt may mend."""


def get(operation_id: str, access: Access, stamp: Stamp) -> Call:
    """``exchange/get``; the id is a number there, digit for digit."""
    return _call("/api/v1/exchange/get", {"id": Number(operation_id)}, access, stamp)


def page(scan: Scan, between_ms: tuple[int, int], number: int, access: Access, stamp: Stamp) -> Call:
    """``exchange/filter``: what is open, or all states of what was created in a window."""
    payload: dict[str, Any] = {}
    if scan.window:
        first, second = between_ms
        payload["createdDate"] = {"period": {"firstDate": from_ms(first), "secondDate": from_ms(second)}}
    payload["state"] = list(EXCHANGE.statuses) if scan.window else ["IN_PROGRESS"]
    payload |= {"pageNumber": number, "pageSize": access.page_size, "sort": "ASC", "properties": "createdDate"}
    return _call("/api/v1/exchange/filter", payload, access, stamp)


def _call(path: str, payload: Mapping[str, Any], access: Access, stamp: Stamp) -> Call:
    body = write_json({"account": access.account, "timestamp": stamp.now_ms, "payload": payload})
    headers = (
        ("Content-Type", "application/json"),
        ("Key", access.public.decode("latin-1")),
        ("Sign", digest(access.secret, body, "sha512").hex()),
    )
    return Call("POST", f"{access.base_url}{path}", headers, body)


def read(answer: Answer, operation_id: str, _: Access) -> Resource:
    """One exchange; raises ``ApiFailed``."""
    found = _resource(_said(answer))
    if found is None or found.operation_id != operation_id:
        raise ApiFailed("nonsense", "the answer is not the exchange that was asked for")
    return found


def read_page(answer: Answer, _: Access) -> Page:
    """One page of a filter; raises ``ApiFailed``. An element without an id is left to the next reading."""
    said = _said(answer)
    result, pages, total = said.get("result"), said.get("total"), said.get("totalElements")
    if not isinstance(result, list) or not isinstance(pages, Number) or not isinstance(total, Number):
        raise ApiFailed("nonsense", "a page without `result`, `total` or `totalElements`")
    found = (_resource(element) for element in result if isinstance(element, dict))
    return Page(tuple(one for one in found if one is not None), _count(pages), _count(total))


def _said(answer: Answer) -> dict[str, Any]:
    said = document(answer)
    if not isinstance(said, dict):
        raise by_status(answer, "no JSON object")
    code = said.get("errorCode")
    if isinstance(code, str):
        known = re.fullmatch(r"[0-9A-Za-z]{1,8}", code)
        raise ApiFailed(ERRORS.get(code, "refused"), f"errorCode {code if known else '?'} (HTTP {answer.status})")
    if answer.status != 200:
        raise by_status(answer, "no documented answer")
    return said


def _resource(said: dict[str, Any]) -> Resource | None:
    try:
        operation_id = int64(said.get("id"))
    except ValueError:
        return None
    return resource(operation_id, said, said.get("state"), EXCHANGE)


def _count(number: Number) -> int:
    if re.fullmatch(r"[0-9]{1,12}", number.text) is None:
        raise ApiFailed("nonsense", "a page count that is none")
    return int(number.text)


def parse(said: Mapping[str, Any], source: Source) -> Exchange:
    """Read an exchange; raises ``NotUnderstood``. Account and state are found before the other fields."""
    account = text_field(said, "account")
    # An address's letters differ in case between the copies of one account.
    if account is not None and source.account is not None and account.lower() != source.account.lower():
        raise NotUnderstood("account_mismatch", "account")
    state = text_field(said, "state")
    if state is None:
        raise NotUnderstood("schema", "state")
    if state not in EXCHANGE.statuses:
        raise NotUnderstood("unknown_status", "state")
    return validate(Exchange, said)


def normalise(payload: Exchange, source: Source) -> Facts:
    """Put an exchange into our words. It tells no update time and no reason."""
    return Facts(
        account=source.account,
        kind=EXCHANGE,
        operation_id=payload.id,
        provider_status=payload.state,
        spent=_amount(payload.source_amount, payload.source_currency),
        received=_amount(payload.destination_amount, payload.destination_currency),
        failure=event_parts.failure(None, None) if payload.state == "FAILED" else None,
        created_at=payload.created_date,
    )


def _amount(digits: str | None, currency: str | None) -> event_parts.EventPart | None:
    return None if digits is currency is None else event_parts.amount(digits, currency, None)


def hint(_: str, body: Any) -> str | None:
    """The exchange that a webhook nobody documented may be about: ``data.id`` of an event type of that name."""
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict):
        return None
    event_type = body.get("eventType") or data.get("type")
    if not isinstance(event_type, str) or not event_type.startswith("EXCHANGE"):
        return None
    try:
        return int64(data.get("id"))
    except ValueError:
        return None


API = Api(
    kinds={"exchange": EXCHANGE},
    kinds_of=lambda _: {"exchange": EXCHANGE},
    base_url=BASE_URL,
    asks="open exchanges every minute, each known one that is missing there, all states once a day",
    operation_id=re.compile(r"[0-9]{1,19}"),
    get=get,
    read=read,
    parse=parse,
    normalise=normalise,
    known_fields=lambda _: known_fields(Exchange),
    interval_s=lambda _: None,
    hint=hint,
    lists=Lists(scans=lambda _: (OPEN, WINDOW), page=page, read_page=read_page),
)
