"""``schemas``: what is published beside the code, for people, files and a schema registry."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

import click

from exchange_events import publish
from receiver.cli.help_text import example
from receiver.cli.output import config_option, json_option, load_or_built_in, say, show_table, write_json
from receiver.model.errors import ConfigurationError, ReceiverError
from receiver.operate.schema_registry import ANSWER_S, SchemaRegistry, minified
from receiver.publish.routing import QUARANTINE_TOPIC, reachable_topics
from receiver.service.config.settings import REFERENCE, Settings, resolve

MUST_BE_A_REFERENCE = "must be a reference, `env:NAME` or `file:/path`, never the secret itself"
EVENT, QUARANTINE = "status_event.v1.schema.json", "quarantine.v1.schema.json"


class Documents(click.Group):
    """Its commands, and beside them a name of each document."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Whatever is no command is the name of a document, there or not."""
        found = super().get_command(ctx, cmd_name)
        if found is not None:
            return found

        @click.command(cmd_name)
        @config_option
        def one(config: Path | None) -> None:
            """Print one published schema."""
            del config
            documents = publish.documents()
            if cmd_name not in documents:
                raise ReceiverError(f"there is no {cmd_name}; `receiver schemas` lists them")
            click.echo(documents[cmd_name], nl=False)

        return one


@click.group("schemas", cls=Documents, invoke_without_command=True, subcommand_metavar="[NAME | publish]")
@config_option
@click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False), help="Write them to a folder.")
@click.pass_context
def schemas(ctx: click.Context, config: Path | None, folder: Path | None) -> None:
    """Print one published schema, list them, or write them all to a folder."""
    del config
    if ctx.invoked_subcommand is not None:
        if folder is not None:
            raise click.UsageError("--to writes all of them: give no name beside it")
        return
    documents = publish.documents()
    if folder is None:
        click.echo("\n".join(documents))
    else:
        publish.write(folder)
        say(f"wrote {len(documents)} files to {folder}")


@schemas.command(
    "publish",
    short_help="Register the schemas in a schema registry; safe to repeat",
    epilog=example("receiver schemas publish --registry https://registry.example.com"),
)
@config_option
@click.option("--registry", required=True, metavar="URL", help="Of the schema registry (Confluent's REST interface).")
@click.option("--user", metavar="NAME", help="For basic authentication; may be a reference too.")
@click.option("--password", metavar="REFERENCE", help="`env:NAME` or `file:/path`, never the password itself.")
@click.option("--ca", type=click.Path(), help="Certificates that it is held to; else the machine's own.")
@json_option
def publish_command(  # noqa: PLR0913  its options
    config: Path | None, *, registry: str, user: str | None, password: str | None, ca: str | None, as_json: bool
) -> None:
    """Register the schemas of every topic in a schema registry: JSON, BACKWARD. Safe to repeat.

    The subjects are TOPIC-value. Values on Kafka stay plain JSON: nobody needs the registry to read them.
    """
    if password is not None and not REFERENCE.fullmatch(password):
        raise ConfigurationError(
            ["--password must be a reference, `env:NAME` or `file:/path`, never the secret itself"]
        )
    topics = _schemas_of(load_or_built_in(config)[0])
    named, secret = _resolved("--user", user), _resolved("--password", password)
    with SchemaRegistry(registry, user=named, password=secret, ca=ca) as client:
        say(f"asking {registry}; it may take {ANSWER_S:g} s for an answer")
        rows = [asdict(one) for one in client.publish(topics)]
    if as_json:
        write_json(rows)
    else:
        show_table("", ("subject", "id", "version", "level", "done"), (list(row.values()) for row in rows))


def _resolved(option: str, given: str | None) -> str:
    if given is None or not REFERENCE.fullmatch(given):
        return given or ""
    try:
        return resolve(given, os.environ).decode()
    except ValueError as error:
        raise ConfigurationError([f"{option}: {error}"]) from None


def _schemas_of(settings: Settings) -> dict[str, str]:
    documents = publish.documents()
    rules = [route.rule for route in settings.routes]
    kafka = settings.kafka
    prefix, states = (kafka.topic_prefix, kafka.state_topics) if kafka is not None else ("", False)
    quarantine = f"{prefix}{QUARANTINE_TOPIC}"
    topics = reachable_topics(rules, prefix, state_topics=states)
    return {topic: minified(documents[QUARANTINE if topic == quarantine else EVENT]) for topic in topics}
