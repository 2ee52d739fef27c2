"""Whatever a file holds, reading it gives an image or a table, or says what is wrong.

No traceback, no file written, no more memory than an image takes. `TLIMB_FUZZ_SECONDS` says for how long, in
other examples each time (`make fuzz`).
"""

from __future__ import annotations

import gzip
import io
import os
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
from damaged import bounded, damaged, zipped
from hostile import ForbiddenError
from hypothesis import HealthCheck, given, seed, settings
from PIL import Image

from tlpy.data.image_records import ImageError, ImageRecord
from tlpy.data.readers import images, npz, series
from tlpy.data.readers.hcp import HcpReader
from tlpy.data.readers.matrices import open_matrix
from tlpy.data.readers.medmnist import MedMnistReader
from tlpy.data.readers.tables import read_table
from tlpy.data.readers.wide_table import read_wide
from tlpy.errors import InputError, Problems
from tlpy.params.file import read_params

ASKED = os.environ.get("TLIMB_FUZZ_SECONDS")
SECONDS = float(ASKED) / 20 if ASKED else 1.0
RANDOM = np.random.default_rng(0)
SMALL = RANDOM.normal(size=(8, 9, 7)).astype(np.float32)
T1W = "7/MNINonLinear/T1w_restore_brain.nii.gz"
PARTS = ("train", "val", "test")


