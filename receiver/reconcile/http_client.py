"""Sending one call to a provider's API: httpx, with limits on time and size, and no redirect followed.

A redirect would send a signed body elsewhere, and a body without end would fill the memory. So would one that is small
only while it is compressed: we ask for none, the bytes are counted as they come over the wire, and whoever compresses
all the same is not understood.
"""

from __future__ import annotations

import asyncio

import httpx

from receiver.model.errors import ApiFailed
from receiver.providers.calls import Answer, Call

BODY_BYTES_MAX = 8 * 1024 * 1024
"""Of an answer: a page of a thousand operations is below one of them."""
HEADERS = {"user-agent": "exchange-webhook-receiver", "accept-encoding": "identity"}


class HttpClient:
    """``reconcile.Http``, for all sources of a process."""

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(follow_redirects=False, headers=HEADERS)

    async def close(self) -> None:
        """Let the connections go."""
        await self._client.aclose()

    async def send(self, call: Call, timeout_s: float) -> Answer:
        """Send ``call`` byte for byte; raises ``ApiFailed``."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._send(call)
        except (TimeoutError, httpx.TimeoutException):
            raise ApiFailed("down", f"no answer within {timeout_s:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # The type only: a message of the client can quote the URL.
            raise ApiFailed("down", type(error).__name__) from None

    async def _send(self, call: Call) -> Answer:
        body, size = [], 0
        headers = list(call.headers)
        async with self._client.stream(
            call.method, call.url, headers=headers, content=call.body, timeout=None
        ) as response:
            if _is_compressed(response):
                # An error's status says enough, as where a proxy that stands before the API compresses its own pages.
                if response.is_success:
                    raise ApiFailed("nonsense", "a compressed answer, which was not asked for")
                return Answer(response.status_code, b"", _seconds(response.headers.get("retry-after")))
            async for piece in response.aiter_raw():
                size += len(piece)
                if size > BODY_BYTES_MAX:
                    raise ApiFailed("nonsense", f"a body over {BODY_BYTES_MAX} bytes")
                body.append(piece)
        return Answer(response.status_code, b"".join(body), _seconds(response.headers.get("retry-after")))


def _is_compressed(response: httpx.Response) -> bool:
    return response.headers.get("content-encoding", "").strip().lower() not in {"", "identity"}


def _seconds(value: str | None) -> float | None:
    # The other form, a date, is as good as none: back-off takes its place.
    return float(value) if value is not None and value.isdecimal() and len(value) < 8 else None
