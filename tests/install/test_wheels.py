"""What wheels are made with: the settings, the repair, the test, and the workflows that use them."""

from __future__ import annotations

import base64
import csv
import hashlib
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from support.installing import environment, pip, run, wheel
from support.require import cannot_run
from support.tools import ROOT

IDENTIFIERS = [
    "cp310-manylinux_aarch64",
    "cp310-manylinux_x86_64",
    "cp310-musllinux_aarch64",
    "cp310-musllinux_x86_64",
]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
REPAIR = ROOT / "tools/wheels/repair.py"
COMMANDS = ("ipvsfast", "ipvsfast-save", "ipvsfast-restore")


def workflow(name: str) -> dict[str, dict[str, dict[str, object]]]:
    return yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text())


def repair(source: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, REPAIR, source, folder]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def repaired(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that was built, repaired."""
    folder = tmp_path_factory.mktemp("repaired")
    done = repair(wheel(), folder)
    assert done.returncode == 0, done.stderr
    (made,) = folder.iterdir()
    assert done.stdout == f"{made}\n"
    return made


def test_four_wheels_are_built() -> None:
    """One for each processor and C library, and the workflow makes each of them once."""
    if sys.version_info < (3, 11):
        cannot_run("cibuildwheel needs Python 3.11")
    assert sorted(run("cibuildwheel", "--print-build-identifiers", ROOT).split()) == IDENTIFIERS
    matrix = workflow("wheels")["jobs"]["wheel"]["strategy"]["matrix"]["include"]
    assert sorted(row["only"] for row in matrix) == IDENTIFIERS
    assert all(("aarch64" in row["only"]) == row["runner"].endswith("-arm") for row in matrix)


def test_the_workflow_has_the_tested_version_of_cibuildwheel() -> None:
    """The one that the environment of tests has."""
    (wanted,) = re.findall(r'"?\'?cibuildwheel==([\d.]+);', (ROOT / "pyproject.toml").read_text())
    assert f"cibuildwheel=={wanted} " in (ROOT / ".github/workflows/wheels.yml").read_text()


def test_the_workflows_are_valid() -> None:
    """By the schema of workflows, and by what is known to go wrong with them."""
    assert [path.name for path in WORKFLOWS] == ["first-run.yml", "release.yml", "tests.yml", "wheels.yml"]
    run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS)
    run("zizmor", "--offline", "--no-config", "--min-severity", "medium", *WORKFLOWS)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned(path: Path) -> None:
    """By a whole commit hash, with the release that it is; each action by the same one everywhere."""
    used = re.findall(r"^\s*(?:- )?uses: (\S+)(.*)$", path.read_text(), re.MULTILINE)
    for action, remark in used:
        if not action.startswith("./"):
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", remark), remark
    everywhere = "\n".join(path.read_text() for path in WORKFLOWS)
    for action, _ in used:
        name = action.partition("@")[0]
        assert len(set(re.findall(rf"uses: ({re.escape(name)}@\S+.*)$", everywhere, re.MULTILINE))) <= 1


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_job_may_do_what_it_has_to(path: Path) -> None:
    """Reading, and only the one that publishes more: a token that proves who it is."""
    content = workflow(path.stem)
    assert content["permissions"] == {}
    assert "group" in content["concurrency"]
    for name, job in content["jobs"].items():
        assert job["permissions"] == ({"id-token": "write"} if name == "publish" else {"contents": "read"})
        assert "uses" in job or job["timeout-minutes"] <= 120


def test_a_repaired_wheel_is_whole(repaired: Path) -> None:
    """libnl and its licence are in it; the list of files has all of them, with their hashes."""
    with zipfile.ZipFile(repaired) as archive:
        names = archive.namelist()
        (metadata,) = [archive.read(name).decode() for name in names if name.endswith(".dist-info/METADATA")]
        (record,) = [archive.read(name).decode() for name in names if name.endswith(".dist-info/RECORD")]
        rows = list(csv.reader(record.splitlines()))
        assert sorted(row[0] for row in rows) == sorted(names)
        for name, digest, size in rows:
            if digest:
                content = archive.read(name)
                expected = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
                assert (digest, size) == (f"sha256={expected}", str(len(content))), name
    libraries = [name for name in names if name.startswith("ipvsfast.libs/")]
    assert sorted(re.sub(r"-[0-9a-f]{8}\.so.*", "", name) for name in libraries) == [
        "ipvsfast.libs/libnl-3",
        "ipvsfast.libs/libnl-genl-3",
    ]
    assert (
        "\nLicense-Expression: MIT AND GPL-2.0-only WITH Linux-syscall-note AND LGPL-2.1-only\n" in metadata
    )
    for name in re.findall(r"^License-File: (.*)$", metadata, re.MULTILINE):
        assert any(path.endswith(f".dist-info/licenses/{name}") for path in names), name
    assert "LICENSES/bundled/LGPL-2.1-only.txt" in metadata


def test_a_repaired_wheel_works(repaired: Path, tmp_path: Path, offline: tuple[str, str]) -> None:
    """It passes what every wheel is tried with; pip finds each file as the list says."""
    home = environment(tmp_path / "home")
    pip(home, "install", *offline, repaired)
    said = run("sh", ROOT / "tools/wheels/smoke.sh", PATH=f"{home}/bin:/usr/bin:/bin")
    assert said.endswith(" works\n")


def changed(target: Path, contents: dict[str, bytes | None]) -> Path:
    """The built wheel with other files, or without them."""
    path = target / wheel().name
    with zipfile.ZipFile(wheel()) as source, zipfile.ZipFile(path, "w") as archive:
        for info in source.infolist():
            content = contents.get(info.filename.rpartition("/")[2], source.read(info))
            if content is not None and info.filename.endswith("/RECORD"):
                left = [name for name, content in contents.items() if content is None]
                lines = content.decode().splitlines(keepends=True)
                content = "".join(
                    line for line in lines if not any(f"/{name}," in line for name in left)
                ).encode()
            if content is not None:
                archive.writestr(info, content)
    return path


def test_what_is_not_whole_is_no_wheel(tmp_path: Path) -> None:
    """A command that auditwheel has replaced, since it needs libnl too; a shell script in its place; none; no module."""
    with zipfile.ZipFile(wheel()) as archive:
        module = archive.read("ipvsfast/_native.abi3.so")
    launcher = (ROOT / "scripts/launcher.sh").read_bytes()
    cases: list[tuple[dict[str, bytes | None], str]] = [
        ({"ipvsfast": module}, "scripts/ipvsfast is no executable any more; it begins with b'#!python"),
        (
            dict.fromkeys(COMMANDS, launcher),
            "scripts/ipvsfast is no executable any more; it begins with b'#!/bin/sh",
        ),
        ({"ipvsfast-save": None}, "it has no command ipvsfast-save"),
        ({"_native.abi3.so": None}, "libnl-3 is not in it"),
    ]
    for number, (contents, message) in enumerate(cases):
        folder = tmp_path / str(number)
        folder.mkdir()
        done = repair(changed(folder, contents), folder / "made")
        assert done.returncode == 1, (message, done.stdout)
        assert message in done.stderr
        assert not (folder / "made").exists()


def test_the_tag_of_a_release(tmp_path: Path) -> None:
    """It is the version, of which the changelog has to tell."""
    for name in ("pyproject.toml", "CHANGELOG.md", "tools/wheels/release_version.sh"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n')
    for changelog, tag, status, said in (
        ("## Unreleased\n\n## 1.2.3\n", "v1.2.3", 0, "1.2.3"),
        ("## 1.2.3\n", "v1.2.4", 1, "the tag is 'v1.2.4', and the version in pyproject.toml is 1.2.3"),
        ("## Unreleased\n", "v1.2.3", 1, "CHANGELOG.md has no section '## 1.2.3'"),
        ("## 1.2.34\n", "v1.2.3", 1, "CHANGELOG.md has no section '## 1.2.3'"),
    ):
        (tmp_path / "CHANGELOG.md").write_text(changelog)
        argv = ["sh", tmp_path / "tools/wheels/release_version.sh", tag]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert (done.returncode, said in done.stdout + done.stderr) == (status, True)
