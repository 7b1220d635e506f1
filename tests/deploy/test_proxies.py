"""The settings for nginx and HAProxy in ``deploy``, run literally before a real listener; ports and paths are replaced.

A proxy that is not installed here is skipped, and said.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from receiver.intake.connection import LimitedProtocol
from receiver.intake.peers import networks
from receiver.model.callback import header_values
from tests.intake.door import BODY, PATH, Door, open_door, post, statuses
from tests.ports import free_port
from tests.support import Way

DEPLOY = Path(__file__).parents[2] / "deploy"
NGINX = """\
{user}daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  include {folder}/receiver.conf;
}}
"""
"""What Debian's ``nginx.conf`` has around it."""
PROGRAMS = f"{os.environ.get('PATH', '')}:/usr/sbin"
"""Where Debian puts them, also where that is not on a user's path."""
PER_ADDRESS_MAX = 100
READY_S = 15.0


def filled_in(file: Path, values: Mapping[str, str]) -> str:
    """A file of ``deploy`` with what a machine has of its own put in; each value must be there to be replaced."""
    text = file.read_text("utf-8")
    for theirs, ours in values.items():
        assert theirs in text, f"{file.name} has no {theirs}"
        text = text.replace(theirs, ours)
    return text


def nginx(folder: Path, port: int, behind: int) -> list[str]:
    """Write the configuration of one before a receiver; gives its command."""
    paths = {"/etc/nginx/certs/": f"{folder}/", "127.0.0.1:8080": f"127.0.0.1:{behind}"}
    ports = {"listen 443 ssl": f"listen 127.0.0.1:{port} ssl", "    listen [::]:443 ssl;\n": ""}
    (folder / "receiver.conf").write_text(filled_in(DEPLOY / "nginx/receiver.conf", paths | ports))
    user = "" if os.geteuid() else "user root; "  # who may not look into pytest's folder cannot spill a body there
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, user=user))
    return ["nginx", "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"]


def haproxy(folder: Path, port: int, behind: int) -> list[str]:
    """The same."""
    both = (folder / "receiver.pem").read_text() + (folder / "receiver.key").read_text()
    (folder / "both.pem").write_text(both)
    paths = {"/etc/haproxy/certs/receiver.pem": f"{folder}/both.pem", "127.0.0.1:8080": f"127.0.0.1:{behind}"}
    ports = {"bind :443 ssl": f"bind 127.0.0.1:{port} ssl"}
    (folder / "haproxy.cfg").write_text(filled_in(DEPLOY / "haproxy/haproxy.cfg", paths | ports))
    return ["haproxy", "-db", "-f", f"{folder}/haproxy.cfg"]


PROXIES = {"nginx": nginx, "haproxy": haproxy}


@dataclass
class Before:
    """A proxy before a receiver, and raw conversations with it over TLS."""

    door: Door
    port: int
    trusted: ssl.SSLContext

    async def open(self, address: str = "127.0.0.1") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect, from an address of this machine."""
        return await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=self.trusted, server_hostname="localhost", local_addr=(address, 0)
        )

    async def say(self, *pieces: bytes, address: str = "127.0.0.1") -> bytes:
        """Send pieces on one connection, and give all that comes back until it closes."""
        reader, writer = await self.open(address)
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
        said = b""
        with contextlib.suppress(ConnectionError):
            said = await asyncio.wait_for(reader.read(-1), READY_S)
        writer.close()
        return said

    def taken(self) -> list[bytes]:
        """The bodies that the receiver committed."""
        return [entry.callback.body for entry in self.door.way.inbox.entries]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate that signed itself."""
    folder = tmp_path_factory.mktemp("certificate")
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{folder}/receiver.key"]
    command = ["openssl", "req", "-x509", "-days", "2", *key, "-out", f"{folder}/receiver.pem", *subject]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture(params=PROXIES)
