"""JSON Schema as other tools take it: every type that has a name is a definition, nothing else carries a title.

Generators of types name what they make by titles and definitions. pydantic gives each property a title, so that a
TypeScript user got an alias for each property, and none for ``Status``, whose alias has no name at run time.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema

from exchange_events.quarantine import Reason
from exchange_events.status_event import Anomaly, DecimalText, Family, ObservedVia, Status, Timestamp

NAMED: dict[str, tuple[Any, str]] = {
    "Status": (Status, "the one vocabulary of all providers"),
    "Family": (Family, "what kind of business an operation is; each has a topic of its own"),
    "Anomaly": (Anomaly, "what was unusual about this news"),
    "ObservedVia": (ObservedVia, "whether the provider told us, or was asked"),
    "DecimalText": (
        DecimalText,
        "a decimal number as text, digit for digit as sent; no float holds it",
    ),
    "Timestamp": (Timestamp, "RFC 3339 in UTC, always with `Z`"),
    "Reason": (Reason, "why a callback is in quarantine: of the reasons that hold, the first in this order"),
}
"""Definition → the alias it stands for, and what it says."""


def schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12, and good for draft-07 but for ``$defs``) of what a model writes."""
    return model.model_json_schema(mode="serialization", schema_generator=_Published)


class _Published(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        del schema
        return False

    def tuple_schema(self, schema: core_schema.TupleSchema) -> JsonSchemaValue:
        # A pair of strings as an array of two strings: what draft-07 and the generators understand as well.
        made = super().tuple_schema(schema)
        items = made.pop("prefixItems")
        if any(item != items[0] for item in items):
            raise TypeError("only tuples of one type are published")
        return made | {"items": items[0]}

    def generate(self, schema: Any, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
        made = super().generate(schema, mode)
        shapes = {name: TypeAdapter(alias).json_schema() for name, (alias, _) in NAMED.items()}
        used: set[str] = set()
        named: dict[str, Any] = _refer(made, shapes, used)
        definitions = {name: {"description": NAMED[name][1], **shapes[name]} for name in used}
        named["$defs"] = dict(sorted((named.get("$defs", {}) | definitions).items()))
        return named


def _refer(node: Any, shapes: dict[str, Any], used: set[str]) -> Any:
    # Whatever is a named shape and nothing more becomes a reference to it.
    if isinstance(node, list):
        return [_refer(item, shapes, used) for item in node]
    if not isinstance(node, dict):
        return node
    for name, shape in shapes.items():
        if node == shape:
            used.add(name)
            return {"$ref": f"#/$defs/{name}"}
    return {key: _refer(value, shapes, used) for key, value in node.items()}
