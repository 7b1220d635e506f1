"""Secrets that are there, are read as they should be, and protect nothing. No sentence here shows one.

A signature is as good as its secret: who guesses that sends genuine callbacks. Whether a provider gave it or a person
made it up cannot be told from here, so all of this is advice.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from receiver.providers.registry import providers
from receiver.service.config.advice import Advice
from receiver.service.config.secret_lint import PEM, references
from receiver.service.config.settings import Settings, resolve

BYTES_MIN = 16
"""128 bits at best; every documented provider gives at least twice as much."""
VARIETY_BITS_MIN = 40
"""Shannon's entropy of its own bytes, times their number: sixteen hex digits by chance have 52 or so, and hardly ever
fewer than this."""
SHARE_OF_WORD = 0.5
"""Of a secret, from which on a well-known word makes it one: random letters hold short words too."""
WORDS = (
    "admin", "apikey", "apisecret", "asdf", "changeit", "changeme", "changethis", "default", "demo", "dummy", "example",
    "fillin", "foobar", "fixme", "hunter2", "insecure", "insertyour", "letmein", "notasecret", "passphrase", "password",
    "passwd", "placeholder", "privatekey", "qwerty", "qwertz", "replaceme", "replacethis", "root", "sample", "secret",
    "secretkey", "supersecret", "test", "testing", "todo", "topsecret", "unset", "webhook", "whatever", "yourkey",
    "yoursecret", "yourtoken", "none", "null", "undefined",
)  # fmt: skip
"""What stands where a secret was to be put later. Letters and digits only, lower case."""
RUNS = ("0123456789" * 8, "abcdefghijklmnopqrstuvwxyz" * 4, "qwertyuiopasdfghjklzxcvbnm" * 4, "0123456789abcdef" * 8)
"""As they stand on a keyboard and in the alphabet."""
ASK_FOR_ANOTHER = "let the provider make another one, and list both in `secrets` or `keys` while it rotates"
PUBLIC, USERNAME = "public", "username"
"""How the keys end that refer to what is no secret."""


@dataclass(frozen=True, slots=True)
class _Held:
    place: str
    reference: str
    value: bytes
    owner: str
    """The source that it is of, by its place; or ``kafka.client``."""

    @property
    def secret(self) -> bool:
        return not self.place.endswith((PUBLIC, USERNAME))

    @property
    def retired(self) -> bool:
        return ".retired_secrets." in self.place


def weak_secrets(settings: Settings, environ: Mapping[str, str]) -> list[Advice]:
    """A sentence for each secret that is easily guessed, known to others, or used twice; one not there says nothing."""
    held = list(_held(settings, environ))
    known = _known(settings, held)
    secrets = [one for one in held if one.secret and not one.retired and not one.value.startswith(PEM)]
    found = []
    for one in secrets:
        what = known.get(one.value) or _guessable(one.value)  # who knows it need not guess
        if what is not None:
            found.append(Advice(one.place, f"the secret behind {one.reference} {what}", ASK_FOR_ANOTHER))
    return [*found, *_used_twice([one for one in held if one.secret])]


def _held(settings: Settings, environ: Mapping[str, str]) -> Iterator[_Held]:
    for place, reference in references(settings):
        try:
            value = resolve(reference, environ)
        except ValueError:
            continue  # which is a fault, named elsewhere
        yield _Held(place, reference, value, place.partition(").")[0] if place[0] == "s" else "kafka.client")


def _guessable(secret: bytes) -> str | None:
    letters = re.sub(r"[^a-z0-9]", "", secret.decode(errors="ignore").lower())
    word = max((word for word in WORDS if word in letters), key=len, default="")
    if word and len(word) >= SHARE_OF_WORD * len(letters):
        return "is, or holds little more than, a word that stands for a secret: anybody tries those first"
    if len(secret) < BYTES_MIN:
        return f"has fewer than {BYTES_MIN} bytes: it can be found by trying"
    if _variety_bits(secret) < VARIETY_BITS_MIN or secret in (secret + secret)[1:-1]:
        return "is the same few characters again and again"
    if len(letters) * 2 >= len(secret) and any(letters in run or letters in run[::-1] for run in RUNS):
        return "is a run of the alphabet, of digits or of keys"
    return None


def _variety_bits(secret: bytes) -> float:
    return -sum(count * math.log2(count / len(secret)) for count in Counter(secret).values())


def _known(settings: Settings, held: list[_Held]) -> dict[bytes, str]:
    """What is no secret, or none any more, and why: a secret must be none of it."""
    known = {}
    for source in settings.sources:
        for value in (source.name, source.provider, source.usual.account, source.usual.public_url):
            known[(value or "").encode()] = "is the source's name, provider, account or URL, which others know"
    for one in held:
        if not one.secret:
            known[one.value] = "equals a public key or a user name, which is sent along with every call"
    for provider in providers().values():
        for value in (provider.samples.made_up.secrets if provider.samples else {}).values():
            known[value.encode()] = "is the made-up one of `receiver dev`, which everybody can read"
    return known


def _used_twice(held: list[_Held]) -> Iterator[Advice]:
    same: dict[bytes, list[_Held]] = defaultdict(list)
    for one in held:
        same[one.value].append(one)
    for ones in same.values():
        first = ones[0]
        live = [one for one in ones if not one.retired]
        if len({one.owner for one in live}) > 1:
            others = ", ".join(one.place for one in live[1:] if one.owner != live[0].owner)
            what = f"the secret behind {live[0].reference} is that of {others} too: who has one can speak for the other"
            yield Advice(live[0].place, what, "give each a secret of its own")
        elif live and len(live) < len(ones):
            retired = next(one for one in ones if one.retired)
            what = f"the secret behind {retired.reference} is live still, as {live[0].place}"
            yield Advice(retired.place, what, "take it out of one of the two")
        elif len({one.place for one in live}) > 1 and ".secrets." in first.place:
            yield Advice(live[1].place, f"repeats {first.place}", "leave it out")
