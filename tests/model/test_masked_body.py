"""A body without card numbers: every place of it, and nothing else of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.model.exact_json import read_json
from receiver.model.masked_body import BodyFields, mask_body

FIELDS = BodyFields(ids=frozenset({"id", "data.key"}), amounts=frozenset({"fee", "data.sum"}), cards=frozenset({"to"}))
CARD = "4111111111111111"
HIDDEN = "411111******1111"


def test_known_places_are_those_and_no_others_of_their_name() -> None:
    """An id below another object is none, and in a list of ids either; a list of objects is looked into."""
    body = {"id": CARD, "data": [{"key": CARD, "id": CARD, "sum": CARD}], "a": {"id": CARD}, "fee": [CARD]}
    masked = json.loads(mask_body(json.dumps(body).encode(), FIELDS))
    data = [{"key": CARD, "id": HIDDEN, "sum": CARD}]
    assert masked == {"id": CARD, "data": data, "a": {"id": HIDDEN}, "fee": [HIDDEN]}
    assert json.loads(mask_body(json.dumps({"id": [CARD]}).encode(), FIELDS)) == {"id": [HIDDEN]}


def test_a_value_without_an_object_is_looked_at() -> None:
    """A body may be anything."""
    assert mask_body(f'"{CARD}"'.encode(), FIELDS) == f'"{HIDDEN}"'.encode()
    assert mask_body(CARD.encode(), FIELDS) == f'"{HIDDEN}"'.encode()
    assert mask_body(f'[["to", {CARD}]]'.encode(), FIELDS) == f'[["to", "{HIDDEN}"]]'.encode()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1"])
def test_what_is_no_json_is_masked_as_text(encoding: str) -> None:
    """Of whatever encoding, as far as it has ASCII's digits; its other bytes stay."""
    masked = mask_body(f"é {CARD[:8]}-{CARD[8:]} é".encode(encoding), FIELDS)
    assert HIDDEN.encode() in masked
    assert masked.startswith("é".encode(encoding)[:2])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=15,
)


@given(JSON, st.sampled_from([None, 2]))
def test_a_body_without_a_card_number_stays_byte_for_byte(value: Any, indent: int | None) -> None:
    """And what is masked is JSON still."""
    body = json.dumps(value, indent=indent).encode()
    masked = mask_body(body, FIELDS)
    read_json(masked)
    assert masked == body or b"*" in masked
