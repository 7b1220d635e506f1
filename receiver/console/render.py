"""Templates and the words of pages: every value is escaped, times and numbers are written in one way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from receiver.console.access import Door, Visitor
from receiver.console.answers import Page
from receiver.model.printable import printable
from receiver.model.times import from_us

TEMPLATES = Path(__file__).parent / "templates"
STATIC = Path(__file__).parent / "static"


class Renderer:
    """Makes pages for one console, whose links begin with its base path."""

    def __init__(self, door: Door, *, simulator: bool) -> None:
        self._door = door
        self._base = door.rules.base_path
        self._environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_finished,
        )
        self._environment.globals.update(at=self.at, simulator=simulator, base=self._base)
        self._environment.filters.update(
            when=when,
            ago=ago,
            n=grouped,
            pretty=pretty,
            exact=escape,
            plural=plural,
            moment=moment,
            tojson_text=tojson_text,
        )

    def at(self, path: str, *parts: object, **query: object) -> str:
        """The address of a page: ``parts`` follow the path, each whole in its place; empty fields are left out."""
        whole = self._base + path + "".join("/" + quote(str(part), safe="") for part in parts)
        fields = {name: str(value) for name, value in query.items() if value not in {None, ""}}
        return f"{whole}?{urlencode(fields)}" if fields else whole

    def page(self, page: Page, visitor: Visitor | None, place: str, now_us: int) -> str:
        """The whole document; ``place`` is the page's own address, to come back to."""
        values = {
            "title": page.title,
            "command": page.command,
            "visitor": visitor,
            "place": place,
            "now_us": now_us,
            "this_moment": from_us(now_us),
            "login": self._door.rules.login,
            "form_token": self._door.form_token(visitor) if visitor is not None and visitor.writes else "",
        }
        return self._environment.get_template(page.template).render({**values, **page.values})


def _finished(value: Any) -> Any:
    # Whatever stands on a page is printable, whoever wrote it; what is markup was made here, of such text.
    return printable(value) if type(value) is str else value


def when(time: str | None, *, day: bool = True) -> Markup:
    """A time, RFC 3339 UTC, to the second, with the whole one as its title; a script puts the local time beside it."""
    if not time:
        return Markup('<span class="none">–</span>')
    shown = time[:19].replace("T", " ")
    return Markup('<time datetime="{0}" title="{0}">{1}</time>').format(time, shown if day else shown[11:])


def moment(at_us: int) -> Markup:
    """A time in Unix microseconds, as ``when`` shows it."""
    return when(from_us(at_us))


def ago(seconds: float | None) -> str:
    """A span for people: 12 s, 5 min, 3 h 20 min, 4 d."""
    if seconds is None:
        return "–"
    whole = round(abs(seconds))
    if whole < 1:
        return f"{abs(seconds) * 1000:.0f} ms" if seconds else "0 s"
    if whole >= 172_800:
        return f"{whole // 86_400} d"
    if whole >= 7200:
        hours, minutes = divmod(whole // 60, 60)
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{whole} s" if whole < 120 else f"{whole // 60} min"


def grouped(number: float | None) -> Markup:
    """A count with thin spaces between thousands; a count of ours, never an amount of money."""
    if number is None:
        return Markup("–")
    return Markup(f"{number:,.0f}".replace(",", "\u202f"))  # noqa: S704  digits


def plural(number: int, one: str, many: str = "") -> Markup:
    """``1 callback``, ``2 callbacks``."""
    return Markup("{} {}").format(grouped(number), one if number == 1 else many or one + "s")


def tojson_text(value: Any) -> str:
    """A field's value in a cell: text as it is, whatever else as JSON."""
    return printable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def pretty(value: Any) -> Markup:
    """JSON as people read it; bytes are the text of a JSON document, whose digits stay as they are."""
    if isinstance(value, bytes | str):
        text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
        return escape(_indented(text))
    return escape(_lines(json.dumps(value, ensure_ascii=False, indent=2)))


def _indented(text: str) -> str:
    # Numbers are kept as they were written: no amount of money goes through a float.
    try:
        parsed = json.loads(text, parse_float=_Digits, parse_int=_Digits)
    except (ValueError, RecursionError):
        return _lines(text)
    return _lines(_written(parsed, ""))


class _Digits(str):
    """A number as it was written."""

    __slots__ = ()


def _written(value: Any, indent: str) -> str:
    deeper = indent + "  "
    if isinstance(value, _Digits):
        return str(value)
    if isinstance(value, Mapping) and value:
        rows = [
            f"{deeper}{json.dumps(name, ensure_ascii=False)}: {_written(one, deeper)}" for name, one in value.items()
        ]
        return "{\n" + ",\n".join(rows) + f"\n{indent}}}"
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(deeper + _written(one, deeper) for one in value) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False)


def _lines(text: str) -> str:
    return "\n".join(printable(line) for line in text.split("\n"))
