"""What the documents say of the code, made from the code: ``python deploy/pages/pages.py`` writes it.

A document has each such part between two comments, ``<!-- name -->`` and ``<!-- /name -->``; what stands around them is
written by hand. A test fails when one of them says something else than the code.
"""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import log_events
from exposition import scrape
from prometheus_client.parser import text_string_to_metric_families

from receiver.cli.main import cli
from receiver.cli.reference import describe, key_table, provider_table, source_keys, way_table, words
from receiver.providers.contract import Provider
from receiver.providers.registry import built_in

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
WIDTH = 100
"""Columns of a help text."""
MARKED = re.compile(r"<!-- ([\w:-]+) -->\n(?:.*?\n)?<!-- /\1 -->", re.DOTALL)


def table(columns: str, rows: Iterator[str] | list[str]) -> str:
    """Give a table: ``columns`` and each row with ``|`` between their cells."""
    head = [name.strip() for name in columns.split("|")]
    return "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *(f"| {row} |" for row in rows)])


def provider_rows(folder: str) -> str:
    """One row per provider, each with a link to its page in ``folder``."""
    rows = []
    for one in map(describe, built_in()):
        families = ", ".join(dict.fromkeys(kind["family"] for kind in one["kinds"]))
        told = ", ".join(dict.fromkeys(by for kind in one["kinds"] for by in kind["told_by"].split(", ")))
        rows.append(f"[{one['title']}]({folder}{one['provider']}.md) | {families} | {told} | {one['signature']}")
    return table("provider | tells of | by | signature", rows)


def provider_card(provider: Provider) -> str:
    """All that a provider's own record and module say of it."""
    one = describe(provider)
    held = "it waits with an operation's next status until the one before got a 200" if one["holds_order"] else "none"
    facts = {
        "name in `receiver.toml`": f'`provider = "{one["provider"]}"`',
        "where its URL is registered": one["registration"],
        "signature": one["signature"],
        "tries again after": one["retries"],
        "order it promises": held,
        "asked by `poll`": one["poll"],
    }
    said = inspect.cleandoc(inspect.getmodule(provider.parse).__doc__ or "").replace("``", "`")
    kinds = (f"`{k['word']}` → `{k['kind']}` | {k['family']} | {k['told_by']} | {words(k)}" for k in one["kinds"])
    keys = (f"`{key}` | {default} | {meaning}" for key, default, meaning in source_keys(provider))
    return "\n\n".join(
        [
            table("what | its own way", [f"{name} | {text}" for name, text in facts.items()]),
            "## What its documents say",
            said,
            "## Kinds and status words",
            "A word that is not in the table is quarantined, never guessed.",
            table("kind | family | told by | status words", kinds),
            "## Its source in `receiver.toml`",
            "As `receiver init` writes it; values that are made up are refused until they are replaced.",
            f"```toml\n{provider.template.strip()}\n```",
            "Keys that it adds to those of [every source](../reference/configuration.md), or means in its own way:",
            table("key | default | what it is", keys),
        ]
    )


def command_help() -> str:
    """Every command with its options, as ``--help`` says them."""
    root = click.Context(cli, info_name="receiver", **cli.context_settings)
    parts = []
    for context in _contexts(root):
        lines = [line.rstrip() for line in context.get_help().splitlines()]
        parts.append(f"### {context.command_path}\n\n```text\n" + "\n".join(lines) + "\n```")
    return "\n\n".join(parts)


def _contexts(above: click.Context) -> Iterator[click.Context]:
    # Each below its group's, from which a command has the names of its option for help.
    if isinstance(above.command, click.Group):
        for name in above.command.list_commands(above):
            command = above.command.get_command(above, name)
            if command is not None:
                command = copy.copy(command)
                command._help_option = None  # noqa: SLF001  click keeps the names of whoever asked first
                context = click.Context(command, above, name, terminal_width=WIDTH, max_content_width=WIDTH)
                yield context
                yield from _contexts(context)


def metric_table() -> str:
    """Every metric as a query names it: type, labels, meaning, and the alerts that watch it."""
    rules = (ROOT / "deploy/prometheus/receiver.rules.yml").read_text("utf-8")
    watched = {alert: rule for alert, _, rule in (part.partition("\n") for part in rules.split("- alert: ")[1:])}
    rows = []
    for family in text_string_to_metric_families(scrape()):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = dict.fromkeys(label for sample in family.samples for label in sample.labels if label != "le")
        alerts = [alert for alert, rule in watched.items() if re.search(rf"\b{name}(_bucket|_count|_sum)?\b", rule)]
        cells = [f"`{name}`", family.type, _codes(labels), family.documentation, _codes(alerts)]
        rows.append(" | ".join(cells))
    return table("metric | type | labels | what it counts | alerts", sorted(rows))


def event_table() -> str:
    """Every line of the log: level, fields, meaning, and the page that says what to do."""
    pages = _operate_sections()
    rows = []
    for name, one in log_events.found().items():
        meaning = log_events.EVENTS[name]
        links = [f"[{title}](../operate/{place})" for place, (title, text) in pages.items() if f"`{name}`" in text]
        cells = [f"`{name}`", meaning.level, _codes(one.fields), meaning.text, ", ".join(links)]
        rows.append(" | ".join(cells))
    return table("event | level | fields | what it means | what to do", rows)


def _operate_sections() -> dict[str, tuple[str, str]]:
    """``page.md#anchor`` → title and text of each section of the pages for whoever runs it."""
    sections = {}
    for path in sorted((DOCS / "operate").glob("*.md")):
        for part in re.split(r"^(?=##? )", path.read_text("utf-8"), flags=re.MULTILINE):
            title, _, text = part.partition("\n")
            if title:
                heading = title.lstrip("# ")
                sections[f"{path.name}#{anchor(heading)}"] = (heading, text)
    return sections


def symptom_table() -> str:
    """The index of the pages for whoever runs it, as it stands before them, for a reader in ``deploy``."""
    index = (DOCS / "operate/README.md").read_text("utf-8")
    rows = [line for line in index.splitlines() if line.startswith("|")]
    return re.sub(r"\]\(([a-z]+\.md)", r"](../docs/operate/\1", "\n".join(rows))


def anchor(heading: str) -> str:
    """Give the anchor that GitHub and the site make of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _codes(names: Mapping[str, Any] | list[str] | tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


PARTS: Mapping[str, Callable[[], str]] = {
    "keys": key_table,
    "providers": provider_table,
    "ways": way_table,
    "provider-rows": lambda: provider_rows("docs/providers/"),
    "provider-pages": lambda: provider_rows(""),
    "commands": command_help,
    "metrics": metric_table,
    "log-events": event_table,
    "symptoms": symptom_table,
} | {f"provider:{one.slug}": lambda one=one: provider_card(one) for one in built_in()}
"""Name between the comments → what stands there."""


def documents() -> list[Path]:
    """The documents that have such parts, or may."""
    return [ROOT / "README.md", ROOT / "deploy/RUNBOOK.md", *sorted(DOCS.rglob("*.md"))]


def written(text: str) -> str:
    """Give a document with each of its parts made anew. KeyError: a part that nobody makes."""
    return MARKED.sub(lambda found: f"<!-- {found[1]} -->\n{PARTS[found[1]]()}\n<!-- /{found[1]} -->", text)


if __name__ == "__main__":
    for document in documents():
        document.write_text(written(document.read_text("utf-8")), "utf-8")
