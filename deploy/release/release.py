"""A release: ``release.py check`` says whether there can be one, ``release.py make dist`` makes it. Uploads nothing.

``release.py rehearse dist/rehearsal`` makes all that a release of this commit would be, before its version has a
section in CHANGELOG, under a version that names the commit: ``0.1.0+rehearsal.g0123456789ab``. The notes are those of
``## Unreleased``. Public indexes refuse a version of that shape, so that none of it is ever taken for the release.

What it makes is the same on every machine, byte for byte: the two distributions as wheels and source distributions, the
chart, the bills of materials, the notes, and SHA256SUMS over all of it. All times in these are the commit's. The image
is made where buildah is, with the commit's time too: its layers are the same each time on the same base, and only its
configuration names the container that it was built in. What could not be made for lack of a program is said, and left
out.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = "deploy/helm/receiver"
VERSION = "schemas/VERSION"
UNRELEASED = "Unreleased"
"""The section of CHANGELOG for what no version has yet."""
SUMS = "SHA256SUMS"
IMAGE_ARGUMENTS = "IMAGE_ARGS"
"""Environment variable: further arguments for ``buildah bud``, separated by spaces."""


class Refused(Exception):
    """There can be no release, or a part of it could not be made; the message says why."""


@dataclass(frozen=True, slots=True)
class Release:
    """What is released."""

    root: Path
    version: str
    commit: str
    """Its first twelve digits."""
    epoch_s: int
    """When it was committed, seconds since 1970."""
    notes: str
    """What CHANGELOG says of this version, Markdown."""

    @property
    def tag(self) -> str:
        """The version as charts and images have it, where ``+`` is not allowed."""
        return self.version.replace("+", "-")


def look(root: Path) -> Release:
    """Look whether there can be a release of a checkout; raises ``Refused`` where there cannot."""
    version = (root / VERSION).read_text("utf-8").strip()
    return look_at(root, version, version)


def look_at(root: Path, version: str, section: str) -> Release:
    """As ``look``, with the notes of one section of CHANGELOG."""
    changed = run(root, "git", "status", "--porcelain").splitlines()
    if changed:
        raise Refused(f"the checkout has changes that are in no commit ({len(changed)} files): {changed[0].strip()}")
    notes = notes_of((root / "CHANGELOG.md").read_text("utf-8"), section)
    chart = yaml.safe_load((root / CHART / "Chart.yaml").read_text("utf-8"))
    if {chart["version"], chart["appVersion"]} != {version}:
        raise Refused(f"{CHART}/Chart.yaml has {chart['version']} and {chart['appVersion']}, and not {version}")
    commit, epoch_s = run(root, "git", "log", "-1", "--abbrev=12", "--format=%h %ct").split()
    return Release(root, version, commit, int(epoch_s), notes)


def rehearsed(root: Path, copy: Path) -> Release:
    """A release that is none: of a copy of the checkout, made at ``copy``, in which the version names the commit.

    Raises ``Refused`` where the checkout has changes, or nothing is unreleased.
    """
    version = (root / VERSION).read_text("utf-8").strip()
    found = look_at(root, version, UNRELEASED)
    run(root, "git", "clone", "--quiet", "--no-hardlinks", str(root), str(copy))
    made = replace(found, root=copy, version=f"{version}+rehearsal.g{found.commit}")
    (copy / VERSION).write_text(f"{made.version}\n", "utf-8")
    chart = copy / CHART / "Chart.yaml"
    text = chart.read_text("utf-8")
    chart.write_text(re.sub(r"(?m)^(version|appVersion): .*$", rf'\1: "{made.tag}"', text), "utf-8")
    return made


def notes_of(changelog: str, version: str) -> str:
    """The section of a version, without its heading (``## 1.2.3`` or ``## 1.2.3 - 2026-11-26``).

    Raises ``Refused`` where there is none, or nothing in it.
    """
    found = re.search(rf"(?ms)^## \[?{re.escape(version)}\]?(?:[ \t][^\n]*)?\n(.*?)(?=^## |\Z)", changelog)
    if found is None:
        raise Refused(f"CHANGELOG.md has no section `## {version}`: name what is in the release first")
    if not found[1].strip():
        raise Refused(f"CHANGELOG.md says nothing of {version}")
    return found[1].strip() + "\n"


def make(release: Release, target: Path) -> list[str]:
    """Make all of it in ``target``, which is emptied first; gives what was left out, a sentence each.

    Raises ``Refused`` where a program that makes a part fails, with what it said.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    make_distributions(release, target)
    make_bill(release, "run.txt", target / "sbom.cdx.json")
    (target / "NOTES.md").write_text(f"# {release.version}\n\n{release.notes}", "utf-8")
    left_out = [why for why in (make_chart(release, target), make_image(release, target)) if why is not None]
    (target / SUMS).write_text(sums(target), "ascii")
    return left_out


def make_distributions(release: Release, target: Path) -> None:
    """Both, each as a source distribution and as the wheel that is made from it."""
    for project in (release.root / "schemas", release.root):
        run(release.root, sys.executable, "-m", "build", "--no-isolation", "--outdir", str(target), str(project),
            SOURCE_DATE_EPOCH=str(release.epoch_s), RECEIVER_COMMIT=release.commit)  # fmt: skip


def make_bill(release: Release, pins: str, target: Path) -> None:
    """The bill of materials of the pins in one file of ``requirements``."""
    run(release.root, sys.executable, str(ROOT / "deploy/sbom/sbom.py"), str(release.root / "requirements" / pins),
        str(target), release.version)  # fmt: skip


def make_chart(release: Release, target: Path) -> str | None:
    """The chart, packed by helm and packed anew, since helm writes the time of packing; None, or why it is left out."""
    helm = shutil.which("helm")
    if helm is None:
        return "the chart: helm is not here"
    run(release.root, helm, "package", CHART, "--destination", str(target))
    pack_anew(target / f"receiver-{release.tag}.tgz", release.epoch_s)
    return None


def make_image(release: Release, target: Path) -> str | None:
    """The image as an archive that `podman load` and `skopeo copy` read, and its bill; None, or why it is left out."""
    buildah = shutil.which("buildah")
    if buildah is None:
        return "the image: buildah is not here"
    name = f"localhost/exchange-webhook-receiver:{release.tag}"
    further = os.environ.get(IMAGE_ARGUMENTS, "").split()
    run(release.root, buildah, "bud", "--quiet", "--format", "docker", "--timestamp", str(release.epoch_s),
        "--build-arg", f"COMMIT={release.commit}", "--ignorefile", ".containerignore", *further,
        "-f", "deploy/container/Containerfile", "-t", name, ".")  # fmt: skip
    archive = f"exchange-webhook-receiver-{release.tag}.image.tar"
    run(release.root, buildah, "push", "--quiet", name, f"docker-archive:{target / archive}:{name}")
    make_bill(release, "image.txt", target / "sbom.image.cdx.json")
    return None


def pack_anew(path: Path, epoch_s: int) -> None:
    """Write a ``.tgz`` so that it depends on its files' names and contents only, and on the time given, s."""
    made = io.BytesIO()
    with tarfile.open(path) as old, tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as new:
        for member in sorted(old.getmembers(), key=lambda one: one.name):
            plain = tarfile.TarInfo(member.name)
            plain.size, plain.mtime, plain.mode = member.size, epoch_s, 0o644
            new.addfile(plain, old.extractfile(member))
    path.write_bytes(gzip.compress(made.getvalue(), mtime=epoch_s))


def sums(folder: Path) -> str:
    """SHA-256 of every file but the sums themselves, by name: what ``sha256sum --check`` reads."""
    files = sorted(path for path in folder.iterdir() if path.name != SUMS)
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)


def run(folder: Path, *command: str, **environ: str) -> str:
    """What a program prints; raises ``Refused`` with its last words where it fails."""
    done = subprocess.run(
        command, cwd=folder, env=os.environ | environ, capture_output=True, text=True, check=False, errors="replace"
    )
    if done.returncode != 0:
        raise Refused(f"{' '.join(command[:3])} failed: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """``check``, ``make TARGET`` or ``rehearse TARGET``; 0, or 1 where there is no release."""
    command, *target = arguments
    try:
        with tempfile.TemporaryDirectory(prefix="receiver-rehearsal-") as folder:
            release = rehearsed(root, Path(folder) / "checkout") if command == "rehearse" else look(root)
            print(json.dumps({"version": release.version, "commit": release.commit, "epoch_s": release.epoch_s}))
            for place in map(Path, target):
                for why in make(release, place.resolve()):
                    print(f"left out: {why}", file=sys.stderr)
                print((place / SUMS).read_text("ascii"), end="")
    except Refused as why:
        print(f"release: {why}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
