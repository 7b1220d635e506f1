"""The grammar of single values, exactly as the mapping says."""

from __future__ import annotations

import pytest

from receiver.model.values import Number, amount, rfc3339, time_ms

GOOD_AMOUNTS = ["0", "-1", "0.100000000000000000", "00.5", "1e5", "1E+5", "1.5e-7", "9" * 300]
BAD_AMOUNTS = ["", " 1", "1 ", "+1", ".5", "1.", "1,5", "0x1", "١", "1e", "NaN", "Infinity", "1_000", "1\n", "--1"]


@pytest.mark.parametrize("text", GOOD_AMOUNTS)
def test_an_amount_keeps_every_digit(text: str) -> None:
    """As text and as a JSON number alike."""
    assert amount(text) == text
    assert amount(Number(text)) == text


@pytest.mark.parametrize("value", [*BAD_AMOUNTS, True, None, 1, 1.5, [], {}])
def test_anything_else_is_no_amount(value: object) -> None:
    """A boolean, a Python number and other digits than ASCII included."""
    with pytest.raises(ValueError, match="no decimal"):
        amount(value)


@pytest.mark.parametrize("milliseconds", [946_684_800_000, 1_716_800_123_456, 4_102_444_800_000])
def test_a_time_is_an_integer_between_2000_and_2100(milliseconds: int) -> None:
    """Both ends belong to it."""
    assert time_ms(Number(str(milliseconds))) == milliseconds


@pytest.mark.parametrize(
    "value",
    [Number(t) for t in ("946684799999", "4102444800001", "1716800123", "1.7e12", "1716800123456.0", "-1", "9" * 5000)]
    + ["1716800123456", 1_716_800_123_456, None, True],
)
def test_anything_else_is_no_time(value: object) -> None:
    """Seconds, floats, text, and numbers too large to convert."""
    with pytest.raises(ValueError, match="no time"):
        time_ms(value)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2025-06-09T13:18:29.413Z", "2025-06-09T13:18:29.413Z"),
        ("2025-06-09T13:18:29Z", "2025-06-09T13:18:29Z"),
        ("2025-06-09T13:18:29.413000000Z", "2025-06-09T13:18:29.413000000Z"),
        ("2025-06-09T13:18:29.413+03:30", "2025-06-09T09:48:29.413Z"),
        ("2025-01-01T00:30:00-01:00", "2025-01-01T01:30:00Z"),
        ("2025-01-01T00:30:00+01:00", "2024-12-31T23:30:00Z"),
    ],
)
def test_rfc3339_becomes_utc(text: str, utc: str) -> None:
    """An offset is resolved, digits of the fraction stay."""
    assert rfc3339(text) == utc


@pytest.mark.parametrize(
    "value",
    [
        "", "2025-06-09", "2025-06-09 13:18:29Z", "2025-06-09T13:18:29", "2025-13-09T13:18:29Z", "2025-06-31T13:18:29Z",
        "2025-06-09T25:18:29Z", "2025-06-09T13:18:29+24:00", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00",
        "2025-06-09T13:18:29z", 1_716_800_123_456, None,
    ],
)  # fmt: skip
def test_anything_else_is_no_rfc3339(value: object) -> None:
    """Impossible dates, other notations, and times that leave the calendar."""
    with pytest.raises(ValueError, match=r"."):
        rfc3339(value)
