"""A schema registry that answers as Confluent's documents its REST interface: what is used of it, in memory."""

from __future__ import annotations

import json
import re
import ssl
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

Answer = tuple[int, dict[str, Any]]


@dataclass
class Registry:
    """What it holds, and how it is to behave."""

    user: tuple[str, str] | None = None
    """Name and password that it wants."""
    refuse: Answer | None = None
    """What each registration is answered instead."""
    text: str | None = None
    """What each call is answered, when it is no registry."""
    silent_s: float = 0.0
    subjects: dict[str, list[str]] = field(default_factory=dict)
    """Subject → its schemas' texts, the oldest first."""
    levels: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, method: str, path: str, body: Any) -> Answer:
        """One call."""
        self.calls.append(f"{method} {path}")
        if self.text is not None:
            return 200, {}
        found = re.fullmatch(r"/(config|subjects)/([^/]+)(/versions(?:/(\w+))?)?", path.partition("?")[0])
        if found is None:
            return self._by_id(path)
        kind, subject, versions, version = found[1], unquote(found[2]), found[3], found[4]
        if kind == "config":
            return self._config(method, subject, body)
        if method == "POST" and versions:
            return self._register(subject, body)
        return self._look_up(subject, body["schema"] if method == "POST" else None, version)

    def _config(self, method: str, subject: str, body: Any) -> Answer:
        if method == "PUT":
            self.levels[subject] = body["compatibility"]
            return 200, body
        if subject not in self.levels:
            return 404, {"error_code": 40408, "message": f"Subject '{subject}' does not have subject-level config."}
        return 200, {"compatibilityLevel": self.levels[subject]}

    def _register(self, subject: str, body: Any) -> Answer:
        if self.refuse is not None:
            return self.refuse
        if body.get("schemaType") != "JSON" or json.loads(body["schema"]).get("type") != "object":
            return 422, {"error_code": 42201, "message": "Invalid schema"}
        texts = self.subjects.setdefault(subject, [])
        if body["schema"] not in texts:
            texts.append(body["schema"])
        return 200, {"id": self._id(body["schema"])}

    def _look_up(self, subject: str, schema: str | None, version: str | None) -> Answer:
        texts = self.subjects.get(subject)
        if texts is None:
            return 404, {"error_code": 40401, "message": f"Subject '{subject}' not found."}
        if schema is not None and schema not in texts:
            return 404, {"error_code": 40403, "message": "Schema not found"}
        number = texts.index(schema) + 1 if schema is not None else len(texts)
        del version  # `latest` is what is asked for
        text = texts[number - 1]
        said = {"subject": subject, "version": number, "id": self._id(text), "schemaType": "JSON", "schema": text}
        return 200, said

    def _by_id(self, path: str) -> Answer:
        found = re.match(r"/schemas/ids/(\d+)", path)
        texts = list(dict.fromkeys(text for texts in self.subjects.values() for text in texts))
        if found is None or int(found[1]) > len(texts):
            return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}
        return 200, {"schemaType": "JSON", "schema": texts[int(found[1]) - 1]}

    def _id(self, schema: str) -> int:
        # One schema has one id, whatever the subject.
        return list(dict.fromkeys(text for texts in self.subjects.values() for text in texts)).index(schema) + 1


class _Handler(BaseHTTPRequestHandler):
    registry: Registry
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        time.sleep(self.registry.silent_s)
        wanted = self.registry.user
        if wanted and self.headers.get("authorization") != f"Basic {b64encode(':'.join(wanted).encode()).decode()}":
            status, said = 401, {"error_code": 40101, "message": "User cannot access the resource."}
        else:
            status, said = self.registry.answer(self.command, self.path, json.loads(body) if body else None)
        text = (json.dumps(said) if self.registry.text is None else self.registry.text).encode()
        self.send_response(status)
        self.send_header("content-type", "application/vnd.schemaregistry.v1+json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = _serve  # noqa: N815  the standard library's names

    def log_message(self, *_: Any) -> None:
        """Nothing."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing where it is only the client who is gone: it was given up on, and another test may run by now."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def registry(*, tls: ssl.SSLContext | None = None, **options: Any) -> Iterator[Registry]:
    """One that listens on loopback until the end of the body."""
    made = Registry(**options)
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"registry": made}))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    made.url = f"{'http' if tls is None else 'https'}://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
