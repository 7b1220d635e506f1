r"""Card numbers, found by what they look like and masked. Pure.

``mask_cards`` is applied to every text that leaves the journal. A card number is 13 to 19 digits whose first ones are
an issuer's, for that length, and whose last one is right by Luhn's formula. Its digits may be of any script, circled or
raised; between them may stand any characters that are neither letters nor digits: spaces of any width, dashes, dots,
invisible ones; and each character may be written as an escape (``\u0034``, ``&#52;``, ``%34``). It begins and ends
where a group of digits does.

What is told apart, and left as it is:

- a hash, an address, a key: letters and digits in one word, where the digits alone would be the number;
- a longer number: a group of more than 19 digits;
- a UUID, by its five groups, and a date with a time of day, by theirs;
- an amount: digits, one dot, digits. What follows the dot is no number by itself, and with what stands before the dot
  it is one only where that has four digits or more;
- a time in seconds, milli-, micro- or nanoseconds since 1970: no issuer's numbers begin as those of this century do.

A number with nothing but letters before or after it in its word is one, as ``PAN4111…``. An operation's id is the
identity of what it names and an amount is money, whatever they look like: who masks an event or a body leaves both, by
their place.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate

DIGITS_MIN, DIGITS_MAX = 13, 19
MASKED = re.compile(r"[0-9]{0,6}\*+[0-9]{0,4}")
CARD_SHOWN = 10
"""Digits of a card number that stay: six and four. A number with no more than these is masked whole."""
AMOUNT_WHOLE_MIN = 4
"""Digits before a dot, from which on what could be an amount is a card number all the same."""
HASH_MIN = 7
"""Letters and digits beside a group, from which on it is part of a hash also where the number has several groups."""


def mask_card(number: str) -> str:
    """Mask what is known to be a card number, right or not, as a fiat payout's destination is.

    Without spaces and dashes, six digits, stars, four digits; a short one is all stars. What is masked already stays as
    it was sent; a whole number with a stray star in it is not masked.
    """
    bare = number.replace(" ", "").replace("-", "")
    if MASKED.fullmatch(bare):
        return number
    if len(bare) <= CARD_SHOWN:
        return "*" * len(bare)
    return f"{bare[:6]}{'*' * (len(bare) - CARD_SHOWN)}{bare[-4:]}"


def mask_cards(text: str) -> str:
    """Mask each card number in ``text``: six digits, stars, four digits, without what stood between them.

    All else stays as it is, and the very same object is given back where there is none. Takes time in proportion to the
    text, whatever it holds.
    """
    if len(text) < DIGITS_MIN:
        return text
    if text.isalnum() and text.isascii() and not _ONE_WORD.fullmatch(text):
        return text  # a hash or an address: a quarter of what it takes to look for a number in it
    masked = _masked(text, text, None)
    if ("\\" in text or "&" in text or "%" in text) and _ESCAPE.search(masked):
        # Read both ways: what looks like an escape need not be meant as one.
        return _masked(masked, *_unescaped(masked))
    return masked


def mask_number(text: str) -> str | None:
    """The mask of a JSON number, as it stands in its source, that is a card number, also as ``4.1e15``; else None."""
    if len(text) < DIGITS_MIN:
        return None
    masked = mask_cards(text)
    if masked is not text:
        return masked
    found = _EXPONENT.fullmatch(text)
    if found is None:
        return None
    fraction = found["fraction"] or ""
    digits, shift = found["whole"] + fraction, int(found["exponent"]) - len(fraction)
    digits = digits + "0" * shift if shift >= 0 else digits[:shift]
    masked = mask_cards(digits.lstrip("0"))
    return masked if "*" in masked else None


_EXPONENT = re.compile(r"-?(?P<whole>[0-9]{1,40})(?:\.(?P<fraction>[0-9]{0,40}))?[eE](?P<exponent>[+-]?[0-9]{1,2})")
_BETWEEN = r"[^0-9A-Za-z]*+"
_MAYBE = re.compile(rf"[0-9][^A-Za-z]{{{DIGITS_MIN - 1}}}")
"""So long a stretch without a letter: most texts have none, and are done with here."""
_RUN = re.compile(rf"[0-9](?:{_BETWEEN}[0-9]){{{DIGITS_MIN - 1},}}+")
"""Thirteen digits or more without a letter between them."""
_ONE_WORD = re.compile(rf"[A-Za-z]*+[0-9]{{{DIGITS_MIN},{DIGITS_MAX}}}+[A-Za-z]*+")
_GROUP = re.compile(r"[0-9]+")
_STARS = re.compile(r"\*{3,}")
"""Of a number that is masked already: nothing goes on over them."""
_APART = re.compile(
    r"(?<![0-9A-Za-z])[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}(?![0-9A-Za-z])"
    r"|(?<![0-9])(?:19|20)[0-9]{2}([-/.])[01][0-9]\1[0-3][0-9][ _]?[0-2][0-9]:[0-5][0-9]"
    r"(?::[0-6][0-9](?:[.,][0-9]{1,9})?)?"
)
"""UUIDs and times."""
_ESCAPE = re.compile(
    r"(?<!\\)\\++(?:u(?P<high>[dD][89abAB][0-9A-Fa-f]{2})\\++u(?P<low>[dD][c-fC-F][0-9A-Fa-f]{2})"
    r"|u(?P<u>[0-9A-Fa-f]{4})|u\{(?P<braced>[0-9A-Fa-f]{1,6})\}|x(?P<x>[0-9A-Fa-f]{2})|[nrtbfv])"
    r"|&(?:#[xX](?P<hex>[0-9A-Fa-f]{1,6})|#(?P<decimal>[0-9]{1,7})|[a-z]{2,6});"
    r"|%(?P<percent>[0-9A-Fa-f]{2})"
)
"""A character that is written as several: of JSON in JSON, of HTML, of a URL."""


class _ToAscii(dict[int, str]):
    """Character → the ASCII digit that it is, a letter for any other letter, a space for all else."""

    _KEPT_MAX = 5000

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if code < 128:
            plain = character
        elif 0xE0030 <= code <= 0xE0039:  # a tag: invisible, and a digit for those who look for it
            plain = chr(code - 0xE0000)
        else:
            value = unicodedata.numeric(character, -1.0)
            plain = str(int(value)) if 0 <= value <= 9 and value == int(value) else " x"[character.isalnum()]
        if len(self) < self._KEPT_MAX:
            self[code] = plain
        return plain


_TO_ASCII = _ToAscii()


def _unescaped(text: str) -> tuple[str, Sequence[int]]:
    """The text with escapes as the characters that they stand for; and where in it each character began."""
    parts: list[str] = []
    places: list[int] = []
    at = 0
    for found in _ESCAPE.finditer(text):
        parts += (text[at : found.start()], _character(found))
        places += range(at, found.start() + 1)
        at = found.end()
    parts.append(text[at:])
    places += range(at, len(text) + 1)
    return "".join(parts), places


def _character(found: re.Match[str]) -> str:
    digits = found["u"] or found["braced"] or found["x"] or found["hex"] or found["percent"]
    if found["high"] is not None:
        code = 0x10000 + ((int(found["high"], 16) & 0x3FF) << 10) + (int(found["low"], 16) & 0x3FF)
    elif found["decimal"] is not None:
        code = int(found["decimal"])
    elif digits is None or (found["percent"] is not None and int(digits, 16) > 127):
        return " "  # a line's end, a named character, or part of a character in UTF-8, which is no ASCII digit
    else:
        code = int(digits, 16)
    return chr(code) if code < 0x110000 else " "


def _masked(text: str, plain: str, places: Sequence[int] | None) -> str:
    if not plain.isascii():
        plain = plain.translate(_TO_ASCII)
    if _MAYBE.search(plain) is None or _RUN.search(plain) is None:
        return text
    if "***" in plain:
        plain = _STARS.sub(lambda stars: "x" * len(stars[0]), plain)
    parts: list[str] = []
    at = 0
    for start, end in _numbers(plain):
        first, last = (start, end) if places is None else (places[start], places[end])
        digits = "".join(_GROUP.findall(plain, start, end))
        parts += (text[at:first], f"{digits[:6]}{'*' * (len(digits) - CARD_SHOWN)}{digits[-4:]}")
        at = last
    return "".join((*parts, text[at:])) if parts else text


def _numbers(plain: str) -> Iterator[tuple[int, int]]:
    """Where the numbers are; those that overlap are one."""
    apart = None
    start = end = 0
    for run in _RUN.finditer(plain):
        for first, last in _Run(plain, run.start(), run.end()).numbers():
            if apart is None:
                apart = [found.span() for found in _APART.finditer(plain)]
            if any(first < until and since < last for since, until in _near(apart, last)):
                continue
            if first < end:
                end = max(end, last)
                continue
            if end:
                yield start, end
            start, end = first, last
    if end:
        yield start, end


def _near(apart: Sequence[tuple[int, int]], last: int) -> Sequence[tuple[int, int]]:
    # None of them overlap: of those that begin before ``last``, only the two nearest can reach into a number.
    until = bisect_right(apart, (last, 0))
    return apart[max(0, until - 2) : until]


class _Run:
    """Groups of digits with no letter between them."""

    def __init__(self, plain: str, start: int, end: int) -> None:
        self._plain = plain
        self._groups = [found.span() for found in _GROUP.finditer(plain, start, end)]
        self._sizes = [last - first for first, last in self._groups]
        self._begins = [0, *accumulate(self._sizes)]
        self._digits = "".join([plain[first:last] for first, last in self._groups])
        values = [int(digit) for digit in self._digits]
        doubled = [_DOUBLED[value] for value in values]
        # Sums over the digits before each place, with those of even places doubled, and with those of odd places.
        self._sums = [
            [
                0,
                *accumulate(
                    two if place % 2 == parity else one
                    for place, (one, two) in enumerate(zip(values, doubled, strict=True))
                ),
            ]
            for parity in (0, 1)
        ]

    def numbers(self) -> Iterator[tuple[int, int]]:
        """Where a card number begins and ends in the text, in the order of their beginnings."""
        group_at = dict(zip(self._begins[1:], range(len(self._groups)), strict=True))
        for first, begin in enumerate(self._begins[:-1]):
            lengths = _lengths(self._digits[begin : begin + 4])
            for length in lengths:
                last = group_at.get(begin + length)
                if last is not None and self._is_sound(begin, begin + length) and self._stands_alone(first, last):
                    yield self._groups[first][0], self._groups[last][1]

    def _is_sound(self, begin: int, end: int) -> bool:
        # Luhn: from the last digit back, every second one is doubled.
        sums = self._sums[end % 2]
        return (sums[end] - sums[begin]) % 10 == 0

    def _stands_alone(self, first: int, last: int) -> bool:
        start, end = self._groups[first][0], self._groups[last][1]
        beside = _word_before(self._plain, start) + _word_after(self._plain, end)
        if any(map(str.isdigit, beside)) and (first == last or len(beside) >= HASH_MIN):
            return False
        if first == last:
            return not self._is_fraction(first)
        return not (first + 1 == last and self._is_fraction(last) and self._sizes[first] < AMOUNT_WHOLE_MIN)

    def _is_fraction(self, group: int) -> bool:
        # Of an amount: one dot before it, and no second one before or after.
        return self._dot_before(group) and not self._dot_before(group - 1) and not self._dot_before(group + 1)

    def _dot_before(self, group: int) -> bool:
        if not 0 < group < len(self._groups):
            return False
        return self._plain[self._groups[group - 1][1] : self._groups[group][0]] == "."


_DOUBLED = tuple(value * 2 if value < 5 else value * 2 - 9 for value in range(10))
_BESIDE_MAX = 40
"""Characters of a word beside a number that are looked at."""
_WORD = re.compile(r"[0-9A-Za-z]*+")


def _word_before(plain: str, at: int) -> str:
    near = plain[max(0, at - _BESIDE_MAX) : at][::-1]
    found = _WORD.match(near)
    return found[0] if found else ""


def _word_after(plain: str, at: int) -> str:
    found = _WORD.match(plain, at, at + _BESIDE_MAX)
    return found[0] if found else ""


_ISSUERS: Sequence[tuple[str, str, Sequence[int]]] = (
    ("2200", "2205", (16, 17, 18, 19)),  # Mir, Borica
    ("2221", "2720", (16,)),  # Mastercard
    ("300", "305", (14, 15, 16, 17, 18, 19)),  # Diners Club
    ("3095", "3095", (14, 15, 16, 17, 18, 19)),
    ("34", "34", (15,)),  # American Express
    ("3528", "3589", (16, 17, 18, 19)),  # JCB, LankaPay
    ("36", "36", (14, 15, 16, 17, 18, 19)),  # Diners Club
    ("37", "37", (15,)),  # American Express
    ("38", "39", (14, 15, 16, 17, 18, 19)),  # Diners Club
    ("4", "4", (13, 16, 18, 19)),  # Visa
    ("50", "50", (13, 14, 15, 16, 17, 18, 19)),  # Maestro, Verve, Elo, RuPay, Dankort
    ("51", "55", (16,)),  # Mastercard
    ("56", "58", (13, 14, 15, 16, 17, 18, 19)),  # Maestro, Uzcard
    ("60", "69", (13, 14, 15, 16, 17, 18, 19)),  # Maestro, Discover, UnionPay, RuPay, Troy, national ones
    ("81", "82", (16, 17, 18, 19)),  # UnionPay, RuPay
    ("8600", "8600", (16,)),  # Uzcard
    ("9051", "9051", (16,)),  # ArCa
    ("9112", "9112", (16,)),  # Belkart
    ("9417", "9417", (16,)),  # Elcart
    ("9792", "9792", (16,)),  # Troy
    ("9804", "9804", (16,)),  # Prostir
    ("9860", "9860", (16,)),  # Humo
)
"""(first and last beginning of an issuer's numbers, how many digits they have). Airlines' own, which begin with 1 as
today's times do, are not among them."""


@lru_cache(maxsize=10_000)
def _lengths(prefix: str) -> Sequence[int]:
    """How many digits a card number has that begins with these four."""
    return tuple(
        length for first, last, lengths in _ISSUERS if first <= prefix[: len(first)] <= last for length in lengths
    )