async def before(request: pytest.FixtureRequest, tmp_path: Path, certificate: Path) -> AsyncIterator[Before]:
    """Each proxy, with its own settings and nothing else, before a receiver that trusts it."""
    name: str = request.param
    if shutil.which(name, path=PROGRAMS) is None:
        pytest.skip(f"{name} is not installed")
    shutil.copytree(certificate, tmp_path, dirs_exist_ok=True)
    port = free_port()
    async with open_door(Way(), trusted=networks(["127.0.0.1/32"]), keep_alive_s=READY_S) as door:
        command = PROXIES[name](tmp_path, port, door.port)
        with (tmp_path / "said").open("wb") as said:
            process = await asyncio.create_subprocess_exec(
                *command, stdout=said, stderr=said, env={**os.environ, "PATH": PROGRAMS}
            )
        trusted = ssl.create_default_context(cafile=str(certificate / "receiver.pem"))
        made = Before(door, port, trusted)
        try:
            await _until_it_listens(made, process, tmp_path)
            yield made
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await asyncio.wait_for(process.wait(), READY_S)


async def _until_it_listens(made: Before, process: asyncio.subprocess.Process, folder: Path) -> None:
    async with asyncio.timeout(READY_S):
        while True:
            assert process.returncode is None, (folder / "said").read_text()
            with contextlib.suppress(OSError):
                _, writer = await made.open()
                writer.close()
                return
            await asyncio.sleep(0.05)


def genuine(before: Before, more: bytes = b"", body: bytes = BODY) -> bytes:
    """A whole genuine request."""
    return post(before.door.signed(body) + more, body)


async def test_a_genuine_callback_gets_through_byte_for_byte(before: Before) -> None:
    """The host that it names is not the signed one, and need not be; the receiver's own answer comes back."""
    said = await before.say(genuine(before))
    assert (statuses(said), said.endswith(b"OK")) == ([200], True)
    assert before.taken() == [BODY]
    assert statuses(await before.say(post(b"", BODY))) == [401]


async def test_what_a_caller_says_of_itself_is_replaced(before: Before) -> None:
    """Its address is the connection's, and it cannot call itself simulated."""
    lies = (
        b"x-forwarded-for: 10.9.8.7\r\nx-forwarded-proto: http\r\nreceiver-simulated: 1\r\nforwarded: for=1.1.1.1\r\n"
    )
    assert statuses(await before.say(genuine(before, lies), address="127.0.0.3")) == [200]
    (entry,) = before.door.way.inbox.entries
    headers = entry.callback.headers
    assert header_values(headers, b"x-forwarded-for") == [b"127.0.0.3"]
    assert header_values(headers, b"x-forwarded-proto") == [b"https"]
    assert header_values(headers, b"receiver-simulated") == []


async def test_callers_behind_a_trusted_proxy_are_told_apart(before: Before) -> None:
    """Each has an account of its own, whatever it says of itself, and the proxy has none that they would share."""
    assert statuses(await before.say(post(b"", BODY), address="127.0.0.5")) == [401]
    lie = b"x-forwarded-for: 127.0.0.5\r\n"
    assert statuses(await before.say(genuine(before, lie), address="127.0.0.3")) == [200]
    connections = cast("set[LimitedProtocol]", before.door.server.server_state.connections)
    proven = {connection.account.peer.name: connection.account.proven for connection in connections}
    assert proven["127.0.0.3"]
    assert not proven.get("127.0.0.5")


@pytest.mark.parametrize("offer", [b"websocket", b"h2c"])
async def test_an_offered_upgrade_is_not_passed_on(before: Before, offer: bytes) -> None:
    """The callback is taken as any other."""
    offered = b"upgrade: %s\r\nconnection: upgrade, close\r\n" % offer
    head = b"POST %s HTTP/1.1\r\nhost: x\r\n%scontent-length: %d\r\n%s\r\n" % (
        PATH, before.door.signed(), len(BODY), offered,
    )  # fmt: skip
    assert statuses(await before.say(head + BODY)) == [200]
    (entry,) = before.door.way.inbox.entries
    assert header_values(entry.callback.headers, b"upgrade") == []


