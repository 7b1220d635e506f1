"""Card numbers: what is shown of them, and what counts as masked already."""

from __future__ import annotations

import pytest

from receiver.model.cards import mask_card


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("4400000000000008", "440000******0008"),
        ("4400 0000-0000 0008", "440000******0008"),
        ("12345678901", "123456*8901"),
        ("1234567890", "**********"),
        ("1234", "****"),
        ("", ""),
        ("440000******0008", "440000******0008"),
        ("4400 00** **** 0008", "4400 00** **** 0008"),
        ("****0008", "****0008"),
        ("44000000000000*8", "440000******00*8"),
    ],
)
def test_card_numbers_are_masked(number: str, masked: str) -> None:
    """Six and four digits stay; ten or fewer are all stars; what is masked stays; a stray star does not unmask."""
    assert mask_card(number) == masked
