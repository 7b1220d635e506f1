"""AcmePay passes the suite that the receiver's own providers pass, and each sample becomes the event beside it."""

from __future__ import annotations

from pathlib import Path

import acmepay
import orjson
import pytest

from receiver.sandbox.conformance import CallbackConformance, understood
from receiver.sandbox.samples import made_up_source

HERE = Path(__file__).parent


class TestAcmePay(CallbackConformance):
    """The suite, on AcmePay."""

    provider = acmepay.PROVIDER
    events = HERE / "events"


@pytest.mark.parametrize("path", sorted((HERE / "bodies").glob("*.json")), ids=lambda path: path.stem)
def test_a_body_becomes_the_event_beside_it(path: Path) -> None:
    """Field by field."""
    source = made_up_source(acmepay.PROVIDER, acmepay.SAMPLES.made_up)
    (event,) = understood(acmepay.PROVIDER, source, [path.read_bytes()])
    assert event == orjson.loads((HERE / "events" / path.name).read_bytes())
