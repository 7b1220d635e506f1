"""The tables in the README, made from the code: ``python -m receiver.reference`` writes them between their markers.

A test fails when README and code drift apart.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from receiver.providers import PROVIDERS
from receiver.settings import KeyPair, RouteSettings, Settings, SourceSettings

LISTS: Mapping[str, type[BaseModel]] = {"sources": SourceSettings, "routes": RouteSettings}


def key_table() -> str:
    """Every key of ``receiver.toml``: default, and meaning with unit and reason."""
    rows = [f"| `{key}` | {default} | {meaning} |" for key, default, meaning in _keys()]
    return "\n".join(["| key | default | what it is |", "|---|---|---|", *rows])


def provider_table() -> str:
    """Every kind of every provider, with what its words become."""
    rows = [
        f"| {provider.title} | `{word}` → `{kind.name}` | {kind.family} | {_words(kind.statuses)} |"
        for provider in PROVIDERS.values()
        for word, kind in provider.kinds.items()
    ]
    return "\n".join(["| provider | kind | family | status words |", "|---|---|---|---|", *rows])


TABLES: Mapping[str, Callable[[], str]] = {"keys": key_table, "providers": provider_table}


def written(text: str) -> str:
    """Give a document with each table between its markers, ``<!-- name -->`` and ``<!-- /name -->``, made anew."""
    for name, table in TABLES.items():
        before, marker, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- /{name} -->")
        text = f"{before}{marker}{table()}\n{end}{after}" if marker and end else text
    return text


def _words(statuses: Mapping[str, Any]) -> str:
    return ", ".join(f"{word} → {step.status}" for word, step in statuses.items())


def _keys() -> Iterator[tuple[str, str, str]]:
    for name, field in Settings.model_fields.items():
        if name in LISTS:
            yield from _section(f"[[{name}]]", LISTS[name])
        else:
            yield from _section(name, _model(field.annotation))


def _section(prefix: str, model: type[BaseModel]) -> Iterator[tuple[str, str, str]]:
    for name, field in model.model_fields.items():
        nested = _model(field.annotation)
        if field.description is None:
            yield from _section(f"{prefix}.{name}", nested)
        else:
            yield f"{prefix}.{name}", _default(field), field.description
    if model is SourceSettings:
        yield from _section(f"{prefix}.keys", KeyPair)


def _model(annotation: Any) -> Any:
    options = [annotation, *getattr(annotation, "__args__", ())]
    return next((option for option in options if isinstance(option, type) and issubclass(option, BaseModel)), None)


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    if field.default is None:
        return "none"
    return f"`{orjson.dumps(field.default).decode()}`"


if __name__ == "__main__":
    readme = Path(sys.argv[1])
    readme.write_text(written(readme.read_text("utf-8")), "utf-8")
