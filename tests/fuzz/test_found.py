"""Files that did harm, or would: found by `test_hostile_files.py` or made by hand. Each is refused."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
from damaged import MEGABYTE, bounded, zipped
from PIL import Image
from test_hostile_files import (
    SMALL,
    T1W,
    load,
    load_matrix,
    load_members,
    load_series,
    load_table,
    load_zipped,
    nii,
    npy,
)

from tlpy.data.image_records import ImageError
from tlpy.errors import InputError
from tlpy.params.file import read_params
from tlpy.weights.read import read_weights

ZEROS = bytes(MEGABYTE)
Use = Callable[[Path], object]


def bomb(start: bytes, megabytes: int) -> bytes:
    """A gzip file of `start` and very many zeros."""
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=1, mtime=0) as packed:
        packed.write(start)
        for _ in range(megabytes):
            packed.write(ZEROS)
    return stream.getvalue()


def zip_bomb(name: str, start: bytes, megabytes: int) -> bytes:
    stream = io.BytesIO()
    archive = zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with archive, archive.open(name, "w") as member:
        member.write(start)
        for _ in range(megabytes):
            member.write(ZEROS)
    return stream.getvalue()


def encrypted(data: bytes) -> bytes:
    """A zip that says of each member that it needs a password."""
    made = bytearray(data)
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = made.find(mark)
        while at >= 0:
            made[at + place] |= 1
            at = made.find(mark, at + 4)
    return bytes(made)


def png(width: int, height: int) -> bytes:
    """A picture of a hundred bytes that claims to be large."""
    stream = io.BytesIO()
    Image.new("L", (1, 1)).save(stream, "PNG")
    data = bytearray(stream.getvalue())
    data[16:24] = struct.pack(">2I", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    return bytes(data)


def header(text: str) -> bytes:
    """A `.npy` with this header and no numbers."""
    body = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(body)) + body


class Harm:
    """What a pickle would run."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("open('harm', 'w')",)


