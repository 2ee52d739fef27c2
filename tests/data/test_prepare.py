"""PREPARE on small trees: what is written, what is refused, what is read back."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from tlpy.data.cache import PreparedImages
from tlpy.data.prepare import prepare_shard, shard_slice
from tlpy.data.preprocessing import apply, validate
from tlpy.data.readers.images import load_image
from tlpy.data.thumbnails import save_picture
from tlpy.errors import InputError, Problems

ROOT = Path(__file__).resolve().parents[2]
SHAPE = (10, 12, 8)


def write(path: Path, volume: np.ndarray, spacing: float = 3.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(volume, np.diag([spacing] * 3 + [1.0])), path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Seven subjects with random volumes."""
    root = tmp_path / "brains"
    rng = np.random.default_rng(0)
    lines = ["participant_id\tage"]
    for k in range(1, 8):
        write(root / f"sub-{k:02d}/anat/sub-{k:02d}_T1w.nii.gz", rng.integers(1, 999, SHAPE).astype(np.int16))
        lines.append(f"sub-{k:02d}\t{20 + k}")
    (root / "participants.tsv").write_text("\n".join(lines) + "\n")
    (root / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.8.0"}')
    return root


def request(shard=0, shards=1, size=(10, 12), on_bad_image="error", **preprocessing):
    settings = validate({"slice": "axial", **preprocessing}, "x", Problems())
    return {
        "id": f"cache-{shard + 1}of{shards}",
        "cache": "cache",
        "path": "data/brains",
        "reader": {"name": "bids"},
        "columns": {},
        "preprocessing": settings,
        "channels": 1,
        "size": list(size),
        "shard": shard,
        "shards": shards,
        "on_bad_image": on_bad_image,
    }


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "images.tsv").open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_what_is_written_is_what_preprocessing_gives(data, tmp_path):
    asked = request()
    out = tmp_path / "out" / "cache-1of1"
    assert prepare_shard(asked, data, out, threads=2) == []
    assert json.loads((out / "problems.json").read_text()) == []
    rows = table(out)
    assert [row["status"] for row in rows] == ["ok"] * 7
    prepared = PreparedImages.open([out])
    assert len(prepared) == 7
    assert (prepared.channels, prepared.size) == (1, (10, 12))
    for row in rows:
        expected = apply(load_image(data / row["file"]), asked["preprocessing"])
        np.testing.assert_array_equal(prepared.gather([row["image"]])[0], expected)
        assert row["shape"] == "10x12x8"
        assert row["spacing"] == "3x3x3"
    assert prepared.contract["axes"] == "RA"
    assert prepared.contract["observed"]["spacing"]["median"] == [3.0, 3.0]
    assert len(list((out / "pictures").glob("*.png"))) == 4


@pytest.mark.parametrize("shards", [1, 2, 3, 9])
def test_shards_hold_the_whole_between_them(data, tmp_path, shards):
    prepare_shard(request(), data, tmp_path / "whole")
    folders = [tmp_path / f"part-{k}" for k in range(shards)]
    for k, folder in enumerate(folders):
        assert prepare_shard(request(k, shards), data, folder) == []
    whole, parts = PreparedImages.open([tmp_path / "whole"]), PreparedImages.open(folders[::-1])
    assert parts.ids == whole.ids
    np.testing.assert_array_equal(parts.gather(whole.ids), whole.gather(whole.ids))
    assert parts.quality == whole.quality
    pictures = [len(list((folder / "pictures").iterdir())) for folder in folders]
    assert pictures[1:] == [0] * (shards - 1)


def test_shard_slices_cover_everything_once():
    for images in (0, 1, 7, 100):
        for shards in (1, 2, 3, 8):
            taken = [k for s in range(shards) for k in range(images)[shard_slice(images, s, shards)]]
            assert taken == list(range(images))
    with pytest.raises(InputError, match="is 2 of 2"):
        shard_slice(5, 2, 2)


