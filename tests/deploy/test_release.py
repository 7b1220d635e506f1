"""A release is refused where it would not be what it says, and is made of the same bytes each time."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
import release
import yaml
from release import Refused, Release, look, main, make, make_chart, make_image, notes_of, pack_anew, sums

CHANGELOG = (
    "# Changelog\n\n## Unreleased\n\n- later\n\n## 1.2.3 - 2026-11-26\n\n### Added\n- this\n\n## 1.2.2\n- before\n"
)
CHART_FILE = 'apiVersion: v2\nname: receiver\nversion: {0}\nappVersion: "{0}"\n'
CHART_YAML = f"{release.CHART}/Chart.yaml"
EPOCH_S = 1_700_000_000


def git(folder: Path, *arguments: str) -> str:
    """One command of git, by somebody; what it prints."""
    somebody = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com", "-c", "commit.gpgsign=false")
    return subprocess.run(["git", *somebody, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a release looks at, in a commit."""
    root = tmp_path / "checkout"
    for name, text in {
        "schemas/VERSION": "1.2.3\n",
        "CHANGELOG.md": CHANGELOG,
        f"{release.CHART}/Chart.yaml": CHART_FILE.format("1.2.3"),
        f"{release.CHART}/values.yaml": "a: 1\n",
        f"{release.CHART}/templates/map.yaml": "kind: ConfigMap\n",
        "requirements/run.txt": "orjson==3.10.0 \\\n    --hash=sha256:" + "0" * 64 + "\n",
        ".gitignore": "dist/\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "All", "--date", f"@{EPOCH_S} +0000")
    return root


def test_a_commit_with_its_section_can_be_released(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the commit's own time, and what CHANGELOG says."""
    found = look(checkout)
    assert (found.version, found.notes, len(found.commit)) == ("1.2.3", "### Added\n- this\n", 12)
    assert main(["check"], checkout) == 0
    assert found.commit in capsys.readouterr().out


@pytest.mark.parametrize("name", ["CHANGELOG.md", "new.py"])
def test_a_dirty_checkout_is_refused(checkout: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Also one with a file that nobody has committed: a distribution might take it along."""
    (checkout / name).write_text(CHANGELOG + "\n")
    assert main(["make", str(checkout / "dist")], checkout) == 1
    assert f"in no commit (1 files): {'M' if name == 'CHANGELOG.md' else '??'} {name}" in capsys.readouterr().err
    assert not (checkout / "dist").exists()


def test_what_a_commit_does_not_hold_is_no_matter_where_git_ignores_it(checkout: Path) -> None:
    """As the folder of the release itself."""
    (checkout / "dist").mkdir()
    (checkout / "dist/old.whl").touch()
    assert look(checkout).version == "1.2.3"


@pytest.mark.parametrize(
    ("changelog", "why"),
    [
        ("## Unreleased\n- x\n", "no section `## 1.2.3`"),
        ("## 1.2.30\n- x\n", "no section `## 1.2.3`"),
        ("## 11.2.3\n- x\n", "no section `## 1.2.3`"),
        ("## 1x2.3\n- x\n", "no section `## 1.2.3`"),
        ("## 1.2.3\n\n## 1.2.2\n- x\n", "says nothing of 1.2.3"),
    ],
)
def test_a_changelog_that_says_nothing_of_the_version_is_refused(changelog: str, why: str) -> None:
    """There would be no notes."""
    with pytest.raises(Refused, match=why):
        notes_of(changelog, "1.2.3")


@pytest.mark.parametrize("heading", ["## 1.2.3", "## 1.2.3 - 2026-11-26", "## [1.2.3] (2026)"])
def test_the_notes_are_its_section(heading: str) -> None:
    """Up to the next version."""
    assert notes_of(f"## Unreleased\n- a\n{heading}\n\n- b\n- c\n\n## 1.2.2\n- d\n", "1.2.3") == "- b\n- c\n"


def test_a_chart_of_another_version_is_refused(checkout: Path) -> None:
    """It would install another image."""
    (checkout / release.CHART / "Chart.yaml").write_text(CHART_FILE.format("1.2.2"))
    git(checkout, "commit", "-aqm", "Chart")
    with pytest.raises(Refused, match=r"Chart\.yaml has 1\.2\.2 and 1\.2\.2, and not 1\.2\.3"):
        look(checkout)


def test_an_archive_is_packed_anew_without_its_times(tmp_path: Path) -> None:
    """Whoever packed it, whenever, in whatever order: the same bytes, with the same contents."""
    packed = []
    for number, names in enumerate((("a", "b"), ("b", "a"))):
        path = tmp_path / f"{number}.tgz"
        with (
            path.open("wb") as file,
            gzip.open(file, "wb") as zipped,
            tarfile.open(fileobj=zipped, mode="w|") as archive,
        ):
            for name in names:
                member = tarfile.TarInfo(f"chart/{name}")
                member.size, member.mtime, member.uid = 1, 1000 * number, number
                archive.addfile(member, io.BytesIO(name.encode()))
        pack_anew(path, EPOCH_S)
        packed.append(path.read_bytes())
    assert packed[0] == packed[1]
    with tarfile.open(tmp_path / "0.tgz") as archive:
        files = {one.name: archive.extractfile(one) for one in archive}
        assert {name: file and file.read() for name, file in files.items()} == {"chart/a": b"a", "chart/b": b"b"}
        assert {one.mtime for one in archive} == {EPOCH_S}


def test_helm_packs_the_same_chart_twice(checkout: Path, tmp_path: Path) -> None:
    """And reads what was packed anew."""
    helm = shutil.which("helm")
    if helm is None:
        pytest.skip("helm is not here")
    found, made = look(checkout), []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        assert make_chart(found, tmp_path / name) is None
        made.append((tmp_path / name / "receiver-1.2.3.tgz").read_bytes())
    assert made[0] == made[1]
    shown = subprocess.run(
        [helm, "show", "chart", tmp_path / "one/receiver-1.2.3.tgz"], capture_output=True, text=True, check=True
    )
    assert "version: 1.2.3" in shown.stdout


def test_what_there_is_no_program_for_is_left_out_aloud(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All the rest is made, with its sums; what lay there before is gone."""
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(release, "make_distributions", lambda _, target: (target / "x.whl").write_bytes(b"wheel"))
    target = tmp_path / "dist"
    target.mkdir()
    (target / "old.whl").touch()
    assert make(look(checkout), target) == ["the chart: helm is not here", "the image: buildah is not here"]
    assert sorted(path.name for path in target.iterdir()) == ["NOTES.md", "SHA256SUMS", "sbom.cdx.json", "x.whl"]
    assert (target / "NOTES.md").read_text() == "# 1.2.3\n\n### Added\n- this\n"
    said = (target / "SHA256SUMS").read_text()
    assert f"{hashlib.sha256(b'wheel').hexdigest()}  x.whl\n" in said
    assert said == sums(target), "the sums are not in themselves"


def test_the_image_is_of_the_commit_and_its_time(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Buildah is told both, and whatever the machine needs besides."""
    told: list[tuple[str, ...]] = []
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(release, "run", lambda _, *command: told.append(command))
    monkeypatch.setenv(release.IMAGE_ARGUMENTS, "--build-arg PYTHON_IMAGE=localhost/python")
    assert make_image(Release(checkout, "1.2.3", "0123456789ab", EPOCH_S, ""), tmp_path) is None
    built, pushed, billed = told
    assert ("--timestamp", str(EPOCH_S)) == built[built.index("--timestamp") :][:2]
    assert {"COMMIT=0123456789ab", "PYTHON_IMAGE=localhost/python"} <= set(built)
    assert pushed[-1].startswith(f"docker-archive:{tmp_path}/"), "to a file, and nowhere else"
    assert billed[-3:] == (str(checkout / "requirements/image.txt"), str(tmp_path / "sbom.image.cdx.json"), "1.2.3")


def test_a_rehearsal_is_of_a_version_that_names_its_commit(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the notes of what is unreleased, where the version has none; the checkout stays as it is."""
    (checkout / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n- later\n\n## 1.2.2\n- before\n")
    git(checkout, "commit", "-aqm", "No version yet")
    assert main(["check"], checkout) == 1
    seen: dict[str, str] = {}

    def distributions(found: Release, target: Path) -> None:
        seen.update(version=(found.root / release.VERSION).read_text(), chart=(found.root / CHART_YAML).read_text())
        (target / "x.whl").touch()

    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(release, "make_distributions", distributions)
    target = tmp_path / "dist/rehearsal"
    assert main(["rehearse", str(target)], checkout) == 0
    commit = capsys.readouterr().out.partition('"commit": "')[2][:12]
    assert seen["version"] == f"1.2.3+rehearsal.g{commit}\n"
    assert yaml.safe_load(seen["chart"])["appVersion"] == f"1.2.3-rehearsal.g{commit}"
    assert (target / "NOTES.md").read_text() == f"# 1.2.3+rehearsal.g{commit}\n\n- later\n"
    component = json.loads((target / "sbom.cdx.json").read_text())["metadata"]["component"]
    assert component["version"] == f"1.2.3+rehearsal.g{commit}"
    assert git(checkout, "status", "--porcelain") == ""


def test_a_rehearsal_of_changes_or_of_nothing_is_refused(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a release would be."""
    (checkout / "CHANGELOG.md").write_text("## 1.2.3\n- this\n")
    assert main(["rehearse", str(checkout / "dist")], checkout) == 1
    git(checkout, "commit", "-aqm", "Released")
    assert main(["rehearse", str(checkout / "dist")], checkout) == 1
    assert re.findall("in no commit|no section `## Unreleased`", capsys.readouterr().err) == [
        "in no commit", "no section `## Unreleased`",
    ]  # fmt: skip


def test_chart_and_image_of_a_rehearsal_have_no_plus(tmp_path: Path) -> None:
    """Neither a label nor a tag may have one; a release's version is the same in all."""
    found = Release(tmp_path, "1.2.3+rehearsal.g0123456789ab", "0123456789ab", EPOCH_S, "")
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,62}", found.tag)
    assert Release(tmp_path, "1.2.3", "0123456789ab", EPOCH_S, "").tag == "1.2.3"


def test_a_program_that_fails_is_named_with_its_words(tmp_path: Path) -> None:
    """And there is no release."""
    with pytest.raises(Refused, match="git nonsense failed: git: 'nonsense' is not a git command"):
        release.run(tmp_path, "git", "nonsense")
