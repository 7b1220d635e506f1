"""Exact JSON, times, masks: not a digit lost, and what cannot be kept is refused, never approximated."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.model import exact_json as exact
from receiver.model.errors import NotUnderstood
from receiver.model.values import Number


def reason(body: bytes) -> str:
    """Why a body cannot be read."""
    with pytest.raises(NotUnderstood) as refused:
        exact.read_json(body)
    assert refused.value.detail == "$"
    return refused.value.reason


@pytest.mark.parametrize("text", ["1", "-0", "0.100000000000000000", "1e5", "1E-400", "9" * 5000, "0.1e99999999"])
def test_a_number_is_its_source_text(text: str) -> None:
    """Whatever its size: no float, no integer, no interpreter limit comes between."""
    assert exact.read_json(text.encode()) == Number(text)


@pytest.mark.parametrize("body", [b"\xff", b'{"a": "\xc3"}', b"\xed\xa0\x80", b"\xff\xfe{\x00}\x00"])
def test_not_utf8(body: bytes) -> None:
    """Latin-1, a cut character, a surrogate in UTF-8, UTF-16."""
    assert reason(body) == "not_utf8"


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"{", b"status=Done", b"{'a': 1}", b'{"a": 01}', b'{"a": +1}', b'{"a": .5}', b'{"a": 1.}',
        b"NaN", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": -Infinity}', b"\xef\xbb\xbf{}", b"{} {}", b'{"a": "\x01"}',
        b'"\\ud800"', b'{"\\udfff": 1}', b'{"a": ["\\ud83d"]}', b"\x00", b'{"a": 1}\x00', b'{"a": "\\x"}',
    ],
)  # fmt: skip
def test_not_json(body: bytes) -> None:
    """All that RFC 8259 does not allow, and lone surrogates, which no UTF-8 can hold."""
    assert reason(body) == "not_json"


def test_a_surrogate_pair_and_a_nul_are_text() -> None:
    """Both are characters that JSON can say and UTF-8 can hold."""
    assert exact.read_json(b'{"a": "\\ud83d\\ude00 \\u0000"}') == {"a": "😀 \x00"}


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_nesting_has_a_limit_of_ours(opening: bytes) -> None:
    """A hundred levels are read, one more is refused, a million do not exhaust a stack."""
    closing = b"]" if opening == b"[" else b"}"

    def nested(levels: int) -> bytes:
        return opening * levels + b"1" + closing * levels

    assert exact.read_json(nested(exact.NESTING_MAX)) is not None
    assert reason(nested(exact.NESTING_MAX + 1)) == "not_json"
    assert reason(opening * 1_000_000) == "not_json"


def test_brackets_inside_strings_do_not_nest() -> None:
    """Only structure counts."""
    text = json.dumps({"a": '["{' * 200 + '\\"'})
    assert exact.read_json(text.encode()) == json.loads(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.text(st.characters(codec="utf-8"), max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON)
def test_layout_does_not_change_the_digest(value: Any) -> None:
    """Indented, escaped, keys in another order: the same payload."""
    compact = exact.read_json(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    pretty = exact.read_json(json.dumps(value, indent=2, sort_keys=True).encode())
    assert exact.payload_digest(compact) == exact.payload_digest(pretty)


@pytest.mark.parametrize(("one", "other"), [("1", "1.0"), ("1", '"1"'), ("10", "1e1"), ("null", "false"), ("[]", "{}")])
def test_different_sources_have_different_digests(one: str, other: str) -> None:
    """A number is its text: ``1.0`` is another payload than ``1``, and a string another than a number."""
    digests = {exact.payload_digest(exact.read_json(text.encode())) for text in (one, other)}
    assert len(digests) == 2


@given(JSON)
def test_the_canonical_form_is_that_of_the_standard_library(value: Any) -> None:
    """Event ids rest on it for ever: no other serialiser may ever give other bytes."""
    standard = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    assert exact.canonical_json(value) == standard


def test_the_canonical_form_of_what_is_odd() -> None:
    """Control characters, DEL, the plane beyond, separators that some escape; a number is marked as no string."""
    odd = {
        chr(code): "".join(map(chr, (code, 0x7F, 0x2028, 0xFFFF, 0x1F600))) for code in (*range(32), 34, 92, 47, 0xE9)
    }
    standard = json.dumps(odd, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    assert exact.canonical_json(odd) == standard
    assert exact.canonical_json([Number("1.0")]) == b'[{"\\u0000number":"1.0"}]'
    with pytest.raises(ValueError, match="UTF-8"):
        exact.canonical_json("\ud800")


LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=5)

TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(TREES)
def test_exact_json_is_written_as_it_was_read(document: Any) -> None:
    """Reading and writing gives the same compact JSON."""
    compact = orjson.dumps(document)
    assert exact.write_json(exact.read_json(compact)) == compact
