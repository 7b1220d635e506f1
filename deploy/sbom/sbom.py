"""A bill of materials, CycloneDX JSON: ``sbom.py requirements/run.txt dist/sbom.cdx.json``.

It is made of the pins. The same ones give the same bytes on every machine: nothing is asked of an index, no time is in
it, and its serial number comes from its contents. Every file that pip may take for a pin is in it by its digest.
"""

from __future__ import annotations

import re
import sys
import tomllib
import uuid
from dataclasses import dataclass
from pathlib import Path

import orjson
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

ROOT = Path(__file__).resolve().parents[2]
EVENTS = "exchange-events"
"""The distribution that is made of ``schemas`` and released together with this one, so that no pin names it."""
NAMESPACE = uuid.UUID("6e1d7a52-90a3-4f0e-8d5b-5f5a3f5cf1c7")
PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)(?:\s*;\s*([^\\\n]+?))?\s*\\?$")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})\s*\\?$")


@dataclass(frozen=True, slots=True)
class Pin:
    """One pinned distribution."""

    name: str
    """As indexes compare names: lower case, with hyphens."""
    version: str
    marker: str
    """On which systems it is installed; empty: everywhere."""
    digests: tuple[str, ...]
    """SHA-256 of each file that may be installed, hex, in the order of the requirements."""


def read_pins(text: str) -> list[Pin]:
    """Read a requirements file; raises ``ValueError`` with the line that is neither a pin, a digest nor a comment."""
    pins: list[Pin] = []
    for number, line in enumerate(text.splitlines(), start=1):
        said = line.strip()
        found, digest = PIN.fullmatch(said), HASH.fullmatch(said)
        if found:
            pins.append(Pin(normal(found[1]), found[2], (found[3] or "").strip(), ()))
        elif digest and pins:
            last = pins.pop()
            pins.append(Pin(last.name, last.version, last.marker, (*last.digests, digest[1])))
        elif said and not said.startswith("#"):
            raise ValueError(f"line {number} is neither a pin nor a digest")
    return pins


def normal(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_project() -> dict[str, object]:
    """The table ``project`` of ``pyproject.toml``, with its version, which both distributions have from one file."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return {**project, "version": (ROOT / "schemas/VERSION").read_text("utf-8").strip()}


def bill(pins: list[Pin], project: dict[str, object]) -> bytes:
    """The document; ``project`` is what ``read_project`` gives."""
    bom = Bom(serial_number=uuid.uuid5(NAMESPACE, repr((project["name"], project["version"], pins))))
    ours = Component(
        type=ComponentType.APPLICATION, name=str(project["name"]), version=str(project["version"]),
        bom_ref=str(project["name"]), description=str(project["description"]),
    )  # fmt: skip
    bom.metadata.component = ours
    needed = [_component(pin) for pin in (*pins, Pin(EVENTS, str(project["version"]), "", ()))]
    bom.components.update(needed)
    asked_for = {normal(re.split(r"[^A-Za-z0-9._-]", str(one), maxsplit=1)[0]) for one in _dependencies(project)}
    bom.register_dependency(ours, [one for one in needed if one.name in asked_for])
    document = orjson.loads(JsonV1Dot6(bom).output_as_string())
    document["metadata"].pop("timestamp", None)
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


def _component(pin: Pin) -> Component:
    return Component(
        type=ComponentType.LIBRARY,
        name=pin.name,
        version=pin.version,
        bom_ref=f"{pin.name}=={pin.version}",
        purl=PackageURL("pypi", name=pin.name, version=pin.version),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in pin.digests],
        properties=[Property(name="python:environment_marker", value=pin.marker)] if pin.marker else [],
    )


def _dependencies(project: dict[str, object]) -> list[object]:
    # Of an extra, only what the pins hold comes to stand in the document.
    listed, extras = project["dependencies"], project["optional-dependencies"]
    assert isinstance(listed, list)
    assert isinstance(extras, dict)
    return [*listed, *(one for extra in extras.values() for one in extra)]


def main(arguments: list[str]) -> int:
    """Write the bill of one requirements file; a third argument is the version, where it is not the checkout's."""
    source, target = (Path(argument) for argument in arguments[:2])
    project = read_project()
    if arguments[2:]:
        project |= {"version": arguments[2]}
    pins = read_pins(source.read_text("utf-8"))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(bill(pins, project))
    print(f"{target}: {len(pins)} distributions")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