def test_number_of_threads_changes_no_byte(data, tmp_path):
    for threads in (1, 3):
        prepare_shard(request(), data, tmp_path / str(threads), threads)
    names = sorted(p.relative_to(tmp_path / "1") for p in (tmp_path / "1").rglob("*") if p.is_file())
    assert len(names) == 8
    for name in names:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "3" / name).read_bytes(), name


def test_gather_keeps_the_order_asked_for(data, tmp_path):
    for k in range(2):
        prepare_shard(request(k, 2), data, tmp_path / str(k))
    prepared = PreparedImages.open([tmp_path / "0", tmp_path / "1"])
    ids = [prepared.ids[k] for k in (6, 0, 3, 0)]
    together = prepared.gather(ids)
    assert together.flags.c_contiguous
    for image, one in zip(ids, together, strict=True):
        np.testing.assert_array_equal(prepared.gather([image])[0], one)
    assert prepared.gather([]).shape == (0, 1, 10, 12)
    with pytest.raises(KeyError):
        prepared.gather(["nobody"])


def spoil(data: Path) -> dict[str, str]:
    """Break five of the seven images in different ways; what each should be told."""
    rng = np.random.default_rng(1)

    def path(k: int) -> Path:
        return data / f"sub-{k:02d}/anat/sub-{k:02d}_T1w.nii.gz"

    holed = rng.random(SHAPE).astype(np.float32)
    holed[0, 0, :3] = np.nan
    holed[1, 0, 0] = np.inf
    write(path(1), holed)
    write(path(2), np.zeros(SHAPE, np.int16))
    whole = path(3).read_bytes()
    path(3).write_bytes(whole[: len(whole) // 2])
    path(4).write_bytes(b"")
    write(path(5), rng.integers(1, 99, (10, 14, 8)).astype(np.int16))
    return {
        "sub-01": "holds 3 NaN and 1 infinite of 960 values",
        "sub-02": "is all zero",
        "sub-03": "truncated",
        "sub-04": "empty",
        "sub-05": "has 10×14 voxels and 1 channel(s) once prepared; expected 10×12 and 1",
    }


def test_every_bad_image_is_named_at_once(data, tmp_path):
    expected = spoil(data)
    problems = prepare_shard(request(), data, tmp_path / "out", threads=2)
    assert json.loads((tmp_path / "out" / "problems.json").read_text()) == [
        {"where": p.where, "message": p.message, "hint": p.hint} for p in problems
    ]
    assert len(problems) == len(expected)
    for (subject, message), problem in zip(expected.items(), problems, strict=True):
        assert problem.where == f"data/brains: {subject}/anat/{subject}_T1w.nii.gz"
        assert message in problem.message


def test_bad_images_are_left_out_under_skip(data, tmp_path):
    expected = spoil(data)
    assert prepare_shard(request(on_bad_image="skip"), data, tmp_path / "out") == []
    prepared = PreparedImages.open([tmp_path / "out"])
    assert len(prepared) == 2
    assert len(prepared.left_out) == 5
    for row in table(tmp_path / "out"):
        bad = next(
            (message for subject, message in expected.items() if row["file"].startswith(subject)), None
        )
        assert (row["status"], row["index"] == "") == (("left_out", True) if bad else ("ok", False))
        assert (bad or "") in row["reason"]
        assert row["image"] in (prepared.left_out if bad else prepared)


def test_a_shard_with_nothing_usable_is_a_problem_even_under_skip(data, tmp_path):
    for file in data.glob("sub-*/anat/*.nii.gz"):
        write(file, np.zeros(SHAPE, np.int16))
    (problem,) = prepare_shard(request(on_bad_image="skip"), data, tmp_path / "out")
    assert "none of its 7 images can be used; sub-01/anat/sub-01_T1w.nii.gz: is all zero" in problem.message


def test_unwritable_output_is_one_message(data, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="file/out: cannot be written"):
        prepare_shard(request(), data, tmp_path / "file" / "out")


def test_only_prepared_folders_open(data, tmp_path):
    with pytest.raises(InputError, match="no folder given"):
        PreparedImages.open([])
    with pytest.raises(InputError, match="is no folder of prepared images"):
        PreparedImages.open([data])
    prepare_shard(request(), data, tmp_path / "a")
    prepare_shard(request(), data, tmp_path / "b")
    with pytest.raises(InputError, match="is in another shard too"):
        PreparedImages.open([tmp_path / "a", tmp_path / "b"])
    prepare_shard(request(slice=None, size=[10, 12, 8]) | {"size": [10, 12, 8]}, data, tmp_path / "c")
    with pytest.raises(InputError, match="shards of one cache differ"):
        PreparedImages.open([tmp_path / "a", tmp_path / "c"])


def test_entry_script(data, tmp_path):
    (tmp_path / "request.json").write_text(json.dumps(request()))
    command = [sys.executable, str(ROOT / "bin/prepare.py"), "--request", "request.json", "--data", str(data)]
    command += ["--out", "cache-1of1", "--store", "store", "--threads", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(PreparedImages.open([tmp_path / "store/cache/cache-1of1"])) == 7
    spoil(data)
    command[-3:] = ["other", "--out", "bad"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0
    assert len(json.loads((tmp_path / "bad/problems.json").read_text())) == 5
    assert not (tmp_path / "other/cache/cache-1of1").exists(), "what has problems is not kept"
    (tmp_path / "file").write_text("in the way")
    command[-1] = "file/out"
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_preparing_needs_no_torch():
    code = "import sys, tlpy.data.prepare, tlpy.data.cache, tlpy.simulate; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


class TestPictures:
    def test_radiological_convention(self, tmp_path):
        image = np.zeros((1, 40, 60), np.float32)
        image[0, 35:, 50:] = 1  # right, anterior
        save_picture(image, tmp_path / "a.png", "RA", (3.0, 3.0))
        drawn = np.asarray(Image.open(tmp_path / "a.png"))
        assert drawn.shape == (256, 171)
        assert drawn[5, 5] == 255, "the patient's right is on the left, anterior is up"
        assert drawn[-5, -5] == drawn[5, -5] == drawn[-5, 5] == 0

    def test_unknown_axes_are_drawn_as_stored(self, tmp_path):
        image = np.zeros((1, 40, 60), np.float32)
        image[0, :10, 50:] = 1
        save_picture(image, tmp_path / "a.png", None, None)
        drawn = np.asarray(Image.open(tmp_path / "a.png"))
        assert drawn.shape == (171, 256)
        assert drawn[5, -5] == 255

    def test_spacing_sets_the_proportions(self, tmp_path):
        image = np.random.default_rng(0).random((1, 20, 20), np.float32)
        save_picture(image, tmp_path / "a.png", "RS", (1.0, 2.0))
        assert Image.open(tmp_path / "a.png").size == (128, 256)

    def test_volumes_and_series(self, tmp_path):
        rng = np.random.default_rng(0)
        save_picture(rng.random((1, 20, 30, 10), np.float32), tmp_path / "a.png", "RAS", (1.0, 1.0, 1.0))
        width, height = Image.open(tmp_path / "a.png").size
        assert (width, height) == (107 + 107 + 160 + 8, 160)
        save_picture(np.sin(np.linspace(0, 9, 300, dtype=np.float32))[None], tmp_path / "b.png", None, None)
        curve = np.asarray(Image.open(tmp_path / "b.png"))
        assert curve.any(axis=0).all(), "an unbroken curve"


REAL = ROOT.parent / "shared" / "data" / "ds002748"


@pytest.mark.skipif(not REAL.is_dir(), reason="needs ../shared/data/ds002748")
def test_real_brains(tmp_path):
    assert prepare_shard(request(0, 8, size=(56, 72)), REAL, tmp_path / "out", threads=2) == []
    prepared = PreparedImages.open([tmp_path / "out"])
    assert len(prepared) == 6
    images = prepared.gather(prepared.ids)
    inside = images[:, 0, 20:36, 20:50].mean()
    border = images[:, 0, :3].mean()
    # In units of the brain's own spread, without the background.
    assert 0.5 < inside < 1.5
    assert border < -1.5
