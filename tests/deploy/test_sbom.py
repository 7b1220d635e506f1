"""The bill of materials names what is pinned, all of it, and nothing of where it came from or when."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from sbom import EVENTS, ROOT, bill, main, normal, read_pins, read_project

RUN = (ROOT / "requirements/run.txt").read_text("utf-8")
PROJECT = read_project()
METADATA = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
ASKED: list[str] = METADATA["dependencies"] + METADATA["optional-dependencies"]["console"]
"""What `make install` installs of the project's own: `make run` has its console."""
VERSION = (ROOT / "schemas/VERSION").read_text("utf-8").strip()


def test_every_pin_and_every_digest_is_in_it() -> None:
    """By name, version and file."""
    document = json.loads(bill(read_pins(RUN), PROJECT))
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    there = {(one["name"], one["version"]): one for one in document["components"]}
    pinned = {(normal(name), version) for name, version in re.findall(r"(?m)^([\w.-]+)==([^ ;\\\n]+)", RUN)}
    assert set(there) == pinned | {(EVENTS, VERSION)}, "the pins, and what is released together with this"
    assert document["metadata"]["component"]["version"] == VERSION
    assert len(pinned) == RUN.count("==") - len(re.findall(r";[^\\\n]*==", RUN))
    digests = [one["content"] for component in there.values() for one in component.get("hashes", ())]
    assert sorted(digests) == sorted(re.findall(r"sha256:([0-9a-f]{64})", RUN))
    assert all(one["purl"] == f"pkg:pypi/{one['name']}@{one['version']}" for one in there.values())


def test_what_the_project_asks_for_itself_is_said() -> None:
    """Each of its dependencies is pinned, and hangs on it."""
    document = json.loads(bill(read_pins(RUN), PROJECT))
    asked = {normal(re.split(r"[<>=;\[ ]", one)[0]) for one in ASKED}
    (root,) = [one for one in document["dependencies"] if one["ref"] == PROJECT["name"]]
    assert {one.partition("==")[0] for one in root["dependsOn"]} == asked


def test_the_image_holds_what_runs_everywhere_and_every_extra() -> None:
    """The same versions of the first, and the extras' own packages hang on the project."""
    image = read_pins((ROOT / "requirements/image.txt").read_text("utf-8"))
    assert set(read_pins(RUN)) <= set(image)
    (root,) = [one for one in json.loads(bill(image, PROJECT))["dependencies"] if one["ref"] == PROJECT["name"]]
    extra = {"asyncpg", "opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"}
    assert extra == {one.partition("==")[0] for one in root["dependsOn"]} - {
        normal(re.split(r"[<>=;\[ ]", one)[0]) for one in ASKED
    }
    pinned = "".join(Path(ROOT / "deploy/container/Containerfile").read_text("utf-8").split())
    assert "--require-hashes-rrequirements/image.txt" in pinned


def test_the_same_pins_are_the_same_bytes(tmp_path: Path) -> None:
    """No time, no host, no path; another pin is another serial number."""
    files = [tmp_path / "a/one.json", tmp_path / "b/two.json"]
    for file in files:
        assert main([str(ROOT / "requirements/run.txt"), str(file)]) == 0
    first, second = (file.read_bytes() for file in files)
    assert first == second
    assert b"http" not in re.sub(rb'"\$schema": "[^"]*"|http(x|tools|core)|"name": "http[^"]*"', b"", first)
    assert b"timestamp" not in first
    other = json.loads(bill(read_pins(RUN.replace("apsw==3", "apsw==4")), PROJECT))
    assert other["serialNumber"] != json.loads(first)["serialNumber"]


@pytest.mark.parametrize("line", ["uvloop>=1", "-e .", "--index-url x", "    --hash=md5:0", "a==1 --hash=sha256:0"])
def test_what_is_no_pin_is_refused(line: str) -> None:
    """It would be left out of the bill, and be installed."""
    with pytest.raises(ValueError, match="line 1 is neither"):
        read_pins(line)
