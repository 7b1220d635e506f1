"""A desk without a configuration has sources all the same: those that their providers put there."""

from __future__ import annotations

from receiver.sandbox.built_in import built_in, made_up, with_made_up
from receiver.service.config.sources import resolve_sources


def test_the_made_up_sources_are_ready_to_verify() -> None:
    """In the order of the registry, with secrets that are worth nothing."""
    settings = built_in(1234, 1235)
    assert (settings.server.port, settings.admin.port, settings.kafka) == (1234, 1235, None)
    assert list(resolve_sources(settings, made_up())) == ["0xpay-main", "swaps"]
    assert all(value.startswith("made-up-") for value in made_up().values())


def test_a_variable_that_is_there_is_not_replaced() -> None:
    """Whoever has a secret of that name means it."""
    name = next(iter(made_up()))
    assert with_made_up({name: "mine", "OTHER": "x"}) == {**made_up(), name: "mine", "OTHER": "x"}
