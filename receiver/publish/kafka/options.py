"""What is configured for the Kafka client, looked at before anything connects: every fault named by its key.

No message shows a secret: of a password its key is named and nothing else. The client itself is not imported: whoever
only wants to know whether all is sound, as the supervisor does at its start, has no use for its 8 MB.
"""

from __future__ import annotations

import importlib.util
import re
import ssl
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from receiver.model.errors import ConfigurationError

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI")
TEXTS = frozenset(
    {
        "security_protocol",
        "sasl_mechanism",
        "sasl_plain_username",
        "sasl_plain_password",
        "sasl_kerberos_service_name",
        "sasl_kerberos_domain_name",
        "client_id",
    }
)
NUMBERS = frozenset({"connections_max_idle_ms", "metadata_max_age_ms", "retry_backoff_ms"})
MS_MAX = 2**31 - 1
"""24 days."""
PASSED_THROUGH = TEXTS | NUMBERS
PATHS = frozenset({"ssl_cafile", "ssl_certfile", "ssl_keyfile"})
PASSWORD = "ssl_password"  # noqa: S105  the option's name
SECRETS = frozenset({PASSWORD, "sasl_plain_password"})

HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*)|\[[0-9A-Fa-f:.]+(%[A-Za-z0-9]+)?\]")
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+._-]*://")
WANTED = "it must be `host:port`, with an IPv6 address in brackets, as `broker-1:9092` or `[::1]:9092`"
SHOWN_MAX = 100
"""Characters of a value that a message shows."""


def option_faults(bootstrap_servers: Collection[str], client: Mapping[str, Any]) -> list[str]:
    """All that is wrong with the two, a sentence each; files are opened, nothing is connected."""
    return [
        *(f"kafka.bootstrap_servers: {fault}" for one in bootstrap_servers for fault in _address_faults(one)),
        *_unknown(client),
        *_kinds(client),
        *_security(client),
        *_files(client),
    ]


def option_notes(client: Mapping[str, Any]) -> list[str]:
    """What is configured and does nothing: sound, and seldom meant."""
    protocol = client.get("security_protocol", "PLAINTEXT")
    idle = [key for key in client if key.startswith("sasl_") and not str(protocol).startswith("SASL_")]
    idle += [key for key in client if key.startswith("ssl_") and not str(protocol).endswith("SSL")]
    return [f"kafka.client.{key} does nothing: kafka.client.security_protocol is {protocol}" for key in sorted(idle)]


def tls_context(client: Mapping[str, Any]) -> ssl.SSLContext:
    """Load the certificates; raises ``ConfigurationError``."""
    try:
        context = ssl.create_default_context(cafile=client.get("ssl_cafile"))
        if "ssl_certfile" in client:
            # Never None: a key that needs a password would then be asked for on the terminal.
            context.load_cert_chain(client["ssl_certfile"], client.get("ssl_keyfile"), client.get(PASSWORD) or "")
    except (OSError, ssl.SSLError) as error:
        what = "ssl_cafile, ssl_certfile and ssl_keyfile are PEM files, and ssl_password is the key's, where it has one"
        raise ConfigurationError([f"kafka.client: the certificates cannot be used: {error}; {what}"]) from None
    return context


def _address_faults(address: str) -> Iterator[str]:
    shown = repr(address[:SHOWN_MAX]) if "@" not in address else "an address with `@` in it"
    host, colon, port = address.rpartition(":")
    if SCHEME.match(address):
        yield f"{shown} begins with a scheme: leave that out; {WANTED}"
    elif "," in address:
        yield f"{shown} holds several addresses: each is a string of its own in the list"
    elif not colon:
        if HOST.fullmatch(address) is None:
            yield f"{shown} is no address: {WANTED}"
    elif not host:
        yield f"{shown} names no host: {WANTED}"
    elif address.startswith("[") and address.endswith("]") and HOST.fullmatch(address):
        return  # an IPv6 address with the usual port
    elif HOST.fullmatch(host) is None:
        yield f"{shown} is no address: {WANTED}"
    elif not (port.isascii() and port.isdecimal()):
        yield f"{shown} has no number for a port: {WANTED}"
    elif not 1 <= int(port[:9]) <= 65535:
        yield f"{shown} has a port that cannot be: it must be from 1 to 65535"


def _unknown(client: Mapping[str, Any]) -> Iterator[str]:
    allowed = ", ".join(sorted(PASSED_THROUGH | PATHS | {PASSWORD}))
    for key in sorted(set(client) - PASSED_THROUGH - PATHS - {PASSWORD}):
        if key.startswith("sasl_oauth"):
            yield f"kafka.client.{key}: {_no_oauth()}"
        else:
            yield f"kafka.client.{key}: no such option; there are {allowed}"


def _kinds(client: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted(client):
        value = client[key]
        if key in NUMBERS and (not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MS_MAX):
            yield f"kafka.client.{key}: {_shown(key, value)} cannot be: it must be a whole number of ms, 1 to {MS_MAX}"
        elif key in TEXTS | PATHS | {PASSWORD} and not isinstance(value, str):
            yield f"kafka.client.{key}: it must be a text, and is of the type {type(value).__name__}"
        elif key in TEXTS | PATHS and not value:
            yield f"kafka.client.{key}: it is empty; leave it out, or give a value"


def _security(client: Mapping[str, Any]) -> Iterator[str]:
    protocol = client.get("security_protocol", "PLAINTEXT")
    if protocol not in PROTOCOLS:
        yield f"kafka.client.security_protocol: {_one_of(protocol, PROTOCOLS)}"
        return
    mechanism = client.get("sasl_mechanism", "PLAIN")
    if mechanism == "OAUTHBEARER":
        yield f"kafka.client.sasl_mechanism: {_no_oauth()}"
    elif mechanism not in MECHANISMS:
        yield f"kafka.client.sasl_mechanism: {_one_of(mechanism, MECHANISMS)}"
    elif protocol.startswith("SASL_") and mechanism == "GSSAPI":
        if importlib.util.find_spec("gssapi") is None:
            yield "kafka.client.sasl_mechanism: GSSAPI needs the Python package `gssapi`, which is not installed"
    elif protocol.startswith("SASL_"):
        for key in ("sasl_plain_username", "sasl_plain_password"):
            if key not in client:
                wanted = f"{protocol} with {mechanism} needs it, as `env:NAME` or `file:/path`"
                yield f"kafka.client.{key}: it is missing; {wanted}"


def _files(client: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted(PATHS & set(client)):
        if isinstance(client[key], str) and client[key]:
            try:
                Path(client[key]).open("rb").close()
            except (OSError, ValueError) as error:
                why = error.strerror if isinstance(error, OSError) else "no path"
                yield f"kafka.client.{key}: the certificates cannot be used: {client[key]}: {why}"
    if "ssl_keyfile" in client and "ssl_certfile" not in client:
        yield "kafka.client.ssl_certfile: it is missing; ssl_keyfile is the key of a certificate"


def _no_oauth() -> str:
    return (
        "OAUTHBEARER is not supported: it needs a provider of tokens, which cannot be configured here; "
        f"there are {', '.join(MECHANISMS)}"
    )


def _one_of(value: object, allowed: Collection[str]) -> str:
    meant = [one for one in allowed if _letters(one) == _letters(str(value))]
    hint = f"; {meant[0]} is meant?" if meant else ""
    return f"{_shown('', value)} is none of {', '.join(allowed)}{hint}"


def _letters(text: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", text.upper())


def _shown(key: str, value: object) -> str:
    return "the value" if key in SECRETS else repr(value)[:SHOWN_MAX]
