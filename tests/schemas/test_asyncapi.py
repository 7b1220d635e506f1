"""The AsyncAPI document, read by AsyncAPI's own parser: valid, and it names what is published where."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import make_types
import pytest

from exchange_events import QuarantineRecord, StatusEvent
from exchange_events.asyncapi import HEADERS, SOMETIMES
from exchange_events.publish import FOLDER
from receiver.operate.replay_callbacks import _marked
from receiver.publish.routing import reachable_topics, route
from tests.trace.collector import record

pytestmark = pytest.mark.tools

PARSE = Path(__file__).parent / "readers/parse.js"
DOCUMENT = FOLDER / "asyncapi.v1.yaml"
CONSUMING = Path(__file__).parents[2] / "docs/consume/README.md"


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What the parser says of the document, and of one as ours once was: a reference that only the schema knows."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node.js with npm is not installed: the AsyncAPI document is not parsed")
    broken = tmp_path_factory.mktemp("broken") / "asyncapi.yaml"
    broken.write_text(DOCUMENT.read_text("utf-8").replace("#/components/schemas/Usd", "#/$defs/Usd"), "utf-8")
    environ = os.environ | {"NODE_PATH": str(make_types.node_modules())}
    said: list[dict[str, Any]] = json.loads(
        make_types.run(["node", str(PARSE), str(DOCUMENT), str(broken)], environ=environ)
    )
    return said


def test_the_parser_finds_nothing_wrong(parsed: list[dict[str, Any]]) -> None:
    """No fault, no warning, no hint; a channel for every topic, and the fields of every message."""
    said = parsed[0]
    assert said["faults"] == []
    assert sorted(said["channels"]) == sorted(reachable_topics([], ""))
    assert {name for names in said["channels"].values() for name in names} == {"StatusEvent", "QuarantineRecord"}
    assert said["payloads"] == {model.__name__: list(model.model_fields) for model in (StatusEvent, QuarantineRecord)}


def test_the_parser_would_tell(parsed: list[dict[str, Any]]) -> None:
    """The other one is refused."""
    assert any(fault.startswith("invalid-ref") for fault in parsed[1]["faults"])


def test_every_reference_is_within_the_document() -> None:
    """Also where there is no parser: each leads to something, and nothing is defined that nobody refers to."""
    document = json.loads(DOCUMENT.read_text("utf-8"))
    references = set()

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                references.add(node["$ref"])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document)
    for reference in references:
        found = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
    defined = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert defined <= references


@pytest.mark.parametrize("name", ["status_event", "quarantine"])
def test_headers_are_described(name: str) -> None:
    """Those of every record are required, those of some are named."""
    headers = json.loads(DOCUMENT.read_text("utf-8"))["components"]["messages"][name]["headers"]
    assert set(HEADERS) <= set(headers["required"])
    assert set(SOMETIMES) <= set(headers["properties"]) - set(headers["required"])


@pytest.mark.parametrize(("name", "record_type"), [("status_event", "event"), ("quarantine", "quarantine")])
def test_headers_that_are_sent_are_described_and_no_others(name: str, record_type: str) -> None:
    """Of a record that has whatever a record can have, and was sent again; each with a value that fits."""
    described = json.loads(DOCUMENT.read_text("utf-8"))["components"]["messages"][name]["headers"]
    (message,) = route(record(1, record_type=record_type, simulated=True), (), "", "journal")
    sent = {header: value.decode() for header, value in _marked(message, message.topic, "run").headers}
    assert set(sent) == set(described["properties"])
    jsonschema.validate(sent, described)
    (least,) = route(record(1, None, record_type=record_type, callback=None), (), "", "journal")
    assert {header for header, _ in least.headers} == set(described["required"])


def test_the_page_for_consumers_lists_every_header_once() -> None:
    """And says which are on events alone."""
    section = CONSUMING.read_text("utf-8").partition("\n## Headers\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", section, re.MULTILINE)
    messages = json.loads(DOCUMENT.read_text("utf-8"))["components"]["messages"]
    of_events, of_quarantine = (messages[name]["headers"] for name in ("status_event", "quarantine"))
    assert sorted(name for name, _ in rows) == sorted(of_events["properties"])
    always = set(of_events["required"]) & set(of_quarantine["required"])
    assert {name for name, on in rows if on == "every record"} == always
    assert {name for name, on in rows if on == "events"} == set(of_events["required"]) - always
