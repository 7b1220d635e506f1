"""The AsyncAPI 3 document: one channel per topic, and what a consumer receives there."""

from __future__ import annotations

from typing import Any, get_args

from exchange_events import status_event
from exchange_events.json_schema import schema
from exchange_events.quarantine import QuarantineRecord
from exchange_events.status_event import Family, StatusEvent

VERSION = "3.1.0"
HOW = "CloudEvents 1.0, Kafka binding, binary mode"
HEADERS: dict[str, Any] = {
    "ce_specversion": {"const": "1.0"},
    "ce_id": {"type": "string", "description": "equal for equal news: what a consumer is idempotent by"},
    "ce_type": {"type": "string"},
    "ce_source": {"type": "string", "description": "`/provider/source`"},
    "ce_time": {"type": "string", "description": "when the callback was received"},
    "content-type": {"const": "application/json"},
    "receiver-position": {"type": "string", "description": "`journal:number`, of the journal it came from"},
}
"""What every record carries."""
SOMETIMES: dict[str, Any] = {
    "receiver-callback": {"type": "string", "description": "the callback's number in that journal"},
    "receiver-replay": {"type": "string", "description": "the run's id, on a record that was sent again by `replay`"},
    "receiver-simulated": {"const": "1", "description": "on a record whose callback `receiver simulate` made"},
    "traceparent": {"type": "string", "description": "W3C trace context, as it came with the callback"},
}


def asyncapi(examples: dict[str, Any]) -> dict[str, Any]:
    """The document; ``examples`` has a payload for ``status_event`` and one for ``quarantine``."""
    channels = {
        f"{family}_status": _channel(
            f"{family}.status.v1",
            f"Every status event of the family {family}, keyed provider:account:kind:operation_id.",
            "status_event",
        )
        for family in get_args(Family)
    }
    channels["quarantine"] = _channel(
        "webhook.quarantine.v1", "Genuine callbacks that could not be understood, keyed by source.", "quarantine"
    )
    event_headers = {
        "ce_type": {"type": "string", "description": "`family.status`, as exchange.completed"},
        "ce_subject": {"type": "string", "description": "the operation's id"},
        "ce_dataschema": {"const": status_event.SCHEMA_ID},
    }
    return {
        "asyncapi": VERSION,
        "info": {
            "title": "Exchange webhook receiver",
            "version": "1",
            "description": "One status event per news of an operation, exactly once and in order. JSON, no framing.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": {f"receive_{name}": _operation(name, channel) for name, channel in channels.items()},
        "components": {
            "messages": {
                "status_event": _message(StatusEvent, event_headers, examples["status_event"]),
                "quarantine": _message(
                    QuarantineRecord, {"ce_type": {"const": "webhook.quarantine"}}, examples["quarantine"]
                ),
            },
            "schemas": _schemas(),
        },
    }


def _channel(topic: str, description: str, message: str) -> dict[str, Any]:
    messages = {message: {"$ref": f"#/components/messages/{message}"}}
    return {"address": topic, "description": description, "messages": messages}


def _operation(name: str, channel: dict[str, Any]) -> dict[str, Any]:
    messages = [{"$ref": f"#/channels/{name}/messages/{message}"} for message in channel["messages"]]
    return {"action": "send", "channel": {"$ref": f"#/channels/{name}"}, "messages": messages}


def _message(model: type[Any], headers: dict[str, Any], example: Any) -> dict[str, Any]:
    always = HEADERS | headers
    return {
        "name": model.__name__,
        "summary": (model.__doc__ or "").partition("\n")[0],
        "contentType": "application/json",
        "headers": {"type": "object", "description": HOW, "properties": always | SOMETIMES, "required": list(always)},
        "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
        "bindings": {"kafka": {"key": {"type": "string"}, "bindingVersion": "0.5.0"}},
        "examples": [{"payload": example}],
    }


def _schemas() -> dict[str, Any]:
    # `#/` is this document's root here, so the definitions stand where its own references reach them.
    made: dict[str, Any] = {}
    for model in (StatusEvent, QuarantineRecord):
        whole = schema(model)
        made |= whole.pop("$defs") | {model.__name__: whole}
    return {name: _moved(part) for name, part in sorted(made.items())}


def _moved(node: Any) -> Any:
    if isinstance(node, list):
        return [_moved(item) for item in node]
    if isinstance(node, dict):
        return {
            key: value.replace("#/$defs/", "#/components/schemas/") if key == "$ref" else _moved(value)
            for key, value in node.items()
        }
    return node
