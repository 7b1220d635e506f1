"""``receiver schemas``: listed, printed, written, and registered in a schema registry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from jsonschema import Draft202012Validator

from exchange_events import publish
from receiver.publish.routing import reachable_topics
from tests.cli.desk import Desk
from tests.fake_registry import Registry, registry
from tests.ports import free_port


def test_schemas_are_listed_printed_and_written(desk: Desk, tmp_path: Path) -> None:
    """As they are published."""
    documents = publish.documents()
    assert desk.run("schemas")[0].splitlines() == list(documents)
    name = "status_event.v1.schema.json"
    assert desk.run("schemas", name)[0] == documents[name]
    assert "there is no nowhere; `receiver schemas` lists them" in desk.fails("schemas", "nowhere")
    folder = tmp_path / "schemas"
    assert f"wrote {len(documents)} files to {folder}" in desk.run("schemas", "--to", str(folder))[1]
    assert (folder / name).read_text("utf-8") == documents[name]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for an answer as long as a busy machine needs."""
    monkeypatch.setattr("receiver.operate.schema_registry.ANSWER_S", 60.0)
    monkeypatch.setattr("receiver.operate.schema_registry.CONNECT_S", 60.0)


@pytest.fixture
def there() -> Iterator[Registry]:
    """A registry that holds nothing yet."""
    with registry() as made:
        yield made


def test_every_topic_gets_its_schema(desk: Desk, there: Registry) -> None:
    """And the public client reads them back, and they say of the examples that they fit."""
    rows = desk.lines("schemas", "publish", "--registry", there.url)
    topics = reachable_topics([], "")
    assert [(row["subject"], row["version"], row["level"], row["done"]) for row in rows] == [
        (f"{topic}-value", 1, "BACKWARD", "registered") for topic in topics
    ]
    assert set(there.levels.values()) == {"BACKWARD"}
    examples = {path.stem: json.loads(path.read_text("utf-8")) for path in (publish.FOLDER / "examples").iterdir()}
    with SchemaRegistryClient({"url": there.url}) as client:
        for topic in topics:
            latest = client.get_latest_version(f"{topic}-value")
            assert latest.schema.schema_type == "JSON"
            validator = Draft202012Validator(json.loads(latest.schema.schema_str or ""))
            for name, example in examples.items():
                if (name == "quarantine") == (topic == "webhook.quarantine.v1"):
                    validator.validate(example)


def test_it_is_safe_to_repeat(desk: Desk, there: Registry) -> None:
    """The second time nothing is written."""
    first = desk.lines("schemas", "publish", "--registry", there.url)
    before = len(there.calls)
    again = desk.lines("schemas", "publish", "--registry", f"{there.url}/")
    assert [row | {"done": "registered"} for row in again] == first
    assert {row["done"] for row in again} == {"was there"}
    assert not [call for call in there.calls[before:] if call.endswith("/versions") or call.startswith("PUT")]


def test_a_level_that_somebody_chose_stays(desk: Desk, there: Registry) -> None:
    """It is shown."""
    there.levels["payout.status.v1-value"] = "FULL_TRANSITIVE"
    rows = desk.lines("schemas", "publish", "--registry", there.url)
    assert {row["level"] for row in rows if row["subject"] == "payout.status.v1-value"} == {"FULL_TRANSITIVE"}
    assert there.levels["payout.status.v1-value"] == "FULL_TRANSITIVE"


def test_topics_are_those_of_the_configuration(desk: Desk, there: Registry) -> None:
    """With their prefix, with routes and with the state topics."""
    with desk.config.open("a") as file:
        file.write('[kafka]\nbootstrap_servers = ["127.0.0.1:1"]\ntopic_prefix = "eu."\nstate_topics = true\n')
        file.write('[[routes]]\nmatch = { provider = "0xpay" }\ntopic = "ledger"\nalso = true\n')
    subjects = {row["subject"] for row in desk.lines("schemas", "publish", "--registry", there.url)}
    assert {"eu.exchange.status.v1-value", "eu.payout.state.v1-value", "ledger-value"} <= subjects
    assert "receiver.positions-value" not in subjects


def test_a_password_is_a_reference(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the environment or of a file; nothing else is taken, and nothing of it is shown."""
    monkeypatch.setenv("REGISTRY_PASSWORD", "made-up")
    (tmp_path / "user").write_text("ledger\n")
    with registry(user=("ledger", "made-up")) as locked:
        command = ("schemas", "publish", "--registry", locked.url)
        given = ("--user", f"file:{tmp_path / 'user'}", "--password", "env:REGISTRY_PASSWORD")
        assert len(desk.lines(*command, *given)) == 5
        refused = desk.fails(*command, "--user", "ledger", "--password", f"file:{tmp_path / 'user'}")
        assert "refuses this user (401)" in refused
        assert "refuses this user (401)" in desk.fails(*command)
        assert "must be a reference" in desk.fails(*command, "--password", "made-up", code=2)
        assert "the environment has no NOWHERE" in desk.fails(*command, "--password", "env:NOWHERE", code=2)
    elsewhere = ("schemas", "publish", "--registry", "http://registry.example.com")
    assert "https is needed" in desk.fails(*elsewhere, "--password", "env:REGISTRY_PASSWORD", code=2)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"refuse": (409, {"error_code": 409, "message": "Schema being\nregistered is incompatible"})}, "LENIENT"),
        ({"refuse": (422, {"error_code": 42201, "message": "Invalid schema"})}, "(422): Invalid schema"),
        ({"refuse": (500, {})}, "(500): it does not say why"),
        ({"text": "<html>"}, "is no schema registry: it answers 200 without JSON"),
        ({"text": "[]"}, "does not answer as a schema registry does"),
    ],
)
def test_a_refusal_is_one_sentence(desk: Desk, options: dict[str, Any], said: str) -> None:
    """With the registry's own reason; the line before says who is asked."""
    with registry(**options) as there:
        lines = desk.fails("schemas", "publish", "--registry", there.url).splitlines()
    assert (lines[0].startswith("asking"), len(lines)) == (True, 2)
    assert said in lines[1]


def test_nobody_listens(desk: Desk) -> None:
    """It is said at once."""
    url = f"http://127.0.0.1:{free_port()}"
    assert f"{url} cannot be reached: " in desk.fails("schemas", "publish", "--registry", url)


def test_a_silent_registry_is_given_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the time that was announced."""
    monkeypatch.setattr("receiver.operate.schema_registry.ANSWER_S", 0.2)
    with registry(silent_s=1.0) as there:
        assert "gives no answer within 0.2 s" in desk.fails("schemas", "publish", "--registry", there.url)


def test_a_name_and_a_folder_do_not_go_together(desk: Desk, tmp_path: Path) -> None:
    """Either all of them or one."""
    assert "give no name" in desk.fails("schemas", "--to", str(tmp_path), "publish", "--registry", "x", code=2)
