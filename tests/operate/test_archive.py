"""Callbacks as lines: exported, masked, read back, captured."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.model.callback import SIMULATED, VerifiedCallback
from receiver.model.errors import ReceiverError
from receiver.operate.archive import masked, read_any, to_line
from tests.support import OXPAY_VECTORS

CARD = "4400000000000008"


@given(
    st.binary(max_size=200),
    st.lists(st.tuples(st.sampled_from([b"x-a", b"x-b"]), st.binary(max_size=20)), max_size=4),
    st.integers(0, 4_000_000_000_000_000),
)
def test_an_unmasked_line_reads_back_as_it_was(body: bytes, headers: list[tuple[bytes, bytes]], at_us: int) -> None:
    """Every byte of headers and body, and the time of receipt."""
    callback = VerifiedCallback("main", at_us, tuple(headers), body)
    line = to_line(7, callback, {"outcome": "event"}, unmasked=True).decode()
    assert list(read_any(line, None, 0)) == [(7, callback, False)]


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        (
            '{"to":"4400000000000008","amount":"4400000000000008"}',
            '{"to":"440000******0008","amount":"4400000000000008"}',
        ),
        ('{"cardNumber" : "4400 0000 0000 0008"}', '{"cardNumber" : "440000******0008"}'),
        ('{"to": 4400000000000008}', '{"to": "440000******0008"}'),
        ('{"to":"440000******0008"}', '{"to":"440000******0008"}'),
        ('{"to":"bc1q4400000000000008"}', '{"to":"bc1q4400000000000008"}'),
        ('{"time":1716800123456,"meta":"4400000000000008"}', '{"time":1716800123456,"meta":"440000******0008"}'),
        (
            '{"\\u0034400000000000008": [{"x": "\\u0034400 0000 0000 0008"}]}',
            '{"440000******0008": [{"x": "440000******0008"}]}',
        ),
        ('{"x": 4400000000000008, "y": 4.400000000000008e15}', '{"x": "440000******0008", "y": "440000******0008"}'),
        (
            '{"id": "4400000000000008", "a": {"id": "4400000000000008"}}',
            '{"id": "4400000000000008", "a": {"id": "440000******0008"}}',
        ),
        (
            '{"data": {"amount": 4400000000000008}, "amount": "4400 0000 0000 0008"}',
            '{"data": {"amount": 4400000000000008}, "amount": "440000******0008"}',
        ),
        ('{"meta": "4400000000000008", "meta": ""}', '{"meta": "440000******0008", "meta": ""}'),
        ('{"cut off": "4400000000000008', '{"cut off": "440000******0008'),
        ('{"cardNumber": "4400 0000 0000 0001", ', '{"cardNumber": "440000******0001", '),
        ('{"cardNumber": ["4400000000000001"]}', '{"cardNumber": ["440000******0001"]}'),
    ],
)
def test_card_numbers_are_masked_and_the_rest_stays_byte_for_byte(text: str, hidden: str) -> None:
    """Wherever it stands, in a value or in a name; an operation's id and an amount are never touched."""
    assert masked((), text.encode())[1] == hidden.encode()


def test_headers_that_hold_secrets_or_prove_anything_are_left_out() -> None:
    """And bytes that are no text stay; what was masked is marked."""
    headers = (
        *((name, b"x") for name in (b"authorization", b"cookie", b"x-a", b"signature", b"sign", b"x-api-signature")),
        *((name, b"y") for name in (b"timestamp", b"key", b"x-api-public-key", b"content-type")),
    )
    callback = VerifiedCallback("main", 1, headers, b"\xff")
    said = json.loads(to_line(1, callback, {}, unmasked=False))
    assert [name for name, _ in said["headers"]] == ["timestamp", "key", "x-api-public-key", "content-type"]
    assert said["masked"] is True
    assert base64.b64decode(said["body_base64"]) == b"\xff"
    plain = VerifiedCallback("main", 1, ((b"timestamp", b"00"),), b"{}")
    assert "masked" not in json.loads(to_line(1, plain, {}, unmasked=False))


def test_every_sample_with_a_card_is_masked_and_every_other_is_not() -> None:
    """Of the vectors: a whole card number never leaves, and nothing else is changed."""
    for vector in OXPAY_VECTORS["bodies"]:
        body = vector["body"].encode()
        hidden = masked((), body)[1]
        assert CARD.encode() not in hidden
        if "cardNumber" not in vector["body"] and "Fiat" not in vector["body"] and '"to":"4' not in vector["body"]:
            assert hidden == body, vector["name"]


@pytest.mark.parametrize(
    "line", ["{}", "nonsense", '{"callback": 1, "source": "a", "received_at_us": 1, "headers": [["a"]]}', "[]"]
)
def test_a_line_that_is_none_is_named(line: str) -> None:
    """By its number."""
    good = to_line(1, VerifiedCallback("main", 1, (), b""), {}, unmasked=True).decode()
    with pytest.raises(ReceiverError, match="line 2 is no exported callback"):
        list(read_any(f"{good}\n{line}\n", None, 0))


def test_a_har_file_and_a_curl_command_are_captures() -> None:
    """The source is the URL's last part unless it is said; HTTP/2's own pseudo headers are left out."""
    entry = {
        "request": {
            "method": "POST",
            "url": "https://merchant.example.com/webhooks/swaps?x=1",
            "headers": [{"name": ":path", "value": "/"}, {"name": "X-Api-Signature", "value": "00"}],
            "postData": {"text": base64.b64encode(b"\xff{}").decode(), "encoding": "base64"},
        }
    }
    other = {"request": {"method": "GET", "url": "https://a/", "headers": []}}
    har = json.dumps({"log": {"version": "1.2", "entries": [other, entry]}})
    assert list(read_any(har, None, 5)) == [
        (2, VerifiedCallback("swaps", 5, ((b"x-api-signature", b"00"),), b"\xff{}"), False)
    ]
    curl = """curl -X POST 'https://merchant.example.com/webhooks/0xpay-main' \\
      -H 'Signature: ab' --header "Timestamp: 1716800130" --data-raw '{"id": "it'"'"'s"}' -k"""
    headers = ((b"signature", b"ab"), (b"timestamp", b"1716800130"))
    assert list(read_any(curl, "other", 5)) == [(1, VerifiedCallback("other", 5, headers, b'{"id": "it\'s"}'), False)]
    for broken in ("curl -X POST", '{"log": {"entries": [{}]}}'):
        with pytest.raises(ReceiverError):
            list(read_any(broken, None, 0))


@pytest.mark.parametrize(
    "text",
    [
        "curl 'https://h/webhooks/swaps",
        "curl http://[x/webhooks/swaps",
        '{"log": {"entries": [{"request": {"method": "POST", "url": "u", "headers": [], "postData": []}}]}}',
        '{"log": {"entries": ' + "[" * 100_000,
        '{"callback": 1, "source": "s", "received_at_us": 1e400, "headers": [], "body_base64": ""}',
    ],
    ids=["a quotation that is open", "half an address", "a body that is a list", "endless nesting", "endless time"],
)
def test_what_is_nearly_a_file_of_ours_is_refused_in_words(text: str) -> None:
    """Found by fuzzing."""
    with pytest.raises(ReceiverError, match=r"this is no|line 1 is no"):
        list(read_any(text, None, 1))


def test_a_masked_export_still_says_that_a_simulator_made_it() -> None:
    """Else an import would make money of it."""
    headers = ((SIMULATED, b"1"), (b"x-api-signature", b"0f"))
    assert masked(headers, b"{}")[0] == ((SIMULATED, b"1"),)
