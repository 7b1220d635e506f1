"""Calypso's exchange, as ``exchange/get`` and ``exchange/filter`` give it; no webhook tells of one.

From the provider's docs. Amounts are JSON numbers there, kept as their source text; the id is an int64, kept as text.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

from receiver.model.values import Amount, Number, moment

INT64 = re.compile(r"[0-9]{1,19}")
INT64_MAX = 2**63 - 1


def int64(value: object) -> str:
    """Give the digits of an int64 that counts from 0, from a JSON number or text; ``ValueError`` for anything else."""
    text = value.text if isinstance(value, Number) else value
    if not isinstance(text, str) or INT64.fullmatch(text) is None or int(text) > INT64_MAX:
        raise ValueError("no int64")
    return text


Int64 = Annotated[str, BeforeValidator(int64)]
Moment = Annotated[str, BeforeValidator(moment)]


class Exchange(BaseModel):
    """One exchange. There is no update time, no reason of a failure and no key of the merchant's in it."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True, extra="ignore", strict=True)

    id: Int64
    state: str
    account: str | None = None
    source_currency: str | None = None
    destination_currency: str | None = None
    source_amount: Amount | None = None
    destination_amount: Amount | None = None
    """Absent until it is known."""
    created_date: Moment | None = None
