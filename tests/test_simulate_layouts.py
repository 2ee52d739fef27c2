"""The simulator's layouts: the same bytes from the same seed, arguments that are refused, the command."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from click.testing import CliRunner

from tlpy.cli import main
from tlpy.errors import InputError
from tlpy.simulate.layouts import LAYOUTS, simulate_layout


def content(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.md5(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in (".zip", ".npz")  # archives hold the time
    }


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_same_seed_gives_the_same_files(tmp_path, name) -> None:
    first, again, other = (
        content(simulate_layout(name, tmp_path / str(k), subjects=8, seed=seed))
        for k, seed in enumerate((0, 0, 1))
    )
    assert first == again
    assert not first or first != other


def test_arguments_that_are_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="did you mean 'decathlon'"):
        simulate_layout("decatlon", tmp_path / "a")
    with pytest.raises(InputError, match="expected 8 or more"):
        simulate_layout("hcp", tmp_path / "a", subjects=3)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="expected a new or empty folder"):
        simulate_layout("hcp", tmp_path)


def test_command(tmp_path) -> None:
    folder = str(tmp_path / "out")
    done = CliRunner().invoke(
        main, ["simulate", folder, "--layout", "timeseries", "--subjects", "8", "--clean"]
    )
    assert done.exit_code == 0, done.output
    assert done.output == f"8 simulated people in {folder}, laid out as timeseries\n"
    done = CliRunner().invoke(main, ["simulate", folder, "--layout", "hpc"])
    assert done.exit_code == 2
