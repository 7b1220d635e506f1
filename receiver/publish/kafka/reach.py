"""Why no broker can be used: its name, its port, its TLS, or what we log in with.

The client tries its addresses one by one, notes each failure in its own log, and raises that there was none. So after
that the addresses are tried once more, to hear what the failure is.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Collection, Mapping
from typing import Any

from aiokafka import errors
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.protocol.metadata import MetadataRequest

TRY_S = 4.0
"""For each address; they are tried at the same time."""
ADDRESSES_MAX = 8
NOT_OPTIONS = frozenset({"bootstrap_servers", "metadata_max_age_ms", "retry_backoff_ms", "connections_max_idle_ms"})
"""Options of a client that a single connection does not have."""
REFUSED_LOGIN = (
    errors.AuthenticationFailedError,
    errors.AuthenticationMethodNotSupported,
    errors.SaslAuthenticationFailed,
)
CERTIFICATES = {
    10: "has expired",
    9: "is not valid yet, or this machine's clock is wrong",
    18: "is signed by itself: name it in kafka.client.ssl_cafile",
    19: "is signed by an authority that is not known here: name that in kafka.client.ssl_cafile",
    20: "is signed by an authority that is not known here: name that in kafka.client.ssl_cafile",
    21: "is signed by an authority that is not known here: name that in kafka.client.ssl_cafile",
    62: "is for another host name",
    64: "is for another address",
}
"""OpenSSL's codes, and what they mean."""
UNSEEN = "no broker answers"


async def why_unreachable(options: Mapping[str, Any], addresses: Collection[tuple[str, int]] = ()) -> str:
    """Try the addresses, those of ``options`` unless others are given, and say in one sentence what fails.

    Where several fail in different ways, the one that a person can mend soonest is told.
    """
    hosts = list(addresses) or [(host, port) for host, port, _ in collect_hosts(options["bootstrap_servers"])]
    found = await asyncio.gather(*(_tried(options, host, port) for host, port in hosts[:ADDRESSES_MAX]))
    return min(found, default=(9, UNSEEN))[1]


async def _tried(options: Mapping[str, Any], host: str, port: int) -> tuple[int, str]:
    try:
        async with asyncio.timeout(TRY_S):
            await _try(options, host, port)
    except (errors.KafkaError, OSError, TimeoutError, ValueError, EOFError) as error:
        return _said(error, f"{host}:{port}", str(options.get("security_protocol", "PLAINTEXT")))
    return 8, f"{UNSEEN} for long: {host}:{port} did just now"


async def _try(options: Mapping[str, Any], host: str, port: int) -> None:
    own = {key: value for key, value in options.items() if key not in NOT_OPTIONS}
    connection = await create_conn(host, port, **own)
    try:
        await connection.send(MetadataRequest([], allow_auto_topic_creation=False))
    finally:
        with contextlib.suppress(Exception):
            closing = connection.close()
            if closing is not None:
                await closing


def _said(error: BaseException, address: str, protocol: str) -> tuple[int, str]:
    # The smaller number is told first. A certificate's error is a ``ValueError`` too, so TLS is looked at before login.
    cause = _ssl_error(error)
    if cause is not None:
        return 1, f"TLS failed: {_tls(cause, address)}"
    login = _login(error, address, protocol)
    if login:
        return 0, f"authentication failed: {login}"
    if isinstance(error, errors.KafkaConnectionError | EOFError | ConnectionResetError):
        return 2, f"{UNSEEN}: {address} closes the connection{_closed(protocol)}"
    if isinstance(error, socket.gaierror):
        return 3, f"{UNSEEN}: the host of {address} cannot be resolved"
    return 4, f"{UNSEEN}: {_silent(error, address)}"


def _login(error: BaseException, address: str, protocol: str) -> str:
    if isinstance(error, errors.UnsupportedSaslMechanismError):
        return f"{address} does not offer what kafka.client.sasl_mechanism says"
    if isinstance(error, REFUSED_LOGIN):
        return f"{address} says {' '.join(str(error).split())[:200]}; see kafka.client.sasl_*"
    if isinstance(error, errors.IllegalSaslStateError):
        return f"the listener {address} has no SASL, and kafka.client.security_protocol is {protocol}"
    if isinstance(error, ValueError):  # of SCRAM: the broker did not prove that it knows the password
        return f"{address} could not prove that it knows the password"
    return ""


def _silent(error: BaseException, address: str) -> str:
    if isinstance(error, TimeoutError):
        return f"{address} says nothing within {TRY_S:.0f} s"
    if isinstance(error, ConnectionRefusedError):
        return f"{address} refuses connections"
    return f"{address}: {_reason(error)}"


def _ssl_error(error: BaseException | None) -> ssl.SSLError | None:
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error


def _tls(error: ssl.SSLError, address: str) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of {address} {CERTIFICATES.get(error.verify_code, error.verify_message)}"
    reason = (getattr(error, "reason", None) or "").replace("_", " ").lower() or "the handshake was broken off"
    if "alert" in reason:
        return f"{address} refuses us: {reason}; does it want a certificate of ours (kafka.client.ssl_certfile)?"
    return f"{address} does not speak TLS as we do: {reason}"


def _closed(protocol: str) -> str:
    if protocol in {"SSL", "SASL_SSL"}:
        certificate = "its authority, or a certificate of ours (kafka.client.ssl_certfile)"
        return f": does that listener speak {protocol}, and does it want {certificate}?"
    return f": does that listener speak {protocol} (kafka.client.security_protocol)?"


def _reason(error: BaseException) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__)[:200]
