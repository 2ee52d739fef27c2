"""The simulated layouts: the same bytes from the same seed, arguments that are refused."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from layouts import LAYOUTS, simulate_layout

from tlpy.errors import InputError


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
