"""Whether who reads by one JSON Schema reads what is written by a later one. Structural, over what ours use."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
SAID_ONLY = frozenset({"title", "description", "examples", "default", "$id", "$schema", "$defs"})
"""What tells a person something, and a validator nothing."""
KNOWN = frozenset(
    {"type", "properties", "required", "items", "anyOf", "enum", "const", "pattern"}
    | {"minLength", "maxLength", "minimum", "minItems", "maxItems"}
)
"""The keywords that are compared; another one is a fault until this knows it."""


def differences(old: Schema, new: Schema, path: str = "$") -> list[str]:
    """What a reader of ``old`` could meet in a record of ``new`` that it does not allow; empty: it reads them all.

    Both as ``plain`` gives them.
    """
    unknown = (old.keys() | new.keys()) - KNOWN
    found = [f"{path}: {sorted(unknown)} cannot be compared"] if unknown else []
    if "anyOf" in old or "anyOf" in new:
        return found + _alternatives(old, new, path)
    found += [f"{path}: {key} was {old.get(key)}, is {new.get(key)}" for key in _changed(old, new)]
    if "enum" in new and "enum" in old:
        found += [f"{path}: new word {word}" for word in new["enum"] if word not in old["enum"]]
    if "enum" in old and "enum" not in new and new.get("const") not in old["enum"]:
        found.append(f"{path}: any word")
    found += _fields(old, new, path)
    if "items" in old:
        found += differences(old["items"], new.get("items", {}), f"{path}[]")
    return found


def _changed(old: Schema, new: Schema) -> list[str]:
    # What only has to stay; a bound may become narrower.
    found: list[str] = [key for key in ("type", "pattern", "const") if key in old and old[key] != new.get(key)]
    found += [key for key in ("minLength", "minimum", "minItems") if key in old and new.get(key, -1) < old[key]]
    return found + [key for key in ("maxLength", "maxItems") if key in old and new.get(key, float("inf")) > old[key]]


def _fields(old: Schema, new: Schema, path: str) -> list[str]:
    # A field may be added; one that was may not go, be renamed, or be left out where it was always there.
    found = []
    for name, shape in old.get("properties", {}).items():
        if name not in new.get("properties", {}):
            found.append(f"{path}.{name}: is gone")
            continue
        found += differences(shape, new["properties"][name], f"{path}.{name}")
    left_out = set(old.get("required", ())) - set(new.get("required", ()))
    return found + [f"{path}.{name}: may be left out now" for name in sorted(left_out)]


def _alternatives(old: Schema, new: Schema, path: str) -> list[str]:
    # Each way that a value may be written now has to be one that the reader knew.
    before, now = old.get("anyOf", [old]), new.get("anyOf", [new])
    return [
        f"{path}: may be {one.get('type', one)} now"
        for one in now
        if not any(not differences(other, one, path) for other in before)
    ]


def plain(schema: Schema) -> Schema:
    """A schema without references, and without what only tells a person something."""
    return dict(_plain(schema, schema.get("$defs", {})))


def _plain(node: Any, definitions: Schema) -> Any:
    if isinstance(node, list):
        return [_plain(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _plain(definitions[node["$ref"].removeprefix("#/$defs/")], definitions)
    made: Schema = {}
    for key, value in node.items():
        if key == "properties":  # whose keys are names of fields, one of which may be called `title`
            made[key] = {name: _plain(shape, definitions) for name, shape in value.items()}
        elif key == "prefixItems":  # of equal ones: how pairs were written in 0.1.0
            made["items"] = _plain(value[0], definitions)
        elif key not in SAID_ONLY:
            made[key] = _plain(value, definitions)
    return made
