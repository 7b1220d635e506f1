"""CryptoExchange's API, of which its one known page names no host, path, header, field or status word.

That page (a documentation site's landing page, checked 2026-11) says that an order has an id that is a UUID, that its
status is asked for by that id, that the orders of one customer can be listed, and of no callback. So all the rest is
required configuration, ``settings.OrderPoll``: nothing here is a guess. A status word that the configuration lacks is
quarantined. The list is used to discover orders only; being missing in it proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from exchange_events.status_event import Status
from receiver.model import event_parts
from receiver.model.callback import Resource
from receiver.model.errors import ApiFailed, NotUnderstood
from receiver.model.operation import Facts, Kind, Step
from receiver.model.values import Number, amount, moment
from receiver.providers.answers import by_status, document, resource, usual_interval_s
from receiver.providers.calls import Access, Answer, Call, Page, Scan, Stamp
from receiver.providers.contract import Api, Lists, Source
from receiver.providers.cryptoexchange.settings import AMOUNTS, NEEDED, TIMES, OrderPoll

KIND = "order"
ORDER: tuple[Status, ...] = ("pending", "processing", "exchanged", "sending")
"""Statuses after which more are expected, in their order; every other one is terminal."""
OPERATION_ID = re.compile(r"[\x21-\x7e]{1,256}")
ID_MAX = 256
CUSTOMER = "customer:"


def kinds_of(access: Access) -> Mapping[str, Kind]:
    """The one kind, with the configured words. Each word that is not terminal has a rank of its own, in their order."""
    described = _described(access)
    words = sorted(
        (word for word, status in described.statuses.items() if status in ORDER),
        key=lambda word: ORDER.index(described.statuses[word]),
    )
    steps = {word: Step(described.statuses[word], rank) for rank, word in enumerate(words)}
    steps |= {
        word: Step(status, len(words), terminal=True)
        for word, status in described.statuses.items()
        if status not in ORDER
    }
    return {KIND: Kind(KIND, "exchange", steps)}


def get(operation_id: str, access: Access, _: Stamp) -> Call:
    """Ask for one order."""
    described = _described(access)
    path = described.order_path.replace("{id}", quote(operation_id, safe=""))
    return _call(described, path, access)


def scans(access: Access) -> tuple[Scan, ...]:
    """One list for each configured customer."""
    described = _described(access)
    customers = described.customers if described.list_path is not None else ()
    return tuple(Scan(f"{CUSTOMER}{customer}", every_s=None) for customer in customers)


def page(scan: Scan, _: tuple[int, int], number: int, access: Access, __: Stamp) -> Call:
    """Ask for the orders of one customer; no pages are known."""
    del number
    described = _described(access)
    customer = quote(scan.name.removeprefix(CUSTOMER), safe="")
    return _call(described, (described.list_path or "").replace("{customer}", customer), access)


def _call(described: OrderPoll, path: str, access: Access) -> Call:
    header = (described.auth_header, access.secret.decode("latin-1"))
    return Call(described.method, f"{access.base_url}{path}", (("accept", "application/json"), header))


def read(answer: Answer, operation_id: str, access: Access) -> Resource:
    """One order; raises ``ApiFailed``."""
    if answer.status == 404:
        raise ApiFailed("not_found", "HTTP 404")
    said = document(answer)
    if answer.status != 200 or not isinstance(said, dict):
        raise by_status(answer, "no order")
    described = _described(access)
    if found(said, described.fields["id"]) != operation_id:
        raise ApiFailed("nonsense", "the answer is not the order that was asked for")
    return resource(operation_id, said, found(said, described.fields["status"]), kinds_of(access)[KIND])


def read_page(answer: Answer, access: Access) -> Page:
    """The ids of a customer's orders; what else a list may say of them is not relied on. Raises ``ApiFailed``."""
    said = document(answer)
    described = _described(access)
    orders = found(said, described.fields["orders"]) if "orders" in described.fields else said
    if answer.status != 200 or not isinstance(orders, list):
        raise by_status(answer, "no list of orders")
    ids = (found(order, described.fields["id"]) for order in orders)
    known = [one for one in ids if isinstance(one, str) and OPERATION_ID.fullmatch(one)]
    return Page(tuple(Resource(one, b"", b"", terminal=False) for one in known), 1, len(orders))


