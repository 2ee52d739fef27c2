"""Every registered name through the real pipeline, in each dimension that it claims.

Some minutes, by `make every`; no part of `make test`: the parts have fast tests of their own.
"""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import searches
from layouts import LAYOUTS, simulate_layout

REAL = Path(__file__).resolve().parents[3] / "shared" / "data"
Run = Callable[..., CompletedProcess[str]]
pytestmark = pytest.mark.every


@pytest.fixture(scope="module")
def launch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with simulated brains of two scanners, the other layouts, and a table of pictures."""
    folder = tmp_path_factory.mktemp("launch")
    tlpy = [sys.executable, "-c", "from tlpy.cli import main; main()", "simulate", str(folder / "brains")]
    subprocess.run([*tlpy, "--subjects", "40", "--sites", "2", "--shift", "1"], check=True)
    for name in LAYOUTS:
        simulate_layout(name, folder / "layouts" / name, subjects=24, dirt=False)
    for image in sorted((folder / "brains").glob("sub-*/anat/*_T1w.nii.gz")):
        prepared = folder / "brains/derivatives/prepared" / image.parent.relative_to(folder / "brains")
        prepared.mkdir(parents=True)
        shutil.copy(image, prepared / image.name.replace("_T1w", "_space-MNI_T1w"))
    pictures = sorted((folder / "layouts/image_folder").glob("*/*.png"))
    rows = [f"{path.relative_to(folder)},{path.stem},{path.parent.name}" for path in pictures]
    (folder / "pictures.csv").write_text("\n".join(["image,subject,kind", *rows]) + "\n")
    return folder


def check(nextflow: Run, checkout: Path, launch: Path, name: str, params: searches.Params) -> None:
    """Run it; every variant must be done and scored."""
    (launch / f"{name}.json").write_text(json.dumps({"outdir": f"results/{name}", **params}))
    done = nextflow(launch, "run", str(checkout), "-params-file", f"{name}.json")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    with (launch / f"results/{name}/ranking/leaderboard.tsv").open(newline="") as lines:
        board = list(csv.DictReader(lines, delimiter="\t"))
    assert board
    failed = {row["label"]: row.get("reason") for row in board if row["status"] != "done" or not row["test"]}
    assert not failed


SEARCHES = (
    searches.architectures,
    searches.objectives,
    searches.selfsupervised,
    searches.training,
    searches.transfers,
)


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("search", SEARCHES)
def test_every_name(
    nextflow: Run, checkout: Path, launch: Path, search: Callable[[int], searches.Params], dims: int
) -> None:
    check(nextflow, checkout, launch, f"{search.__name__}_{dims}d", search(dims))


def test_every_network_for_vectors(nextflow: Run, checkout: Path, launch: Path) -> None:
    check(nextflow, checkout, launch, "vectors", searches.vectors())
    if REAL.is_dir():
        params = searches.vectors(str(REAL / "connectomes"), "Age", "Gender")
        check(nextflow, checkout, launch, "connectomes", params)


def test_every_reader(nextflow: Run, checkout: Path, launch: Path) -> None:
    check(nextflow, checkout, launch, "readers", searches.readers())


def test_the_real_data(nextflow: Run, checkout: Path, launch: Path) -> None:
    if not REAL.is_dir():
        pytest.skip(f"no {REAL}")
    check(nextflow, checkout, launch, "real", searches.real(REAL))
