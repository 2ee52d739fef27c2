"""The shell side of the set-up: what it says on a machine that lacks something, and what the images hold."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VERSION = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A PATH with the few programs of a bare machine."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in ["bash", "dirname", "cat", "rm", "mkdir"]:
        found = shutil.which(name)
        assert found
        (folder / name).symlink_to(found)
    return folder


def bash(script: Path, tools: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(tools / "bash"), str(script)]
    return subprocess.run(
        command, capture_output=True, text=True, env={"PATH": str(tools), **environment}, check=False
    )


def test_no_python(tools: Path) -> None:
    done = bash(ROOT / "setup" / "find_python.sh", tools)
    assert done.returncode == 1
    assert "No Python >= 3.10 on PATH" in done.stderr


def test_chosen_python_is_taken(tools: Path) -> None:
    done = bash(ROOT / "setup" / "find_python.sh", tools, PYTHON=sys.executable)
    assert done.stdout.strip() == sys.executable


def test_chosen_python_that_is_too_old_is_refused(tools: Path) -> None:
    old = tools / "python2"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = bash(ROOT / "setup" / "find_python.sh", tools, PYTHON=str(old))
    assert done.returncode == 1
    assert "is no Python >= 3.10" in done.stderr


def test_python_without_ensurepip_is_explained(tools: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "setup", tmp_path / "checkout" / "setup")
    bare = tools / "python3"
    bare.write_text(
        '#!/bin/bash\ncase "$*" in *ensurepip*|*virtualenv*) exit 1 ;; esac\n'
        + f'exec {sys.executable} "$@"\n'
    )
    bare.chmod(0o755)
    done = bash(tmp_path / "checkout" / "setup" / "setup.sh", tools)
    assert done.returncode == 1
    assert "without the module 'ensurepip'" in done.stderr
    assert "apt-get install python3-venv" in done.stderr
    assert not (tmp_path / "checkout" / ".venv").exists()


@pytest.mark.parametrize("role", ["train", "report"])
def test_image_is_pinned_versioned_and_not_root(role: str) -> None:
    text = (ROOT / "containers" / role / "Dockerfile").read_text(encoding="utf-8")
    assert VERSION
    assert f'image.version="{VERSION[1]}"' in text
    assert "ARG BASE=" in text
    assert "--require-hashes" in text
    assert f"COPY requirements/{role}.txt" in text
    assert re.findall(r"^COPY", text, re.MULTILINE) == ["COPY"], "the code is the checkout's, not the image's"
    assert re.findall(r"^USER (.+)$", text, re.MULTILINE)[-1] != "root"


@pytest.mark.parametrize("role", ["train", "report"])
def test_singularity_image_is_made_from_the_same_pins(role: str) -> None:
    text = (ROOT / "containers" / role / f"{role}.def").read_text(encoding="utf-8")
    assert VERSION
    assert f"Version {VERSION[1]}" in text
    assert f"requirements/{role}.txt" in text
    assert "--require-hashes" in text


def test_images_for_singularity_bear_the_names_that_nextflow_looks_for() -> None:
    """Nextflow's SingularityCache: the name with each / and : as a dash, and .img."""
    done = subprocess.run(["make", "-n", "sif"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert VERSION
    built = {
        f"tlimb-{role}-{VERSION[1]}.img"
        for role in ("train", "report")
        if re.search(rf"tlimb-\$role-{re.escape(VERSION[1])}\.img", done.stdout)
    }
    modules = (path.read_text(encoding="utf-8") for path in (ROOT / "modules/local").glob("*/main.nf"))
    asked = {name for text in modules for name in re.findall(r"container '(.+)'", text)}
    assert {re.sub("[/:]", "-", name) + ".img" for name in asked} == built
    config = (ROOT / "nextflow.config").read_text(encoding="utf-8")
    folder = re.search(
        r"^SIF_FOLDER \?= (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert folder
    for engine in ("singularity", "apptainer"):
        library = rf'{engine}\.libraryDir +=.*"\${{projectDir}}/{folder[1]}"'
        assert re.search(library, config)


def test_report_names_this_version() -> None:
    assert VERSION
    text = (ROOT / "assets/multiqc_config.yml").read_text(encoding="utf-8")
    assert (
        re.findall(r"\d+\.\d+\.\d+", text.split("report_comment")[1].split("run_modules")[0])
        == [VERSION[1]] * 3
    )


def test_every_script_is_sound_shell() -> None:
    for script in [*(ROOT / "setup").glob("*.sh"), ROOT / ".ci" / "run"]:
        subprocess.run(["bash", "-n", str(script)], check=True)
        assert script.name == "launcher.sh" or os.access(script, os.X_OK), script
