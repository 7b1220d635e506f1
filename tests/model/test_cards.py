"""Card numbers: what is shown of them, what counts as one in whatever clothes, and what is told apart from them."""

from __future__ import annotations

import random
import time
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.model.cards import mask_card, mask_cards, mask_number
from tests.support import CALYPSO_VECTORS, ONCHAINPAY_VECTORS, OXPAY_VECTORS

CARD = "4111111111111111"
HIDDEN = "411111******1111"
GROUPS = ["4111", "1111", "1111", "1111"]


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


@pytest.mark.parametrize("between", ["", " ", "-", ".", "_", "/", ", ", " - ", "\n", "\t", "*", "|", "\0"])
@pytest.mark.parametrize(
    "space", ["\u00a0", "\u2009", "\u200b", "\u2060", "\ufeff", "\u2028", "\u00ad", "\u2011", "·", ""]
)
def test_whatever_stands_between_the_digits(between: str, space: str) -> None:
    """As long as it is neither a letter nor a digit; between groups or between all of them."""
    for number in (f"{between}{space}".join(GROUPS), f"{space}{between}".join(CARD)):
        assert mask_cards(f"to {number}, please") == f"to {HIDDEN}, please"


@pytest.mark.parametrize("zero", "0\u0660\u06f0\u0966\u0e50\uff10\U0001d7ce\U0001d7f6\U0001fbf0\U000e0030")
def test_digits_are_those_of_any_script(zero: str) -> None:
    """Arabic-Indic, full-width, bold, tags that nobody sees."""
    assert mask_cards("".join(chr(ord(zero) + int(digit)) for digit in CARD)) == HIDDEN


@pytest.mark.parametrize(
    "number", ["④①①①①①①①①①①①①①①①", "⁴¹¹¹¹¹¹¹¹¹¹¹¹¹¹¹", "四一一一一一一一一一一一一一一一", "4️⃣" + "1️⃣" * 15]
)
def test_what_counts_as_a_digit_is_one(number: str) -> None:
    """Circled, raised, of a keyboard's key."""
    assert mask_cards(number).startswith(HIDDEN)


@pytest.mark.parametrize(
    "escape",
    [r"\u{:04x}", r"\\\\u{:04X}", r"\u{{{:x}}}", r"\x{:02x}", "&#{:d};", "&#x{:x};", "%{:02x}"],
)
@pytest.mark.parametrize("which", [slice(0, 1), slice(0, 16), slice(7, 9), slice(15, 16)])
def test_a_character_may_be_written_as_an_escape(escape: str, which: slice) -> None:
    """JSON in JSON, HTML, a URL: who reads on would read the number."""
    written = [*CARD]
    written[which] = [escape.format(ord(digit)) for digit in CARD[which]]
    assert mask_cards(f"<{''.join(written)}>") == f"<{HIDDEN}>"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (r"\ud835\udfd2111111111111111", HIDDEN),
        ("4111%201111+1111%C2%A01111", HIDDEN),
        ("4111&nbsp;1111&nbsp;1111&nbsp;1111", HIDDEN),
        (r"4111\n1111\t1111\\n1111", HIDDEN),
        ("%B4111111111111111^DOE", f"%B{HIDDEN}^DOE"),
        ("PAN4111111111111111", f"PAN{HIDDEN}"),
        ("4111111111111111usd", f"{HIDDEN}usd"),
        ("4111 1111 1111 1111 12/27 123", f"{HIDDEN} 12/27 123"),
        ("1716800130 4111111111111111 2024", f"1716800130 {HIDDEN} 2024"),
        ("2024-05-27 08:55 4111111111111111", f"2024-05-27 08:55 {HIDDEN}"),
        ("4111111111111111 5500000000000004", f"{HIDDEN} 550000******0004"),
        ("411111.1111111111", HIDDEN),
        ("378282246310005", "378282*****0005"),
        ("30569309025904", "305693****5904"),
        ("6304000000000000018", "630400*********0018"),
        ("2200000000000004", "220000******0004"),
        ("4222222222222", "422222***2222"),
    ],
)
def test_a_number_in_its_surroundings(text: str, masked: str) -> None:
    """Only the number is changed."""
    assert mask_cards(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",  # not right by Luhn's formula
        "1111111111111117",  # no issuer's
        "411111111111111",  # 15 digits, which this issuer has none of
        "41111111111111111111",  # 20
        "bc1q4400000000000008",
        "a1b2c3d4e5f64111111111111111",
        "0.4111111111111111",
        "4.111111111111111",
        "411.1111111111111",
        "12 4.111111111111111 13",
        "4111111111111111".replace("1", "l"),
        "1716800130123",
        "1716800130123456789",
        "2024-05-30 08:55:23.456789",
        "36000000-0000-4008-8000-000000000000",
        "411111******1111",
        "411111******1111 411111******1111",
        "",
    ],
)
def test_what_is_no_card_number_stays(text: str) -> None:
    """The very same object."""
    assert mask_cards(text) is text


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        (CARD, HIDDEN),
        (f"-{CARD}", f"-{HIDDEN}"),
        (f"{CARD}.0", f"{HIDDEN}.0"),
        ("4.111111111111111e15", HIDDEN),
        ("4111111111111111E+0", f"{HIDDEN}E+0"),
        ("41111111111111110e-1", HIDDEN),
        ("4.1e99", None),
        ("1.5e-99999999999", None),
        ("4102444800000", None),
        ("0.000000041111111", None),
        ("12", None),
    ],
)
def test_a_json_number_is_one_whatever_its_exponent(number: str, masked: str | None) -> None:
    """An integer of sixteen digits reads as a card number, however it is written."""
    assert mask_number(number) == masked


