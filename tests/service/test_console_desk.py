"""What the console is told of sources and of the running service."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from receiver.model.errors import ReceiverError
from receiver.service import console_desk
from receiver.service.config.settings import build
from receiver.service.console_desk import FRESH_S, ServiceLook, card, figures_of, make_desk
from tests.operate.desk import context_of
from tests.support import Way

SOURCE = {"name": "swaps", "provider": "onchainpay", "keys": [{"public": "env:KEY", "secret": "env:KEY"}]}
READYZ = b'{"ready":true,"inbox":{"state":"up"}}'
METRICS = b'receiver_polls_total{source="swaps",answer="ok"} 3\nreceiver_ready 1\ncut_off'


def look(monkeypatch: pytest.MonkeyPatch, answers: Sequence[bytes | Exception], now_s: list[float]) -> ServiceLook:
    """One whose questions are answered so, in turn."""
    left = list(answers)

    def ask(_host: str, _port: int, _path: str, _timeout_s: float) -> tuple[int, bytes]:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return 200, answer

    monkeypatch.setattr(console_desk, "ask", ask)
    return ServiceLook("127.0.0.1", 1, lambda: now_s[0])


def test_a_service_is_asked_once_in_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many numbers a page has; later it is asked again."""
    now_s = [0.0]
    asked = look(monkeypatch, [READYZ, METRICS, ReceiverError("gone")], now_s)
    first = asked()
    assert first is not None
    assert first.readyz["ready"] is True
    assert first.figures["receiver_polls_total", "ok,swaps"] == 3
    assert asked() is first
    assert ("cut_off", "") not in first.figures
    now_s[0] = FRESH_S * 2
    assert asked() is None


@pytest.mark.parametrize(
    "answers",
    [
        [ReceiverError("nobody listens")],
        [b"<html>another program</html>", b""],
        [b"[]", b""],
        [b'{"status":"ok"}', b""],
        [READYZ, b"no_exposition {\n"],
    ],
)
def test_whoever_else_answers_is_no_service(
    monkeypatch: pytest.MonkeyPatch, answers: Sequence[bytes | Exception]
) -> None:
    """The page then says that none does."""
    assert look(monkeypatch, answers, [0.0])() is None


def test_labels_are_joined_by_their_names() -> None:
    """In one order, whatever the exposition's is."""
    assert figures_of('m_total{b="2",a="1"} 5\nplain 1\n') == {("m_total", "1,2"): 5.0, ("plain", ""): 1.0}


def test_a_desk_knows_sources_and_routes() -> None:
    """As they are configured."""
    way = Way()
    routes = [{"match": {"family": "exchange"}, "topic": "shop", "also": True}]
    settings = build({"sources": [SOURCE], "routes": routes}, "here")
    desk = make_desk(settings, {"KEY": "k"}, context_of(way), file="receiver.toml")
    assert [one.name for one in desk.sources] == ["swaps"]
    assert list(desk.topic_of({"family": "exchange"})) == ["exchange.status.v1", "shop"]
    assert desk.configuration().file == "receiver.toml"
    assert desk.source("none") is None
    found = card(settings.sources[0])
    assert (found.path, found.asked) == ("/webhooks/swaps", False)
    assert "auto_swap" in found.kinds
