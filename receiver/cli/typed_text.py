"""What a person typed, read as the text that it is."""

from __future__ import annotations

from typing import Any

import click
from click.types import StringParamType


class TypedText(StringParamType):
    """Text as it was typed; in a locale that lacks its letters Python gives half characters in the place of bytes."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the bytes as UTF-8, as files and callbacks are."""
        text = super().convert(value, param, ctx)
        return text if text.isprintable() else text.encode("utf-8", "surrogateescape").decode(errors="replace")
