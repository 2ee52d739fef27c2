"""Phantom brains: valid BIDS, the same bytes always, and the signal that is promised."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from tlpy.data.readers.registry import open_reader
from tlpy.errors import InputError, Problems
from tlpy.simulate import simulate_bids
from tlpy.simulate.people import draw_person

COARSE = {"shape": (28, 36, 30), "spacing": 6.0}


def people(root: Path) -> list[dict[str, str]]:
    with (root / "participants.tsv").open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def volumes(root: Path, suffix: str = "T1w", under: str = ".") -> np.ndarray:
    files = sorted((root / under).glob(f"sub-*/anat/*_{suffix}.nii.gz"))
    return np.stack([np.asarray(nib.load(file).dataobj) for file in files])


def everything(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def brains(tmp_path_factory) -> Path:
    return simulate_bids(tmp_path_factory.mktemp("phantoms") / "brains", subjects=120, seed=3)


def auc(positive: np.ndarray, score: np.ndarray) -> float:
    return float(np.mean(score[positive][:, None] > score[~positive][None]))


def out_of_fold(features: np.ndarray, target: np.ndarray, penalty: float) -> np.ndarray:
    """Predictions of a ridge regression for each fifth from the other four."""
    features = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-6)
    predicted = np.empty(len(target))
    for fold in range(5):
        held = np.arange(len(target)) % 5 == fold
        x, mean = features[~held], target[~held].mean()
        dual = np.linalg.solve(x @ x.T + penalty * np.eye(len(x)), target[~held] - mean)
        predicted[held] = features[held] @ (x.T @ dual) + mean
    return predicted


def test_age_and_sex_can_be_learnt_from_the_central_slice(brains):
    rows = people(brains)
    age = np.array([float(row["age"]) for row in rows])
    male = np.array([row["sex"] == "M" for row in rows])
    images = volumes(brains).astype(np.float32)
    scaled = (images - images.mean(axis=(1, 2, 3), keepdims=True)) / images.std(axis=(1, 2, 3), keepdims=True)
    slices = scaled[:, :, :, 30].reshape(len(rows), 28, 2, 36, 2).mean(axis=(2, 4)).reshape(len(rows), -1)
    assert np.corrcoef(out_of_fold(slices, age, 300.0), age)[0, 1] > 0.8
    assert auc(male, out_of_fold(slices, male.astype(float), 3000.0)) > 0.75
    volume = (images > 0).sum(axis=(1, 2, 3))
    assert 0.8 < auc(male, volume) < 0.98, "sex shows in volume, with overlap"
    assert abs(np.corrcoef(volume, age)[0, 1]) < 0.3, "age does not"


def test_looks_like_a_skull_stripped_brain(brains):
    images = volumes(brains)
    assert images.dtype == np.uint16
    assert images.shape[1:] == (56, 72, 60)
    litres = (images > 0).sum(axis=(1, 2, 3)) * 27e-6
    assert np.all((litres > 0.9) & (litres < 2.3))
    assert not images[:, :2].any(), "the brain does not touch the border"
    assert not images[:, -2:].any()


def test_the_layout_is_what_the_reader_expects(brains):
    problems = Problems()
    reader = open_reader("bids", brains, "phantoms")
    records = reader.records(["age", "sex"], None, problems)
    problems.raise_if_any()
    assert not reader.skippable
    assert [record.subject for record in records] == [row["participant_id"] for row in people(brains)]
    header = reader.header(records[0])
    assert header.shape == (56, 72, 60)
    assert header.spacing == (3.0, 3.0, 3.0)
    image = nib.load(reader.locate(records[0]))
    assert nib.aff2axcodes(image.affine) == ("R", "A", "S")
    np.testing.assert_array_equal(image.affine[:3, 3], [-82.5, -106.5, -88.5])
    described = json.loads((brains / "dataset_description.json").read_text())
    assert {"Name", "BIDSVersion", "DatasetType"} <= set(described)


def test_the_same_bytes_whatever_the_number_of_processes(tmp_path):
    for processes in (1, 2, 3):
        simulate_bids(
            tmp_path / str(processes), 20, seed=5, masks=True, sites=2, processes=processes, **COARSE
        )
    assert everything(tmp_path / "1") == everything(tmp_path / "2") == everything(tmp_path / "3")
    simulate_bids(tmp_path / "other", 20, seed=6, **COARSE)
    assert not np.array_equal(volumes(tmp_path / "1"), volumes(tmp_path / "other"))


def test_a_larger_data_set_begins_with_the_smaller(tmp_path):
    simulate_bids(tmp_path / "small", 4, **COARSE)
    simulate_bids(tmp_path / "large", 9, **COARSE)
    assert people(tmp_path / "large")[:4] == people(tmp_path / "small")
    np.testing.assert_array_equal(volumes(tmp_path / "large")[:4], volumes(tmp_path / "small"))


def test_a_person_looks_the_same_on_every_grid(tmp_path):
    simulate_bids(tmp_path / "fine", 3)
    simulate_bids(tmp_path / "coarse", 3, **COARSE)
    fine = (volumes(tmp_path / "fine") > 0).mean(axis=(1, 2, 3))
    coarse = (volumes(tmp_path / "coarse") > 0).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(fine, coarse, rtol=0.03)


@pytest.mark.parametrize("subjects", [10, 50, 400])
def test_every_age_and_both_sexes_whatever_the_number(subjects):
    drawn = [draw_person(1, k, 3) for k in range(subjects)]
    ages = np.array([person.age for person in drawn])
    males = np.array([person.sex == "M" for person in drawn])
    assert ages.min() >= 18
    assert ages.max() <= 90
    assert abs(ages.mean() - 54) < 8
    assert abs(males.mean() - 0.5) <= 0.1
    if subjects == 400:
        assert abs(np.corrcoef(ages, males)[0, 1]) < 0.1
        assert {person.site for person in drawn} == {0, 1, 2}
        sites = np.array([person.site for person in drawn])
        assert abs(np.corrcoef(sites, ages)[0, 1]) < 0.15


def test_sites_differ_in_scale_always_and_in_contrast_under_a_shift(tmp_path):
    def contrasts(root: Path) -> np.ndarray:
        """Fluid and grey over white matter, (sites, 2)."""
        images, tissues = volumes(root).astype(float), volumes(root, "dseg", "derivatives/tissues")
        site = np.array([row["site"] for row in people(root)])
        means = [[i[t == k].mean() for k in (1, 2, 3)] for i, t in zip(images, tissues, strict=True)]
        ratios = np.array([[fluid / white, grey / white] for fluid, grey, white in means])
        return np.array([ratios[site == name].mean(axis=0) for name in ("site1", "site2")])

    options = {"subjects": 24, "sites": 2, "masks": True, "shape": (42, 54, 46), "spacing": 4.0}
    same = contrasts(simulate_bids(tmp_path / "same", shift=0, **options))
    other = contrasts(simulate_bids(tmp_path / "other", shift=1, **options))
    assert np.abs(same[0] - same[1]).max() < 0.02
    assert np.abs(other[0] - other[1]).max() > 0.06
    images = volumes(tmp_path / "same")
    site = np.array([row["site"] for row in people(tmp_path / "same")])
    bright = np.array([np.percentile(image[image > 0], 95) for image in images])
    assert abs(np.log(bright[site == "site1"].mean() / bright[site == "site2"].mean())) > 0.1


def test_masks_are_tissues_of_the_same_grid(tmp_path):
    simulate_bids(tmp_path, 3, masks=True)
    images, tissues = volumes(tmp_path), volumes(tmp_path, "dseg", "derivatives/tissues")
    np.testing.assert_array_equal(images > 0, tissues > 0)
    assert sorted(np.unique(tissues)) == [0, 1, 2, 3]
    for image, tissue in zip(images, tissues, strict=True):
        means = [image[tissue == k].mean() for k in (1, 2, 3)]
        assert means == sorted(means), "fluid is dark, white matter bright, as in T1"
    assert json.loads((tmp_path / "derivatives/tissues/dataset_description.json").read_text())["DatasetType"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"subjects": 0}, "subjects: is 0"),
        ({"seed": -1}, "seed: is -1"),
        ({"shape": (4, 9, 9)}, "shape: is (4, 9, 9)"),
        ({"spacing": 0}, "spacing: is 0"),
        ({"sites": 0}, "sites: is 0"),
        ({"shift": 3}, "shift: is 3"),
    ],
)
def test_arguments_out_of_range(tmp_path, given, says):
    with pytest.raises(InputError) as caught:
        simulate_bids(tmp_path / "x", **{"subjects": 1, **given})
    assert says in str(caught.value)


def test_other_files_are_not_mixed_with(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="holds other files"):
        simulate_bids(tmp_path, 1)
    with pytest.raises(InputError, match="is a file"):
        simulate_bids(tmp_path / "thesis.txt", 1)
    with pytest.raises(InputError, match="cannot be written"):
        simulate_bids(tmp_path / "thesis.txt" / "x", 1)
