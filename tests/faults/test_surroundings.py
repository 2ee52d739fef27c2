"""Odd paths, locales and clocks: the leaderboard of an undisturbed run."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from nextflow.conftest import ROOT, checkout, nextflow, root  # noqa: F401 - fixtures
from small_search import leaderboard, tasks, write_launch

from tlpy.simulate import simulate_bids

Run = Callable[..., CompletedProcess[str]]
COMMAND = ("-params-file", "params.json")


@pytest.fixture(scope="module")
def undisturbed(
    nextflow: Run,  # noqa: F811
    checkout: Path,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> list[dict[str, str]]:
    launch = write_launch(tmp_path_factory.mktemp("undisturbed"))
    tasks(nextflow(launch, "run", str(checkout), *COMMAND), "Submitted")
    return leaderboard(launch / "results")


def _paths(launch: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """In a locale with UTF-8: without one, Java cannot even name such a folder."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    return {
        "folder": launch / "Köpfe & Bäume (2)/ß 脳",
        "data": "Gehirne 'von' allen",
        "outdir": "Ergebnisse é 1",
    }


def _locale(launch: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """No UTF-8 by default, and Turkish, in which a capital i has a dot."""
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("PYTHONCOERCECLOCALE", "0")
    monkeypatch.setenv("PYTHONUTF8", "0")
    monkeypatch.setenv("NXF_OPTS", "-Duser.language=tr -Duser.country=TR")
    return {"folder": launch}


def _clock(launch: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    return {"folder": launch}


@pytest.mark.pipeline
@pytest.mark.faults
@pytest.mark.parametrize("disturb", [_paths, _locale, _clock], ids=["paths", "locale", "clock"])
def test_what_is_odd_around_a_run_changes_nothing(
    disturb: Callable[..., dict[str, Any]],
    undisturbed: list[dict[str, str]],
    nextflow: Run,  # noqa: F811
    checkout: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = {"outdir": "results", **disturb(tmp_path, monkeypatch)}
    launch = write_launch(said.pop("folder"), **said)
    # Half of the images come from tomorrow.
    for image in sorted(launch.rglob("*.nii.gz"))[::2]:
        os.utime(image, (time.time() + 86400,) * 2)
    tasks(nextflow(launch, "run", str(checkout), *COMMAND), "Submitted")
    assert leaderboard(launch / said["outdir"]) == undisturbed
    again = nextflow(launch, "run", str(checkout), *COMMAND, "-resume")
    assert tasks(again, "Submitted") == []


@pytest.mark.pipeline
@pytest.mark.faults
def test_links_out_of_the_data_are_followed_in_a_container(
    undisturbed: list[dict[str, str]],
    nextflow: Run,  # noqa: F811
    checkout: Path,  # noqa: F811
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A folder of a DataLad data set: its files are links into the annex around it.

    The container is a mount namespace.
    """
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode or os.geteuid():
        pytest.skip("mounts need root")
    hidden = Path("/var/tmp") / tmp_path_factory.mktemp("hidden").parent.name / tmp_path.name
    hidden.mkdir(parents=True)
    try:
        launch = write_launch(tmp_path / "launch")
        data = hidden / "study/derivatives/prepared"
        shutil.copytree(launch / "brains", data)
        for image in sorted(data.rglob("*.nii.gz")):
            place = hidden / "study/.git/annex/objects" / image.name / image.name
            place.parent.mkdir(parents=True)
            image.rename(place)
            image.symlink_to(os.path.relpath(place, image.parent))
        programs = tmp_path / "programs"
        programs.mkdir()
        shutil.copy(Path(__file__).with_name("fake_docker.sh"), programs / "docker")
        monkeypatch.setenv("HIDDEN", str(hidden))
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
        text = (launch / "params.json").read_text().replace('"brains"', f'"{data}"')
        (launch / "params.json").write_text(text)
        tasks(nextflow(launch, "run", str(checkout), *COMMAND, "-profile", "docker"), "Submitted")
        assert leaderboard(launch / "results") == undisturbed
    finally:
        shutil.rmtree(hidden)


@pytest.mark.pipeline
@pytest.mark.faults
def test_the_test_profile_runs_from_a_git_repository(
    nextflow: Run,  # noqa: F811
    checkout: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    source = shutil.copytree(checkout, tmp_path / "source")
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "all"]):
        subprocess.run([*git, *words], cwd=source, check=True)
    subprocess.run(["git", "clone", "-q", "--bare", str(source), str(tmp_path / "tlimb.git")], check=True)
    monkeypatch.setenv("NXF_ASSETS", str(tmp_path / "assets"))
    (tmp_path / "launch").mkdir()
    pulled = nextflow(
        tmp_path / "launch", "run", f"file:{tmp_path / 'tlimb.git'}", "-profile", "test", offline=False
    )
    assert {"PRETRAIN", "FINETUNE", "MULTIQC"} <= set(tasks(pulled, "Submitted"))
    assert (tmp_path / "launch/results/test/multiqc/multiqc_report.html").is_file()


def test_the_data_of_the_test_profile_are_small_and_simulated(tmp_path: Path) -> None:
    kept = ROOT / "assets/test/brains"
    made = simulate_bids(tmp_path / "made", 36, shape=(18, 23, 19), spacing=9.5, processes=1)
    files = sorted(file.relative_to(kept) for file in kept.rglob("*") if file.is_file())
    assert files == sorted(file.relative_to(made) for file in made.rglob("*") if file.is_file())
    assert all((kept / file).read_bytes() == (made / file).read_bytes() for file in files)
    assert sum((kept / file).stat().st_size for file in files) <= 200_000
