"""A consumer of v1 reads every later v1.x: today's schemas against those of every release, and both ways' examples.

``schemas/released`` holds what each release published; a release adds its folder and none is ever changed.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from exchange_events import QuarantineRecord, StatusEvent
from exchange_events.publish import FOLDER
from tests.schemas.compatibility import differences, plain

RELEASED = Path(__file__).parents[2] / "schemas/released"
RELEASES = sorted(RELEASED.iterdir())
NAMES = ("status_event.v1.schema.json", "quarantine.v1.schema.json")
MODELS: dict[str, type[BaseModel]] = {
    "status_event.v1.schema.json": StatusEvent,
    "quarantine.v1.schema.json": QuarantineRecord,
}


def read(path: Path) -> dict[str, Any]:
    """A document."""
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return document


def examples(folder: Path, name: str) -> dict[str, dict[str, Any]]:
    """The examples of a schema, by their status; ``quarantine`` is the other's."""
    found = {path.stem: read(path) for path in sorted((folder / "examples").glob("*.json"))}
    quarantine = found.pop("quarantine")
    return {"quarantine": quarantine} if name.startswith("quarantine") else found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
class TestEveryRelease:
    """One release against today."""

    def test_who_reads_by_it_reads_what_is_written_today(self, release: Path, name: str) -> None:
        """By the structure, and by today's examples."""
        old, new = read(release / name), read(FOLDER / name)
        assert differences(plain(old), plain(new)) == []
        for status, example in examples(FOLDER, name).items():
            assert list(Draft202012Validator(old).iter_errors(example)) == [], status

    def test_what_it_wrote_is_read_today(self, release: Path, name: str) -> None:
        """Topics keep old records: today's model and today's schema take its examples."""
        new = read(FOLDER / name)
        for status, example in examples(release, name).items():
            assert list(Draft202012Validator(new).iter_errors(example)) == [], status
            assert MODELS[name].model_validate(example)


def test_there_is_a_release_to_be_held_against() -> None:
    """And the folder of each holds both schemas."""
    assert RELEASES
    for release in RELEASES:
        assert {path.name for path in release.iterdir()} == {*NAMES, "examples"}


Change = Callable[[dict[str, Any], dict[str, Any], list[str]], Any]
REFUSED: dict[str, Change] = {
    "a field is renamed": lambda fields, _, __: fields.update(state=fields.pop("status")),
    "a field may be left out": lambda _, __, required: required.remove("sequence"),
    "a field may be null": lambda fields, _, __: fields.update(operation_id={"anyOf": [{"type": "null"}]}),
    "a new word": lambda _, parts, __: parts["Status"]["enum"].append("refunded"),
    "any word": lambda _, parts, __: parts["Status"].pop("enum"),
    "a number for a text": lambda _, parts, __: parts.update(DecimalText={"type": "number"}),
    "a text without its shape": lambda _, parts, __: parts["Timestamp"].pop("pattern"),
    "longer": lambda fields, _, __: fields["operation_id"].update(maxLength=512),
    "a part loses a field": lambda _, parts, __: parts["Amount"]["properties"].pop("network"),
    "a word nobody compares": lambda _, parts, __: parts["Fee"].update(minProperties=1),
}
"""What a reader of v1 would stumble over: each makes the test above fail. Fields, definitions, required names."""
TAKEN: dict[str, Change] = {
    "a new field": lambda fields, _, required: required.append(fields.setdefault("net", {"type": "string"}) and "net"),
    "never null again": lambda fields, _, __: fields.update(reference={"type": "string"}),
    "shorter": lambda fields, _, __: fields["operation_id"].update(maxLength=64),
    "other words about it": lambda fields, _, __: fields["operation_id"].update(description="the id"),
}
"""What a later v1.x may do."""


def changed(change: Change) -> list[str]:
    """What is found after a change of today's schema."""
    old = read(FOLDER / NAMES[0])
    new = copy.deepcopy(old)
    change(new["properties"], new["$defs"], new["required"])
    return differences(plain(old), plain(new))


@pytest.mark.parametrize("what", REFUSED)
def test_what_breaks_a_reader_is_found(what: str) -> None:
    """One change at a time."""
    assert changed(REFUSED[what]) != []


@pytest.mark.parametrize("what", TAKEN)
def test_what_breaks_nobody_passes(what: str) -> None:
    """A later v1.x may say more, and promise more."""
    assert changed(TAKEN[what]) == []


def titles(node: Any) -> list[str]:
    """Every title in a schema."""
    if isinstance(node, list):
        return [title for item in node for title in titles(item)]
    if not isinstance(node, dict):
        return []
    own = [node["title"]] if isinstance(node.get("title"), str) else []
    return own + [title for value in node.values() for title in titles(value)]


def test_only_what_has_a_name_has_a_title() -> None:
    """Generators make a type of each title: the model and its parts, and no property."""
    event = read(FOLDER / NAMES[0])
    assert sorted(titles(event)) == ["Amount", "Failure", "Fee", "Payout", "Price", "StatusEvent", "Usd"]
    assert titles(read(FOLDER / NAMES[1])) == ["QuarantineRecord"]
    assert event["properties"]["status"] == {"$ref": "#/$defs/Status"}
