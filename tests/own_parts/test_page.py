"""What docs/own-parts.md shows is run as it stands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from page_code import blocks

from tlpy.cli import main

PAPER = 34  # lines of user code for a new data set (TLIMB, table 1)


@pytest.mark.parametrize("name", ["own/clinic.py", "own/pairs.py"])
def test_a_new_data_set_takes_no_more_lines_than_the_papers(name: str) -> None:
    lines = [line for line in blocks()[name].splitlines() if line.strip()]
    assert len(lines) <= PAPER


def test_the_page_is_planned(page: Path) -> None:  # noqa: ARG001
    result = CliRunner().invoke(main, ["plan", "own.yaml"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "datasets.clinic.task: regression" in result.output
    assert "datasets.sexes.task: binary (F, M)" in result.output
    assert "60" in result.output


def test_a_family_on_the_page_is_asked_for_its_blocks(page: Path) -> None:
    params = yaml.safe_load((page / "own.yaml").read_text())
    params["architecture"] = {"name": "deep.ResNet26", "filters": 8}
    for last, code in ((13, 0), (14, 2)):
        params["stages"][1]["transfer"] = {"name": "freeze", "blocks": [1, last]}
        (page / "deep.yaml").write_text(yaml.safe_dump(params))
        result = CliRunner().invoke(main, ["plan", "deep.yaml"], catch_exceptions=False)
        assert result.exit_code == code, result.output
    assert "stages[1].transfer.blocks" in result.output


def test_planning_own_parts_imports_no_torch(page: Path) -> None:
    script = "import sys\nfrom tlpy.cli import main\nmain(['plan', 'own.yaml'], standalone_mode=False)\n"
    script += "assert not {'torch', 'losses', 'nets'} & set(sys.modules), 'own files were run'"
    subprocess.run([sys.executable, "-c", script], cwd=page, check=True, timeout=60)


def test_a_search_by_the_method_on_the_page(page: Path) -> None:
    params = yaml.safe_load((page / "own.yaml").read_text()) | {"baseline": False}
    space = {"lr": [0.1, 0.01, 0.001], "architecture.width": [4, 8, 16]}
    params["search"] = {"method": {"name": "methods.Diagonal", "step": 2}, "space": space}
    (page / "diagonal.yaml").write_text(yaml.safe_dump(params))
    result = CliRunner().invoke(main, ["plan", "diagonal.yaml"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "2 variants" in result.output
