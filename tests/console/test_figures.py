"""Every count leads to the list behind it, and every page names a command that the command line understands."""

from __future__ import annotations

import asyncio
import html
import re
import shlex
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import click
import pytest

from receiver.cli.filters import NAMES
from receiver.cli.main import cli
from receiver.console.access import Visitor
from receiver.console.answers import Ask
from receiver.console.pages.choices import wanted
from receiver.operate.selection import Filter
from tests.console.seeded import WRITING, Browser, Played, browser, seeded
from tests.console.test_pages import ADDRESSES
from tests.operate.desk import exchange

pytestmark = pytest.mark.usefixtures("unhurried")
PAGES_MAX = 40
"""Of one list; a list that does not end is a fault."""
WITHOUT = {"/login"}
"""What shows nothing that a command shows."""


KEPT = frozenset({"a", "td", "b", "table", "tbody"})
"""Tags that say what a number within them is."""


class Figures(HTMLParser):
    """The counts of a page with where they lead, the rows of its list, and numbers that lead nowhere."""

    def __init__(self, page: str, goes: str = "next") -> None:
        """``goes`` is how the link to the list's next page calls itself."""
        super().__init__()
        self.counts: list[tuple[int, str]] = []
        self.rows = 0
        self.loose: list[str] = []
        self.next: str | None = None
        self._goes = goes
        self._within: list[frozenset[str]] = []
        self.feed(page[page.index("<main") : page.index("</main>")])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        kinds = {tag, *given.get("class", "").split(), *(["list"] if "data-list" in given else [])}
        if "count" in kinds:
            self.counts.append((int(given["data-count"]), given["href"]))
        if given.get("rel") == self._goes:
            self.next = given["href"]
        if tag == "tr" and {"list", "tbody"} <= self._about():
            self.rows += int(given.get("data-rows", 1))
        if tag in KEPT:
            self._within.append(frozenset(kinds))

    def handle_endtag(self, tag: str) -> None:
        if tag in KEPT:
            self._within.pop()

    def handle_data(self, data: str) -> None:
        about = self._about()
        if re.fullmatch(r"[\d\u202f]+", data.strip()) and {"num", "b"} & about and not {"count", "measure"} & about:
            self.loose.append(data.strip())

    def _about(self) -> frozenset[str]:
        return frozenset().union(*self._within)


@pytest.fixture(scope="module")
def shown() -> Browser:
    """A journal with a bit of everything, of which some waits and some was asked for."""
    way = seeded()
    asyncio.run(way.events("0xpay-main", [exchange(f"many-{place:03}") for place in range(60)]))
    writer = way.journal.index_writer(lambda body: body)
    while writer.step():
        pass
    asyncio.run(way.deliver("0xpay-main", exchange("waits")))
    way.requests.add("close", way.clock.us, {"callbacks": [10], "why": "a test"})
    return browser(way=way, simulator=Played(), rules=WRITING)


def rows_behind(shown: Browser, link: str, goes: str) -> int:
    """The rows of a list, over all its pages."""
    rows, at, seen = 0, link, set[str]()
    while at not in seen and len(seen) < PAGES_MAX:
        seen.add(at)
        page = Figures(shown.get(at), goes)
        rows += page.rows
        if page.next is None or not page.rows:
            return rows
        at = page.next
    raise AssertionError(f"the list behind {link} does not end")


@pytest.mark.parametrize("address", [*ADDRESSES, "/request/1"])
def test_every_count_leads_to_a_list_of_as_many(shown: Browser, address: str) -> None:
    """And no number stands where a count would that leads nowhere and is no measure."""
    found = Figures(shown.get(address))
    assert found.loose == []
    for count, link in found.counts:
        assert rows_behind(shown, link, "prev" if "after=" in link else "next") == count, (address, link)


def test_the_overview_counts_what_the_journal_has(shown: Browser) -> None:
    """So that the walk above walks something: all that was taken, recorded, waits, and cannot be read."""
    found = Figures(shown.get("/"))
    assert len(found.counts) > 15
    counts = {link: count for count, link in found.counts}
    assert counts["/callbacks"] == shown.way.inbox.last_number() > 60
    assert counts["/search"] == shown.way.outbox.last_number()
    assert counts["/callbacks?became=waiting"] == 1
    assert counts["/quarantine"] == 4
    assert counts["/reconcile?show=overdue"] == 1
    assert sum(count for link, count in counts.items() if link.startswith("/search?after=")) == 3


def parsed(line: str) -> dict[str, Any]:
    """What the real command line reads in a command, without running it; raises ``click.UsageError``."""
    name, *arguments = shlex.split(line)
    assert name == "receiver"
    command: click.Command = cli
    context = command.make_context(name, arguments)
    while isinstance(command, click.Group):
        rest = [*context._protected_args, *context.args]
        _, found, rest = command.resolve_command(context, rest)
        assert found is not None
        command, context = found, found.make_context(found.name, rest, parent=context)
    return context.params


@pytest.mark.parametrize("address", [one for one in [*ADDRESSES, "/request/1"] if one not in WITHOUT])
def test_every_page_names_a_command_that_is_understood(shown: Browser, address: str) -> None:
    """By the parser that reads it when somebody has copied it."""
    answer = shown.client.get(address)
    found = re.search(r'<code id="command">(.*?)</code>', answer.text)
    assert found is not None, f"{address} names no command"
    parsed(html.unescape(found[1]))


LISTS = ("/search?outcome=event&", "/search?", "/live?")


@pytest.mark.parametrize("address", LISTS)
def test_the_command_of_a_list_chooses_as_the_list_does(shown: Browser, address: str) -> None:
    """By every field that its form has, one at a time and all together."""
    form = {
        "source": "swaps",
        "kind": "auto_swap",
        "family": "exchange",
        "status": "completed",
        "anomaly": "late",
        "observed_via": "poll",
        "effective": "no",
        "amount": "8 123.25",
        "since": "2026-05-27T08:55",
        "until": "2026-05-28",
    }
    page = shown.get(address)
    offered = {name for name in re.findall(r'<(?:select|input) name="(\w+)"', page) if name != "outcome"} & set(form)
    assert len(offered) == (4 if "live" in address else len(form))
    for names in [*([name] for name in sorted(offered)), sorted(offered)]:
        asked = {name: form[name] for name in names}
        found = re.search(r'<code id="command">(.*?)</code>', shown.get(f"{address}{urlencode(asked)}"))
        assert found is not None
        given = parsed(html.unescape(found[1]))
        chosen = Filter(**{name: given[name] for name in NAMES if name in given})
        assert chosen.of_records == wanted(Ask(Visitor("", "read"), {}, asked)), names


def test_a_command_that_is_wrong_is_noticed() -> None:
    """So that the test above can fail."""
    for line in ("receiver shew x", "receiver show", "receiver rejects list --sauce x", "receiver tail --since soon"):
        with pytest.raises(click.UsageError):
            parsed(line)
