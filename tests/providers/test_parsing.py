"""Reading a body: which reason it gets, and that an error names a place and never a value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from receiver.model.errors import NotUnderstood
from receiver.model.operation import Kind, Step
from receiver.providers.contract import Source
from receiver.providers.parsing import blank_to_none, check_account, check_status, known_fields, text_field, validate

KIND = Kind("exchange", "exchange", {"Done": Step("completed", 1)})
CARD = "4400000000000008"


class Inner(BaseModel):
    """A part of a body."""

    to: Annotated[str, Field(max_length=3)]


class Body(BaseModel):
    """A body."""

    local_id: Annotated[str | None, Field(alias="localId")] = None
    parts: list[Inner] = []


def why(function: Callable[[], Any]) -> tuple[str, str]:
    """Reason and place."""
    with pytest.raises(NotUnderstood) as refused:
        function()
    assert CARD not in str(refused.value)
    assert refused.value.__cause__ is None
    return refused.value.reason, refused.value.detail


def test_a_field_of_text_is_text_or_absent() -> None:
    """Null counts as absent."""
    assert (text_field({"a": "x"}, "a"), text_field({"a": None}, "a"), text_field({}, "a")) == ("x", None, None)
    assert why(lambda: text_field({"a": 1}, "a")) == ("schema", "a")


def test_a_body_about_another_account_is_told_apart() -> None:
    """One that names none is taken on its signature, as is any where none is configured."""
    source = Source("main", "made-up", "m")
    for document in ({"account": "m"}, {}, {"account": None}):
        check_account(document, "account", source)
    check_account({"account": "other"}, "account", Source("main", "made-up", None))
    assert why(lambda: check_account({"account": "other"}, "account", source)) == ("account_mismatch", "account")


def test_a_status_must_be_in_the_table() -> None:
    """An unknown one is another reason than none at all."""
    check_status({"status": "Done"}, KIND)
    assert why(lambda: check_status({"status": "done"}, KIND)) == ("unknown_status", "status")
    for document in ({}, {"status": None}, {"status": 1}):
        assert why(lambda said=document: check_status(said, KIND)) == ("schema", "status")  # type: ignore[misc]


def test_what_does_not_fit_is_named_by_its_path() -> None:
    """As the provider writes it."""
    assert validate(Body, {"localId": "x", "unknown": 1}).local_id == "x"
    assert why(lambda: validate(Body, {"parts": [{"to": "ok"}, {"to": CARD}]})) == ("schema", "parts.1.to")
    assert why(lambda: validate(Body, {"localId": 1})) == ("schema", "localId")


def test_known_fields_are_the_providers_names() -> None:
    """And an empty text says nothing."""
    assert known_fields(Body) == {"localId", "parts"}
    assert (blank_to_none(""), blank_to_none(None), blank_to_none(" ")) == (None, None, " ")