def nii(kind: type = nibabel.Nifti1Image) -> bytes:
    return bytes(kind(SMALL, np.diag([2, 2, 2, 1])).to_bytes())


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def picture(form: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray((SMALL[0] * 20 + 99).astype(np.uint8)).save(stream, form)
    return stream.getvalue()


def table(delimiter: str) -> bytes:
    rows = [["subject", "age", "sex", "a", "b"]]
    rows += [[f"p{n}", f"{20 + n}.5", "FM"[n % 2], str(n), f"{n / 7:.3f}"] for n in range(6)]
    return "\n".join(delimiter.join(row) for row in rows).encode()


def medmnist() -> bytes:
    arrays = {f"{part}_images": RANDOM.integers(0, 9, (4, 6, 6)).astype(np.uint8) for part in PARTS}
    labels = {f"{part}_labels": np.arange(4).reshape(4, 1) % 2 for part in PARTS}
    return zipped({f"{name}.npy": npy(array) for name, array in (arrays | labels).items()})


def load(path: Path) -> None:
    images.read_header(path)
    images.load_image(path)


def load_series(path: Path) -> None:
    series.inspect(path)
    series.read(path)


def load_members(path: Path) -> None:
    for member in npz.members(path).values():
        np.asarray(npz.open_member(path, member)).sum()


def load_matrix(path: Path) -> None:
    problems = Problems()
    matrix = open_matrix(path, path.name, None, False, lambda name: name in "ab", problems)
    problems.raise_if_any()
    for row in range(len(matrix) if matrix else 0):
        matrix.row(row)  # type: ignore[union-attr]


def load_table(path: Path) -> None:
    problems = Problems()
    read_table(path, path.name, problems)
    read_wide(path, path.name, lambda name: name in "ab", problems)
    problems.raise_if_any()


def load_medmnist(path: Path) -> None:
    problems = Problems()
    reader = MedMnistReader(root=path, shown=path.name)
    records = reader.records(["label"], None, problems)
    problems.raise_if_any()
    for record in records[:3]:
        reader.header(record)
        reader.load(record)


def load_zipped(path: Path) -> None:
    record = ImageRecord("7", f"{path.name}#{T1W}", "7")
    reader = HcpReader(root=path.parent, shown="hcp")
    reader.header(record)
    reader.fingerprint(record)
    reader.load(record)


TEXT = (
    b'"', b'""', b"\0", b"\t", b"\r", b"\n", b";", b"\xef\xbb\xbf", b"\xff\xfe", b"=cmd|' /C calc'!A0",
    b"1e999", b"nan", b"\x1a", b"\xe2\x80\xa8", b"9" * 5000, b"x" * 140000,
)  # fmt: skip
YAML = (
    b"&a [x]", b"*a", b"<<: *a", b"!!python/object/apply:os.system ['touch called']", b"!!binary x",
    b"!!set {}", b"!!timestamp x", b"2020-13-45", b"0x", b"9" * 5000, b"1:99:99", b"? ", b"- ", b"{",
    b"[" * 3000, b"\xff", b"\0", b"\xef\xbb\xbf", b": ", b"!!float .", b"!!int x", b"%TAG ! x", b"--- ",
    b".inf", b"1e400", b"\xe2\x80\xa8", b"!!map [1]", b"!!omap {}", b"!!bool x", b"[]: 1", b"{a: 1}: 2",
)  # fmt: skip
ARRAY = (
    b"'descr': '|O'", b"'shape': (9999999999,)", b"'shape': (-1,)", b"'descr': '<f8'", b"True", b"((",
    b"1" * 99, b"'<M8[ns]'", b"[('a', '<f8')]", b"(" * 90,
)  # fmt: skip
KINDS: dict[str, tuple[str, bytes, tuple[bytes, ...], Callable[[Path], object]]] = {
    "nii": ("a.nii", nii(), (), load),
    "nii2": ("a.nii", nii(nibabel.Nifti2Image), (), load),
    "nii.gz": ("a.nii.gz", gzip.compress(nii(), mtime=0), (), load),
    "npy": ("a.npy", npy(SMALL), ARRAY, load),
    "png": ("a.png", picture("PNG"), (), load),
    "jpg": ("a.jpg", picture("JPEG"), (), load),
    "tif": ("a.tif", picture("TIFF"), (), load),
    "bmp": ("a.bmp", picture("BMP"), (), load),
    "npz": ("a.npz", zipped({"a.npy": npy(SMALL), "b.npy": npy(SMALL[0])}), ARRAY, load_members),
    "stored npz": ("a.npz", zipped({"a.npy": npy(SMALL[0])}, zipfile.ZIP_STORED), ARRAY, load_matrix),
    "matrix": ("a.npy", npy(SMALL[0]), ARRAY, load_matrix),
    "wide table": ("a.csv", table(","), TEXT, load_matrix),
    "medmnist": ("a.npz", medmnist(), ARRAY, load_medmnist),
    "zip": ("7_3T.zip", zipped({T1W: gzip.compress(nii(), mtime=0)}), (), load_zipped),
    "series": ("a.txt", b"1 2 3\n4 5 6\n7 8 9\n", TEXT, load_series),
    "series array": ("a.npy", npy(SMALL[0]), ARRAY, load_series),
    "table": ("a.tsv", table("\t"), TEXT, load_table),
    "yaml": (
        "a.yaml",
        b"outdir: results\nstages: [{name: finetune, dataset: a}]\n"
        b"datasets:\n  a: {reader: bids, path: data}\nlr: 1e-3\n",
        YAML,
        read_params,
    ),
}


def read(path: Path, use: Callable[[Path], object], aside: Path) -> str:
    """What is wrong with a file; nothing where it is read."""
    try:
        with bounded(aside):
            use(path)
    except (ImageError, InputError) as error:
        return str(error) or "nothing"
    except (ForbiddenError, MemoryError) as error:
        pytest.fail(f"{type(error).__name__}: {error}")
    return ""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_any_file_is_read_or_refused(kind: str, tmp_path: Path) -> None:
    name, whole, pieces, use = KINDS[kind]
    path, aside = tmp_path / "data" / name, tmp_path / "aside"
    path.parent.mkdir()
    aside.mkdir()
    path.write_bytes(whole)
    assert read(path, use, aside) == "", "whole, it is read"
    end, told = time.monotonic() + SECONDS, {True: 0, False: 0}

    @settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(damaged(whole, pieces))
    def any_file(data: bytes) -> None:
        # A few on the busiest machine.
        if time.monotonic() > end and told[True]:
            return
        path.write_bytes(data)
        found = read(path, use, aside)
        assert found != "nothing"
        told[bool(found)] += 1

    # In turns, so that it ends in time. The same ones each time, where no longer search is asked for.
    turn = first = int(time.time()) if ASKED else 0
    while turn == first or time.monotonic() < end:
        seed(turn)(any_file)()
        turn += 1
    assert told[True], told
    assert [file.name for file in path.parent.iterdir()] == [name]
