"""The configuration: one file, the environment above it, and every fault named with its place and reason.

pydantic-settings reads the file and the environment; what it leaves to us is to refuse unknown ``RECEIVER_`` names, to
say where a fault lies, and never to show a value, which could be a secret in the wrong place. Secrets are references
and are resolved last, by ``resolve_sources``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from receiver.intake.limits import BODIES_BYTES_MAX, CONNECTIONS_MAX
from receiver.intake.peers import networks
from receiver.journal.engines import is_server
from receiver.model.errors import ConfigurationError
from receiver.providers.settings import FAULT, Section, SourceSettings
from receiver.service.config.console_settings import ConsoleSettings
from receiver.service.config.file import CONFIG_VARIABLE, ENV_PREFIX, find, read
from receiver.service.config.journal_settings import JournalSettings
from receiver.service.config.service_links import service_links
from receiver.service.config.source_settings import AnySource, RouteSettings

TRACEBACK_VARIABLE = "RECEIVER_TRACEBACK"
"""For the command line, which reads it before there is a configuration."""
CORE_DUMPS_VARIABLE = "RECEIVER_CORE_DUMPS"
"""``allow`` lets the system write cores of the service's processes; read by ``core_dumps``."""
REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:.+", re.DOTALL)

RECORD_BYTES_MAX = 1_000_000

Port = Annotated[int, Field(ge=1, le=65535)]


class ServerSettings(Section):
    """The public listener."""

    host: Annotated[str, Field(description="address to listen on; a proxy with TLS stands before it")] = "127.0.0.1"
    port: Annotated[Port, Field(description="port to listen on")] = 8080
    body_bytes_max: Annotated[
        int,
        Field(ge=1024, le=16 * 1024 * 1024, description="bytes; a larger body gets 413; providers send about 1 KiB"),
    ] = 262_144
    keep_alive_s: Annotated[
        int, Field(ge=1, le=3600, description="s; longer than a load balancer's own, short against senders that vanish")
    ] = 5
    connections_max: Annotated[
        int,
        Field(
            ge=1,
            le=1_000_000,
            description="open at once; for a further one the oldest goes that has shown no valid signature, of the"
            " address with the most of them; a few at a time are what a provider needs",
        ),
    ] = CONNECTIONS_MAX
    bodies_bytes_max: Annotated[
        int,
        Field(
            ge=1024 * 1024,
            description="bytes of all bodies in hand, at least `body_bytes_max`; beyond it 503, those first that are"
            " not proven: memory stays bounded",
        ),
    ] = BODIES_BYTES_MAX
    arrival_timeout_s: Annotated[
        float,
        Field(
            ge=1, le=3600, description="s for a new connection to begin a request, and for that to come, its body aside"
        ),
    ] = 20
    body_bytes_per_s_min: Annotated[
        int,
        Field(
            ge=1,
            description="a body may take a second more for each so many bytes that have come; a slower one is cut off",
        ),
    ] = 16_384
    trusted_proxies: Annotated[
        list[str],
        Field(
            description="addresses or networks (`10.0.0.0/8`) of proxies whose `X-Forwarded-For` or PROXY protocol"
            " header is believed, so that limits count each caller and not the proxy; who is named may claim to be"
            " anybody"
        ),
    ] = []  # noqa: RUF012  pydantic gives each its own
    processes: Annotated[
        int,
        Field(
            ge=1,
            le=64,
            description="processes that take callbacks on this listener; more than one needs a `postgresql:` journal;"
            " each has limits of its own",
        ),
    ] = 1
    shutdown_timeout_s: Annotated[
        float, Field(ge=2, le=600, description="s; SIGTERM to exit; what was answered is committed long before")
    ] = 30

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, texts: list[str]) -> list[str]:
        networks(texts)
        return texts

    @model_validator(mode="after")
    def _one_body_fits(self) -> ServerSettings:
        if self.bodies_bytes_max < self.body_bytes_max:
            raise ValueError("bodies_bytes_max must be at least body_bytes_max")
        return self


class AdminSettings(Section):
    """The admin listener: `/livez`, `/readyz`, `/metrics`."""

    host: Annotated[str, Field(description="address; loopback, since its numbers are nobody else's")] = "127.0.0.1"
    port: Annotated[Port, Field(description="port")] = 8081


class TopicSettings(Section):
    """For `receiver topics create`."""

    partitions: Annotated[int, Field(ge=1, le=10_000, description="of each status topic; never changed afterwards")] = 6
    replication: Annotated[int, Field(ge=1, le=100, description="copies; 3 in production")] = 1


