"""Card numbers, masked. Pure."""

from __future__ import annotations

import re

MASKED = re.compile(r"[0-9]{0,6}\*+[0-9]{0,4}")
CARD_SHOWN = 10
"""Digits of a card number that stay: six and four. A number with no more than these is masked whole."""


def mask_card(number: str) -> str:
    """Mask a card number: without spaces and dashes, six digits, stars, four digits; a short one is all stars.

    What is masked already stays as it was sent; a whole number with a stray star in it is not masked.
    """
    bare = number.replace(" ", "").replace("-", "")
    if MASKED.fullmatch(bare):
        return number
    if len(bare) <= CARD_SHOWN:
        return "*" * len(bare)
    return f"{bare[:6]}{'*' * (len(bare) - CARD_SHOWN)}{bare[-4:]}"
