"""The command starts light, and shows bad input as a message."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tlpy.cli import main


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys\nfrom click.testing import CliRunner\nfrom tlpy.cli import main\n"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0\n"
        "heavy = {'torch', 'monai', 'lightning', 'pandas', 'nibabel', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_command_has_help(command: str) -> None:
    result = CliRunner().invoke(main, [command, "--help"])
    assert result.exit_code == 0
    assert main.commands[command].help


def test_layers_counts_what_trains_as_in_tlimbs_table_4() -> None:
    arguments = ["layers", "resnet18", "--dims", "2", "--channels", "1", "--outputs", "1", "--json"]
    counts = []
    for up_to in (
        [],
        ["--up-to", "layer3.1.conv1"],
        ["--up-to", "layer4.0.conv1"],
        ["--up-to", "layer4.1.conv1"],
    ):
        described = json.loads(CliRunner().invoke(main, [*arguments, *up_to]).output)
        assert described["total"] == 11_171_649
        counts.append(described["trainable"])
    assert counts == [11_171_649, 9_575_425, 8_394_753, 4_721_153]


def test_bad_input_is_a_message_not_a_traceback(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text("outdir: x\nlr: fast\n")
    result = CliRunner().invoke(main, ["plan", str(file)])
    assert result.exit_code == 2
    assert "error: datasets: is missing" in result.output
    assert 'error: lr: expected a number, got "fast"' in result.output
    assert "Traceback" not in result.output


def test_text_that_is_no_yaml_is_told(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text("outdir: [x\n")
    result = CliRunner().invoke(main, ["plan", str(file)])
    assert result.exit_code == 2
    assert "is not YAML" in result.output
