"""Why no broker can be used, against servers of the test's own; against a real broker in ``test_survey``."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import errors

from receiver.model.errors import KafkaUnavailable
from receiver.publish.kafka import reach
from receiver.publish.kafka.client import admin_client, client_options
from receiver.publish.kafka.reach import why_unreachable

HERE = Path(__file__).parent / "certificates"


@asynccontextmanager
async def server(certificate: str | None, *, silent: bool = False) -> AsyncIterator[str]:
    """Something that listens; it closes each connection at once, or says nothing."""
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(HERE / f"{certificate}.pem")

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if silent:
            await reader.read()
        writer.close()

    listening = await asyncio.start_server(meet, "127.0.0.1", 0, ssl=context)
    try:
        yield f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()


async def said(address: str, **client: Any) -> str:
    """As a session with Kafka says it."""
    return await why_unreachable(client_options([address], client))


TLS = {"security_protocol": "SSL", "ssl_cafile": str(HERE / "authority.pem")}


@pytest.mark.parametrize(
    ("certificate", "client", "says"),
    [
        ("expired", TLS, "has expired"),
        ("foreign", TLS, "is for another"),
        ("sound", {"security_protocol": "SSL"}, "is signed by an authority that is not known here"),
        (None, TLS, "TLS failed: |closes the connection: does that listener speak SSL"),
        ("sound", TLS, "closes the connection: does that listener speak SSL"),
        (None, {}, "closes the connection: does that listener speak PLAINTEXT"),
    ],
)
async def test_what_is_wrong_with_tls_is_told_apart(certificate: str | None, client: dict[str, Any], says: str) -> None:
    """From "no broker answers", and from each other."""
    async with server(certificate) as address:
        found = await said(address, **client)
    assert any(one in found for one in says.split("|")), found
    assert address in found


async def test_a_name_that_is_none_is_said_to_be_that() -> None:
    """``Unknown error -2`` tells nobody anything."""
    assert await said("nowhere.invalid:9092") == (
        "no broker answers: the host of nowhere.invalid:9092 cannot be resolved"
    )


async def test_nobody_there_and_nobody_who_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that is closed, and one that is open and says nothing."""
    monkeypatch.setattr(reach, "TRY_S", 0.2)
    assert await said("127.0.0.1:1") == "no broker answers: 127.0.0.1:1 refuses connections"
    async with server(None, silent=True) as address:
        assert "says nothing within" in await said(address)


async def test_a_session_says_it_too() -> None:
    """What a client raises is only that there was none."""
    async with server("expired") as address:
        with pytest.raises(KafkaUnavailable, match=f"TLS failed: the certificate of {address} has expired"):
            async with admin_client(client_options([address], TLS)):
                pass


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (errors.SaslAuthenticationFailed("Invalid username or password"), "authentication failed: a:1 says"),
        (errors.UnsupportedSaslMechanismError("x"), "authentication failed: a:1 does not offer what"),
        (errors.IllegalSaslStateError("x"), "authentication failed: the listener a:1 has no SASL"),
        (ValueError("Server sent wrong signature!"), "authentication failed: a:1 could not prove"),
        (OSError(113, "No route to host"), "no broker answers: a:1: No route to host"),
    ],
)
def test_a_login_that_is_refused_is_called_that(error: Exception, says: str) -> None:
    """Whatever the mechanism."""
    assert reach._said(error, "a:1", "SASL_SSL")[1].startswith(says)


def test_of_several_faults_the_one_that_can_be_mended_is_told() -> None:
    """One broker being down is not why a password is refused."""
    found = [OSError("x"), errors.SaslAuthenticationFailed("x"), ssl.SSLError(), errors.KafkaConnectionError()]
    ranks = [reach._said(error, "a:1", "SASL_SSL")[0] for error in found]
    assert sorted(ranks) == [ranks[1], ranks[2], ranks[3], ranks[0]]
