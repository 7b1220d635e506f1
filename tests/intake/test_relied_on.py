"""What the connection relies on inside uvicorn and httptools: a release that changes it fails here first."""

from __future__ import annotations

import httptools
import pytest
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from receiver.intake.connection import LimitedProtocol

OFFER = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: h2c\r\ncontent-length: 5\r\n\r\nhello"


def test_what_is_relied_on_of_uvicorn_is_there() -> None:
    """Its protocol's methods and attributes, by name: a new release that renames one fails here first."""
    for name in (
        *("connection_made", "data_received", "eof_received", "on_message_begin", "on_header", "on_headers_complete"),
        *("on_body", "on_message_complete", "on_response_complete", "connection_lost"),
    ):
        assert callable(getattr(HttpToolsProtocol, name))
        assert name in LimitedProtocol.__dict__
    made = HttpToolsProtocol.__init__.__code__.co_names + HttpToolsProtocol.connection_made.__code__.co_names
    assert {"headers", "transport", "connections", "loop", "flow", "cycle", "parser", "config", "scope"} <= set(made)
    begun: tuple[str, ...] = HttpToolsProtocol.on_message_begin.__code__.co_names
    assert {"url", "headers", "scope", "expect_100_continue"} <= set(begun)
    cycle = RequestResponseCycle.__init__.__code__.co_names
    assert {"disconnected", "response_started", "response_complete", "more_body", "message_event"} <= set(cycle)
    assert {"keep_alive", "on_response"} <= set(cycle)


def test_a_body_that_waits_pauses_reading_where_the_connection_looks_for_it() -> None:
    """Nothing more is given to the parser while ``read_paused`` is set; asking for the body unsets it."""
    assert "pause_reading" in HttpToolsProtocol.on_body.__code__.co_names
    assert "resume_reading" in RequestResponseCycle.receive.__code__.co_names
    assert "read_paused" in FlowControl.__init__.__code__.co_names


class Heard:
    """What a parser tells."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def on_body(self, body: bytes) -> None:
        self.told.append(body.decode())

    def on_message_complete(self) -> None:
        self.told.append("complete")


def test_what_is_relied_on_of_httptools_is_there() -> None:
    """It ends a message where an upgrade is offered, says where the rest begins, and a new parser reads that."""
    heard = Heard()
    offering = httptools.HttpRequestParser(heard)
    with pytest.raises(httptools.HttpParserUpgrade) as stopped:
        offering.feed_data(OFFER)
    assert OFFER[stopped.value.args[0] :] == b"hello"
    assert heard.told == ["complete"]
    assert offering.should_upgrade()
    second = httptools.HttpRequestParser(heard)
    second.feed_data(b"POST / HTTP/1.1\r\nconnection: upgrade\r\ncontent-length: 5\r\n\r\n")
    second.feed_data(memoryview(b"--hello")[2:])
    assert heard.told == ["complete", "hello", "complete"]
    assert not second.should_upgrade()
