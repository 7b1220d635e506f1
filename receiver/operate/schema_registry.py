"""The published schemas in a schema registry, by Confluent's REST interface. Values stay plain JSON, without a frame.

Subjects are ``TOPIC-value``, as every registry's tools look for them. Registering is safe to repeat: what is there
already is only found. A subject that is new becomes BACKWARD; one for which somebody chose a level keeps it.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote

import httpx

from receiver.model.errors import ReceiverError, WrongUse
from receiver.model.hosts import is_loopback

CONNECT_S, ANSWER_S = 3.0, 5.0
"""How long a registry may take, s: to be reached, and for one answer."""
CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"
LEVEL = "BACKWARD"
NOT_THERE = frozenset({40401, 40403, 40408})
"""No such subject; no such schema in it; no level of its own."""
INCOMPATIBLE = 409
OPEN_MODEL = "; a registry that calls every added field incompatible does not when its `compatibilityPolicy` is LENIENT"


@dataclass(frozen=True, slots=True)
class Registered:
    """What became of one subject."""

    subject: str
    id: int
    version: int
    level: str
    """The compatibility level that holds for it."""
    done: str
    """``registered`` or ``was there``."""


class SchemaRegistry:
    """One registry; a context manager. Every method raises ``ReceiverError`` with one sentence."""

    def __init__(self, url: str, *, user: str = "", password: str = "", ca: str | None = None) -> None:
        self._url = _checked(url, secret=bool(user or password))
        try:
            verify = ssl.create_default_context(cafile=ca)
        except OSError as error:  # what ssl raises is one too
            raise ReceiverError(f"{ca} is no file of certificates: {error.strerror or error}") from None
        self._client = httpx.Client(
            auth=httpx.BasicAuth(user, password) if user or password else None,
            headers={"content-type": CONTENT_TYPE, "accept": f"{CONTENT_TYPE}, application/json"},
            timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S),
            verify=verify,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def publish(self, schemas: Mapping[str, str]) -> Iterator[Registered]:
        """Register each topic's schema, a JSON text, one after the other."""
        for topic, schema in schemas.items():
            yield self._register(f"{topic}-value", schema)

    def _register(self, subject: str, schema: str) -> Registered:
        place = f"subjects/{quote(subject, safe='')}"
        body = {"schemaType": "JSON", "schema": schema}
        found = self._ask("POST", place, body)
        level = self._level(subject)
        if found is None:
            self._need("POST", f"{place}/versions", body)
        answer = found or self._need("POST", place, body)  # a version is told by the look-up alone
        done = "registered" if found is None else "was there"
        try:
            return Registered(subject, int(answer["id"]), int(answer["version"]), level, done)
        except (KeyError, TypeError, ValueError):
            raise ReceiverError(f"{self._url} does not answer as a schema registry does") from None

    def _level(self, subject: str) -> str:
        place = f"config/{quote(subject, safe='')}"
        own = self._ask("GET", place)
        if own is None:
            self._need("PUT", place, {"compatibility": LEVEL})
        return LEVEL if own is None else str(own.get("compatibilityLevel"))

    def _need(self, method: str, place: str, body: Any = None) -> dict[str, Any]:
        answer = self._ask(method, place, body)
        if answer is None:
            raise ReceiverError(f"{self._url} has no {place}")
        return answer

    def _ask(self, method: str, place: str, body: Any = None) -> dict[str, Any] | None:
        # None where it says that there is no such thing.
        try:
            response = self._client.request(method, f"{self._url}/{place}", json=body)
            said = response.json()
        except httpx.TimeoutException:
            raise ReceiverError(f"{self._url} gives no answer within {ANSWER_S:g} s") from None
        except httpx.HTTPError as error:
            raise ReceiverError(f"{self._url} cannot be reached: {error or type(error).__name__}") from None
        except ValueError:
            raise ReceiverError(
                f"{self._url} is no schema registry: it answers {response.status_code} without JSON"
            ) from None
        said = said if isinstance(said, dict) else {}
        if response.is_success:
            return said
        if said.get("error_code") in NOT_THERE:
            return None
        raise ReceiverError(self._refusal(response.status_code, place, said))

    def _refusal(self, status: int, place: str, said: Mapping[str, Any]) -> str:
        if status in {401, 403}:
            return f"{self._url} refuses this user ({status}): see --user and --password"
        reason = " ".join(str(said.get("message", "it does not say why")).split())[:500]
        return f"{self._url} refuses {place} ({status}): {reason}" + (OPEN_MODEL if status == INCOMPATIBLE else "")


def _checked(text: str, *, secret: bool) -> str:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in {"http", "https"} or not url.host:
        raise WrongUse("--registry is a URL, as https://registry.example.com")
    if url.userinfo:
        raise WrongUse("--registry holds a user: give it by --user and --password, which name where they are kept")
    if secret and url.scheme == "http" and not is_loopback(url.host):
        raise WrongUse(f"the password would go to {url.host} for all to read: https is needed")
    return text.rstrip("/")


def minified(schema: str) -> str:
    """A schema's text as it is registered: a registry compares texts, and blanks would make a new version."""
    return json.dumps(json.loads(schema), ensure_ascii=False, separators=(",", ":"))
