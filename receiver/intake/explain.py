"""Why a callback failed verification: each reading that would have matched, without ever accepting it.

For ``receiver rejects explain``, in the command line's own process, on what the service kept unparsed. Everything is
tried through the provider's own ``claim`` and ``verify``, with one thing changed at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from receiver.model.callback import RawCallback, header_values
from receiver.model.errors import NotUnderstood
from receiver.model.exact_json import read_json
from receiver.providers.contract import Provider, Source, refusal

WHY: Mapping[str, str] = {
    "header_missing": "a header that the provider signs with is missing",
    "header_repeated": "a header that the provider signs with came twice",
    "header_shape": "a signature, timestamp or key header has another shape than the provider's",
    "unknown_key": "the public key is none of the configured ones",
    "stale": "the timestamp is too far from our clock",
    "signature": "the signature is not that of this body under a live secret",
}


@dataclass(frozen=True, slots=True)
class Case:
    """A refused callback, and all that it may be held against."""

    raw: RawCallback
    provider: Provider
    source: Source
    public_url: str | None
    retired: tuple[bytes, ...]


def explain(case: Case) -> list[str]:
    """Say why it was refused, and what would have matched; each is one sentence."""
    why = refusal(case.provider, case.source, case.raw)
    if why is None:
        return ["it verifies with today's configuration: a secret or the URL was corrected since, or the clock was off"]
    lines = [{**WHY, **case.provider.refusals}.get(why, why)]
    raw = case.raw
    at_s = case.provider.timestamp(raw.headers)
    if why == "stale" and at_s is not None:
        lines.append(_clock(at_s - raw.received_at_us // 1_000_000))
        raw = replace(raw, received_at_us=at_s * 1_000_000)
        if refusal(case.provider, case.source, raw) is None:
            return [*lines, "apart from the time it is genuine"]
    for what, source, other in _readings(case, raw):
        if refusal(case.provider, source, other) is None:
            lines.append(f"it matches {what}")
    if len(lines) == 1 and why == "signature":
        lines.append("no other reading matches: another secret, another URL, or not the provider")
    return lines


def _clock(off_s: int) -> str:
    return f"the clocks differ by {abs(off_s)} s: the callback's is {'ahead' if off_s > 0 else 'behind'}"


def _readings(case: Case, raw: RawCallback) -> Iterator[tuple[str, Source, RawCallback]]:
    for what, source in (*_urls(case), *_secrets(case)):
        yield what, source, raw
    names = case.provider.signature_headers
    lower = tuple((name, value.lower() if name in names else value) for name, value in raw.headers)
    if lower != raw.headers:
        yield "in lower case", case.source, replace(raw, headers=lower)
    for what, body in _bodies(raw.body):
        yield f"the body {what}: somebody on the way read and wrote it again", case.source, replace(raw, body=body)


def _urls(case: Case) -> Iterator[tuple[str, Source]]:
    if case.provider.signed_urls is None or case.public_url is None:
        return
    parts = urlsplit(case.public_url)
    whole = case.public_url.partition("://")[2]
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    readings = {
        'the path alone instead of host and path (`signed_url = "path"`)': path,
        "the whole URL with its scheme": case.public_url,
        "the URL with a slash at its end": whole + "/",
        "the URL without the slash at its end": whole.rstrip("/"),
        "the URL without its query": whole.partition("?")[0],
        "the URL without its port": whole.replace(f":{parts.port}", "") if parts.port else whole,
    }
    for header, what in ((b"host", "the request's Host header"), (b"x-forwarded-host", "its X-Forwarded-Host header")):
        for value in header_values(case.raw.headers, header):
            readings[f"{what} in the place of the configured host"] = value.decode("latin-1") + path
    for what, url in readings.items():
        yield what, replace(case.source, signed_urls=(url.encode("latin-1", "replace"),))


def _secrets(case: Case) -> Iterator[tuple[str, Source]]:
    for number, secret in enumerate(case.retired):
        retired = replace(case.source, secrets=(secret,), keys=dict.fromkeys(case.source.keys, (secret,)))
        yield f"a retired secret (retired_secrets.{number})", retired
    live = (*case.source.secrets, *(secret for secrets in case.source.keys.values() for secret in secrets))
    for number, secret in enumerate(live):
        padded = replace(
            case.source, secrets=(secret.strip(),), keys=dict.fromkeys(case.source.keys, (secret.strip(),))
        )
        if secret != secret.strip():
            yield f"live secret {number} without the spaces around it", padded
        if len(case.source.keys) > 1:
            moved = replace(case.source, keys=dict.fromkeys(case.source.keys, (secret,)))
            yield f"the secret of another key pair (number {number})", moved


def _bodies(body: bytes) -> Iterator[tuple[str, bytes]]:
    for what, other in (
        ("without the newline at its end", body.rstrip(b"\r\n")),
        ("with a newline at its end", body + b"\n"),
        ("with LF for CR LF", body.replace(b"\r\n", b"\n")),
    ):
        if other != body:
            yield what, other
    try:
        read_json(body)  # refuses what is nested so deeply that the standard library's reader would give up with us
        document: Any = json.loads(body)
    except (NotUnderstood, ValueError):
        return
    for ascii_only in (False, True):
        for separators, how in (((",", ":"), "compact"), ((", ", ": "), "with spaces")):
            text = json.dumps(document, ensure_ascii=ascii_only, separators=separators)
            yield f"written {how}{', escaped to ASCII' if ascii_only else ''}", text.encode("utf-8", "surrogatepass")
    yield "pretty-printed", json.dumps(document, ensure_ascii=False, indent=2).encode("utf-8", "surrogatepass")
