"""Configs of institutions: read at the word of the command line, never of a params file, and never needed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Run = Callable[..., CompletedProcess[str]]
pytestmark = [pytest.mark.pipeline]


@pytest.fixture
def configs(tmp_path: Path) -> Path:
    """Laid out as nf-core/configs, with one institution; whether it was read shows in a file."""
    folder = tmp_path / "configs"
    (folder / "conf").mkdir(parents=True)
    (folder / "nfcore_custom.config").write_text(
        f"timeline.overwrite = new File('{tmp_path}/read').createNewFile()\n"
        'profiles { somewhere { includeConfig "${params.custom_config_base}/conf/somewhere.config" } }\n'
    )
    (folder / "conf" / "somewhere.config").write_text(
        "params { config_profile_name = 'somewhere'\n max_memory = '64.GB'\n project = null }\n"
        "process { resourceLimits = [cpus: 3, memory: 5.GB, time: 2.h] }\n"
    )
    return folder


def test_a_folder_of_configs_gives_its_profiles(
    nextflow: Run, root: Path, configs: Path, tmp_path: Path
) -> None:
    """With the parser v1: that of v2 shows configs no params of the command line before Nextflow 25.10."""
    options = ("--custom_config_base", str(configs), "--project", "p1", "--outdir", str(tmp_path / "out"))
    run = nextflow(tmp_path, "run", str(root), "-preview", "-stub", "-profile", "test,somewhere", *options)
    assert run.returncode == 0, run.stdout + run.stderr
    assert (tmp_path / "read").exists()
    assert "Left to the profiles of custom_config_base: max_memory, project" in run.stdout


def test_a_params_file_cannot_bring_a_config(
    nextflow: Run, root: Path, configs: Path, tmp_path: Path
) -> None:
    (tmp_path / "params.json").write_text(json.dumps({"custom_config_base": str(configs)}))
    run = nextflow(
        tmp_path, "run", str(root), "-preview", "-stub", "-profile", "test", "-params-file", "params.json"
    )
    assert run.returncode != 0
    assert "custom_config_base: is taken from the command line only" in run.stdout + run.stderr
    assert not (tmp_path / "read").exists()


@pytest.mark.parametrize("parser", ["v1", "v2"])
def test_an_address_is_not_asked_for_offline(nextflow: Run, root: Path, tmp_path: Path, parser: str) -> None:
    options = ("--custom_config_base", "https://localhost:1/configs", "--outdir", str(tmp_path / "out"))
    run = nextflow(
        tmp_path, "run", str(root), "-preview", "-stub", "-profile", "test", *options, parser=parser
    )
    assert run.returncode == 0, run.stdout + run.stderr
