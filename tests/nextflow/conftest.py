"""Nextflow for the tests: the one of the environment or on PATH, run in a folder of the test's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def nextflow() -> Run:
    """Call as `nextflow(folder, "run", …, parser="v2")`; a fault of Nextflow is the test's to judge."""
    program = shutil.which("nextflow", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        pytest.skip("no nextflow in the environment or on PATH: 'make setup' gets one")

    def run(
        folder: Path, *arguments: str, parser: str = "v1", offline: bool = True
    ) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {
            "NXF_SYNTAX_PARSER": parser,
            "NXF_OFFLINE": str(offline).lower(),
            "NXF_ANSI_LOG": "false",
            "NO_COLOR": "1",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        return subprocess.run(
            [program, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=500
        )

    return run


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the pipeline, so that an edit elsewhere in the tree cannot change a run under way."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in ("main.nf", "nextflow.config", "nextflow_schema.json"):
        shutil.copy(ROOT / name, copy / name)
    for name in ("workflows", "subworkflows", "modules", "conf", "assets", "bin", "tlpy", "requirements"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    return copy