class KafkaSettings(Section):
    """Kafka; without this table events stay in the outbox."""

    bootstrap_servers: Annotated[list[str], Field(min_length=1, description="`host:port` of one or more brokers")]
    delivery: Annotated[
        Literal["exactly_once", "at_least_once"], Field(description="the second for brokers without transactions")
    ] = "exactly_once"
    topic_prefix: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9._-]{0,100}$", description="before our own topic names, not before a route's")
    ] = ""
    topics: TopicSettings = TopicSettings()
    client: Annotated[
        dict[str, Any],
        Field(description="SASL and TLS of the Kafka client; `ssl_cafile`, `ssl_certfile`, `ssl_keyfile` are paths"),
    ] = {}  # noqa: RUF012  pydantic gives each its own
    transaction_timeout_s: Annotated[
        float,
        Field(ge=1, le=900, description="s; then the broker aborts the transaction of a publisher that vanished"),
    ] = 15
    wait_ms: Annotated[
        int,
        Field(ge=0, le=10_000, description="ms; batch window: how long one that comes alone waits for others"),
    ] = 20
    state_topics: Annotated[
        bool,
        Field(description="also keep the latest effective event of each operation on compacted `*.state.v1` topics"),
    ] = False
    record_bytes_max: Annotated[
        int, Field(ge=1024, description="bytes; a larger event is quarantined before it gets its sequence")
    ] = RECORD_BYTES_MAX


class QuarantineSettings(Section):
    """The quarantine topic."""

    publish_body: Annotated[bool, Field(description="whether bodies, with their card numbers, go to Kafka")] = False


class RejectsSettings(Section):
    """The sample of callbacks that failed verification, for `receiver rejects`."""

    kept_max: Annotated[
        int, Field(ge=0, le=100_000, description="callbacks kept, shared by sources and reasons; 0 keeps none")
    ] = 1000
    every_s: Annotated[
        float,
        Field(
            ge=0.1,
            le=3600,
            description="s; at most one callback of a source and reason is kept in it: a flood costs nothing",
        ),
    ] = 1.0
    keep_days: Annotated[
        int,
        Field(ge=0, le=36_500, description="days; a sample is forgotten after it; 0 keeps it until newer ones come"),
    ] = 30


class TraceSettings(Section):
    """OpenTelemetry: spans made afterwards from the journal."""

    endpoint: Annotated[
        str | None,
        Field(
            pattern=r"^https?://[^\s/]+/\S*$",
            description="URL of a collector's OTLP over HTTP, path and all (`http://127.0.0.1:4318/v1/traces`); needs "
            "the extra `otel`; without it nothing is traced",
        ),
    ] = None
    sample_ratio: Annotated[
        float, Field(ge=0, le=1, description="part of all traces that is told, chosen by the trace's id")
    ] = 0.01


