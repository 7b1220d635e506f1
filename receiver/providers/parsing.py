"""What every provider's ``parse`` does alike: single fields before the whole, and an error that names only a path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from receiver.model.errors import NotUnderstood
from receiver.model.operation import Kind
from receiver.model.values import Amount
from receiver.providers.contract import Source

Payload = TypeVar("Payload", bound=BaseModel)
READINGS = ("function-", "constrained-")
"""How pydantic names, in an error's place, the readings of one field; no provider's field begins so."""


def text_field(document: Mapping[str, Any], name: str) -> str | None:
    """A field that must be text where it is present; null counts as absent. Raises ``NotUnderstood`` ``schema``."""
    value = document.get(name)
    if value is not None and not isinstance(value, str):
        raise NotUnderstood("schema", name)
    return value


def check_account(document: Mapping[str, Any], name: str, source: Source) -> None:
    """Raise ``account_mismatch`` where the signed body names another account than the source's."""
    said = text_field(document, name)
    if said is not None and source.account is not None and said != source.account:
        raise NotUnderstood("account_mismatch", name)


def check_status(document: Mapping[str, Any], kind: Kind) -> None:
    """Raise ``unknown_status`` for a word that the kind's table does not have, ``schema`` where there is none."""
    word = text_field(document, "status")
    if word is None:
        raise NotUnderstood("schema", "status")
    if word not in kind.statuses:
        raise NotUnderstood("unknown_status", "status")


def validate(model: type[Payload], document: Mapping[str, Any]) -> Payload:
    """Read the document into its model; ``schema`` with the path of the first field that does not fit."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        # Only the place: pydantic's message would quote the value, which can be a card number.
        place = error.errors(include_input=False, include_context=False, include_url=False)[0]["loc"]
        fields = [str(part) for part in place if not str(part).startswith(READINGS)]
        raise NotUnderstood("schema", ".".join(fields)) from None


def known_fields(model: type[BaseModel]) -> frozenset[str]:
    """The names, as the provider writes them, that a model reads."""
    return frozenset(field.alias or name for name, field in model.model_fields.items())


def amount_fields(model: type[BaseModel], below: str = "") -> frozenset[str]:
    """The dotted paths, from ``below`` on, of the fields that a model reads as amounts."""
    return frozenset(
        f"{below}{field.alias or name}"
        for name, field in model.model_fields.items()
        if Amount in (field.annotation, *get_args(field.annotation))
    )


def blank_to_none(text: str | None) -> str | None:
    """An empty text says nothing."""
    return text or None
