"""``docs``: the documents, where there is no checkout to read them in."""

from __future__ import annotations

from pathlib import Path

import click

import receiver
from receiver.cli.output import config_option
from receiver.model.errors import ReceiverError

PACKAGE = Path(receiver.__file__).parent
CHECKOUT = {"README.md": "README.md", "CHANGELOG.md": "CHANGELOG.md", "RUNBOOK.md": "deploy/RUNBOOK.md"}
"""Document → where it stands in a checkout; what is below ``docs`` there has its own path as its name."""


@click.command()
@config_option
@click.argument("name", required=False)
def docs(config: Path | None, name: str | None) -> None:
    """Print one document, as RUNBOOK.md, or list them."""
    del config
    found = documents(PACKAGE)
    if name is None:
        click.echo("\n".join(found))
    elif name in found:
        click.echo(found[name].read_text("utf-8"), nl=False)
    else:
        raise ReceiverError(f"there is no {name}; `receiver docs` lists them")


def documents(package: Path) -> dict[str, Path]:
    """Name → file, sorted: those that were built into the package, else those of the checkout that it stands in."""
    built_in = package / "docs"
    if built_in.is_dir():
        return _below(built_in)
    checkout = {name: package.parent / place for name, place in CHECKOUT.items()}
    there = {name: path for name, path in checkout.items() if path.exists()} | _below(package.parent / "docs")
    return dict(sorted(there.items()))


def _below(folder: Path) -> dict[str, Path]:
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