class Settings(BaseSettings):
    """The whole configuration, references unresolved."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix=ENV_PREFIX, env_nested_delimiter="__", hide_input_in_errors=True
    )

    server: ServerSettings = ServerSettings()
    admin: AdminSettings = AdminSettings()
    journal: JournalSettings = JournalSettings()
    kafka: KafkaSettings | None = None
    quarantine: QuarantineSettings = QuarantineSettings()
    rejects: RejectsSettings = RejectsSettings()
    traces: TraceSettings = TraceSettings()
    console: ConsoleSettings = ConsoleSettings()
    sources: Annotated[list[AnySource], Field(min_length=1)]
    routes: list[RouteSettings] = []

    @property
    def record_bytes_max(self) -> int:
        """A larger event is quarantined, bytes; Kafka's default limit where none is configured yet."""
        return self.kafka.record_bytes_max if self.kafka is not None else RECORD_BYTES_MAX

    @field_validator("sources")
    @classmethod
    def _names(cls, sources: list[SourceSettings]) -> list[SourceSettings]:
        names = [source.name for source in sources]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"two sources are named {', '.join(repeated)}")
        return sources

    @model_validator(mode="after")
    def _several_need_a_server(self) -> Settings:
        if self.server.processes > 1 and not is_server(self.journal.url):
            raise ValueError(
                "server.processes: more than one needs a journal that several processes may write:"
                " a postgresql:// URL in journal.url"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the environment above the file, and read nothing else."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings


def load(path: Path | None = None) -> Settings:
    """Read the configuration; raises ``ConfigurationError`` with every fault. Secrets are not resolved yet."""
    file = find(path, os.environ)
    return build(read(file), str(file))


NO_SUCH_KEY = "no such key"


def build(document: Mapping[str, Any], file: str) -> Settings:
    """Check a document and the process's environment over it; ``file`` names the document in faults."""
    environ = os.environ
    faults = _unknown_variables(environ)
    try:
        settings = Settings(**document)
    except ValidationError as error:
        told = tuple(f"{said.rpartition(':')[0]}:" for said in faults)  # an unknown variable is an unknown key as well
        found = (_fault(fault, file, environ) for fault in error.errors(include_url=False, include_input=False))
        faults += [said for said in found if not (said.startswith(told) and said.endswith(NO_SUCH_KEY))]
    except ValueError as error:  # pydantic-settings: a variable that is no JSON
        faults.append(f"environment: {str(error).splitlines()[0]}")
    if faults:
        raise ConfigurationError(faults)
    return settings


def known_variables() -> set[str]:
    """Every ``RECEIVER_`` name that means something."""
    names = {CONFIG_VARIABLE, TRACEBACK_VARIABLE, CORE_DUMPS_VARIABLE}
    for section, field in Settings.model_fields.items():
        names.add(f"{ENV_PREFIX}{section.upper()}")
        model = _model(field.annotation)
        if model is not None:
            names |= {f"{ENV_PREFIX}{section.upper()}__{key.upper()}" for key in model.model_fields}
    names |= {f"{ENV_PREFIX}KAFKA__TOPICS__{key.upper()}" for key in TopicSettings.model_fields}
    return names


def _model(annotation: Any) -> type[Section] | None:
    options = [annotation, *getattr(annotation, "__args__", ())] if not _is_list(annotation) else []
    return next((option for option in options if isinstance(option, type) and issubclass(option, Section)), None)


def _is_list(annotation: Any) -> bool:
    return getattr(annotation, "__origin__", None) is list


def _unknown_variables(environ: Mapping[str, str]) -> list[str]:
    meant = known_variables() | set(service_links(environ))
    names = sorted(name for name in environ if name.upper().startswith(ENV_PREFIX) and name.upper() not in meant)
    return [f"environment: {name}: no such setting" for name in names]


def _fault(fault: Any, file: str, environ: Mapping[str, str]) -> str:
    path = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == FAULT:
        section, number, *rest = fault["loc"]
        return f"{section}.{number} ({fault['ctx']['name']}).{'.'.join(map(str, rest))}: {fault['msg']}"
    variables = ["__".join(str(part) for part in fault["loc"][:depth]).upper() for depth in (2, 1)]
    place = next((f"environment: {ENV_PREFIX}{name}" for name in variables if ENV_PREFIX + name in environ), file)
    reason = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        reason = NO_SUCH_KEY
    if fault["type"] == "string_pattern_mismatch" and fault["ctx"]["pattern"].startswith("^(env:"):
        reason = "must be a reference, `env:NAME` or `file:/path`, never the secret itself"
    return f"{place}: {path}: {reason}"


def resolve(reference: str, environ: Mapping[str, str], read: Callable[[Path], bytes] = Path.read_bytes) -> bytes:
    """The secret behind ``env:NAME`` or ``file:/path``, one trailing newline dropped; ``ValueError`` says why not."""
    kind, _, name = reference.partition(":")
    if kind == "env":
        if name not in environ:
            raise ValueError(f"the environment has no {name}")
        secret = os.fsencode(environ[name])
    else:
        try:
            secret = read(Path(name))
        except OSError as error:
            raise ValueError(f"{name}: {error.strerror}") from None
    secret = secret.removesuffix(b"\n").removesuffix(b"\r")
    if not secret:
        raise ValueError(f"{name} is empty")
    return secret


def resolve_client(settings: KafkaSettings, environ: Mapping[str, str]) -> dict[str, Any]:
    """``kafka.client`` with its references resolved; raises ``ConfigurationError``."""
    resolved, faults = {}, []
    for key, value in settings.client.items():
        resolved[key] = value
        if isinstance(value, str) and REFERENCE.fullmatch(value):
            try:
                resolved[key] = resolve(value, environ).decode()
            except ValueError as error:
                faults.append(f"kafka.client.{key}: {error}")
    if faults:
        raise ConfigurationError(faults)
    return resolved