@st.composite
def numbers(draw: st.DrawFn) -> str:
    """A card number that is right."""
    prefix, length = draw(st.sampled_from([("4", 16), ("4", 13), ("51", 16), ("37", 15), ("6011", 16), ("9860", 16)]))
    free = "".join(draw(st.lists(st.sampled_from("0123456789"), min_size=length, max_size=length)))
    body = (prefix + free)[: length - 1]
    total = sum(
        int(digit) * 2 - 9 * (digit > "4") if at % 2 == 0 else int(digit) for at, digit in enumerate(body[::-1])
    )
    return f"{body}{-total % 10}"


@given(numbers(), st.data(), st.text(max_size=10), st.text(max_size=10))
def test_masking_twice_is_masking_once(number: str, data: st.DataObject, before: str, after: str) -> None:
    """Whatever stands around it; and where that is no part of a word the number is gone."""
    between = data.draw(st.lists(st.sampled_from(["", " ", "-", "\u00a0", "\u200b"]), min_size=16, max_size=16))
    text = f"{before} x {''.join(map(''.join, zip(between, number, strict=False)))} x {after}"
    masked = mask_cards(text)
    assert mask_cards(masked) == masked
    assert f"{number[:6]}{'*' * (len(number) - 10)}{number[-4:]}" in masked


def test_ids_hashes_addresses_and_times_are_told_apart() -> None:
    """Ten thousand of each, from a seed: none is touched."""
    chance = random.Random(20)
    base58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    for _ in range(10_000):
        for text in (
            str(uuid.UUID(int=chance.getrandbits(128), version=4)),
            f"{chance.getrandbits(256):064x}",
            f"0x{chance.getrandbits(160):040x}",
            f"{chance.getrandbits(96):024x}",
            "T" + "".join(chance.choices(base58, k=33)),
            str(chance.randrange(946_684_800_000, 4_000_000_000_000)),
            f"{chance.randrange(1000)}.{chance.getrandbits(60):018d}",
            f"{10 ** chance.uniform(-4, 4):.8f}",
        ):
            assert mask_cards(text) is text, text


def test_the_samples_of_all_providers_hold_no_number_that_is_none() -> None:
    """What is masked in the vectors are their card numbers."""
    bodies = [
        vector["body"]
        for vectors in (OXPAY_VECTORS, ONCHAINPAY_VECTORS, CALYPSO_VECTORS)
        for vector in _with_body(vectors)
    ]
    assert len(bodies) > 50
    for body in bodies:
        masked = mask_cards(body)
        assert masked == body or "4400000000000008" in body, body


def _with_body(value: object) -> list[dict[str, str]]:
    if isinstance(value, dict):
        found = [value] if isinstance(value.get("body"), str) else []
        return found + [one for inner in value.values() for one in _with_body(inner)]
    return [one for inner in value for one in _with_body(inner)] if isinstance(value, list) else []


@pytest.mark.parametrize(
    "piece",
    ["1 ", "4 ", "4", f"{CARD} ", "\\", "\\u0034", "&#", "%3", "4\u00a0", "1" * 12 + " a", f"***{CARD}", "漢", "1."],
)
def test_the_work_grows_as_the_text_does(piece: str) -> None:
    """Whatever is repeated: work by the square would take minutes of the processor for these."""
    started_s = time.process_time()
    mask_cards(piece * (250_000 // len(piece)))
    assert time.process_time() - started_s < 15
