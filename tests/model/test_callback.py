"""Headers as the journal keeps them: what came is what is read back."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from receiver.model.callback import headers_from_wire, headers_to_wire

NAMES = (
    st.binary(min_size=1)
    .map(lambda raw: raw.replace(b"\r", b"").replace(b": ", b":") or b"n")
    .map(lambda name: name.removesuffix(b":") or b"n")
)
VALUES = st.binary().map(lambda raw: raw.replace(b"\r\n", b"\n").removesuffix(b"\r"))


@given(st.lists(st.tuples(NAMES, VALUES)).map(tuple))
@example(((b"a", b""), (b"a", b": "), (b"b", b"x: y\ry"), (b"c:d", b"\n"), (b"e", b" \r\r ")))
def test_headers_are_read_back_as_they_came(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    """In their order, repeats kept, whatever stands in them but the end of a line."""
    assert headers_from_wire(headers_to_wire(headers)) == headers
