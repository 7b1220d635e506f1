"""A provider's settings say by themselves what it needs, what means nothing to it, and what is wrong as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from receiver.providers.settings import FAULT, KeyPair, PollSettings, Reference, SourceSettings


class ShopPoll(PollSettings):
    """An API with a key pair and pages."""

    key: KeyPair
    page_size: int = 10


class ShopSettings(SourceSettings):
    """One shop."""

    shop: int
    secrets: list[Reference]
    poll: ShopPoll | None = None

    def faults(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """An odd shop is asked for."""
        if self.shop % 2 and self.poll is None:
            yield self.required("poll")


SHOP: dict[str, Any] = {"name": "s", "provider": "shops", "shop": 2, "secrets": ["env:S"]}
PAIR = {"public": "env:P", "secret": "env:Q"}


def faults(**changes: Any) -> list[tuple[tuple[int | str, ...], str]]:
    """Place and type of each fault."""
    with pytest.raises(ValidationError) as refused:
        ShopSettings.model_validate(SHOP | changes)
    return [(error["loc"], error["type"]) for error in refused.value.errors()]


@pytest.mark.parametrize("empty", [None, []])
def test_an_empty_value_is_a_key_that_is_not_there(empty: Any) -> None:
    """Required is required, and nothing at all is no key that means nothing."""
    assert faults(secrets=empty) == [(("secrets",), "missing")]
    assert ShopSettings.model_validate(SHOP | {"keys": empty}).shop == 2


def test_what_no_single_field_can_say_is_said_at_its_key() -> None:
    """With the provider's name in it."""
    assert faults(shop=3) == [(("poll",), FAULT)]
    with pytest.raises(ValidationError, match="required for shops"):
        ShopSettings.model_validate(SHOP | {"shop": 3})
    assert faults(poll={}) == [(("poll", "key"), "missing")]


def test_the_usual_keys_are_there_under_one_name_and_empty_where_a_model_has_none() -> None:
    """So that the service resolves them without knowing the provider."""
    usual = ShopSettings.model_validate(SHOP | {"poll": {"key": PAIR}}).usual
    assert (usual.secrets, usual.account, usual.keys, usual.public_url) == (("env:S",), None, (), None)
    assert (usual.api_key, usual.page_size, usual.api_secret) == (KeyPair(**PAIR), 10, None)
    alone = ShopSettings.model_validate(SHOP).usual
    assert (alone.poll, alone.api_key, alone.freshness_s) == (None, None, 300)