OBJECTS = io.BytesIO()
np.save(OBJECTS, np.array([Harm()], dtype=object), allow_pickle=True)
LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)
CLAIMS = "{'descr': '<f4', 'fortran_order': False, 'shape': (%s,), }"
LIES = struct.pack("<Q", 60) + b'{"a":{"dtype":"F32","shape":[9,9],"data_offsets":[0,99999]}}'.ljust(60)
FOUND: dict[str, tuple[str, bytes, Use, str]] = {
    "gzip bomb": ("a.nii.gz", bomb(nii(), 1024), load, "unpacks to more than"),
    "gzip bomb in a zip": ("7.zip", zipped({T1W: bomb(nii(), 1024)}), load_zipped, "unpacks to more than"),
    "zip bomb of an image": ("7.zip", zip_bomb(T1W, nii(), 1024), load_zipped, "unpacks to more than"),
    "zip bomb of an array": ("a.npz", zip_bomb("a.npy", npy(SMALL), 1024), load_members, "header tells of"),
    "zip bomb of a header": (
        "a.npz",
        zip_bomb("a.npy", b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31), 1024),
        load_members,
        "is no array",
    ),
    "array that claims more": ("a.npy", header(CLAIMS % "900000000"), load, "truncated"),
    "array that claims too much": ("a.npy", header(CLAIMS % 10**18), load, "claims"),
    "array of a negative length": ("a.npy", header(CLAIMS % "-1"), load_matrix, "its shape is"),
    "array of no Python": ("a.npy", header("{'descr': '<f4', (((("), load_series, "no NumPy array"),
    "series that claims more": ("a.npy", header(CLAIMS % "900000000, 2"), load_series, "truncated"),
    "array of objects": ("a.npy", OBJECTS.getvalue(), load, "expected plain numbers"),
    "member of objects": ("a.npz", zipped({"a.npy": OBJECTS.getvalue()}), load_members, "Python objects"),
    "member with a password": ("a.npz", encrypted(zipped({"a.npy": npy(SMALL)})), load_members, "damaged"),
    "image with a password": ("7.zip", encrypted(zipped({T1W: nii()})), load_zipped, "password"),
    "zip within a zip": ("7.zip", zipped({T1W: zipped({T1W: nii()})}), load_zipped, "no NIfTI image"),
    "zip without its image": (
        "7.zip",
        zipped({f"../{T1W}": nii(), f"/{T1W}": nii()}),
        load_zipped,
        "holds no",
    ),
    "zip that starts elsewhere": ("a.npz", b"K" + zipped({"a.npy": npy(SMALL)})[1:], load_members, "damaged"),
    "picture that claims more": ("a.png", png(12000, 12000), load, "cannot hold"),
    "picture that claims too much": ("a.png", png(90000, 90000), load, "cannot be read"),
    "table of NULs": ("a.tsv", b"a\tb\n1\t2\n" + b"\0" * 99, load_table, "not a text table"),
    "table of one quote": (
        "a.csv",
        b'subject,a\n"' + b"x" * 200_000,
        load_matrix,
        "cannot be read as a table",
    ),
    "YAML of laughs": ("a.yaml", LAUGHS.encode(), read_params, "more than 100,000 values"),
    "YAML in itself": ("a.yaml", b"a: &a [*a]", read_params, "names what it stands in"),
    "YAML too deep": ("a.yaml", b"a: " + b"[" * 20_000, read_params, "nested too deep"),
    "YAML of digits": ("a.yaml", b"seed: " + b"9" * 5000, read_params, "is not YAML"),
    "YAML of no day": ("a.yaml", b"seed: 2020-13-45", read_params, "is not YAML"),
    "YAML of two keys": ("a.yaml", b"lr: 1\nlr: 2", read_params, "'lr' is said twice"),
    "YAML that runs": ("a.yaml", b"a: !!python/object/apply:os.system [harm]", read_params, "is not YAML"),
    "YAML of other bytes": ("a.yaml", b"title: \xff", read_params, "is not UTF-8"),
    "weights that are a pickle": ("a.pt", pickle.dumps(Harm()), read_weights, "nothing in it was run"),
    "weights of lies": ("a.safetensors", LIES, read_weights, "damaged"),
    "weights that say they are long": ("a.safetensors", b"\xff" * 80, read_weights, "damaged"),
    "weights that are a bomb": ("a.pt", zip_bomb("a/data.pkl", b"", 1024), read_weights, "unpacks to"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, data, use, message = FOUND[name]
    (tmp_path / "data").mkdir()
    (tmp_path / "aside").mkdir()
    path = tmp_path / "data" / file
    path.write_bytes(data)
    monkeypatch.chdir(tmp_path)
    if use is read_weights:
        import torch  # noqa: F401 - its own files are no fault of the weights
    with pytest.raises((ImageError, InputError), match=message), bounded(tmp_path / "aside", seconds=60):
        use(path)
    assert [there.name for there in (tmp_path / "data").iterdir()] == [file]
    assert sorted(there.name for there in tmp_path.iterdir()) == ["aside", "data"]


def test_a_table_of_a_million_columns_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(",".join(f"c{n}" for n in range(10**6)) + "\n" + ",".join("1" * 10**6) + "\n")
    with bounded(tmp_path, seconds=60, room=2048 * MEGABYTE):
        load_table(path)


def test_a_large_image_is_still_read(tmp_path: Path) -> None:
    """The bounds are for what a file claims and does not hold."""
    path = tmp_path / "a.nii.gz"
    image = nibabel.Nifti1Image(np.zeros((200, 200, 100), np.uint8), np.eye(4))
    path.write_bytes(gzip.compress(image.to_bytes()))
    with bounded(tmp_path):
        load(path)
    Image.new("L", (4000, 4000)).save(tmp_path / "a.png")
    with bounded(tmp_path):
        load(tmp_path / "a.png")