async def test_the_largest_body_passes_and_a_larger_one_is_413(before: Before) -> None:
    """Declared, before it is sent; in chunks too."""
    largest = b"x" * 262_144
    assert statuses(await before.say(genuine(before, body=largest))) == [200]
    declared = b"POST %s HTTP/1.1\r\nhost: x\r\n%scontent-length: 262145\r\nconnection: close\r\n\r\n"
    assert statuses(await before.say(declared % (PATH, before.door.signed()))) == [413]
    head = b"POST %s HTTP/1.1\r\nhost: x\r\n%stransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    chunks = (b"10000\r\n" + b"x" * 0x10000 + b"\r\n") * 5 + b"0\r\n\r\n"
    assert statuses(await before.say(head % (PATH, before.door.signed(largest)), chunks)) == [413]
    assert before.taken() == [largest]


async def test_a_slow_caller_is_the_proxys_alone(before: Before) -> None:
    """Nothing of a request goes on before it is whole."""
    whole = genuine(before)
    reader, writer = await before.open()
    for at in range(0, len(whole) - 1, 100):
        writer.write(whole[at : min(at + 100, len(whole) - 1)])
        await writer.drain()
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    assert before.door.server.states()["arriving"] == 0
    assert before.taken() == []
    writer.write(whole[-1:])
    assert statuses(await asyncio.wait_for(reader.read(-1), READY_S)) == [200]
    writer.close()


async def test_one_address_has_so_many_connections_and_another_is_unharmed(before: Before) -> None:
    """They are held in the middle of a request, where the proxy has to count them."""
    held = []
    head = genuine(before)[:-1]
    for _ in range(PER_ADDRESS_MAX + 20):
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            reader, writer = await before.open()
            writer.write(head)
            await writer.drain()
            held.append((reader, writer))
    refused = b""
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        refused = await before.say(genuine(before))
    assert statuses(refused) in ([], [503])
    assert statuses(await before.say(genuine(before), address="127.0.0.2")) == [200]
    for _, writer in held:
        writer.close()


async def test_connections_are_kept_and_requests_on_them_answered_in_turn(before: Before) -> None:
    """Many callbacks on one connection, pipelined: all are taken, in order."""
    kept = b"POST %s HTTP/1.1\r\nhost: x\r\n%scontent-length: %d\r\n\r\n%s"
    bodies = [b'{"n": %d}' % number for number in range(30)]
    pieces = [kept % (PATH, before.door.signed(body), len(body), body) for body in bodies[:-1]]
    assert statuses(await before.say(*pieces, genuine(before, body=bodies[-1]))) == [200] * 30
    assert before.taken() == bodies


async def test_only_callbacks_get_through(before: Before) -> None:
    """All else is a 404 as the receiver's, and no redirect."""
    for path in (b"/", b"/readyz", b"/metrics", b"/webhooks", PATH + b"/", b"/webhooks/../readyz"):
        said = await before.say(post(before.door.signed(), BODY, path))
        assert (path, statuses(said), b'{"error": "not_found"}' in said) == (path, [404], True)
    assert before.taken() == []


async def test_where_no_receiver_answers_the_provider_is_told_to_come_again(before: Before) -> None:
    """503 with ``Retry-After``, as the receiver's own."""
    before.door.server.stop()
    async with asyncio.timeout(READY_S):
        while before.door.server.started and not await _refuses(before.door.port):
            await asyncio.sleep(0.05)
    said = await before.say(genuine(before))
    assert (statuses(said), b"retry-after: 10" in said.lower()) == ([503], True)


async def _refuses(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return True
    writer.close()
    return False


def test_the_settings_are_free_of_what_only_this_machine_has() -> None:
    """Each file has all that a person replaces, once."""
    for file, theirs in (("nginx/receiver.conf", "/etc/nginx/certs/"), ("haproxy/haproxy.cfg", "/etc/haproxy/certs/")):
        assert theirs in (DEPLOY / file).read_text("utf-8")
