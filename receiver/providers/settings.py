"""What stands in the configuration about a source: what every source has, and what several providers have alike. Pure.

Each provider has a model of its own, a ``SourceSettings`` with the keys that mean something to it. The model is all
that says so: a field without a default is a key that it cannot do without, and a key that is no field means nothing to
it. What no single field can say, ``faults`` says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from receiver.model.frozen import dataclass
from receiver.model.hosts import is_loopback, parts_of

SOURCE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
FAULT = "of_source"
"""The type of an error that ``faults`` gave."""
Reference = Annotated[str, Field(pattern=r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$")]
"""Where a secret is: ``env:NAME`` or ``file:/path``; never the secret itself."""


def _callback_url(url: str) -> str:
    if re.fullmatch(r"https?://[^/\s?#]+(/[^\s#]*)?(\?[^\s#]*)?", url) is None or parts_of(url) is None:
        raise ValueError("must be an http(s) URL without fragment, exactly as registered at the provider")
    return url


def _api_url(url: str) -> str:
    parts = parts_of(url)
    if re.fullmatch(r"https?://[^/\s?#]+(/[^\s?#]*)?", url) is None or parts is None:
        raise ValueError("must be an https URL without query")
    if url.startswith("http://") and not is_loopback(parts.hostname or ""):
        raise ValueError("must be https: only an API on this machine may be asked without TLS")
    return url.rstrip("/")


CallbackUrl = Annotated[str, AfterValidator(_callback_url)]
"""A URL of ours, as it is registered at the provider."""
ApiUrl = Annotated[str, AfterValidator(_api_url)]
"""Where an API is; a slash at its end is dropped."""


class Section(BaseModel):
    """A table of the file: a key that is not listed is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class KeyPair(Section):
    """One key pair of a provider that names its key in a header."""

    public: Annotated[Reference, Field(description="reference to the public key")]
    secret: Annotated[Reference, Field(description="reference to its secret; two pairs may share a public key")]


class ProviderSection(Section):
    """A table of which a provider says what may stand in it."""

    as_left_out: ClassVar[tuple[Any, ...]] = (None, [])
    """A key with such a value counts as one that is not there."""

    def faults(self) -> Iterable[tuple[tuple[str, ...], str]]:
        """What is wrong with the table as a whole: (place of a key below this table, reason); never a value."""
        return ()

    @model_validator(mode="before")
    @classmethod
    def _without_empty_keys(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {key: value for key, value in given.items() if value not in cls.as_left_out}

    @model_validator(mode="after")
    def _sound(self) -> ProviderSection:
        errors: list[InitErrorDetails] = [
            {"type": PydanticCustomError(FAULT, "{reason}", {"reason": reason}), "loc": place, "input": None}
            for place, reason in self.faults()
        ]
        if errors:
            raise ValidationError.from_exception_data(type(self).__name__, errors, hide_input=True)
        return self


class PollSettings(ProviderSection):
    """How a provider's API is asked; without this table it is not. A provider adds what its own API needs."""

    as_left_out = (None, [], {})

    enabled: Annotated[
        bool, Field(description="whether `serve` asks by itself; `receiver reconcile once` asks all the same")
    ] = True
    base_url: Annotated[
        ApiUrl | None, Field(description="of the API; else the provider's own; a white label has another")
    ] = None
    every_s: Annotated[
        int, Field(ge=1, le=86_400, description="s; between two readings of a list of open operations")
    ] = 60
    requests_per_s: Annotated[
        float, Field(gt=0, le=100, description="calls a second at most; no provider documents a limit")
    ] = 5.0
    timeout_s: Annotated[float, Field(ge=0.1, le=120, description="s; for one call, whole")] = 10.0
    overdue_s: Annotated[
        int, Field(ge=60, le=31_536_000, description="s; an operation open for longer is overdue: listed and counted")
    ] = 172_800


class SourceSettings(ProviderSection):
    """One URL of ours that one provider calls: what every source has. A provider adds its own keys."""

    name: Annotated[str, Field(description="its URL is `/webhooks/<name>`; `[a-z0-9][a-z0-9._-]{0,62}`")]
    provider: Annotated[str, Field(description="who calls it: a name that `receiver providers` lists")]
    retired_secrets: Annotated[
        list[Reference],
        Field(description="references to secrets that are live no more: only `rejects explain` tries them"),
    ] = []
    silence_warn_s: Annotated[
        int,
        Field(
            ge=60, le=31_536_000, description="s; a source that spoke before and is silent for longer warns in the log"
        ),
    ] = 86_400

    rate_per_s: Annotated[
        float | None,
        Field(
            gt=0,
            le=1_000_000,
            description="callbacks a second that are stored, more get 503; without it there is no limit",
        ),
    ] = None

    @field_validator("name")
    @classmethod
    def _name(cls, name: str) -> str:
        if SOURCE_NAME.fullmatch(name) is None:
            raise ValueError(f"must match {SOURCE_NAME.pattern}")
        return name

    @property
    def usual(self) -> Usual:
        """The keys that several providers have; what this one's model has not is empty."""
        poll = getattr(self, "poll", None)
        return Usual(
            account=getattr(self, "account", None),
            public_url=getattr(self, "public_url", None),
            secrets=tuple(getattr(self, "secrets", ())),
            keys=tuple(getattr(self, "keys", ())),
            freshness_s=getattr(self, "freshness_s", 300),
            poll=poll,
            api_key=getattr(poll, "key", None),
            api_secret=getattr(poll, "secret", None),
            page_size=getattr(poll, "page_size", 100),
        )

    def required(self, *key: str) -> tuple[tuple[str, ...], str]:
        """The fault of a key that is not there, for ``faults``: ``required("poll", "key")``."""
        return key, f"required for {self.provider}"


@dataclass(frozen=True, slots=True)
class Usual:
    """What a source's settings say under the usual names, references unresolved; a provider need not have any.

    A model that has a field of one of these names gets it resolved into its ``Source`` and ``Access``: ``account``,
    ``public_url``, ``secrets`` (a list of references), ``keys`` (a list of ``KeyPair``), ``freshness_s`` and ``poll``
    (a ``PollSettings``); in ``poll``, ``key`` (a ``KeyPair``), ``secret`` (a reference) and ``page_size``.
    """

    account: str | None
    public_url: str | None
    secrets: tuple[str, ...]
    keys: tuple[KeyPair, ...]
    freshness_s: int
    poll: PollSettings | None
    api_key: KeyPair | None
    api_secret: str | None
    page_size: int
