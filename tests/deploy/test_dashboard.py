"""The dashboard: what is committed is what its code makes, and every query of it parses and finds its metrics."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dashboard
import pytest
import yaml

from tests.deploy.test_alerts import exposed, metrics_in, promtool

JSON = Path(dashboard.__file__).with_name("receiver.json")
PANELS_MAX = 14


def made() -> dict[str, Any]:
    """Give what the code makes now."""
    return dashboard.make()


def queries(document: dict[str, Any]) -> Iterator[str]:
    """Give the query of every line of every panel, as Prometheus gets it."""
    for panel in document["panels"]:
        for target in panel.get("targets", []):
            yield re.sub(r"\$\w+", ".*", target["expr"].replace("$__rate_interval", "5m"))


def test_what_is_committed_is_what_the_code_makes() -> None:
    """Else: ``python deploy/grafana/dashboard.py > deploy/grafana/receiver.json``."""
    assert json.loads(JSON.read_text("utf-8")) == made()


def test_four_rows_of_few_panels() -> None:
    """One for each promise, and each fills the width."""
    panels = made()["panels"]
    rows = [panel["title"].partition(":")[0] for panel in panels if panel["type"] == "row"]
    assert rows == ["Taken", "Understood", "Published", "Asked"]
    drawn = [panel for panel in panels if panel["type"] != "row"]
    assert len(drawn) <= PANELS_MAX
    assert all(panel["description"] and panel["title"] for panel in drawn)
    assert {panel["gridPos"]["y"] for panel in drawn if panel["gridPos"]["x"] == 0} == {
        panel["gridPos"]["y"] for panel in drawn
    }


def test_every_query_parses(tmp_path: Path) -> None:
    """By Prometheus itself, as rules."""
    rules = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(queries(made()))]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}), "utf-8")
    done = promtool("check", "rules", str(file))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("query", list(queries(made())))
def test_every_query_finds_its_metrics(query: str) -> None:
    """In what a service with all its processes exposes."""
    assert metrics_in(query)
    assert metrics_in(query) <= exposed()


def test_what_one_can_choose_is_there() -> None:
    """The lists of jobs, instances and sources come from metrics that are exposed."""
    variables = {variable["name"]: variable for variable in made()["templating"]["list"]}
    assert set(variables) == {"datasource", "job", "instance", "source"}
    for name in ("job", "instance", "source"):
        assert metrics_in(variables[name]["query"]) <= exposed()
