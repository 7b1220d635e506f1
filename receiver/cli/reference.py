"""What the configuration and the providers say of themselves, as rows and tables: for commands and documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import orjson
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from receiver.providers.contract import Provider
from receiver.providers.registry import built_in
from receiver.providers.settings import KeyPair, PollSettings, SourceSettings
from receiver.service.config.settings import Settings
from receiver.service.config.source_settings import RouteSettings, model_of

GROUPS_MAX = 8
"""Different waits of a retry schedule that are listed one by one."""


def key_table() -> str:
    """Every key of ``receiver.toml``: default, and meaning with unit and reason."""
    rows = [f"| `{key}` | {default} | {meaning} |" for key, default, meaning in _keys()]
    return "\n".join(["| key | default | what it is |", "|---|---|---|", *rows])


def describe(provider: Provider) -> dict[str, Any]:
    """All that ``receiver providers`` and the documents say of a provider."""
    api = provider.api
    told = [(word, kind, "callback") for word, kind in provider.kinds.items()]
    told += [(word, kind, "poll") for word, kind in api.kinds.items() if word not in provider.kinds] if api else []
    return {
        "provider": provider.slug,
        "title": provider.title,
        "signature": provider.signature or "sends no callbacks",
        "retries": retries(provider.retries_s),
        "holds_order": provider.holds_order,
        "poll": api.asks if api else "no API tells the state of an operation",
        "registration": provider.registration,
        "kinds": [
            {
                "kind": kind.name,
                "word": word,
                "family": kind.family,
                "told_by": by if by == "poll" or api is None or word not in api.kinds else "callback, poll",
                "statuses": {name: step.status for name, step in kind.statuses.items()},
            }
            for word, kind, by in told
        ],
    }


def retries(waits_s: Sequence[int]) -> str:
    """A schedule of waits for people: ``6 × 10 s, 5 × 30 min``; a long one by its ends."""
    groups = [(wait_s, len(list(same))) for wait_s, same in groupby(waits_s)]
    said = [_wait(wait_s) if count == 1 else f"{count} × {_wait(wait_s)}" for wait_s, count in groups]
    if len(said) > GROUPS_MAX:
        said = [*said[:3], "…", f"{said[-1]}: {len(waits_s)} in all"]
    return ", ".join(said) or "none"


def _wait(wait_s: int) -> str:
    for unit_s, unit in ((3600, "h"), (60, "min")):
        if wait_s % unit_s == 0:
            return f"{wait_s // unit_s} {unit}"
    return f"{wait_s} s"


def words(kind: Mapping[str, Any]) -> str:
    """A kind's status words and what they become."""
    return ", ".join(f"{word} → {status}" for word, status in kind["statuses"].items()) or "as configured"


def provider_table() -> str:
    """Every kind of every provider, with what its words become."""
    rows = [
        f"| {one['title']} | `{kind['word']}` → `{kind['kind']}` | {kind['family']} | {kind['told_by']} | "
        f"{words(kind)} |"
        for one in map(describe, built_in())
        for kind in one["kinds"]
    ]
    return "\n".join(["| provider | kind | family | told by | status words |", "|---|---|---|---|---|", *rows])


def way_table() -> str:
    """How each provider signs and retries, and what can be asked of it."""
    rows = [
        f"| {one['title']} | {one['signature']} | {one['retries']} | {one['poll']} |"
        for one in map(describe, built_in())
    ]
    return "\n".join(["| provider | signature | retries | asked by `poll` |", "|---|---|---|---|", *rows])


Row = tuple[str, str, str]
"""Key, default, meaning."""


def source_keys(provider: Provider) -> list[Row]:
    """The keys of ``[[sources]]`` that mean something to one provider, without those that mean the same to all."""
    of_all = list(_section("[[sources]]", SourceSettings))
    return [row for row in _section("[[sources]]", provider.settings) if row not in of_all]


def _keys() -> Iterator[Row]:
    for name, field in Settings.model_fields.items():
        if name == "sources":
            yield from _source_keys()
        elif name == "routes":
            yield from _section(f"[[{name}]]", RouteSettings)
        else:
            yield from _section(name, model_of(field.annotation))


def _source_keys() -> Iterator[Row]:
    """What every source has, then what each provider's model adds: one row for all that mean the same by a key."""
    of_all = list(_section("[[sources]]", SourceSettings))
    yield from of_all
    alike = {*_section("[[sources]].poll", PollSettings), *_section("[[sources]].keys", KeyPair)}
    whose: dict[str, dict[Row, list[str]]] = {}
    for provider in built_in():
        for row in _section("[[sources]]", provider.settings):
            if row not in of_all:
                whose.setdefault(row[0], {}).setdefault(row, []).append(provider.slug)
    for rows in whose.values():
        for row, slugs in rows.items():
            key, default, meaning = row
            yield row if row in alike else (key, default, f"{', '.join(slugs)}: {meaning}")


def _section(prefix: str, model: type[BaseModel] | None) -> Iterator[Row]:
    for name, field in model.model_fields.items() if model is not None else ():
        if field.description is None:
            yield from _section(f"{prefix}.{name}", model_of(field.annotation))
        else:
            yield f"{prefix}.{name}", _default(field), field.description
        if field.annotation == list[KeyPair]:
            yield from _section(f"{prefix}.{name}", KeyPair)


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    if field.default is None:
        return "none"
    return f"`{orjson.dumps(field.default).decode()}`"