def found(said: Any, path: str) -> Any:
    """What stands at a dotted path; None where nothing does."""
    for name in path.split("."):
        said = said.get(name) if isinstance(said, dict) else None
    return said


@dataclass(frozen=True, slots=True)
class Order:
    """An order's fields under our names, checked."""

    id: str
    status: str
    kind: Kind
    said: Mapping[str, str]


def parse(said: Mapping[str, Any], source: Source) -> Order:
    """Read an order by its configured field names; raises ``NotUnderstood``."""
    access = source.access
    if access is None or access.settings is None:
        raise NotUnderstood("schema", "$")  # its configuration has gone since it was asked for
    fields, kind = _described(access).fields, kinds_of(access)[KIND]
    word = found(said, fields["status"])
    if not isinstance(word, str):
        raise NotUnderstood("schema", fields["status"])
    if word not in kind.statuses:
        raise NotUnderstood("unknown_status", fields["status"])
    operation_id = found(said, fields["id"])
    if not isinstance(operation_id, str) or not 0 < len(operation_id) <= ID_MAX:
        raise NotUnderstood("schema", fields["id"])
    read_ = {name: _value(name, found(said, path), path) for name, path in fields.items() if name not in NEEDED}
    return Order(operation_id, word, kind, {name: value for name, value in read_.items() if value is not None})


def _value(name: str, value: Any, path: str) -> str | None:
    if value is None or name == "orders":
        return None
    try:
        if name in AMOUNTS:
            return amount(value)
        if name in TIMES:
            return moment(value)
    except ValueError:
        raise NotUnderstood("schema", path) from None
    if isinstance(value, Number) or not isinstance(value, str):
        raise NotUnderstood("schema", path)
    return value or None


def normalise(payload: Order, source: Source) -> Facts:
    """Put an order into our words."""
    said = payload.said
    failed = payload.kind.statuses[payload.status].status in {"failed", "rejected"}
    paid = [said.get(f"payout_{name}") for name in ("amount", "currency", "network", "destination")]
    spent = [said.get(f"spent_{name}") for name in ("amount", "currency")]
    return Facts(
        account=source.account,
        kind=payload.kind,
        operation_id=payload.id,
        provider_status=payload.status,
        spent=event_parts.amount(spent[0], spent[1], None) if any(spent) else None,
        payout=event_parts.payout(paid[0], paid[1], paid[2], paid[3], None, None) if any(paid) else None,
        failure=event_parts.failure(None, said.get("message")) if failed else None,
        transaction_hash=said.get("transaction_hash"),
        created_at=said.get("created_at"),
        updated_at=said.get("updated_at"),
    )


def known_fields(source: Source) -> frozenset[str]:
    """The first parts of the configured paths."""
    if source.access is None or source.access.settings is None:
        return frozenset()
    return frozenset(path.partition(".")[0] for path in _described(source.access).fields.values())


def _described(access: Access) -> OrderPoll:
    assert isinstance(access.settings, OrderPoll)  # noqa: S101  a source of ours has no other settings
    return access.settings


API = Api(
    kinds={KIND: Kind(KIND, "exchange", {})},
    kinds_of=kinds_of,
    base_url=None,
    asks="each order by its id: 1 min in the first hour, 10 min up to 48 h, then hourly; lists find new ones",
    operation_id=OPERATION_ID,
    get=get,
    read=read,
    parse=parse,
    normalise=normalise,
    known_fields=known_fields,
    interval_s=usual_interval_s,
    hint=lambda _reason, _body: None,
    lists=Lists(scans=scans, page=page, read_page=read_page),
)
