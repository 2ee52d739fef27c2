"""The phantom brains as a BIDS data set on disk."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from tlpy import words
from tlpy.errors import InputError, Problem, Problems
from tlpy.files import write_json
from tlpy.simulate.anatomy import Grid, Tissues, draw_tissues
from tlpy.simulate.people import OLDEST, YOUNGEST, Person, draw_person
from tlpy.simulate.scanner import draw_scanner, scan

_CHUNK = 8


@dataclass(frozen=True)
class _Job:
    out: Path
    seed: int
    grid: Grid
    sites: int
    shift: float
    masks: bool
    width: int


def simulate_bids(
    out: Path,
    subjects: int,
    seed: int = 0,
    shape: tuple[int, int, int] = (56, 72, 60),
    spacing: float = 3.0,
    sites: int = 1,
    shift: float = 0.0,
    masks: bool = False,
    processes: int | None = None,
) -> Path:
    """Write `subjects` skull-stripped T1-weighted phantom brains to `out` as a BIDS data set.

    Older brains have larger ventricles, wider sulci and a thinner cortex; men's are larger on average, with
    overlap (AUC of volume 0.90). The same arguments give the same bytes, whatever the number of processes,
    and subject k is the same in a larger data set.

    Args:
        out: folder to write; new or empty, or an earlier simulation, whose files are replaced.
        subjects: how many, 1 to 100,000; named sub-sim0001 onwards (seed 1: sub-seed1sim0001).
        seed: 0 or above.
        shape: voxels along R, A, S; at least 8 each.
        spacing: mm, isotropic, above 0. The default grid covers an adult brain.
        sites: number of scanners, which differ in intensity scale.
        shift: how much else scanners differ (contrast, bias field, noise, blur): 0 none, 1 another protocol.
        masks: also write the tissues (1 fluid, 2 grey, 3 white matter) to derivatives/tissues.
        processes: worker processes; as many as there are cores when not given.

    Returns:
        `out`.

    Raises:
        InputError: an argument is out of range, or `out` cannot be written.
    """
    _check(out, subjects, seed, shape, spacing, sites, shift)
    width = max(4, len(str(subjects)))
    job = _Job(out, seed, Grid((shape[0], shape[1], shape[2]), float(spacing)), sites, shift, masks, width)
    try:
        out.mkdir(parents=True, exist_ok=True)
        people = list(_write_all(job, subjects, processes or _cores()))
        _describe(job, people)
    except OSError as error:
        raise InputError([Problem(str(out), f"cannot be written: {error.strerror or error}")]) from error
    return out


def subject_name(index: int, width: int = 4, seed: int = 0) -> str:
    """The BIDS label of subject `index` (0-based), e.g. `sub-sim0001`; with another seed `sub-seed3sim0001`.

    People of different seeds are different people, and an id stands for one person in all data sets of a run.
    """
    return f"sub-{f'seed{seed}' if seed else ''}sim{index + 1:0{width}d}"


def _check(
    out: Path,
    subjects: int,
    seed: int,
    shape: tuple[int, int, int],
    spacing: float,
    sites: int,
    shift: float,
) -> None:
    problems = Problems()
    if not 1 <= subjects <= 100_000:
        problems.add("subjects", f"is {subjects}; expected 1 to 100,000")
    if seed < 0:
        problems.add("seed", f"is {seed}; expected 0 or above")
    if len(shape) != 3 or min(shape) < 8:
        problems.add("shape", f"is {tuple(shape)}; expected three numbers of at least 8")
    if not spacing > 0:
        problems.add("spacing", f"is {spacing}; expected mm above 0")
    if sites < 1:
        problems.add("sites", f"is {sites}; expected 1 or more")
    if not 0 <= shift <= 2:
        problems.add("shift", f"is {shift}; expected 0 to 2")
    if out.exists() and not out.is_dir():
        problems.add(str(out), "is a file; expected a folder to write to")
    elif out.is_dir() and any(out.iterdir()) and not (out / "dataset_description.json").exists():
        problems.add(str(out), "holds other files; expected a new or empty folder")
    problems.raise_if_any()


def _write_all(job: _Job, subjects: int, processes: int) -> Iterator[Person]:
    chunks = [range(start, min(start + _CHUNK, subjects)) for start in range(0, subjects, _CHUNK)]
    workers = min(processes, len(chunks))
    if workers < 2:
        for chunk in chunks:
            yield from _write_chunk(job, chunk)
        return
    # Forked workers start at once; elsewhere than on Linux forking is not safe.
    context = get_context("fork" if sys.platform == "linux" else None)
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        for people in pool.map(_write_chunk, [job] * len(chunks), chunks):
            yield from people


def _cores() -> int:
    """The cores this process may use, which in a container are fewer than the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _write_chunk(job: _Job, indices: range) -> list[Person]:
    return [_write_subject(job, index) for index in indices]


def _write_subject(job: _Job, index: int) -> Person:
    person = draw_person(job.seed, index, job.sites)
    tissues = draw_tissues(job.grid, person, job.seed)
    volume = scan(tissues, job.grid, person, draw_scanner(job.seed, person.site, job.shift), job.seed)
    name = subject_name(index, job.width, job.seed)
    _save(volume, job.grid, job.out / name / "anat" / f"{name}_T1w.nii.gz")
    if job.masks:
        labels = _labels(tissues)
        _save(labels, job.grid, job.out / "derivatives" / "tissues" / name / "anat" / f"{name}_dseg.nii.gz")
    return person


def _labels(tissues: Tissues) -> np.ndarray:
    """0 outside, else the tissue with the largest share: 1 fluid, 2 grey, 3 white."""
    largest = np.argmax(np.stack([tissues.csf, tissues.grey, tissues.white]), axis=0) + 1
    return (largest * tissues.brain).astype(np.uint8)


def _save(volume: np.ndarray, grid: Grid, path: Path) -> None:
    import nibabel as nib

    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(volume, grid.affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(grid.affine, code="scanner")
    image.set_qform(grid.affine, code="scanner")
    nib.save(image, path)  # nibabel writes gzip level 1 without a time stamp


def _describe(job: _Job, people: list[Person]) -> None:
    rows = ["participant_id\tage\tsex\tsite"]
    for person in people:
        name = subject_name(person.index, job.width, job.seed)
        rows.append(f"{name}\t{person.age}\t{person.sex}\tsite{person.site + 1}")
    (job.out / "participants.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    columns = {
        "age": {"Description": f"Age, uniform from {YOUNGEST} to {OLDEST}", "Units": "years"},
        "sex": {"Description": "Sex", "Levels": {"F": "female", "M": "male"}},
        "site": {"Description": "Simulated scanner"},
    }
    write_json(job.out / "participants.json", columns)
    made = {
        "Name": "TLIMB phantom brains",
        "BIDSVersion": "1.8.0",
        "DatasetType": "raw",
        "License": "CC0",
        "Authors": ["TLIMB simulator"],
        "GeneratedBy": [{"Name": "tlpy simulate"}],
    }
    write_json(job.out / "dataset_description.json", made)
    text = (
        f"{len(people)} simulated skull-stripped T1-weighted brains, seed {job.seed}, {job.sites} site(s), "
        f"shift {words.number(job.shift)}. No real person is in here.\n"
        "Age shows in ventricles, sulci and cortex, sex in brain volume.\n"
    )
    (job.out / "README").write_text(text, encoding="utf-8")
    if job.masks:
        write_json(
            job.out / "derivatives" / "tissues" / "dataset_description.json",
            {**made, "Name": "Tissues of the TLIMB phantom brains", "DatasetType": "derivative"},
        )
