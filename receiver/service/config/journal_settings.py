"""The section ``journal`` of the configuration: which engine keeps it, and what that engine is told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from receiver.journal.engines import SCHEMA_PATTERN, URL_PATTERN, is_server, why_no_url
from receiver.providers.settings import Reference, Section

OF_FILES = frozenset({"disk_free_bytes_min", "wal_bytes_max"})
"""Keys of a journal in a folder."""
OF_SERVERS = frozenset(
    {"password", "database_schema", "durability", "commit_timeout_s", "connections", "lease_s", "poll_ms"}
)
"""Keys of a journal in a database."""


class JournalSettings(Section):
    """Where callbacks are made safe."""

    url: Annotated[
        str,
        Field(
            pattern=URL_PATTERN,
            description="`sqlite:` and a folder, made 0700; or `postgresql://user@host/database`, without a password",
        ),
    ] = "sqlite:var/journal"
    disk_free_bytes_min: Annotated[
        int, Field(ge=0, description="bytes; below it 503 and not ready, before SQLite itself fails; SQLite only")
    ] = 67_108_864
    queue_max: Annotated[
        int,
        Field(ge=1, description="callbacks waiting for a commit; more get 503: memory stays bounded on a slow disk"),
    ] = 10_000
    wal_bytes_max: Annotated[
        int,
        Field(ge=1024 * 1024, description="bytes; above it the writer restarts the write-ahead log; SQLite only"),
    ] = 67_108_864

    retention_days: Annotated[
        int,
        Field(ge=0, le=36_500, description="days; published callbacks and events go after it; 0 keeps them for ever"),
    ] = 400
    contents_days: Annotated[
        int,
        Field(ge=30, le=36_500, description="days an operation's contents are kept; then 16 bytes tell each, for ever"),
    ] = 400
    keys: Annotated[
        list[Reference],
        Field(
            description="references to keys that seal what is kept, 32 random bytes in hex or Base64; the first seals, "
            "all open; empty: nothing is sealed"
        ),
    ] = []  # noqa: RUF012  pydantic gives each its own
    backlog_warn_s: Annotated[
        int, Field(ge=1, le=86_400, description="s; a backlog older than this warns in the log; it never refuses")
    ] = 60
    password: Annotated[
        Reference | None,
        Field(description="with PostgreSQL: a reference to the password, read at each connect, so that it can change"),
    ] = None
    database_schema: Annotated[
        str, Field(pattern=SCHEMA_PATTERN, description="with PostgreSQL: the schema that holds the tables")
    ] = "receiver"
    durability: Annotated[
        Literal["fsync", "replicated"],
        Field(
            description="with PostgreSQL: `replicated` refuses to start where the database waits for no replica; what a"
            " 200 promises is the database's own setting"
        ),
    ] = "fsync"
    commit_timeout_s: Annotated[
        float, Field(ge=0.5, le=60, description="s; with PostgreSQL: a callback whose commit takes longer gets 503")
    ] = 5
    connections: Annotated[
        int, Field(ge=1, le=16, description="with PostgreSQL: commits of callbacks under way at once in a process")
    ] = 2
    lease_s: Annotated[
        float,
        Field(ge=1, le=300, description="s; with PostgreSQL: a service that is silent for longer is taken for dead"),
    ] = 3
    poll_ms: Annotated[
        int,
        Field(
            ge=5,
            le=1000,
            description="ms; with PostgreSQL: between two looks of a worker for new callbacks of a slot; half of it is"
            " how long one waits, and a look that finds nothing costs the database 0.2 ms",
        ),
    ] = 20

    @model_validator(mode="after")
    def _fits_its_engine(self) -> JournalSettings:
        why = why_no_url(self.url)
        if why is not None:
            raise ValueError(f"url {why}")
        foreign = sorted((OF_FILES if is_server(self.url) else OF_SERVERS) & self.model_fields_set)
        if foreign:
            scheme = self.url.partition(":")[0]
            raise ValueError(f"{', '.join(foreign)}: of no use where the journal is at {scheme}:")
        return self
