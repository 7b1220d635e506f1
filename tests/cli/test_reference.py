"""What is published beside the code is made from the code: tables, schemas, examples."""

from __future__ import annotations

from typing import get_args

import orjson
import pytest
from jsonschema import Draft202012Validator

from exchange_events import publish
from exchange_events.quarantine import QuarantineRecord, Reason
from exchange_events.status_event import Status, StatusEvent
from receiver.cli.reference import key_table, provider_table, source_keys
from receiver.providers.registry import built_in
from receiver.service.config.settings import Settings, known_variables


def test_every_key_is_in_the_table_and_described() -> None:
    """A setting without a reason is not a setting."""
    rows = [line.split("|") for line in key_table().splitlines()[2:]]
    assert len(rows) >= len([name for name in known_variables() if "__" in name]) - 1
    assert all(len(row[3].strip()) > 3 for row in rows)
    assert set(Settings.model_fields) <= {row[1].strip(" `").partition(".")[0].strip("[]") for row in rows}


def test_a_providers_keys_are_its_own() -> None:
    """All that its settings add to a source's, or mean in their own way, and nothing that every source has."""
    for provider in built_in():
        keys = [key for key, _, _ in source_keys(provider)]
        own = set(provider.settings.model_fields) - {"name", "provider", "secrets", "retired_secrets"}
        assert {key.removeprefix("[[sources]].").partition(".")[0] for key in keys} >= own & {"account", "poll", "keys"}
        assert "[[sources]].name" not in keys


def test_every_kind_of_every_provider_is_in_the_table() -> None:
    """With all its words."""
    table = provider_table()
    for provider in built_in():
        for kind in provider.kinds.values():
            assert f"`{kind.name}`" in table
            assert all(f"{word} → {step.status}" in table for word, step in kind.statuses.items())


def test_the_published_files_are_the_models() -> None:
    """``python -m exchange_events.publish`` writes them; nobody edits them."""
    there = {str(p.relative_to(publish.FOLDER)): p.read_text("utf-8") for p in publish.FOLDER.rglob("*") if p.is_file()}
    assert there == publish.documents()


@pytest.mark.parametrize("status", get_args(Status))
def test_each_status_has_an_example_that_fits_schema_and_model(status: str) -> None:
    """A consumer can test against every word of the vocabulary."""
    example = orjson.loads((publish.FOLDER / "examples" / f"{status}.json").read_bytes())
    assert example["status"] == status
    schema = orjson.loads((publish.FOLDER / "status_event.v1.schema.json").read_bytes())
    Draft202012Validator(schema).validate(example)
    assert StatusEvent.model_validate(example).model_dump(mode="json") == example
    assert list(example) == list(StatusEvent.model_fields)


def test_the_quarantine_example_fits_too() -> None:
    """Every reason of the closed list is in the schema."""
    example = orjson.loads((publish.FOLDER / "examples" / "quarantine.json").read_bytes())
    schema = orjson.loads((publish.FOLDER / "quarantine.v1.schema.json").read_bytes())
    Draft202012Validator(schema).validate(example)
    QuarantineRecord.model_validate(example)
    assert schema["properties"]["reason"] == {"$ref": "#/$defs/Reason"}
    assert schema["$defs"]["Reason"]["enum"] == list(get_args(Reason))


def test_the_asyncapi_document_has_a_channel_for_each_topic() -> None:
    """With the schema that its messages have."""
    document = orjson.loads((publish.FOLDER / "asyncapi.v1.yaml").read_bytes())
    addresses = {channel["address"] for channel in document["channels"].values()}
    assert addresses == {f"{f}.status.v1" for f in ("exchange", "payout", "deposit", "invoice")} | {
        "webhook.quarantine.v1"
    }
    for channel in document["channels"].values():
        for message in channel["messages"].values():
            name = message["$ref"].rpartition("/")[2]
            payload = document["components"]["messages"][name]["payload"]["$ref"].rpartition("/")[2]
            assert document["components"]["schemas"][payload]["type"] == "object"
