"""Traces need a library that nothing else needs: without it they are refused before anything starts."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest

from receiver.model.errors import ConfigurationError
from receiver.service.config import exporter
from receiver.service.config.settings import Settings, build
from receiver.service.config.soundness import faults_of

SOURCE = {"name": "swaps", "provider": "onchainpay", "keys": [{"public": "env:KEY", "secret": "env:KEY"}]}
ENDPOINT = "http://127.0.0.1:4318/v1/traces"


def settings(**traces: Any) -> Settings:
    """With a table of traces."""
    return build({"sources": [SOURCE], "traces": traces}, "here")


@pytest.mark.parametrize("missing", exporter.LIBRARY)
def test_an_endpoint_without_the_library_is_a_fault(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever part is not there; `receiver check` says so too. Without an endpoint nobody asks."""

    def lacking(name: str) -> object:
        if missing == "opentelemetry" and name != missing:
            raise ModuleNotFoundError(name)  # as it is for a name whose parent is missing
        return None if name == missing else find_spec(name)

    monkeypatch.setattr(exporter, "find_spec", lacking)
    exporter.need_exporter(settings())
    with pytest.raises(ConfigurationError, match=r"pip install 'exchange-webhook-receiver\[otel\]'"):
        exporter.need_exporter(settings(endpoint=ENDPOINT))
    assert any("[otel]" in fault for fault in faults_of(settings(endpoint=ENDPOINT), {"KEY": "k" * 16}))


def test_with_the_library_it_is_sound() -> None:
    """As it is where the tests run."""
    exporter.need_exporter(settings(endpoint=ENDPOINT))


@pytest.mark.parametrize(
    "traces",
    [
        {"endpoint": "collector:4318"},
        {"endpoint": "http://collector:4318"},
        {"endpoint": ENDPOINT, "sample_ratio": 1.5},
        {"endpoint": ENDPOINT, "sample_ratio": -0.1},
    ],
)
def test_what_is_no_whole_address_or_no_part_is_refused(traces: dict[str, Any]) -> None:
    """A base URL without its path would be answered 404, for every span."""
    with pytest.raises(ConfigurationError):
        settings(**traces)
